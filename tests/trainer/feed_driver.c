/*
 * The feed: batches in the order of epochs and steps, across the ends of epochs, the same from
 * wherever a run goes on, however many are decoded ahead and by however many threads. Argument: a
 * dataset's folder.
 */
#include "trainer/feed.h"

#include "engine/base/hash.h"
#include "tests/check.h"

enum { PX = 32, N_EPOCHS = 4, MAX_BATCHES = 64, N_ITEMS = 16 };

typedef struct batch_id {
    uint32_t epoch;
    int64_t epoch_step;
    uint64_t views, images;
} batch_id;

static pr_feed_options options_of(const pr_samples *samples, int n_threads, int n_ahead)
{
    pr_feed_options options = {
        .samples = samples,
        .sampler = {.seed = 5,
                    .items_per_batch = N_ITEMS,
                    .views_per_item = 2,
                    .n_micro = 4,
                    .pairing = PR_PAIR_SEMANTIC,
                    .max_gap = 100},
        .loader = {.out_px = PX, .seed = 5, .n_threads = n_threads, .n_batches_ahead = n_ahead},
        .first_row = 8,
        .last_row = 24,
        .last_epoch = N_EPOCHS};
    for (int c = 0; c < 3; c++) {
        options.loader.augment.mean[c] = 0.5;
        options.loader.augment.std[c] = 0.5;
    }
    return options;
}

static uint64_t hash_views(const pr_view *views, int64_t n)
{
    uint64_t hash = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t fields[4] = {views[i].sample, views[i].place, views[i].view, views[i].label};
        hash = pr_hash64(fields, sizeof(fields), hash);
    }
    return hash;
}

/* All batches from (epoch, step) on. */
static int64_t take_all(const pr_feed_options *options, batch_id out[static MAX_BATCHES])
{
    pr_feed *feed = NULL;
    pr_feed_batch batch;
    int64_t n = 0;
    CHECK_OK(pr_feed_create(options, &feed));
    if (feed == NULL) {
        return 0;
    }
    const int64_t n_rows = options->last_row - options->first_row;
    while (n < MAX_BATCHES && pr_feed_next(feed, &batch) == PR_OK) {
        out[n++] = (batch_id){
            batch.epoch, batch.epoch_step, hash_views(batch.views, pr_feed_n_views(feed)),
            pr_hash64(batch.image, (size_t)(n_rows * PX * PX * 3) * sizeof(float), 0)};
        if (n % 3 == 0) { /* the log asks for an epoch's numbers while the next one is planned */
            pr_sampler_stats stats;
            CHECK_OK(pr_feed_stats(feed, batch.epoch, &stats));
            CHECK(stats.n_steps == pr_feed_n_steps(feed), "%d steps", (int)stats.n_steps);
        }
    }
    CHECK(strstr(pr_error_message(), "no batch is left") != NULL, "%s", pr_error_message());
    pr_error_clear();
    pr_feed_destroy(&feed);
    return n;
}

static bool same(const batch_id *a, const batch_id *b)
{
    return a->epoch == b->epoch && a->epoch_step == b->epoch_step && a->views == b->views &&
           a->images == b->images;
}

static void test_feed(const pr_samples *samples)
{
    batch_id all[MAX_BATCHES];
    batch_id some[MAX_BATCHES];
    const pr_feed_options reference = options_of(samples, 0, 1);
    const int64_t n = take_all(&reference, all);
    const int64_t n_steps = n / N_EPOCHS;
    CHECK(n_steps >= 2 && n == n_steps * N_EPOCHS, "%d batches", (int)n);
    if (n_steps < 2) {
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        CHECK(all[i].epoch == (uint32_t)(i / n_steps) && all[i].epoch_step == i % n_steps,
              "batch %d is step %d of epoch %d", (int)i, (int)all[i].epoch_step, (int)all[i].epoch);
        for (int64_t j = 0; j < i; j++) {
            CHECK(all[i].views != all[j].views, "batches %d and %d are one", (int)i, (int)j);
        }
    }
    for (int n_ahead = 1; n_ahead <= 3 * n_steps; n_ahead += (int)n_steps - 1) {
        for (int n_threads = 0; n_threads <= 3; n_threads += 3) {
            for (int64_t from = 0; from <= n; from++) {
                pr_feed_options options = options_of(samples, n_threads, n_ahead);
                options.epoch = from / n_steps;
                options.epoch_step = from % n_steps;
                if (from > 0 && from % n_steps == 0) {
                    options
                        .epoch--; /* stopped at an epoch's last step, before its end was counted */
                    options.epoch_step = n_steps;
                }
                const int64_t n_left = take_all(&options, some);
                CHECK(n_left == n - from, "%d batches are left after %d of %d", (int)n_left,
                      (int)from, (int)n);
                for (int64_t i = 0; i < n_left && i < n - from; i++) {
                    CHECK(same(&some[i], &all[from + i]), "batch %d differs (from %d, %d ahead)",
                          (int)(from + i), (int)from, n_ahead);
                }
            }
        }
    }
}

int main(int argc, char **argv)
{
    const pr_selection selection = {.path = argc > 1 ? argv[1] : "", .split = NULL};
    pr_samples *samples = NULL;
    CHECK_OK(pr_samples_open(&selection, 1, &samples));
    if (samples != NULL) {
        test_feed(samples);
    }
    pr_samples_close(&samples);
    return check_exit_code();
}
