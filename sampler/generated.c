#include "sampler/generated.h"

#include "dataset/shape.h"
#include "engine/base/alloc.h"

#include <string.h>

enum { NOT_ASKED = -2 };

/* Under PR_FOR_GENERATOR whether a real is perturbed and how; under PR_FOR_MATE the donors. */
enum { DRAW_XP = 0, DRAW_XP_CATEGORY = 1, DRAW_DONOR = 0, DRAW_SUBSET = 1 };

static bool wants_category(const pr_generated_options *o, int category)
{
    return o->generator == PR_GEN_ADDG && category >= o->first_category &&
           category < o->first_category + o->n_categories;
}

static bool wants_similar(const pr_generated_options *o)
{
    return wants_category(o, PR_ADDG_SB_SIM);
}

static bool wants_donors(const pr_generated_options *o)
{
    return o->generator == PR_GEN_BI || wants_similar(o) || wants_category(o, PR_ADDG_SB_RAND);
}

static pr_status check(const pr_generated_options *o)
{
    PR_REQUIRE(o->generator == PR_GEN_ADDG || o->generator == PR_GEN_FWA ||
                   o->generator == PR_GEN_BI,
               PR_ERR_INVALID, "sampler: generator %d, must be ADDG (%d), FWA (%d) or BI (%d)",
               o->generator, PR_GEN_ADDG, PR_GEN_FWA, PR_GEN_BI);
    PR_REQUIRE(o->generator != PR_GEN_ADDG ||
                   (o->first_category >= 1 && o->n_categories >= 1 &&
                    o->first_category + o->n_categories <= PR_ADDG_N + 1),
               PR_ERR_INVALID, "sampler: %d categories from %d on, must lie within 1 .. %d",
               o->n_categories, o->first_category, PR_ADDG_N);
    PR_REQUIRE(o->xp_prob >= 0 && o->xp_prob <= 1, PR_ERR_INVALID,
               "sampler: xp_prob = %g, must be in [0, 1]", o->xp_prob);
    PR_REQUIRE(o->generator != PR_GEN_BI || o->bi_subset >= 1, PR_ERR_INVALID,
               "sampler: bi_subset = %lld, must be at least 1", (long long)o->bi_subset);
    return PR_OK;
}

static pr_status check_landmarks(const pr__source *source, const pr__table *table)
{
    int64_t n_without = 0;
    int64_t first = -1;
    int n_first = 0;
    for (int64_t k = 0; k < table->n_pool[PR_REAL]; k++) {
        const int64_t i = table->pool[PR_REAL][k];
        int n = 0;
        (void)source->landmarks(source->context, i, &n);
        if (n < PR_N_LANDMARKS) {
            n_first = n_without == 0 ? n : n_first;
            first = n_without++ == 0 ? i : first;
        }
    }
    PR_REQUIRE(
        n_without == 0, PR_ERR_INVALID,
        "sampler: %lld of %lld reals have no %d landmarks, which forged views are made from; "
        "the first is sample %lld with %d: pack the dataset with them",
        (long long)n_without, (long long)table->n_pool[PR_REAL], PR_N_LANDMARKS, (long long)first,
        n_first);
    return PR_OK;
}

/* Another person's; where one of the two is unknown, another video's. */
static bool is_another(const pr__donors *donors, int64_t a, int64_t b)
{
    if (donors->person[a] >= 0 && donors->person[b] >= 0) {
        return donors->person[a] != donors->person[b];
    }
    return donors->video[a] != donors->video[b];
}

/* Every real must have a donor: two videos for any, two people for a similar one. */
static pr_status check_donors(const pr__donors *donors, const pr_generated_options *o,
                              const pr__table *table)
{
    const int64_t *const pool = table->pool[PR_REAL];
    const int64_t n = table->n_pool[PR_REAL];
    bool two_videos = false;
    bool two_people = false;
    for (int64_t k = 1; k < n; k++) {
        two_videos = two_videos || donors->video[pool[k]] != donors->video[pool[0]];
        two_people = two_people || is_another(donors, pool[k], pool[0]);
    }
    PR_REQUIRE(two_videos, PR_ERR_INVALID,
               "sampler: forged views with a donor need reals of two videos, there is one");
    PR_REQUIRE(two_people || !wants_similar(o), PR_ERR_INVALID,
               "sampler: SB-Sim needs reals of two people, there is one");
    return PR_OK;
}

static pr_status group_videos(const pr__table *table, pr__groups *videos)
{
    const int64_t n = table->n_pool[PR_REAL];
    pr__entry *const entries = pr_calloc(n, sizeof(*entries));
    PR_REQUIRE(entries != NULL, PR_ERR_NOMEM, "sampler: no memory for %lld reals", (long long)n);
    for (int64_t k = 0; k < n; k++) {
        const int64_t i = table->pool[PR_REAL][k];
        entries[k] = (pr__entry){0, 0, table->video[i], i};
    }
    const pr_status status = pr__groups_build(entries, n, table->n, videos);
    pr_free(entries);
    return status;
}

