#include "trainer/feed.h"

#include "engine/base/alloc.h"

#include <string.h>

enum { N_SAMPLERS = 2 }; /* one of them plans the next epoch while this one is shown */

typedef struct slot {
    pr_view *views; /* [n_views] owned */
    float *image;   /* [n_rows, px, px, 3] owned */
    uint32_t epoch;
    int64_t epoch_step;
} slot;

struct pr_feed {
    pr_feed_options options;
    pr_sampler *samplers[N_SAMPLERS]; /* epoch e is planned by number e % N_SAMPLERS */
    pr_loader *loader;
    int64_t n_steps, n_views;
    int n_slots;
    slot *slots; /* [n_slots], used in turn */
    int64_t n_submitted, n_taken;
    int64_t next_epoch, next_step; /* to be submitted */
};

static pr_status allocate_slots(pr_feed *feed)
{
    const int64_t n_rows = feed->options.last_row - feed->options.first_row;
    const int64_t n_pixels = (int64_t)feed->options.loader.out_px * feed->options.loader.out_px * 3;
    feed->n_slots = feed->options.loader.n_batches_ahead + 1;
    feed->slots = pr_calloc(feed->n_slots, sizeof(*feed->slots));
    PR_REQUIRE(feed->slots != NULL, PR_ERR_NOMEM, "no memory for %d batches", feed->n_slots);
    for (int i = 0; i < feed->n_slots; i++) {
        feed->slots[i].views = pr_calloc(feed->n_views, sizeof(pr_view));
        feed->slots[i].image = pr_calloc(n_rows * n_pixels, sizeof(float));
        PR_REQUIRE(feed->slots[i].views != NULL && feed->slots[i].image != NULL, PR_ERR_NOMEM,
                   "no memory for a batch of %lld images of %d pixels", (long long)n_rows,
                   feed->options.loader.out_px);
    }
    return PR_OK;
}

static pr_status open_parts(pr_feed *feed)
{
    for (int i = 0; i < N_SAMPLERS; i++) {
        PR_TRY(
            pr_sampler_create(feed->options.samples, &feed->options.sampler, &feed->samplers[i]));
    }
    feed->n_steps = pr_sampler_n_steps(feed->samplers[0]);
    feed->n_views = pr_sampler_n_views(feed->samplers[0]);
    PR_TRY(allocate_slots(feed));
    feed->options.loader.samples = feed->options.samples;
    return pr_loader_create(&feed->options.loader, &feed->loader);
}

pr_status pr_feed_create(const pr_feed_options *options, pr_feed **out)
{
    pr_feed *feed = pr_calloc(1, sizeof(*feed));
    PR_REQUIRE(feed != NULL, PR_ERR_NOMEM, "no memory for a feed");
    feed->options = *options;
    feed->next_epoch = options->epoch;
    feed->next_step = options->epoch_step;
    const pr_status status = open_parts(feed);
    if (status != PR_OK) {
        pr_feed_destroy(&feed);
        return status;
    }
    if (feed->next_step >= feed->n_steps) { /* a run that stopped at an epoch's last step */
        feed->next_step = 0;
        feed->next_epoch++;
    }
    *out = feed;
    return PR_OK;
}

void pr_feed_destroy(pr_feed **feed)
{
    if (*feed == NULL) {
        return;
    }
    pr_loader_destroy(&(*feed)->loader); /* first: its threads write into the slots */
    for (int i = 0; (*feed)->slots != NULL && i < (*feed)->n_slots; i++) {
        pr_free((*feed)->slots[i].views);
        pr_free((*feed)->slots[i].image);
    }
    pr_free((*feed)->slots);
    for (int i = 0; i < N_SAMPLERS; i++) {
        pr_sampler_destroy(&(*feed)->samplers[i]);
    }
    pr_free(*feed);
    *feed = NULL;
}

int64_t pr_feed_n_steps(const pr_feed *feed)
{
    return feed->n_steps;
}

int64_t pr_feed_n_views(const pr_feed *feed)
{
    return feed->n_views;
}

static pr_status submit_next(pr_feed *feed)
{
    slot *const s = &feed->slots[feed->n_submitted % feed->n_slots];
    pr_sampler *const sampler = feed->samplers[feed->next_epoch % N_SAMPLERS];
    PR_TRY(pr_sampler_begin_epoch(sampler, (uint32_t)feed->next_epoch));
    PR_TRY(pr_sampler_step(sampler, feed->next_step, s->views));
    s->epoch = (uint32_t)feed->next_epoch;
    s->epoch_step = feed->next_step;

    const pr_batch batch = {.views = s->views + feed->options.first_row,
                            .n_views = feed->options.last_row - feed->options.first_row,
                            .epoch = s->epoch,
                            .image = s->image};
    PR_TRY(pr_loader_submit(feed->loader, &batch));
    feed->n_submitted++;
    feed->next_step++;
    if (feed->next_step >= feed->n_steps) {
        feed->next_step = 0;
        feed->next_epoch++;
    }
    return PR_OK;
}

pr_status pr_feed_next(pr_feed *feed, pr_feed_batch *out)
{
    /* One slot is the caller's: as many batches are under way as there are others. */
    while (feed->next_epoch < feed->options.last_epoch &&
           feed->n_submitted - feed->n_taken < feed->n_slots - 1) {
        PR_TRY(submit_next(feed));
    }
    PR_REQUIRE(feed->n_submitted > feed->n_taken, PR_ERR_INVALID,
               "no batch is left: the stage ends with epoch %lld",
               (long long)feed->options.last_epoch);
    double wait_s = 0.0;
    PR_TRY(pr_loader_wait(feed->loader, &wait_s));
    const slot *const s = &feed->slots[feed->n_taken % feed->n_slots];
    feed->n_taken++;
    *out = (pr_feed_batch){s->epoch, s->epoch_step, s->views, s->image, wait_s};
    return PR_OK;
}

pr_status pr_feed_stats(pr_feed *feed, uint32_t epoch, pr_sampler_stats *out)
{
    pr_sampler *const sampler = feed->samplers[epoch % N_SAMPLERS];
    PR_TRY(pr_sampler_begin_epoch(sampler, epoch));
    return pr_sampler_stats_get(sampler, out);
}

void pr_feed_bad_counts(const pr_feed *feed, pr_bad_counts *out)
{
    pr_loader_bad_counts(feed->loader, out);
}
