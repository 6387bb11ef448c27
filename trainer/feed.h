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

/**
 * Without keys a row of the global batch is a view. With them it is an item: the query of row r is its
 * first view, and *key slot* s, which belongs to the same micro-batch as row s, holds the second view
 * of one item, its own or, shuffled, any of the same label.
 */
typedef enum pr_feed_keys { PR_KEYS_NONE, PR_KEYS_IN_PLACE, PR_KEYS_SHUFFLED } pr_feed_keys;

typedef struct pr_feed_options {
    const pr_samples *samples; /* borrowed */
    pr_sampler_options sampler;
    pr_loader_options loader;    /* its samples are set by the feed */
    int64_t first_row, last_row; /* of the global batch: this rank's */
    int64_t epoch, epoch_step;   /* where the run stands; epochs over all stages */
    int64_t last_epoch;          /* the stage's end: nothing is planned from it on */
    pr_feed_keys keys;           /* other than none: the sampler has two views an item */
    bool wants_mask;             /* of queries */
} pr_feed_options;

/** One step's batch. Borrowed until the next pr_feed_next. */
typedef struct pr_feed_batch {
    uint32_t epoch;
    int64_t epoch_step;
    const pr_view *views;  /* [n_views of the global batch] as the sampler lays them out */
    const float *image;    /* [last_row - first_row, px, px, 3] */
    const float *mask;     /* [last_row - first_row, px, px], or NULL */
    const float *key;      /* [last_row - first_row, px, px, 3] of this rank's key slots, or NULL */
    const int64_t *key_of; /* [n_rows] the row whose key each slot holds, or NULL */
    double wait_s;         /* how long the step waited for it */
} pr_feed_batch;

/** The view that is shown in ROW, of micro-batches of N_ROWS_MICRO rows, with or without keys. */
int64_t pr_feed_view_of(int64_t row, int64_t n_rows_micro, bool has_keys);

pr_status pr_feed_create(const pr_feed_options *options, pr_feed **out);
void pr_feed_destroy(pr_feed **feed);

int64_t pr_feed_n_steps(const pr_feed *feed); /* in an epoch */
int64_t pr_feed_n_views(const pr_feed *feed); /* in a global batch */

/** Before the first batch: an epoch has N_STEPS, at most what the sampler has. */
void pr_feed_limit(pr_feed *feed, int64_t n_steps);

/** The next step's batch in the order of epochs and steps. Errors: PR_ERR_INVALID past the end. */
pr_status pr_feed_next(pr_feed *feed, pr_feed_batch *out);

/** What EPOCH, the current one, draws. */
pr_status pr_feed_stats(pr_feed *feed, uint32_t epoch, pr_sampler_stats *out);

void pr_feed_bad_counts(const pr_feed *feed, pr_bad_counts *out);

#endif
