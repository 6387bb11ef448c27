/*
 * Plans of epochs: purity, balance, layout, what is left out, what is refused, and speed.
 */
#include "tests/sampler/crops.h"

#include <time.h>

static pr_sampler_options usual(void)
{
    return (pr_sampler_options){.seed = 7,
                                .items_per_batch = 24,
                                .views_per_item = 2,
                                .n_micro = 4,
                                .pairing = PR_PAIR_SEMANTIC,
                                .max_gap = 4,
                                .balance = PR_BALANCE_EPOCH};
}

static bool same_views(const pr_view *a, const pr_view *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (a[i].sample != b[i].sample || a[i].place != b[i].place || a[i].view != b[i].view ||
            a[i].level != b[i].level || a[i].label != b[i].label || a[i].mate != b[i].mate) {
            return false;
        }
    }
    return true;
}

/* Any step, in any order, after any other epoch, and from another sampler gives the same rows. */
static void test_purity(void)
{
    crops world;
    pr_sampler *a = NULL;
    pr_sampler *b = NULL;
    pr_view first[48];
    pr_view again[48];
    uint64_t hash_a = 0;
    uint64_t hash_b = 0;
    uint64_t hash_other = 0;
    const pr_sampler_options options = usual();

    crops_world(&world, 6, 10);
    CHECK_OK(crops_sampler(&world, &options, &a));
    CHECK_OK(crops_sampler(&world, &options, &b));
    CHECK_OK(pr_sampler_begin_epoch(a, 3));
    CHECK_OK(pr_sampler_hash(a, &hash_a));
    CHECK_OK(pr_sampler_begin_epoch(b, 1));
    CHECK_OK(pr_sampler_step(b, 2, again));
    CHECK_OK(pr_sampler_hash(b, &hash_other));
    CHECK_OK(pr_sampler_begin_epoch(b, 3));
    for (int64_t step = pr_sampler_n_steps(a) - 1; step >= 0; step--) {
        CHECK_OK(pr_sampler_step(a, step, first));
        CHECK_OK(pr_sampler_step(b, step, again));
        CHECK(same_views(first, again, 48), "step %lld differs", (long long)step);
    }
    CHECK_OK(pr_sampler_hash(b, &hash_b));
    CHECK(hash_a == hash_b, "one plan, two hashes");
    CHECK(hash_a != hash_other, "epochs 1 and 3 have one plan");

    pr_sampler_destroy(&b);
    pr_sampler_options reseeded = options;
    reseeded.seed = 8;
    CHECK_OK(crops_sampler(&world, &reseeded, &b));
    CHECK_OK(pr_sampler_begin_epoch(b, 3));
    CHECK_OK(pr_sampler_hash(b, &hash_b));
    CHECK(hash_a != hash_b, "seeds 7 and 8 have one plan");
    pr_sampler_destroy(&a);
    pr_sampler_destroy(&b);
    crops_destroy(&world);
}

/* Rows by micro-batch, first views before second views, labels in equal numbers everywhere. */
static void check_layout(const pr_view *views, int n_micro, int64_t n_items, uint32_t first_place)
{
    for (int micro = 0; micro < n_micro; micro++) {
        const pr_view *const rows = views + micro * n_items * 2;
        int64_t n_real = 0;
        for (int64_t i = 0; i < n_items; i++) {
            const pr_view *const one = &rows[i];
            const pr_view *const two = &rows[n_items + i];
            n_real += one->label == PR_REAL;
            CHECK(one->view == 0 && two->view == 1, "views %d and %d", one->view, two->view);
            CHECK(one->level == PR_LEVEL_NONE && two->level >= PR_LEVEL_INSTANCE,
                  "levels %d and %d", one->level, two->level);
            CHECK(one->label == two->label, "labels %d and %d", one->label, two->label);
            CHECK(one->place == two->place &&
                      one->place == first_place + (uint32_t)(micro * n_items + i),
                  "place %u of item %lld", one->place, (long long)i);
        }
        CHECK(2 * n_real == n_items, "%lld reals of %lld items in micro-batch %d",
              (long long)n_real, (long long)n_items, micro);
    }
}

