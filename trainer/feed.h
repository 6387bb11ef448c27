/**
 * The feed: plans steps and has their images ready. It owns the sampler and the loader, submits
 * batches ahead of the step that needs them, across the ends of epochs too, and hands each rank the
 * images of its own micro-batches.
 */
#ifndef PR_TRAINER_FEED_H
#define PR_TRAINER_FEED_H

#include "dataset/loader.h"
#include "sampler/sampler.h"

typedef struct pr_feed pr_feed;

typedef struct pr_feed_options {
    const pr_samples *samples; /* borrowed */
    pr_sampler_options sampler;
    pr_loader_options loader;    /* its samples are set by the feed */
    int64_t first_row, last_row; /* of the global batch: this rank's */
    int64_t epoch, epoch_step;   /* where the run stands; epochs over all stages */
    int64_t last_epoch;          /* the stage's end: nothing is planned from it on */
} pr_feed_options;

/** One step's batch. Borrowed until the next pr_feed_next. */
typedef struct pr_feed_batch {
    uint32_t epoch;
    int64_t epoch_step;
    const pr_view *views; /* [n_views of the global batch] */
    const float *image;   /* [last_row - first_row, px, px, 3] */
    double wait_s;        /* how long the step waited for it */
} pr_feed_batch;

pr_status pr_feed_create(const pr_feed_options *options, pr_feed **out);
void pr_feed_destroy(pr_feed **feed);

int64_t pr_feed_n_steps(const pr_feed *feed); /* in an epoch */
int64_t pr_feed_n_views(const pr_feed *feed); /* in a global batch */

/** The next step's batch in the order of epochs and steps. Errors: PR_ERR_INVALID past the end. */
pr_status pr_feed_next(pr_feed *feed, pr_feed_batch *out);

/** What EPOCH, the current one, draws. */
pr_status pr_feed_stats(pr_feed *feed, uint32_t epoch, pr_sampler_stats *out);

void pr_feed_bad_counts(const pr_feed *feed, pr_bad_counts *out);

#endif
