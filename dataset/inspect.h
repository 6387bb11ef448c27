/**
 * `pristine inspect`: what a dataset holds, in numbers, and whether all of it can be read.
 */
#ifndef PR_DATASET_INSPECT_H
#define PR_DATASET_INSPECT_H

#include "engine/base/status.h"
#include "engine/base/text.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * Adds to TEXT, from the index of DIR: crops and videos by split, label, method and compression;
 * identities; codecs and sizes; what has masks, landmarks and crop maps; aligned pairs; shards; the
 * provenance. Not collective.
 *
 * Errors: those of opening an index; PR_ERR_NOMEM.
 */
pr_status pr_inspect(const char *dir, pr_text *text);

/**
 * A fake and a real of one dataset, compression, background video and frame are aligned if their
 * maps from frame to crop agree within 0.5 px on the corners of a crop of WIDTH x HEIGHT pixels.
 */
bool pr_crop_maps_agree(const double a[6], const double b[6], int width, int height);

/** What was found bad; the first LIMIT messages, a line each. */
typedef struct pr_verify_result {
    int64_t n_crops, n_bad; /* crops looked at; messages, which may concern a whole shard */
    pr_text messages;       /* to pr_text_free */
} pr_verify_result;

/**
 * Reads every byte of the shards rank, rank + n_ranks, ... of DIR: tables, CRC and decoding of each
 * image and mask, agreement with the index. What is bad is counted and does not end the work. Not
 * collective.
 *
 * Errors: those of opening the index; PR_ERR_NOMEM.
 */
pr_status pr_verify(const char *dir, int rank, int n_ranks, int64_t limit,
                    pr_verify_result *result);

#endif
