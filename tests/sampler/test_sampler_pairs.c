/*
 * Mates: every level is really drawn and every mate really is of its level; fallback,
 * probabilities, unknown people, shuffled labels.
 */
#include "tests/sampler/crops.h"

#include <math.h>

enum { N_VIEWS = 48, N_EPOCHS = 12 };

static pr_sampler_options usual(pr_pairing pairing)
{
    return (pr_sampler_options){.seed = 11,
                                .items_per_batch = 24,
                                .views_per_item = 2,
                                .n_micro = 2,
                                .pairing = pairing,
                                .max_gap = 1,
                                .balance = PR_BALANCE_EPOCH};
}

/* An independent word for each level, straight from the readings R1, R4 and R31. */
static bool is_of_level(const pr_sample *a, const pr_sample *b, int level)
{
    const bool same_clip = a->video_key == b->video_key;
    switch (level) {
    case PR_LEVEL_INSTANCE:
        return a == b;
    case PR_LEVEL_TEMPORAL:
        return same_clip && abs(a->frame - b->frame) == 1;
    case PR_LEVEL_SEMANTIC:
        if (a->label == PR_REAL) {
            return !same_clip && a->bg_id != 0 && a->bg_id == b->bg_id;
        }
        return !same_clip && ((a->bg_id != 0 && a->bg_id == b->bg_id) ||
                              (a->face_id != 0 && a->face_id == b->face_id) ||
                              (a->bg_id == 0 && a->bg_video != 0 && a->bg_video == b->bg_video));
    default:
        return a != b;
    }
}

/* Counts the levels of N_EPOCHS epochs and checks every mate. */
static void draw_levels(const crops *world, const pr_sampler_options *options,
                        int64_t n_of[PR_LEVEL_COUNT], int64_t *n_fallback)
{
    pr_sampler *sampler = NULL;
    pr_view views[N_VIEWS];
    pr_sampler_stats stats;

    memset(n_of, 0, PR_LEVEL_COUNT * sizeof(*n_of));
    *n_fallback = 0;
    CHECK_OK(crops_sampler(world, options, &sampler));
    for (uint32_t epoch = 0; epoch < N_EPOCHS; epoch++) {
        int64_t n_epoch[PR_LEVEL_COUNT] = {0};
        CHECK_OK(pr_sampler_begin_epoch(sampler, epoch));
        for (int64_t step = 0; step < pr_sampler_n_steps(sampler); step++) {
            CHECK_OK(pr_sampler_step(sampler, step, views));
            for (int i = 0; i < N_VIEWS; i++) {
                n_epoch[views[i].level]++;
                if (views[i].view == 1) {
                    const pr_view *const first = &views[i - N_VIEWS / 4];
                    const pr_sample *const a = &world->at[first->sample];
                    const pr_sample *const b = &world->at[views[i].sample];
                    CHECK(first->place == views[i].place, "a pair in two places");
                    CHECK(is_of_level(a, b, views[i].level), "samples %lld and %lld at level %d",
                          (long long)first->sample, (long long)views[i].sample, views[i].level);
                }
            }
        }
        CHECK_OK(pr_sampler_stats_get(sampler, &stats));
        for (int level = 0; level < PR_LEVEL_COUNT; level++) {
            n_of[level] += n_epoch[level];
            CHECK(stats.views_by_level[level] == n_epoch[level],
                  "level %d: %lld counted, %lld seen", level,
                  (long long)stats.views_by_level[level], (long long)n_epoch[level]);
        }
        *n_fallback += stats.n_fallback;
    }
    pr_sampler_destroy(&sampler);
}

static void check_shares(const int64_t n_of[PR_LEVEL_COUNT], const double share[PR_LEVEL_COUNT])
{
    const double n = (double)n_of[PR_LEVEL_NONE];
    for (int level = PR_LEVEL_INSTANCE; level < PR_LEVEL_COUNT; level++) {
        const double have = (double)n_of[level] / n;
        const double sigma = sqrt(share[level] * (1.0 - share[level]) / n);
        CHECK(fabs(have - share[level]) <= 4.0 * sigma, "level %d: share %.3f, must be %.3f", level,
              have, share[level]);
    }
}

static void test_levels(void)
{
    crops world;
    int64_t n_of[PR_LEVEL_COUNT];
    int64_t n_fallback = 0;
    static const double shares[][PR_LEVEL_COUNT] = {{0.0, 1.0, 0.0, 0.0, 0.0},
                                                    {0.0, 0.5, 0.5, 0.0, 0.0},
                                                    {0.0, 1.0 / 3, 1.0 / 3, 1.0 / 3, 0.0},
                                                    {0.0, 0.25, 0.25, 0.25, 0.25}};

    crops_world(&world, 6, 12);
    for (int pairing = PR_PAIR_INSTANCE; pairing <= PR_PAIR_CLASS; pairing++) {
        const pr_sampler_options options = usual((pr_pairing)pairing);
        draw_levels(&world, &options, n_of, &n_fallback);
        check_shares(n_of, shares[pairing - PR_PAIR_INSTANCE]);
        CHECK(n_fallback == 0, "%lld fallbacks", (long long)n_fallback);
    }
    pr_sampler_options weighted = usual(PR_PAIR_SEMANTIC);
    weighted.pair_probs[PR_LEVEL_INSTANCE] = 1.0 / 4;
    weighted.pair_probs[PR_LEVEL_SEMANTIC] = 1.0 / 4;
    draw_levels(&world, &weighted, n_of, &n_fallback);
    check_shares(n_of, (const double[]){0.0, 0.5, 0.0, 0.5, 0.0});
    crops_destroy(&world);
}

