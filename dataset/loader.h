/**
 * The loader: turns rows of the plan into a batch of normalised NHWC floats, on a pool of threads,
 * ahead of the step that needs them.
 *
 * What a view becomes depends on (seed, epoch, place, view) and its crops alone: not on threads,
 * ranks, or what else is in the batch. A view that several crops make (a mix-up, a mask by
 * difference) is bad where any of them is.
 */
#ifndef PR_DATASET_LOADER_H
#define PR_DATASET_LOADER_H

#include "dataset/augment.h"
#include "dataset/generate.h"
#include "dataset/samples.h"

typedef struct pr_loader pr_loader;

typedef enum pr_bad_sample { PR_BAD_STOP, PR_BAD_REPLACE, PR_BAD_LEAVE_OUT } pr_bad_sample;

typedef struct pr_loader_options {
    const pr_samples *samples; /* borrowed */
    pr_augment_options augment;
    pr_generate_options generate;
    int out_px; /* images are out_px x out_px x 3 */
    uint64_t seed;
    int n_threads;       /* 0: decode in pr_loader_wait, on the calling thread */
    int n_batches_ahead; /* how many submitted batches may wait; >= 1 */
    pr_bad_sample on_bad_sample;
} pr_loader_options;

/** One batch as submitted; arrays are borrowed until its wait has returned. */
typedef struct pr_batch {
    const pr_view *views; /* [n_views] */
    int64_t n_views;
    uint32_t epoch;
    float *image;  /* [n_views, out_px, out_px, 3], normalised RGB, overwritten */
    float *mask;   /* [n_views, out_px, out_px] in [0, 1] for views that want one, or NULL */
    bool *present; /* [n_views]: false where a bad crop was left out (its image is zero) */
} pr_batch;

/** Bad content met so far on this rank. */
typedef struct pr_bad_counts {
    int64_t n_bad, n_replaced, n_left_out;
    char first[256]; /* the first bad crop and why, or "" */
} pr_bad_counts;

pr_status pr_loader_create(const pr_loader_options *options, pr_loader **out);
void pr_loader_destroy(pr_loader **loader);

/** Hands a batch over to the pool; batches come out in the order in which they went in. */
pr_status pr_loader_submit(pr_loader *loader, const pr_batch *batch);

/**
 * Waits for the oldest batch. *WAIT_S, if not NULL, receives the seconds spent waiting.
 *
 * Errors: PR_ERR_FORMAT naming the crop under PR_BAD_STOP; PR_ERR_IO always.
 */
pr_status pr_loader_wait(pr_loader *loader, double *wait_s);

void pr_loader_bad_counts(const pr_loader *loader, pr_bad_counts *out);

#endif
