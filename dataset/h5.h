/**
 * The little of HDF5 that datasets need: files of contiguous tables, laid out by HDF5 and filled
 * and read with pwrite and pread.
 *
 * HDF5 1.10.8 crashes at exit where a file's own metadata did not fit on the disk. So a file is laid
 * out first, its whole size is reserved, HDF5 is closed, and only then do bytes go in. Object times
 * are off, so that equal content gives equal bytes. Not for two threads at once.
 */
#ifndef PR_DATASET_H5_H
#define PR_DATASET_H5_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum pr_h5_kind {
    PR_H5_U8,
    PR_H5_I32,
    PR_H5_U32,
    PR_H5_I64,
    PR_H5_U64,
    PR_H5_F32,
    PR_H5_F64,
    PR_H5_TEXT, /* UTF-8 of a fixed width, padded with NUL */
} pr_h5_kind;

/** One member of a compound row; n > 1 makes it an array. */
typedef struct pr_h5_field {
    const char *name;
    size_t offset;
    pr_h5_kind kind;
    int n;
} pr_h5_field;

/** One dataset of a file: rows of a compound (n_fields > 0), or of n_cols scalars (0: no axis). */
typedef struct pr_h5_table {
    const char *name;
    const pr_h5_field *fields;
    size_t item_bytes; /* of one element; PR_H5_TEXT: the width, found when read */
    pr_h5_kind kind;
    int n_fields;
    int64_t n_rows;   /* found when read */
    const void *data; /* written by pr_h5_fill where not NULL */
    uint64_t at;      /* found: where the bytes begin in the file; 0 where there are none */
    int n_cols;
} pr_h5_table;

/** An unsigned 64-bit number on the root group. */
typedef struct pr_h5_attr {
    const char *name;
    uint64_t value;
    uint64_t wanted; /* when read: refused unless VALUE is this; 0 takes any */
} pr_h5_attr;

/**
 * Before any other use of HDF5 in a process: no handler at exit (see above), no error stacks on
 * stderr. Any number of times.
 */
void pr_h5_begin(void);

size_t pr_h5_table_bytes(const pr_h5_table *table);

/**
 * Creates PATH with the tables (their `at` is found) and attributes, and reserves its whole size.
 * *FD is open for writing and the caller's to close.
 *
 * Errors: PR_ERR_IO (nothing stays behind).
 */
pr_status pr_h5_lay_out(const char *path, pr_h5_table *tables, int n_tables,
                        const pr_h5_attr *attrs, int n_attrs, int *fd);

/** Writes the data of the tables that have any. */
pr_status pr_h5_fill(int fd, const char *path, const pr_h5_table *tables, int n_tables);

/** Writes all N_BYTES at AT; reads them. PATH is for messages. Errors: PR_ERR_IO; a short file is one. */
pr_status pr_h5_pwrite(int fd, const char *path, const void *bytes, size_t n_bytes, uint64_t at);
pr_status pr_h5_pread(int fd, const char *path, void *bytes, size_t n_bytes, uint64_t at);

/** fsync and close of FD (set to -1), rename of TMP to PATH, fsync of the folder DIR. */
pr_status pr_h5_commit(int *fd, const char *tmp, const char *dir, const char *path);

/**
 * Opens PATH for reading, without file locks, and finds tables and attributes in it. A table whose
 * `optional` twin in OPTIONAL is true may be absent: its n_rows is -1 then. OPTIONAL may be NULL.
 * *N_BYTES is the size of the file; *FD is open for reading and the caller's to close.
 *
 * Errors: PR_ERR_IO (cannot be opened), PR_ERR_FORMAT naming file and table.
 */
pr_status pr_h5_find(const char *path, pr_h5_table *tables, const bool *optional, int n_tables,
                     pr_h5_attr *attrs, int n_attrs, int *fd, uint64_t *n_bytes);

#endif
