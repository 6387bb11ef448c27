/* Views forged in memory: whose turn it is, whose crop the donor is, and what is refused. */
#include "dataset/addg.h"
#include "dataset/shape.h"
#include "engine/base/draw.h"
#include "sampler/nearest.h"
#include "tests/sampler/crops.h"

#include <math.h>

enum { N_PEOPLE = 12, N_FRAMES = 5, BATCH = 24, N_MICRO = 2, MAX_SAMPLES = 1024 };

/* Faces of a person are alike, those of a video more so; two videos are the same face twice over. */
static float points[MAX_SAMPLES][PR_SHAPE_N];

static void draw_points(const crops *world)
{
    for (int64_t i = 0; i < world->n; i++) {
        const pr_sample *const s = &world->at[i];
        for (uint32_t k = 0; k < PR_SHAPE_N; k++) {
            const pr_draw_key person = {.place = (uint32_t)s->bg_id};
            const pr_draw_key video = {.seed = 1, .place = (uint32_t)s->video_key};
            const pr_draw_key frame = {.seed = 2, .place = (uint32_t)i};
            points[i][k] = (float)(10 * pr_draw_uniform(&person, k) +
                                   2 * pr_draw_uniform(&video, k) + pr_draw_uniform(&frame, k));
        }
    }
}

static const pr_sample *at(const void *context, int64_t i)
{
    const crops *const world = context;
    return &world->at[i];
}

static int n_points = PR_N_LANDMARKS;

static const float *landmarks(const void *context, int64_t i, int *n)
{
    (void)context;
    *n = i == 3 ? n_points : PR_N_LANDMARKS;
    return points[i];
}

static pr_status make(const crops *world, const pr_sampler_options *options, pr_sampler **out)
{
    const pr__source source = {.n = world->n, .at = at, .context = world, .landmarks = landmarks};
    return pr__sampler_create_from(&source, options, out);
}

static pr_sampler_options addg(void)
{
    return (pr_sampler_options){.seed = 5,
                                .items_per_batch = BATCH,
                                .views_per_item = 1,
                                .n_micro = N_MICRO,
                                .generated = {.on = true,
                                              .generator = PR_GEN_ADDG,
                                              .first_category = 1,
                                              .n_categories = PR_ADDG_N,
                                              .xp_prob = 0.5}};
}

/* Counts of one micro-batch, which must be within one of each other and of the next's. */
static void check_micro(const pr_view *views, int64_t n, int64_t least[2])
{
    int64_t n_of[PR_ADDG_N + 1] = {0};
    int64_t n_fakes = 0;
    for (int64_t i = 0; i < n; i++) {
        const bool fake = views[i].label == PR_FAKE;
        CHECK(fake == (views[i].generator == PR_GEN_ADDG), "label %d of generator %d",
              views[i].label, views[i].generator);
        CHECK((views[i].generator == PR_GEN_NONE) == (views[i].category == 0), "category %d of %d",
              views[i].category, views[i].generator);
        n_of[views[i].category] += fake;
        n_fakes += fake;
    }
    CHECK(n_fakes == n / 2, "%lld fakes of %lld", (long long)n_fakes, (long long)n);
    for (int c = 1; c <= PR_ADDG_N; c++) {
        least[0] = n_of[c] < least[0] ? n_of[c] : least[0];
        least[1] = n_of[c] > least[1] ? n_of[c] : least[1];
    }
}

