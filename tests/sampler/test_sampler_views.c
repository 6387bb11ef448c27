/* DCL's views: another frame of the same video, and fakes mixed with their reals. */
#include "tests/sampler/crops.h"

#include <math.h>

enum { BATCH = 24, N_EPOCHS = 20, N_FRAMES = 5 };

static pr_sampler_options usual(void)
{
    return (pr_sampler_options){.seed = 7,
                                .items_per_batch = BATCH,
                                .views_per_item = 2,
                                .n_micro = 2,
                                .pairing = PR_PAIR_INSTANCE,
                                .balance = PR_BALANCE_EPOCH,
                                .frame_shift_prob = 0.5,
                                .mixup_prob = 0.25};
}

/* The real of the background video and frame; fakes of odd videos have none. */
static int64_t aligned_by_search(const void *context, int64_t i)
{
    const crops *const made = context;
    const pr_sample *const fake = &made->at[i];
    for (int64_t k = 0; k < made->n && fake->label == PR_FAKE && fake->video % 2 == 0; k++) {
        const pr_sample *const real = &made->at[k];
        if (real->label == PR_REAL && real->video == fake->bg_video && real->frame == fake->frame) {
            return k;
        }
    }
    return -1;
}

static pr_sampler *create(const crops *world, const pr_sampler_options *options)
{
    const pr__source source = {
        .n = world->n, .at = crops_at, .aligned = aligned_by_search, .context = world};
    pr_sampler *sampler = NULL;
    CHECK_OK(pr__sampler_create_from(&source, options, &sampler));
    return sampler;
}

static bool same_clip(const pr_sample *a, const pr_sample *b)
{
    return a->video_key == b->video_key && a->compression == b->compression &&
           a->label == b->label && a->face == b->face;
}

typedef struct tally {
    int64_t n_views, n_fakes, n_shifted, n_mixed, n_mixable, n_unaligned;
    int64_t by_distance[2 * N_FRAMES]; /* frame shown minus frame of the anchor, + N_FRAMES */
} tally;

static void check_view(const crops *world, const pr_view *view, int64_t own, tally *t)
{
    const pr_sample *const shown = &world->at[view->sample];
    const int64_t real = aligned_by_search(world, view->sample);
    CHECK(same_clip(shown, &world->at[own]) && shown->label == view->label,
          "sample %lld stands in for %lld", (long long)view->sample, (long long)own);
    CHECK(view->want_mask, "a mask is not wanted");
    t->n_views++;
    t->n_fakes += view->label == PR_FAKE;
    t->n_shifted += view->sample != own;
    t->by_distance[shown->frame - world->at[own].frame + N_FRAMES]++;
    t->n_mixable += real >= 0;
    t->n_unaligned += view->label == PR_FAKE && real < 0;
    if (view->generator == PR_GEN_MIXUP) {
        t->n_mixed++;
        CHECK(view->label == PR_FAKE && view->mate == real && real >= 0,
              "sample %lld is mixed with %lld, its real is %lld", (long long)view->sample,
              (long long)view->mate, (long long)real);
    } else {
        CHECK(view->generator == PR_GEN_NONE && view->mate == -1, "mate %lld",
              (long long)view->mate);
    }
}

static void add_stats(pr_sampler *sampler, tally *t, pr_sampler_stats *sum)
{
    pr_sampler_stats stats;
    (void)t;
    CHECK_OK(pr_sampler_stats_get(sampler, &stats));
    sum->n_shifted += stats.n_shifted;
    sum->n_not_shifted += stats.n_not_shifted;
    sum->n_mixed += stats.n_mixed;
    sum->n_fake_views += stats.n_fake_views;
    sum->n_unaligned += stats.n_unaligned;
}