static void test_balance(void)
{
    crops world;
    pr_sampler *sampler = NULL;
    pr_view views[48];
    pr_sampler_stats stats;
    int64_t shown[2][200] = {{0}};
    const pr_sampler_options options = usual();

    /* 70 reals and 120 fakes: 5 whole batches of 12 + 12, ten of each class left out. */
    crops_create(&world, 190);
    crops_add(&world, PR_REAL, 1, 1, 1, 1, 70, 1);
    crops_add(&world, PR_FAKE, CROPS_FAKE, 1, 2, 1, 120, 1);
    CHECK_OK(crops_sampler(&world, &options, &sampler));
    CHECK(pr_sampler_n_steps(sampler) == 5, "%lld steps", (long long)pr_sampler_n_steps(sampler));
    CHECK(pr_sampler_n_views(sampler) == 48, "%lld views", (long long)pr_sampler_n_views(sampler));
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        CHECK_OK(pr_sampler_begin_epoch(sampler, epoch));
        for (int64_t step = 0; step < 5; step++) {
            CHECK_OK(pr_sampler_step(sampler, step, views));
            check_layout(views, 4, 6, (uint32_t)step * 24);
            for (int i = 0; i < 48; i++) {
                shown[epoch][views[i].sample] += views[i].view == 0;
                CHECK(world.at[views[i].sample].label == views[i].label, "a label was changed");
            }
        }
        CHECK_OK(pr_sampler_stats_get(sampler, &stats));
        CHECK(stats.n_steps == 5 && stats.n_items == 120 && stats.n_left_out == 20,
              "%lld steps, %lld items, %lld left out", (long long)stats.n_steps,
              (long long)stats.n_items, (long long)stats.n_left_out);
        CHECK(stats.items_by_label[PR_REAL] == 60 && stats.items_by_label[PR_FAKE] == 60,
              "%lld reals, %lld fakes", (long long)stats.items_by_label[PR_REAL],
              (long long)stats.items_by_label[PR_FAKE]);
    }
    int64_t n_changed = 0;
    for (int i = 0; i < 190; i++) {
        CHECK(shown[0][i] <= 1 && shown[1][i] <= 1, "sample %d is an anchor twice", i);
        n_changed += i >= 70 && shown[0][i] != shown[1][i];
    }
    CHECK(n_changed > 20, "epochs under-sample the same fakes: %lld changed", (long long)n_changed);
    pr_sampler_destroy(&sampler);
    crops_destroy(&world);
}

/* With `once` the same fakes are left out for good, as mates too. */
static void test_balance_once(void)
{
    crops world;
    pr_sampler *sampler = NULL;
    pr_view views[48];
    bool shown[190] = {false};
    int64_t n_fakes = 0;
    pr_sampler_options options = usual();

    crops_create(&world, 190);
    crops_add(&world, PR_REAL, 1, 1, 1, 1, 70, 1);
    crops_add(&world, PR_FAKE, CROPS_FAKE, 1, 2, 1, 60, 1);
    crops_add(&world, PR_FAKE, CROPS_FAKE + 1, 1, 3, 1, 60, 1);
    options.balance = PR_BALANCE_ONCE;
    options.pairing = PR_PAIR_CLASS;
    CHECK_OK(crops_sampler(&world, &options, &sampler));
    for (uint32_t epoch = 0; epoch < 20; epoch++) {
        CHECK_OK(pr_sampler_begin_epoch(sampler, epoch));
        for (int64_t step = 0; step < 5; step++) {
            CHECK_OK(pr_sampler_step(sampler, step, views));
            for (int i = 0; i < 48; i++) {
                shown[views[i].sample] = true;
            }
        }
    }
    for (int i = 70; i < 190; i++) {
        n_fakes += shown[i];
    }
    CHECK(n_fakes == 70, "%lld distinct fakes in twenty epochs, must be 70", (long long)n_fakes);
    pr_sampler_destroy(&sampler);
    crops_destroy(&world);
}

/* Without balance an epoch is a pass over all, and each micro-batch has the data's share. */
static void test_balance_none(void)
{
    crops world;
    pr_sampler *sampler = NULL;
    pr_view views[24];
    int64_t n_shown[128] = {0};
    pr_sampler_options options = usual();

    crops_create(&world, 125);
    crops_add(&world, PR_REAL, 1, 1, 1, 1, 30, 1);
    crops_add(&world, PR_FAKE, CROPS_FAKE, 1, 2, 1, 95, 1);
    options.balance = PR_BALANCE_NONE;
    options.pairing = PR_PAIR_NONE;
    options.views_per_item = 1;
    options.n_micro = 3;
    CHECK_OK(crops_sampler(&world, &options, &sampler));
    CHECK_OK(pr_sampler_begin_epoch(sampler, 0));
    CHECK(pr_sampler_n_steps(sampler) == 5, "%lld steps", (long long)pr_sampler_n_steps(sampler));
    for (int64_t step = 0; step < 5; step++) {
        CHECK_OK(pr_sampler_step(sampler, step, views));
        for (int micro = 0; micro < 3; micro++) {
            int64_t n_real = 0;
            for (int i = 0; i < 8; i++) {
                n_shown[views[micro * 8 + i].sample]++;
                n_real += views[micro * 8 + i].label == PR_REAL;
            }
            CHECK(n_real == 1 || n_real == 2, "%lld reals of 8 where 1.92 is the share",
                  (long long)n_real);
        }
    }
    int64_t n_left_out = 0;
    for (int i = 0; i < 125; i++) {
        CHECK(n_shown[i] <= 1, "sample %d was shown %lld times", i, (long long)n_shown[i]);
        n_left_out += n_shown[i] == 0;
    }
    CHECK(n_left_out == 5, "%lld left out, must be 5", (long long)n_left_out);
    pr_sampler_destroy(&sampler);
    crops_destroy(&world);
}