static void check_turns(const crops *world)
{
    enum { N_EPOCHS = 9 };
    const pr_sampler_options options = addg();
    pr_sampler *sampler = NULL;
    int64_t n_of[PR_ADDG_N + 1] = {0};
    int64_t n_xp = 0;
    int64_t n_forged = 0;
    CHECK_OK(make(world, &options, &sampler));
    for (uint32_t epoch = 0; epoch < N_EPOCHS; epoch++) {
        int n_shown[2][MAX_SAMPLES] = {{0}};
        int64_t range[2] = {BATCH, 0};
        pr_sampler_stats stats;
        CHECK_OK(pr_sampler_begin_epoch(sampler, epoch));
        CHECK_OK(pr_sampler_stats_get(sampler, &stats));
        for (int64_t step = 0; step < pr_sampler_n_steps(sampler); step++) {
            pr_view views[BATCH];
            CHECK_OK(pr_sampler_step(sampler, step, views));
            for (int m = 0; m < N_MICRO; m++) {
                check_micro(views + (ptrdiff_t)m * BATCH / N_MICRO, BATCH / N_MICRO, range);
            }
            for (int i = 0; i < BATCH; i++) {
                const pr_view *const v = &views[i];
                CHECK(world->at[v->sample].label == PR_REAL, "a fake sample is shown");
                CHECK(++n_shown[(int)v->label][v->sample] == 1, "a sample is shown twice");
                const bool needs = pr_addg_needs_donor((pr_generator)v->generator, v->category);
                CHECK(needs == (v->mate >= 0), "category %d has donor %lld", v->category,
                      (long long)v->mate);
                n_of[v->category] += v->label == PR_FAKE;
                n_xp += v->generator == PR_GEN_XP;
                n_forged += v->label == PR_FAKE;
            }
        }
        CHECK(range[1] - range[0] <= 1, "a category has %lld to %lld views", (long long)range[0],
              (long long)range[1]);
        CHECK(stats.n_generated == stats.n_items / 2 && stats.by_category[0] == 0 && stats.n_xp > 0,
              "%lld forged of %lld", (long long)stats.n_generated, (long long)stats.n_items);
    }
    for (int c = 1; c <= PR_ADDG_N; c++) {
        CHECK(n_of[c] == n_forged / PR_ADDG_N, "category %d is shown %lld times of %lld", c,
              (long long)n_of[c], (long long)n_forged);
    }
    CHECK(llabs(n_xp - n_forged / 2) < n_forged / 10, "%lld reals of %lld are X_P", (long long)n_xp,
          (long long)n_forged);
    pr_sampler_destroy(&sampler);
}

static int64_t brute_nearest(const crops *world, int64_t sample)
{
    float own[PR_SHAPE_N];
    int64_t found = -1;
    double least = 0;
    pr_shape_of(points[sample], own);
    for (int64_t i = 0; i < world->n; i++) {
        if (world->at[i].label == PR_FAKE || world->at[i].bg_id == world->at[sample].bg_id) {
            continue;
        }
        float other[PR_SHAPE_N];
        pr_shape_of(points[i], other);
        double sum = 0;
        for (int k = 0; k < PR_SHAPE_N; k++) {
            sum += ((double)own[k] - (double)other[k]) * ((double)own[k] - (double)other[k]);
        }
        if (found < 0 || sqrt(sum) < least - 1e-12) {
            found = i;
            least = sqrt(sum);
        }
    }
    return found;
}

static void check_donors(const crops *world)
{
    enum { N_EPOCHS = 40 };
    pr_sampler_options options = addg();
    int n_given[MAX_SAMPLES] = {0};
    int64_t n_rand = 0;
    for (int category = PR_ADDG_SB_RAND; category <= PR_ADDG_SB_SIM; category++) {
        options.generated.first_category = category;
        options.generated.n_categories = 1;
        pr_sampler *sampler = NULL;
        CHECK_OK(make(world, &options, &sampler));
        for (uint32_t epoch = 0; epoch < N_EPOCHS; epoch++) {
            CHECK_OK(pr_sampler_begin_epoch(sampler, epoch));
            for (int64_t step = 0; step < pr_sampler_n_steps(sampler); step++) {
                pr_view views[BATCH];
                CHECK_OK(pr_sampler_step(sampler, step, views));
                for (int i = 0; i < BATCH; i++) {
                    const pr_view *const v = &views[i];
                    if (v->category == 0) {
                        continue;
                    }
                    CHECK(world->at[v->mate].label == PR_REAL, "a fake donates");
                    CHECK(world->at[v->mate].video_key != world->at[v->sample].video_key,
                          "a video donates to itself");
                    n_given[v->mate] += category == PR_ADDG_SB_RAND;
                    n_rand += category == PR_ADDG_SB_RAND;
                    if (category == PR_ADDG_SB_SIM && epoch == 0) {
                        const int64_t want = brute_nearest(world, v->sample);
                        CHECK(v->mate == want, "sample %lld has donor %lld, nearest is %lld",
                              (long long)v->sample, (long long)v->mate, (long long)want);
                    }
                }
            }
        }
        pr_sampler_destroy(&sampler);
    }
    const double mean = (double)n_rand / (2.0 * N_PEOPLE * N_FRAMES);
    for (int64_t i = 0; i < world->n; i++) {
        CHECK(world->at[i].label == PR_FAKE || fabs(n_given[i] - mean) < 5 * sqrt(mean),
              "sample %lld donates %d times, the mean is %g", (long long)i, n_given[i], mean);
    }
}