/* N_EPOCHS of OPTIONS, each row against the same plan without variation. */
static void draw(const crops *world, const pr_sampler_options *options, tally *t,
                 pr_sampler_stats *sum)
{
    pr_sampler_options still = *options;
    still.frame_shift_prob = 0.0;
    still.mixup_prob = 0.0;
    pr_sampler *sampler = create(world, options);
    pr_sampler *plain = create(world, &still);
    pr_view views[2 * BATCH];
    pr_view own[2 * BATCH];
    *t = (tally){0};
    *sum = (pr_sampler_stats){0};
    for (uint32_t epoch = 0; epoch < N_EPOCHS; epoch++) {
        CHECK_OK(pr_sampler_begin_epoch(sampler, epoch));
        CHECK_OK(pr_sampler_begin_epoch(plain, epoch));
        for (int64_t step = 0; step < pr_sampler_n_steps(sampler); step++) {
            CHECK_OK(pr_sampler_step(sampler, step, views));
            CHECK_OK(pr_sampler_step(plain, step, own));
            for (int i = 0; i < 2 * BATCH; i++) {
                CHECK(own[i].generator == PR_GEN_NONE && own[i].place == views[i].place &&
                          own[i].view == views[i].view && own[i].level == views[i].level,
                      "row %d is another item's", i);
                check_view(world, &views[i], own[i].sample, t);
            }
        }
        add_stats(sampler, t, sum);
    }
    pr_sampler_destroy(&sampler);
    pr_sampler_destroy(&plain);
}

static void check_share(const char *what, int64_t n, int64_t of, double want)
{
    const double share = (double)n / (double)of;
    const double bound = 4.5 * sqrt(want * (1.0 - want) / (double)of);
    CHECK(fabs(share - want) <= bound, "%s: %lld of %lld, want %g", what, (long long)n,
          (long long)of, want);
}

/* Shares as asked, other frames equally often, statistics that say what the rows say. */
static void test_shares(void)
{
    crops world;
    tally t;
    pr_sampler_stats sum;
    pr_sampler_options options = usual();
    options.want_masks = true;
    crops_world(&world, 12, N_FRAMES);
    draw(&world, &options, &t, &sum);
    CHECK(t.n_views > 9000 && t.n_mixable > 2000, "%lld views, %lld of fakes with reals",
          (long long)t.n_views, (long long)t.n_mixable);
    check_share("shifted", t.n_shifted, t.n_views, 0.5);
    check_share("mixed", t.n_mixed, t.n_mixable, 0.25);
    /* Of the N (N - 1) ordered pairs of frames, N - d are d apart, in either direction. */
    for (int d = 1; d < N_FRAMES; d++) {
        const double want = (double)(N_FRAMES - d) / (N_FRAMES * (N_FRAMES - 1));
        check_share("frames later", t.by_distance[N_FRAMES + d], t.n_shifted, want);
        check_share("frames earlier", t.by_distance[N_FRAMES - d], t.n_shifted, want);
    }
    CHECK(sum.n_shifted == t.n_shifted && sum.n_not_shifted == 0 && sum.n_mixed == t.n_mixed &&
              sum.n_fake_views == t.n_fakes && sum.n_unaligned == t.n_unaligned,
          "statistics: %lld shifted, %lld mixed, %lld of %lld without a real; rows: %lld, %lld, "
          "%lld, %lld",
          (long long)sum.n_shifted, (long long)sum.n_mixed, (long long)sum.n_unaligned,
          (long long)sum.n_fake_views, (long long)t.n_shifted, (long long)t.n_mixed,
          (long long)t.n_unaligned, (long long)t.n_fakes);
    CHECK(t.n_unaligned > 0 && t.n_unaligned < t.n_fakes, "%lld of %lld fakes have no real",
          (long long)t.n_unaligned, (long long)t.n_fakes);
    crops_destroy(&world);
}

/* The two views of an item vary by themselves. */
static void test_independent(void)
{
    crops world;
    pr_view views[2 * BATCH];
    int64_t both = 0;
    int64_t n = 0;
    pr_sampler_options options = usual();
    options.mixup_prob = 0.0;
    crops_world(&world, 12, N_FRAMES);
    pr_sampler *sampler = create(&world, &options);
    options.frame_shift_prob = 0.0;
    pr_sampler *plain = create(&world, &options);
    pr_view own[2 * BATCH];
    for (uint32_t epoch = 0; epoch < N_EPOCHS; epoch++) {
        CHECK_OK(pr_sampler_begin_epoch(sampler, epoch));
        CHECK_OK(pr_sampler_begin_epoch(plain, epoch));
        for (int64_t step = 0; step < pr_sampler_n_steps(sampler); step++) {
            CHECK_OK(pr_sampler_step(sampler, step, views));
            CHECK_OK(pr_sampler_step(plain, step, own));
            for (int m = 0; m < 2; m++) {
                for (int i = 0; i < BATCH / 2; i++) {
                    const int a = m * BATCH + i;
                    const int b = a + BATCH / 2;
                    both += views[a].sample != own[a].sample && views[b].sample != own[b].sample;
                    n++;
                }
            }
        }
    }
    check_share("both shifted", both, n, 0.25);
    pr_sampler_destroy(&sampler);
    pr_sampler_destroy(&plain);
    crops_destroy(&world);
}