/* People are unknown and frames are far apart: what is not there is not drawn, or falls back. */
static void test_fallback(void)
{
    crops world;
    int64_t n_of[PR_LEVEL_COUNT];
    int64_t n_fallback = 0;
    pr_sampler_options options = usual(PR_PAIR_SEMANTIC);

    crops_create(&world, 96);
    crops_add(&world, PR_REAL, 1, 0, 0, 1, 24, 5);
    crops_add(&world, PR_REAL, 2, 0, 0, 2, 24, 1);
    crops_add(&world, PR_FAKE, CROPS_FAKE, 0, 0, 0, 24, 5);
    crops_add(&world, PR_FAKE, CROPS_FAKE + 1, 0, 0, 0, 24, 1);
    draw_levels(&world, &options, n_of, &n_fallback);
    CHECK(n_of[PR_LEVEL_SEMANTIC] == 0 && n_fallback == 0, "%lld semantic, %lld fallbacks",
          (long long)n_of[PR_LEVEL_SEMANTIC], (long long)n_fallback);
    check_shares(n_of, (const double[]){0.0, 0.75, 0.25, 0.0, 0.0});

    options.pair_probs[PR_LEVEL_SEMANTIC] = 1.0;
    draw_levels(&world, &options, n_of, &n_fallback);
    CHECK(n_fallback == n_of[PR_LEVEL_NONE], "%lld fallbacks of %lld", (long long)n_fallback,
          (long long)n_of[PR_LEVEL_NONE]);
    check_shares(n_of, (const double[]){0.0, 0.5, 0.5, 0.0, 0.0});
    crops_destroy(&world);
}

/* Where the person is unknown the background video still relates two fakes, in one dataset only. */
static void test_scope(void)
{
    crops world;
    int64_t n_of[PR_LEVEL_COUNT];
    int64_t n_fallback = 0;
    pr_sampler_options options = usual(PR_PAIR_SEMANTIC);

    options.pair_probs[PR_LEVEL_SEMANTIC] = 1.0;
    crops_create(&world, 96);
    crops_add(&world, PR_REAL, 1, 5, 5, 1, 24, 1);
    crops_add(&world, PR_REAL, 2, 5, 5, 2, 24, 1);
    crops_add(&world, PR_FAKE, CROPS_FAKE, 0, 0, 1, 24, 1);
    crops_add(&world, PR_FAKE, CROPS_FAKE + 1, 0, 0, 1, 24, 1);
    draw_levels(&world, &options, n_of, &n_fallback);
    CHECK(n_of[PR_LEVEL_SEMANTIC] == n_of[PR_LEVEL_NONE], "%lld semantic mates of %lld",
          (long long)n_of[PR_LEVEL_SEMANTIC], (long long)n_of[PR_LEVEL_NONE]);
    for (int64_t i = 72; i < 96; i++) {
        world.at[i].dataset = 9;
    }
    draw_levels(&world, &options, n_of, &n_fallback);
    CHECK(2 * n_of[PR_LEVEL_SEMANTIC] == n_of[PR_LEVEL_NONE], "%lld semantic mates of %lld",
          (long long)n_of[PR_LEVEL_SEMANTIC], (long long)n_of[PR_LEVEL_NONE]);
    crops_destroy(&world);
}

/* Both relations of a fake are drawn: the same background, and the same face. */
static void test_relations(void)
{
    crops world;
    pr_sampler *sampler = NULL;
    pr_view views[N_VIEWS];
    int64_t n_background = 0;
    int64_t n_face = 0;
    pr_sampler_options options = usual(PR_PAIR_SEMANTIC);

    options.pair_probs[PR_LEVEL_SEMANTIC] = 1.0;
    crops_world(&world, 6, 12);
    CHECK_OK(crops_sampler(&world, &options, &sampler));
    CHECK_OK(pr_sampler_begin_epoch(sampler, 0));
    for (int64_t step = 0; step < pr_sampler_n_steps(sampler); step++) {
        CHECK_OK(pr_sampler_step(sampler, step, views));
        for (int i = 0; i < N_VIEWS; i++) {
            if (views[i].view == 1 && views[i].label == PR_FAKE) {
                const pr_sample *const a = &world.at[views[i - N_VIEWS / 4].sample];
                const pr_sample *const b = &world.at[views[i].sample];
                n_background += a->bg_id == b->bg_id;
                n_face += a->face_id == b->face_id;
            }
        }
    }
    CHECK(n_background > 40 && n_face > 40, "%lld by background, %lld by face",
          (long long)n_background, (long long)n_face);
    pr_sampler_destroy(&sampler);
    crops_destroy(&world);
}

