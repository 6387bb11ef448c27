/**
 * Writing a dataset: whole shards, each by one rank, then one index over all of them.
 *
 * Which records stand in which shard is the caller's plan and never depends on the number of ranks;
 * rank r writes the shards r, r + n_ranks, ... Bytes of a shard are a function of its records. The
 * format is in docs/format.md.
 */
#ifndef PR_DATASET_SHARD_WRITER_H
#define PR_DATASET_SHARD_WRITER_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One crop to be written. Words may be "" where unknown, except dataset, label and video. Borrowed. */
typedef struct pr_record {
    const char *dataset, *label, *method, *compression, *split, *video;
    int32_t frame, face;
    const char *bg_video, *bg_id, *face_id, *face_video;
    int width, height;
    const uint8_t *image; /* JPEG or PNG as it came */
    size_t image_bytes;
    const uint8_t *mask; /* PNG, or NULL */
    size_t mask_bytes;
    const double *crop_map; /* [6]: row-major 2x3 from frame to crop pixels, or NULL */
    const float *landmarks; /* [n_landmarks][2] pixels of the crop, or NULL */
    int n_landmarks;
} pr_record;

/**
 * Writes DIR/part-NNNNN.h5 whole: temporary name, fsync, rename. RECIPE is a hash of everything the
 * shard is made from; it is stored, so that a restarted job can tell a finished shard from a stale one.
 *
 * Errors: PR_ERR_INVALID (two records of one key, a bad label), PR_ERR_IO (a full disk leaves no
 * file behind), PR_ERR_NOMEM.
 */
pr_status pr_shard_write(const char *dir, int shard, uint64_t recipe, const pr_record *records,
                         int64_t n_records);

/** Whether DIR has this shard, whole and of this recipe. Not an error if it has not. */
bool pr_shard_is_done(const char *dir, int shard, uint64_t recipe);

/**
 * Writes DIR/dataset.h5, the index of the N_SHARDS shards in key order, once all are there; PROVENANCE
 * is text (command, options, codec versions) that `inspect` prints. Removes shards numbered N_SHARDS
 * and above that an earlier run left. Called by one rank.
 *
 * Errors: PR_ERR_INVALID where two shards hold the same key (both are named), PR_ERR_FORMAT, PR_ERR_IO.
 */
pr_status pr_dataset_finish(const char *dir, int n_shards, const char *provenance);

#endif
