/**
 * Which image files `predict` was given, and their features as a NumPy file. Module-internal.
 */
#ifndef PR_TRAINER_PREDICT_FILES_H
#define PR_TRAINER_PREDICT_FILES_H

#include "engine/base/status.h"

#include <stdbool.h>

#include <stdint.h>

/** Paths in one block, each with its NUL. Starts as {0}. */
typedef struct pr__paths {
    char *chars; /* pr_free; so below */
    int64_t n_bytes;
    int64_t *at; /* [n] where each begins */
    int64_t n;
} pr__paths;

void pr__paths_free(pr__paths *paths);

/**
 * Adds PATH itself, or where it is a folder the images below it, in bytewise order.
 *
 * Errors: PR_ERR_INVALID for a path that is not there, a folder without an image, or one deeper than
 * 64 folders; PR_ERR_IO.
 */
pr_status pr__paths_add(pr__paths *paths, const char *path);

/** Finds the N paths again in CHARS, of N_BYTES, which came from another rank. */
pr_status pr__paths_index(pr__paths *paths, int64_t n);

/** ROWS [n_rows, n_cols] as FILE in NumPy's format, version 1.0. */
pr_status pr__npy_write(const char *file, const float *rows, int64_t n_rows, int64_t n_cols);

#endif