/* Two reals of one person: each is the other's only mate, again and again, at places of its own. */
static void test_one_mate(void)
{
    crops world;
    pr_sampler *sampler = NULL;
    pr_view views[4];
    pr_sampler_options options = usual(PR_PAIR_SEMANTIC);

    options.items_per_batch = 2;
    options.n_micro = 1;
    options.pair_probs[PR_LEVEL_SEMANTIC] = 1.0;
    crops_create(&world, 4);
    crops_add(&world, PR_REAL, 1, 5, 5, 1, 1, 1);
    crops_add(&world, PR_REAL, 2, 5, 5, 2, 1, 1);
    crops_add(&world, PR_FAKE, CROPS_FAKE, 5, 6, 1, 1, 1);
    crops_add(&world, PR_FAKE, CROPS_FAKE + 1, 5, 7, 1, 1, 1);
    CHECK_OK(crops_sampler(&world, &options, &sampler));
    for (uint32_t epoch = 0; epoch < 4; epoch++) {
        CHECK_OK(pr_sampler_begin_epoch(sampler, epoch));
        for (int64_t step = 0; step < 2; step++) {
            CHECK_OK(pr_sampler_step(sampler, step, views));
            for (int i = 0; i < 2; i++) {
                CHECK(views[i].sample != views[2 + i].sample &&
                          views[i].sample / 2 == views[2 + i].sample / 2,
                      "samples %lld and %lld", (long long)views[i].sample,
                      (long long)views[2 + i].sample);
            }
        }
    }
    pr_sampler_destroy(&sampler);
    crops_destroy(&world);
}

/* A middle frame's neighbour is the nearer one, the following one of two; the last looks back. */
static void test_neighbours(void)
{
    crops world;
    pr__table table;
    const pr__source source = {.n = 6, .at = crops_at, .context = &world};
    const pr__table_options options = {.max_gap = 3};
    static const int32_t frames[] = {0, 1, 2, 5, 6, 10};
    static const int64_t want[] = {1, 2, 1, 4, 3, -1};

    crops_create(&world, 6);
    crops_add(&world, PR_REAL, 1, 1, 1, 1, 6, 1);
    for (int i = 0; i < 6; i++) {
        world.at[i].frame = frames[i];
    }
    CHECK_OK(pr__table_build(&source, &options, &table));
    for (int i = 0; i < 6; i++) {
        CHECK(table.neighbour[i] == want[i], "frame %d: sample %lld, must be %lld", frames[i],
              (long long)table.neighbour[i], (long long)want[i]);
    }
    pr__table_free(&table);

    /* A second face in the same frames is somebody else's clip. */
    for (int i = 0; i < 6; i++) {
        world.at[i].frame = i / 2;
        world.at[i].face = i % 2;
    }
    CHECK_OK(pr__table_build(&source, &options, &table));
    for (int i = 0; i < 6; i++) {
        const int64_t next = i < 4 ? i + 2 : i - 2;
        CHECK(table.neighbour[i] == next, "sample %d: %lld, must be %lld", i,
              (long long)table.neighbour[i], (long long)next);
    }
    pr__table_free(&table);
    crops_destroy(&world);
}

/* Shuffled labels: as many of each, made once, and mates still have their anchor's label. */
static void test_shuffled_labels(void)
{
    crops world;
    pr_sampler *sampler = NULL;
    pr_view views[N_VIEWS];
    int8_t label_of[288];
    int64_t n_seen = 0;
    int64_t n_changed = 0;
    pr_sampler_options options = usual(PR_PAIR_CLASS);

    options.shuffle_labels = true;
    memset(label_of, -1, sizeof(label_of));
    crops_world(&world, 6, 12);
    CHECK_OK(crops_sampler(&world, &options, &sampler));
    for (uint32_t epoch = 0; epoch < N_EPOCHS; epoch++) {
        CHECK_OK(pr_sampler_begin_epoch(sampler, epoch));
        for (int64_t step = 0; step < pr_sampler_n_steps(sampler); step++) {
            CHECK_OK(pr_sampler_step(sampler, step, views));
            for (int i = 0; i < N_VIEWS; i++) {
                int8_t *const label = &label_of[views[i].sample];
                CHECK(*label == -1 || *label == views[i].label, "sample %lld has both labels",
                      (long long)views[i].sample);
                *label = views[i].label;
            }
        }
    }
    int64_t n_fake = 0;
    for (int i = 0; i < 288; i++) {
        n_seen += label_of[i] >= 0;
        n_fake += label_of[i] == PR_FAKE;
        n_changed += label_of[i] != world.at[i].label;
    }
    CHECK(n_seen == 288 && n_fake == 144, "%lld seen, %lld fakes", (long long)n_seen,
          (long long)n_fake);
    CHECK(n_changed > 100 && n_changed < 190, "%lld of 288 labels changed", (long long)n_changed);
    pr_sampler_destroy(&sampler);
    crops_destroy(&world);
}

int main(void)
{
    test_levels();
    test_fallback();
    test_scope();
    test_relations();
    test_one_mate();
    test_neighbours();
    test_shuffled_labels();
    return check_exit_code();
}
