/* Shared by the reader's files only. */
#ifndef PR_MODELS_SAFETENSORS_INTERNAL_H
#define PR_MODELS_SAFETENSORS_INTERNAL_H

#include "models/safetensors.h"

#include <jansson.h>

struct pr_safetensors {
    char *path;                 /* owned */
    int fd;                     /* -1: the bytes are in memory */
    const unsigned char *bytes; /* borrowed, where they are in memory */
    uint64_t n_file_bytes, n_header_bytes;
    json_t *header;         /* owned; names and notes are its strings */
    pr_safetensor *tensors; /* [n] owned, in the order of their bytes */
    int n;
};

/** N_BYTES from OFFSET of the whole file. Errors: PR_ERR_IO. */
pr_status pr__safetensors_read_at(const pr_safetensors *file, uint64_t offset, void *out,
                                  size_t n_bytes);

/** Errors: PR_ERR_FORMAT where FIRST, the file's first bytes, are those of another known format. */
pr_status pr__safetensors_refuse_foreign(const pr_safetensors *file,
                                         const unsigned char first[static 8]);

#endif
