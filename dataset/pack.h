/**
 * `pristine pack`: a tree of crops and its manifest become a dataset. Bytes of images and masks stay
 * as they came.
 *
 * Crops are put in key order, then cut into shards by a rule that does not know ranks; a shard's
 * bytes are a function of its crops. Every rank reads the manifest; each measures a part of the
 * files, and the caller exchanges the sizes; then each writes shards of its own:
 *
 *     pr_pack_open, pr_pack_measure, (allgather of pr_pack_sizes), pr_pack_plan,
 *     pr_pack_write for shard = rank, rank + n_ranks, ..., (barrier), pr_pack_finish on one rank.
 *
 * Nothing here is collective. A job that was killed goes on: a shard is left alone if it is whole,
 * of the same recipe (everything of its crops but the content of their files) and not older than
 * those files.
 */
#ifndef PR_DATASET_PACK_H
#define PR_DATASET_PACK_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct pr_pack pr_pack;

typedef struct pr_pack_options {
    const char *source;  /* manifest, or folder that has manifest.tsv; borrowed, and so below */
    const char *out;     /* folder of the dataset; made where it is not there */
    const char *dataset; /* word of every crop, or NULL: the manifest has a column */
    int64_t shard_mb; /* a shard is closed before it exceeds so many MiB; used if n_shards is 0 */
    int64_t n_shards; /* this many shards of equally many crops, or 0 */
} pr_pack_options;

/** What a crop's files are on the disk. */
typedef struct pr_pack_size {
    int64_t image_bytes, mask_bytes; /* 0: no mask */
    int64_t modified_ns;             /* the latest of them all */
} pr_pack_size;

/** Errors: those of pr_manifest_read; PR_ERR_INVALID for the options. */
pr_status pr_pack_open(const pr_pack_options *options, pr_pack **out);
void pr_pack_destroy(pr_pack **pack);

int64_t pr_pack_n(const pr_pack *pack);
/** [pr_pack_n] to be filled by measuring, here or elsewhere. */
pr_pack_size *pr_pack_sizes(pr_pack *pack);

/** Finds the sizes of crops [first, last). Errors: PR_ERR_IO, PR_ERR_FORMAT with the manifest's line. */
pr_status pr_pack_measure(pr_pack *pack, int64_t first, int64_t last);

/** Cuts the crops into shards, once all sizes are there. Errors: PR_ERR_INVALID. */
pr_status pr_pack_plan(pr_pack *pack);
int pr_pack_n_shards(const pr_pack *pack);

/**
 * Writes shard SHARD, or leaves it alone (*KEPT).
 *
 * Errors: PR_ERR_FORMAT with the manifest's line where a file is neither JPEG nor PNG, has a header
 * that cannot be read or changed since it was measured; PR_ERR_IO; PR_ERR_NOMEM.
 */
pr_status pr_pack_write(const pr_pack *pack, int shard, bool *kept);

/** Writes the index once all shards are there. Called by one rank. */
pr_status pr_pack_finish(const pr_pack *pack);

#endif