static pr_status measure_shapes(const pr__source *source, const pr__table *table,
                                pr__donors *donors)
{
    donors->shapes = pr_calloc(table->n, PR_SHAPE_N * sizeof(float));
    donors->similar = pr_calloc(table->n, sizeof(*donors->similar));
    PR_REQUIRE(donors->shapes != NULL && donors->similar != NULL, PR_ERR_NOMEM,
               "sampler: no memory for the shapes of %lld faces", (long long)table->n);
    for (int64_t k = 0; k < table->n_pool[PR_REAL]; k++) {
        const int64_t i = table->pool[PR_REAL][k];
        int n = 0;
        pr_shape_of(source->landmarks(source->context, i, &n), donors->shapes + i * PR_SHAPE_N);
        donors->similar[i] = NOT_ASKED;
    }
    return PR_OK;
}

static pr_status index_shapes(const pr__table *table, pr__donors *donors)
{
    const int64_t n = table->n_pool[PR_REAL];
    float *const rows = pr_calloc(n, PR_SHAPE_N * sizeof(float));
    PR_REQUIRE(rows != NULL, PR_ERR_NOMEM, "sampler: no memory for %lld shapes", (long long)n);
    for (int64_t k = 0; k < n; k++) {
        memcpy(rows + k * PR_SHAPE_N, donors->shapes + table->pool[PR_REAL][k] * PR_SHAPE_N,
               PR_SHAPE_N * sizeof(float));
    }
    const pr_status status = pr__nearest_build(rows, table->pool[PR_REAL], n, &donors->index);
    pr_free(rows);
    return status;
}

pr_status pr__donors_build(const pr__source *source, const pr_sampler_options *options,
                           const pr__table *table, pr__donors *donors)
{
    const pr_generated_options *const o = &options->generated;
    *donors = (pr__donors){.video = table->video, .person = table->person[0]};
    PR_TRY(check(o));
    PR_TRY(check_landmarks(source, table));
    if (wants_donors(o)) {
        PR_TRY(check_donors(donors, o, table));
        PR_TRY(group_videos(table, &donors->videos));
    }
    if (wants_similar(o) || o->generator == PR_GEN_BI) {
        PR_TRY(measure_shapes(source, table, donors));
    }
    return wants_similar(o) ? index_shapes(table, donors) : PR_OK;
}

void pr__donors_free(pr__donors *donors)
{
    pr__groups_free(&donors->videos);
    pr__nearest_free(&donors->index);
    pr_free(donors->shapes);
    pr_free(donors->similar);
    *donors = (pr__donors){0};
}

typedef struct asked {
    const pr__donors *donors;
    int64_t sample;
} asked;

static bool may_donate(const void *context, int64_t sample)
{
    const asked *const a = context;
    return is_another(a->donors, a->sample, sample);
}

/* Worked out when it is first asked for: most epochs show most reals in other categories. */
static int64_t similar_to(pr__donors *donors, int64_t sample)
{
    if (donors->similar[sample] == NOT_ASKED) {
        const asked a = {donors, sample};
        donors->similar[sample] =
            pr__nearest_find(&donors->index, donors->shapes + sample * PR_SHAPE_N, may_donate, &a);
    }
    return donors->similar[sample];
}

static int64_t another_video(const pr__donors *donors, const pr_draw_key *key, uint32_t number,
                             int64_t sample)
{
    const int64_t n = pr__groups_n_others(&donors->videos, sample);
    return pr__groups_other(&donors->videos, sample, pr_draw_below(key, number, n));
}

/* A26: the nearest of some that were drawn, the first of equally near ones. */
static int64_t nearest_of_drawn(const pr__donors *donors, const pr_draw_key *key, int64_t n_drawn,
                                int64_t sample)
{
    int64_t found = -1;
    double least = 0;
    for (int64_t i = 0; i < n_drawn; i++) {
        const int64_t other = another_video(donors, key, DRAW_SUBSET + (uint32_t)i, sample);
        const double d = pr_shape_distance(donors->shapes + sample * PR_SHAPE_N,
                                           donors->shapes + other * PR_SHAPE_N);
        if (found < 0 || d < least) {
            found = other;
            least = d;
        }
    }
    return found;
}

static int64_t draw_donor(pr__donors *donors, const pr_generated_options *o, pr_draw_key key,
                          int64_t sample, const pr__making *making)
{
    key.purpose = PR_FOR_MATE;
    if (making->generator == PR_GEN_BI) {
        return nearest_of_drawn(donors, &key, o->bi_subset, sample);
    }
    if (making->category == PR_ADDG_SB_SIM) {
        return similar_to(donors, sample);
    }
    return making->category == PR_ADDG_SB_RAND ? another_video(donors, &key, DRAW_DONOR, sample)
                                               : -1;
}

pr__making pr__generated_make(pr__donors *donors, const pr_sampler_options *options,
                              const pr_draw_key *key, int64_t sample, bool forged, int64_t turn)
{
    const pr_generated_options *const o = &options->generated;
    const bool has_categories = o->generator == PR_GEN_ADDG;
    pr__making making = {.generator = PR_GEN_NONE, .donor = -1};
    pr_draw_key own = *key;
    own.purpose = PR_FOR_GENERATOR;
    if (forged) {
        making.generator = (uint8_t)o->generator;
        making.category =
            (int16_t)(has_categories ? o->first_category + turn % o->n_categories : 0);
    } else if (has_categories && pr_draw_uniform(&own, DRAW_XP) < o->xp_prob) {
        making.generator = PR_GEN_XP;
        making.category =
            (int16_t)(o->first_category + pr_draw_below(&own, DRAW_XP_CATEGORY, o->n_categories));
    }
    making.donor = draw_donor(donors, o, own, sample, &making);
    return making;
}