/* BI's donor is the nearest of those that its draws name. */
static void check_bi(const crops *world)
{
    enum { SUBSET = 7 };
    pr_sampler_options options = addg();
    options.generated.generator = PR_GEN_BI;
    options.generated.bi_subset = SUBSET;
    pr_sampler *sampler = NULL;
    pr_view views[BATCH];
    CHECK_OK(make(world, &options, &sampler));
    CHECK_OK(pr_sampler_begin_epoch(sampler, 2));
    CHECK_OK(pr_sampler_step(sampler, 0, views));
    for (int i = 0; i < BATCH; i++) {
        const pr_view *const v = &views[i];
        CHECK((v->generator == PR_GEN_BI) == (v->label == PR_FAKE) && v->category == 0,
              "generator %d, category %d", v->generator, v->category);
        const pr_draw_key key = {.seed = 5, .epoch = 2, .place = v->place, .purpose = PR_FOR_MATE};
        int64_t others[MAX_SAMPLES];
        int64_t n = 0;
        for (int64_t k = 0; k < world->n; k++) {
            if (world->at[k].label == PR_REAL &&
                world->at[k].video_key != world->at[v->sample].video_key) {
                others[n++] = k;
            }
        }
        int64_t found = -1;
        double least = 9;
        float own[PR_SHAPE_N];
        pr_shape_of(points[v->sample], own);
        for (uint32_t k = 1; k <= SUBSET && v->label == PR_FAKE; k++) {
            const int64_t other = others[pr_draw_below(&key, k, n)];
            float shape[PR_SHAPE_N];
            pr_shape_of(points[other], shape);
            const double d = pr_shape_distance(own, shape);
            found = d < least ? other : found;
            least = d < least ? d : least;
        }
        CHECK(v->mate == found, "donor %lld, the nearest drawn is %lld", (long long)v->mate,
              (long long)found);
    }
    pr_sampler_destroy(&sampler);
}

static bool all_but_seven(const void *context, int64_t sample)
{
    (void)context;
    return sample % 7 != 0;
}

/* The index against a search of all, on shapes of few degrees of freedom, some of them equal. */
static void check_index(void)
{
    enum { N = 3000, N_ASKED = 200, DEGREES = 6 };
    float *const shapes = pr_calloc(N, PR_SHAPE_N * sizeof(float));
    int64_t *const samples = pr_calloc(N, sizeof(*samples));
    pr__nearest index = {0};
    for (uint32_t i = 0; i < N; i++) {
        const uint32_t twin = i % 10 == 9 ? i - 9 : i;
        samples[i] = (int64_t)(i * 7919 % N);
        for (uint32_t k = 0; k < PR_SHAPE_N; k++) {
            double v = 0;
            for (uint32_t d = 0; d < DEGREES; d++) {
                const pr_draw_key base = {.seed = 3, .place = d};
                const pr_draw_key own = {.seed = 4, .place = twin};
                v += pr_draw_uniform(&base, k) * pr_draw_uniform(&own, d) / (1 + d);
            }
            shapes[(size_t)i * PR_SHAPE_N + k] = (float)v;
        }
    }
    CHECK_OK(pr__nearest_build(shapes, samples, N, &index));
    for (int64_t i = 0; i < N_ASKED; i++) {
        const float *const shape = shapes + i * 13 * PR_SHAPE_N;
        int64_t found = -1;
        double least = 1e9;
        for (int64_t k = 0; k < N; k++) {
            const double d = pr_shape_distance(shape, shapes + k * PR_SHAPE_N);
            if (samples[k] % 7 != 0 && (d < least || (d == least && samples[k] < found))) {
                found = samples[k];
                least = d;
            }
        }
        const int64_t got = pr__nearest_find(&index, shape, all_but_seven, NULL);
        CHECK(got == found, "nearest is %lld, want %lld", (long long)got, (long long)found);
    }
    CHECK(index.n_looked < (int64_t)N * N_ASKED / 2, "%lld of %lld distances were taken",
          (long long)index.n_looked, (long long)N * N_ASKED);
    pr__nearest_free(&index);
    pr_free(shapes);
    pr_free(samples);
}

