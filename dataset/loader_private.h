/** What one thread of the loader does with one view. Inside the module only. */
#ifndef PR_DATASET_LOADER_PRIVATE_H
#define PR_DATASET_LOADER_PRIVATE_H

#include "dataset/generate_private.h"
#include "dataset/loader.h"
#include "dataset/render.h"

/** What all threads share and none changes. */
typedef struct pr__loader_plan {
    pr_loader_options options;
    int64_t *of_class[2]; /* sample numbers by the samples' own label, for replacements */
    int64_t n_of_class[2];
    int max_width, max_height; /* of all crops */
    size_t max_image_bytes, max_mask_bytes;
} pr__loader_plan;

pr_status pr__loader_plan_make(const pr_loader_options *options, pr__loader_plan *plan);
void pr__loader_plan_free(pr__loader_plan *plan);

/** Scratch of one thread. */
typedef struct pr__loader_worker {
    pr_renderer *renderer;
    pr__generators *generators;
    uint8_t *image_bytes, *mask_bytes;
} pr__loader_worker;

pr_status pr__loader_worker_make(const pr__loader_plan *plan, pr__loader_worker *worker);
void pr__loader_worker_free(pr__loader_worker *worker);

/** What became of one view. */
typedef struct pr__loader_outcome {
    int n_bad; /* crops that were bad: its own, and replacements that were bad too */
    bool replaced, left_out;
    char first[1024]; /* the first of the bad crops and why */
} pr__loader_outcome;

/**
 * Renders view I of BATCH into its place of the batch's arrays. Bad content meets the policy of
 * the options; the outcome is written whatever the status.
 *
 * Errors: PR_ERR_FORMAT under PR_BAD_STOP, or where PR__REPLACE_ATTEMPTS replacements were bad too;
 * PR_ERR_IO always; PR_ERR_INVALID for a view that cannot be made.
 */
pr_status pr__loader_show(const pr__loader_plan *plan, pr__loader_worker *worker,
                          const pr_batch *batch, int64_t i, pr__loader_outcome *outcome);

/** A replacement is draw a (0 .. 7) of the view's key under PR_FOR_REPLACE. */
enum { PR__REPLACE_ATTEMPTS = 8 };

#endif