static void test_errors(void)
{
    crops world;
    crops fakes;
    pr_sampler *sampler = NULL;
    pr_view views[48];
    pr_sampler_options options = usual();

    crops_world(&world, 3, 10);
    options.items_per_batch = 26;
    CHECK_FAILS(crops_sampler(&world, &options, &sampler), PR_ERR_INVALID, "are 24 and 32");
    options = usual();
    options.items_per_batch = 400;
    CHECK_FAILS(crops_sampler(&world, &options, &sampler), PR_ERR_INVALID,
                "120 samples (equally many reals and fakes) are fewer than one batch of 400");
    options = usual();
    options.views_per_item = 1;
    CHECK_FAILS(crops_sampler(&world, &options, &sampler), PR_ERR_INVALID, "1 views");
    options = usual();
    options.max_gap = 0;
    CHECK_FAILS(crops_sampler(&world, &options, &sampler), PR_ERR_INVALID, "0 frames apart");
    options = usual();
    options.pair_probs[PR_LEVEL_CLASS] = 0.5;
    CHECK_FAILS(crops_sampler(&world, &options, &sampler), PR_ERR_INVALID, "level 4 is 0.5");
    options = usual();
    crops_create(&fakes, 100);
    crops_add(&fakes, PR_FAKE, CROPS_FAKE, 1, 2, 1, 100, 1);
    CHECK_FAILS(crops_sampler(&fakes, &options, &sampler), PR_ERR_INVALID, "0 reals and 100 fakes");

    CHECK_OK(crops_sampler(&world, &options, &sampler));
    CHECK_FAILS(pr_sampler_step(sampler, 0, views), PR_ERR_INVALID, "before any epoch");
    CHECK_OK(pr_sampler_begin_epoch(sampler, 0));
    CHECK_FAILS(pr_sampler_step(sampler, 5, views), PR_ERR_INVALID, "step 5 of an epoch of 5");
    pr_sampler_destroy(&sampler);
    crops_destroy(&fakes);
    crops_destroy(&world);
}

/* Every allocation of a sampler's creation fails in turn: an error, and nothing is leaked. */
static void test_out_of_memory(void)
{
    crops world;
    pr_sampler *sampler = NULL;
    pr_sampler_options options = usual();
    pr_status status = PR_ERR_NOMEM;
    long n = 0;

    options.balance = PR_BALANCE_ONCE;
    options.shuffle_labels = true;
    crops_world(&world, 3, 10);
    for (; status != PR_OK && n < 100; n++) {
        const long n_live = pr_alloc_n_live();
        pr_error_clear();
        pr_alloc_fail_on(n);
        status = crops_sampler(&world, &options, &sampler);
        CHECK(status == PR_OK || (status == PR_ERR_NOMEM && pr_alloc_n_live() == n_live),
              "allocation %ld: status %d, %ld more live", n, (int)status,
              pr_alloc_n_live() - n_live);
    }
    pr_alloc_fail_on(-1);
    pr_error_clear();
    CHECK(status == PR_OK && n > 15, "%ld allocations failed", n);
    pr_sampler_destroy(&sampler);
    crops_destroy(&world);
}

/* A million samples: created, planned, dealt and counted in seconds, not by quadratic work. */
static void test_speed(void)
{
    crops world;
    pr_sampler *sampler = NULL;
    pr_sampler_stats stats;
    pr_view views[512];
    pr_sampler_options options = usual();
    const clock_t start = clock();

    options.items_per_batch = 256;
    options.n_micro = 8;
    crops_world(&world, 5000, 50);
    CHECK_OK(crops_sampler(&world, &options, &sampler));
    const double created_s = (double)(clock() - start) / CLOCKS_PER_SEC;
    CHECK_OK(pr_sampler_begin_epoch(sampler, 0));
    for (int64_t step = 0; step < pr_sampler_n_steps(sampler); step++) {
        CHECK_OK(pr_sampler_step(sampler, step, views));
    }
    CHECK_OK(pr_sampler_stats_get(sampler, &stats));
    const double all_s = (double)(clock() - start) / CLOCKS_PER_SEC;
    (void)printf("%lld samples: created in %.2f s, an epoch dealt and counted in %.2f s\n",
                 (long long)world.n, created_s, all_s - created_s);
    CHECK(world.n == 1000000 && stats.n_steps == 3906, "%lld samples, %lld steps",
          (long long)world.n, (long long)stats.n_steps);
    CHECK(all_s < 60.0, "%.1f s", all_s);
    pr_sampler_destroy(&sampler);
    crops_destroy(&world);
}

int main(void)
{
    test_purity();
    test_balance();
    test_balance_once();
    test_balance_none();
    test_errors();
    test_out_of_memory();
    test_speed();
    return check_exit_code();
}
