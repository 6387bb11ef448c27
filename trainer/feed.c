#include "trainer/feed.h"

#include "engine/base/alloc.h"
#include "engine/base/draw.h"

#include <string.h>

enum { N_SAMPLERS = 2 }; /* one of them plans the next epoch while this one is shown */

typedef struct slot {
    pr_view *views;  /* [n_views] owned, as what follows */
    pr_view *local;  /* [n_local] this rank's, queries before keys; NULL where there are no keys */
    int64_t *key_of; /* [n_rows], or NULL */
    float *image;    /* [n_local, px, px, 3] */
    float *mask;     /* [n_local, px, px], or NULL */
    uint32_t epoch;
    int64_t epoch_step;
} slot;

struct pr_feed {
    pr_feed_options options;
    pr_sampler *samplers[N_SAMPLERS]; /* epoch e is planned by number e % N_SAMPLERS */
    pr_loader *loader;
    int64_t n_steps, n_views;
    int64_t n_rows;   /* of the global batch: views, or items where there are keys */
    int64_t n_local;  /* images of a batch on this rank */
    int64_t *scratch; /* [2, n_rows] while keys are dealt; or NULL */
    int n_slots;
    slot *slots; /* [n_slots], used in turn */
    int64_t n_submitted, n_taken;
    int64_t next_epoch, next_step; /* to be submitted */
};

int64_t pr_feed_view_of(int64_t row, int64_t n_rows_micro, bool has_keys)
{
    return has_keys ? row / n_rows_micro * 2 * n_rows_micro + row % n_rows_micro : row;
}

static bool has_keys(const pr_feed *feed)
{
    return feed->options.keys != PR_KEYS_NONE;
}

static pr_status allocate_slot(const pr_feed *feed, slot *s)
{
    const int64_t n_pixels = (int64_t)feed->options.loader.out_px * feed->options.loader.out_px;
    s->views = pr_calloc(feed->n_views, sizeof(*s->views));
    s->local = has_keys(feed) ? pr_calloc(feed->n_local, sizeof(*s->local)) : NULL;
    s->key_of = has_keys(feed) ? pr_calloc(feed->n_rows, sizeof(*s->key_of)) : NULL;
    s->image = pr_calloc(feed->n_local * n_pixels * 3, sizeof(*s->image));
    s->mask =
        feed->options.wants_mask ? pr_calloc(feed->n_local * n_pixels, sizeof(*s->mask)) : NULL;
    PR_REQUIRE(s->views != NULL && s->image != NULL &&
                   (!has_keys(feed) || (s->local != NULL && s->key_of != NULL)) &&
                   (!feed->options.wants_mask || s->mask != NULL),
               PR_ERR_NOMEM, "no memory for a batch of %lld images of %d pixels",
               (long long)feed->n_local, feed->options.loader.out_px);
    return PR_OK;
}