static uint64_t hash_of(const crops *world, const pr_sampler_options *options, uint32_t epoch)
{
    pr_sampler *sampler = NULL;
    uint64_t hash = 0;
    CHECK_OK(make(world, options, &sampler));
    CHECK_OK(pr_sampler_begin_epoch(sampler, epoch));
    CHECK_OK(pr_sampler_hash(sampler, &hash));
    pr_sampler_destroy(&sampler);
    return hash;
}

static void check_hashes(const crops *world)
{
    pr_sampler_options options = addg();
    const uint64_t hash = hash_of(world, &options, 1);
    CHECK(hash == hash_of(world, &options, 1), "a plan differs from itself");
    options.n_micro = 1;
    CHECK(hash == hash_of(world, &options, 1), "micro-batches change the plan");
    options.generated.xp_prob = 0;
    CHECK(hash != hash_of(world, &options, 1), "X_P does not enter the hash");
}

/* The control: labels say nothing of what is forged, and are the same in every epoch. */
static void check_shuffled(const crops *world)
{
    enum { N_EPOCHS = 8 };
    pr_sampler_options options = addg();
    options.shuffle_labels = true;
    pr_sampler *sampler = NULL;
    int first[2][MAX_SAMPLES];
    int64_t n_forged[2] = {0, 0};
    int64_t n_all[2] = {0, 0};
    memset(first, -1, sizeof(first));
    CHECK_OK(make(world, &options, &sampler));
    for (uint32_t epoch = 0; epoch < N_EPOCHS; epoch++) {
        CHECK_OK(pr_sampler_begin_epoch(sampler, epoch));
        for (int64_t step = 0; step < pr_sampler_n_steps(sampler); step++) {
            pr_view views[BATCH];
            CHECK_OK(pr_sampler_step(sampler, step, views));
            for (int i = 0; i < BATCH; i++) {
                const int label = views[i].label == PR_FAKE ? PR_FAKE : PR_REAL;
                const int forged = views[i].generator == PR_GEN_ADDG;
                int *const before = &first[label][views[i].sample];
                CHECK(*before < 0 || *before == forged, "a sample's label changes");
                *before = forged;
                n_forged[label] += forged;
                n_all[label]++;
            }
        }
    }
    for (int label = 0; label < 2; label++) {
        const double share = (double)n_forged[label] / (double)n_all[label];
        CHECK(share > 0.35 && share < 0.65, "%g of label %d are forged", share, label);
    }
    pr_sampler_destroy(&sampler);
}

static void check_refusals(const crops *world)
{
    pr_sampler *sampler = NULL;
    pr_sampler_options options = addg();
    n_points = 5;
    CHECK_FAILS(make(world, &options, &sampler), PR_ERR_INVALID,
                "1 of 120 reals have no 68 landmarks");
    n_points = PR_N_LANDMARKS;
    options.generated.n_categories = 10;
    CHECK_FAILS(make(world, &options, &sampler), PR_ERR_INVALID, "10 categories from 1 on");
    options = addg();
    options.balance = PR_BALANCE_NONE;
    CHECK_FAILS(make(world, &options, &sampler), PR_ERR_INVALID, "not pairs");

    crops one;
    crops_create(&one, MAX_SAMPLES);
    crops_add(&one, PR_REAL, 1, 1, 1, 1, 40, 1);
    options = addg();
    CHECK_FAILS(make(&one, &options, &sampler), PR_ERR_INVALID, "two videos");
    crops_add(&one, PR_REAL, 2, 1, 1, 2, 40, 1);
    CHECK_FAILS(make(&one, &options, &sampler), PR_ERR_INVALID, "two people");
    options.generated.n_categories = PR_ADDG_SB_RAND;
    CHECK_OK(make(&one, &options, &sampler));
    pr_sampler_destroy(&sampler);
    crops_destroy(&one);
}

int main(void)
{
    crops world;
    crops_world(&world, N_PEOPLE, N_FRAMES);
    CHECK(world.n <= MAX_SAMPLES, "%lld samples", (long long)world.n);
    draw_points(&world);
    check_turns(&world);
    check_donors(&world);
    check_bi(&world);
    check_index();
    check_hashes(&world);
    check_shuffled(&world);
    check_refusals(&world);
    crops_destroy(&world);
    return check_exit_code();
}