/* Clips of one frame stay as they are and are counted. */
static void test_single_frames(void)
{
    crops world;
    tally t;
    pr_sampler_stats sum;
    pr_sampler_options options = usual();
    options.want_masks = true;
    options.frame_shift_prob = 1.0;
    options.mixup_prob = 1.0;
    crops_world(&world, 24, 1);
    draw(&world, &options, &t, &sum);
    CHECK(t.n_shifted == 0 && sum.n_not_shifted == t.n_views, "%lld shifted, %lld of %lld not",
          (long long)t.n_shifted, (long long)sum.n_not_shifted, (long long)t.n_views);
    CHECK(t.n_mixed == t.n_mixable && t.n_mixed > 0, "%lld of %lld mixed", (long long)t.n_mixed,
          (long long)t.n_mixable);
    crops_destroy(&world);
}

/* The plan does not depend on the number of micro-batches, and its hash knows of the variation. */
static void test_hash(void)
{
    crops world;
    uint64_t hash[4];
    pr_sampler_options options[4] = {usual(), usual(), usual(), usual()};
    options[1].n_micro = 4;
    options[2].mixup_prob = 0.3;
    options[3].frame_shift_prob = 0.0;
    crops_world(&world, 12, N_FRAMES);
    for (int i = 0; i < 4; i++) {
        pr_sampler *sampler = create(&world, &options[i]);
        CHECK_OK(pr_sampler_begin_epoch(sampler, 3));
        CHECK_OK(pr_sampler_hash(sampler, &hash[i]));
        pr_sampler_destroy(&sampler);
    }
    CHECK(hash[0] == hash[1], "micro-batches change the plan");
    CHECK(hash[0] != hash[2] && hash[0] != hash[3], "the hash does not know what varies");
    crops_destroy(&world);
}

/* What balance leaves out for good is not shown, not even as another frame or shining through. */
static void test_out_of_use(void)
{
    crops world;
    pr_view views[2 * BATCH];
    pr_sampler_options options = usual();
    options.balance = PR_BALANCE_ONCE;
    options.frame_shift_prob = 1.0;
    options.mixup_prob = 1.0;
    crops_world(&world, 12, N_FRAMES);
    crops_add(&world, PR_REAL, 500, 90, 90, 500, 0, 1);
    /* Twice as many reals as fakes: half of the reals go. */
    for (int64_t i = 0; i < world.n; i++) {
        if (world.at[i].label == PR_FAKE && world.at[i].video % 4 < 2) {
            world.at[i].label = PR_REAL;
        }
    }
    pr_sampler *sampler = create(&world, &options);
    const pr__table *const table = &sampler->table;
    int64_t n_mixed = 0;
    for (uint32_t epoch = 0; epoch < 4; epoch++) {
        CHECK_OK(pr_sampler_begin_epoch(sampler, epoch));
        for (int64_t step = 0; step < pr_sampler_n_steps(sampler); step++) {
            CHECK_OK(pr_sampler_step(sampler, step, views));
            for (int i = 0; i < 2 * BATCH; i++) {
                CHECK(table->place_in_pool[views[i].sample] >= 0, "sample %lld is out of use",
                      (long long)views[i].sample);
                CHECK(views[i].mate < 0 || table->place_in_pool[views[i].mate] >= 0,
                      "mate %lld is out of use", (long long)views[i].mate);
                n_mixed += views[i].mate >= 0;
            }
        }
    }
    CHECK(n_mixed > 0, "nothing was mixed");
    pr_sampler_destroy(&sampler);
    crops_destroy(&world);
}

static void test_errors(void)
{
    crops world;
    pr_sampler *sampler = NULL;
    pr_sampler_options options = usual();
    crops_world(&world, 12, N_FRAMES);
    options.mixup_prob = 1.5;
    CHECK_FAILS(crops_sampler(&world, &options, &sampler), PR_ERR_INVALID, "mixup_prob 1.5");
    options = usual();
    options.frame_shift_prob = -0.1;
    CHECK_FAILS(crops_sampler(&world, &options, &sampler), PR_ERR_INVALID, "frame_shift_prob -0.1");
    crops_destroy(&world);
}

int main(void)
{
    test_shares();
    test_independent();
    test_single_frames();
    test_hash();
    test_out_of_use();
    test_errors();
    return check_exit_code();
}