static pr_status allocate_slots(pr_feed *feed)
{
    const int64_t n_mine = feed->options.last_row - feed->options.first_row;
    feed->n_rows = has_keys(feed) ? feed->n_views / 2 : feed->n_views;
    feed->n_local = has_keys(feed) ? 2 * n_mine : n_mine;
    feed->n_slots = feed->options.loader.n_batches_ahead + 1;
    feed->slots = pr_calloc(feed->n_slots, sizeof(*feed->slots));
    feed->scratch = pr_calloc(2 * feed->n_rows, sizeof(*feed->scratch));
    PR_REQUIRE(feed->slots != NULL && feed->scratch != NULL, PR_ERR_NOMEM,
               "no memory for %d batches", feed->n_slots);
    for (int i = 0; i < feed->n_slots; i++) {
        PR_TRY(allocate_slot(feed, &feed->slots[i]));
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
        pr_free((*feed)->slots[i].local);
        pr_free((*feed)->slots[i].key_of);
        pr_free((*feed)->slots[i].image);
        pr_free((*feed)->slots[i].mask);
    }
    pr_free((*feed)->slots);
    pr_free((*feed)->scratch);
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

void pr_feed_limit(pr_feed *feed, int64_t n_steps)
{
    feed->n_steps = n_steps < feed->n_steps ? n_steps : feed->n_steps;
}

/*
 * The keys of one label among themselves, by a permutation of the step's own: micro-batches keep
 * their share of each label, so batch norm tells a key nothing.
 */
static void deal_label(pr_feed *feed, slot *s, int8_t label)
{
    const int64_t n_micro_rows = feed->n_rows / feed->options.sampler.n_micro;
    const pr_draw_key key = {feed->options.sampler.seed, s->epoch, s->views[0].place,
                             (uint16_t)label, PR_FOR_KEYS};
    int64_t *const rows = feed->scratch;
    int64_t *const order = feed->scratch + feed->n_rows;
    int64_t n = 0;
    for (int64_t row = 0; row < feed->n_rows; row++) {
        if (s->views[pr_feed_view_of(row, n_micro_rows, true)].label == label) {
            rows[n++] = row;
        }
    }
    pr_draw_permutation(&key, n, order);
    for (int64_t i = 0; i < n; i++) {
        s->key_of[rows[i]] = rows[order[i]];
    }
}

static void choose_local(pr_feed *feed, slot *s)
{
    const int64_t n_micro_rows = feed->n_rows / feed->options.sampler.n_micro;
    const int64_t n_mine = feed->options.last_row - feed->options.first_row;
    for (int64_t row = 0; row < feed->n_rows; row++) {
        s->key_of[row] = row;
    }
    if (feed->options.keys == PR_KEYS_SHUFFLED) {
        deal_label(feed, s, PR_REAL);
        deal_label(feed, s, PR_FAKE);
    }
    for (int64_t i = 0; i < n_mine; i++) {
        const int64_t row = feed->options.first_row + i;
        s->local[i] = s->views[pr_feed_view_of(row, n_micro_rows, true)];
        s->local[i].want_mask = feed->options.wants_mask;
        s->local[n_mine + i] =
            s->views[pr_feed_view_of(s->key_of[row], n_micro_rows, true) + n_micro_rows];
        s->local[n_mine + i].want_mask = false;
    }
}

static pr_status submit_next(pr_feed *feed)
{
    slot *const s = &feed->slots[feed->n_submitted % feed->n_slots];
    pr_sampler *const sampler = feed->samplers[feed->next_epoch % N_SAMPLERS];
    PR_TRY(pr_sampler_begin_epoch(sampler, (uint32_t)feed->next_epoch));
    PR_TRY(pr_sampler_step(sampler, feed->next_step, s->views));
    s->epoch = (uint32_t)feed->next_epoch;
    s->epoch_step = feed->next_step;
    for (int64_t i = 0; feed->options.wants_mask && i < feed->n_views; i++) {
        s->views[i].want_mask = true;
    }
    if (has_keys(feed)) {
        choose_local(feed, s);
    }
    const pr_batch batch = {.views = has_keys(feed) ? s->local : s->views + feed->options.first_row,
                            .n_views = feed->n_local,
                            .epoch = s->epoch,
                            .image = s->image,
                            .mask = s->mask};
    PR_TRY(pr_loader_submit(feed->loader, &batch));
    feed->n_submitted++;
    feed->next_step++;
    return PR_OK;
}

/* At an epoch's end the next one begins: also where a run stopped at an epoch's last step. */
static void begin_next_epoch(pr_feed *feed)
{
    if (feed->next_step >= feed->n_steps) {
        feed->next_step = 0;
        feed->next_epoch++;
    }
}

pr_status pr_feed_next(pr_feed *feed, pr_feed_batch *out)
{
    /* One slot is the caller's: as many batches are under way as there are others. */
    begin_next_epoch(feed);
    while (feed->next_epoch < feed->options.last_epoch &&
           feed->n_submitted - feed->n_taken < feed->n_slots - 1) {
        PR_TRY(submit_next(feed));
        begin_next_epoch(feed);
    }
    PR_REQUIRE(feed->n_submitted > feed->n_taken, PR_ERR_INVALID,
               "no batch is left: the stage ends with epoch %lld",
               (long long)feed->options.last_epoch);
    double wait_s = 0.0;
    PR_TRY(pr_loader_wait(feed->loader, &wait_s));
    const slot *const s = &feed->slots[feed->n_taken % feed->n_slots];
    feed->n_taken++;
    const int64_t n_mine = feed->options.last_row - feed->options.first_row;
    const int64_t n_pixels = (int64_t)feed->options.loader.out_px * feed->options.loader.out_px * 3;
    *out = (pr_feed_batch){.epoch = s->epoch,
                           .epoch_step = s->epoch_step,
                           .views = s->views,
                           .image = s->image,
                           .mask = s->mask,
                           .key = has_keys(feed) ? s->image + n_mine * n_pixels : NULL,
                           .key_of = s->key_of,
                           .wait_s = wait_s};
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
