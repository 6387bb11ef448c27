/**
 * Files: read whole, written whole or not at all. A file appears under its name only when all its
 * bytes are on the disk (temporary name in the same folder, fsync, rename, fsync of the folder).
 */
#ifndef PR_ENGINE_BASE_FS_H
#define PR_ENGINE_BASE_FS_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PR_PATH_BYTES = 4096 };

/**
 * The whole file, with a NUL behind its last byte that N_BYTES does not count; *BYTES goes to
 * pr_free. N_BYTES may be NULL.
 *
 * Errors: PR_ERR_IO with the path and the system's reason; PR_ERR_NOMEM.
 */
pr_status pr_fs_read(const char *path, char **bytes, size_t *n_bytes);

/** Writes PATH whole, replacing what was there. Errors: PR_ERR_IO; then PATH is as it was. */
pr_status pr_fs_write(const char *path, const void *bytes, size_t n_bytes);

/** A file that is written in parts and appears by commit. */
typedef struct pr_fs_writer pr_fs_writer;

/**
 * Begins PATH. RESERVE_BYTES are taken from the disk at once (0: none), so that a full disk is met
 * here and not halfway; commit cuts the file after the last byte written.
 */
pr_status pr_fs_writer_create(const char *path, uint64_t reserve_bytes, pr_fs_writer **out);
/** Writes at OFFSET. Threads may write at once where their ranges are disjoint. */
pr_status pr_fs_writer_put(pr_fs_writer *writer, const void *bytes, size_t n_bytes,
                           uint64_t offset);
/** Makes the file appear; destroys WRITER in any case (on an error nothing is left behind). */
pr_status pr_fs_writer_commit(pr_fs_writer **writer);
/** Gives the file up and removes what was written. Accepts NULL. */
void pr_fs_writer_destroy(pr_fs_writer **writer);

/** Makes the folder and those above it; one that is there is fine. */
pr_status pr_fs_mkdirs(const char *path);

/** "FOLDER/NAME" in OUT; NAME alone where it begins with '/' or FOLDER is "". PR_ERR_INVALID if too
 * long. */
pr_status pr_fs_join(char out[static PR_PATH_BYTES], const char *folder, const char *name);

/** The folder part of PATH in OUT: "." for a bare name, "/" for a name below the root. */
void pr_fs_folder_of(char out[static PR_PATH_BYTES], const char *path);

bool pr_fs_exists(const char *path);
bool pr_fs_is_folder(const char *path);

/** Removes the file; one that is not there is fine. */
pr_status pr_fs_remove(const char *path);

/** The names in a folder in bytewise order, without "." and "..": one block, to pr_free. */
pr_status pr_fs_list(const char *folder, char ***names, int64_t *n_names);

/** fsync of a folder, after names in it changed. */
pr_status pr_fs_sync_folder(const char *folder);

/**
 * The exclusive hold on a run directory: the file FOLDER/lock names host and process of its holder.
 * The system lets go of it when the process ends, however it ends.
 */
typedef struct pr_fs_lock pr_fs_lock;

/**
 * Errors: PR_ERR_INVALID "… is in use by HOST, process PID"; PR_ERR_IO where FOLDER cannot be
 * written, or its file system has no locks.
 */
pr_status pr_fs_lock_take(const char *folder, pr_fs_lock **out);
void pr_fs_lock_destroy(pr_fs_lock **lock);

/**
 * Whether another process holds FOLDER/lock, and its words on who it is ("" where it is not held).
 * Not for the holder itself.
 *
 * Errors: PR_ERR_IO where the file is there and cannot be read, or its file system has no locks.
 */
pr_status pr_fs_lock_holder(const char *folder, bool *is_held, char *words, size_t n_words);

#endif
