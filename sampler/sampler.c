#include "sampler/sampler.h"

#include "engine/base/alloc.h"
#include "engine/base/draw.h"
#include "sampler/plan.h"

static pr_status check_probs(const pr_sampler_options *options)
{
    for (int level = 0; level < PR_LEVEL_COUNT; level++) {
        const double prob = options->pair_probs[level];
        PR_REQUIRE(prob >= 0.0 && prob <= 1.0, PR_ERR_INVALID,
                   "sampler: pair_probs of level %d is %g, must be in [0, 1]", level, prob);
        PR_REQUIRE(prob == 0.0 || (level >= PR_LEVEL_INSTANCE && level <= (int)options->pairing),
                   PR_ERR_INVALID,
                   "sampler: pair_probs of level %d is %g, but the pairing has levels 1 to %d only",
                   level, prob, (int)options->pairing);
    }
    return PR_OK;
}

static pr_status check_batch(const pr_sampler_options *options)
{
    const bool balanced = options->balance != PR_BALANCE_NONE;
    const int64_t unit = options->n_micro * (balanced ? (int64_t)2 : (int64_t)1);

    PR_REQUIRE(options->n_micro >= 1 && options->items_per_batch >= 1, PR_ERR_INVALID,
               "sampler: %lld items a batch in %d micro-batches, both must be at least 1",
               (long long)options->items_per_batch, options->n_micro);
    if (options->items_per_batch % unit != 0) {
        const int64_t below = options->items_per_batch / unit * unit;
        return PR_FAIL(
            PR_ERR_INVALID,
            "sampler: a batch of %lld items does not divide into %d micro-batches%s; the "
            "nearest that do are %lld and %lld",
            (long long)options->items_per_batch, options->n_micro,
            balanced ? " of equally many reals and fakes" : "",
            (long long)(below > 0 ? below : unit),
            (long long)(below > 0 ? below + unit : 2 * unit));
    }
    return PR_OK;
}

static pr_status check_options(const pr_sampler_options *options)
{
    const bool paired = options->pairing != PR_PAIR_NONE;

    PR_TRY(check_batch(options));
    PR_REQUIRE(!options->generated.on || (!paired && options->balance != PR_BALANCE_NONE),
               PR_ERR_INVALID,
               "sampler: forged views are single views in balanced batches, not pairs");
    PR_REQUIRE(options->views_per_item == (paired ? 2 : 1), PR_ERR_INVALID,
               "sampler: %d views an item, must be %d with%s pairing", options->views_per_item,
               paired ? 2 : 1, paired ? "" : "out");
    PR_REQUIRE(options->pairing < PR_PAIR_TEMPORAL || options->max_gap >= 1, PR_ERR_INVALID,
               "sampler: temporal mates at most %lld frames apart, must be at least 1",
               (long long)options->max_gap);
    PR_REQUIRE(options->frame_shift_prob >= 0.0 && options->frame_shift_prob <= 1.0 &&
                   options->mixup_prob >= 0.0 && options->mixup_prob <= 1.0,
               PR_ERR_INVALID,
               "sampler: frame_shift_prob %g and mixup_prob %g, both must be in [0, 1]",
               options->frame_shift_prob, options->mixup_prob);
    PR_REQUIRE(
        !options->generated.on || (options->frame_shift_prob == 0.0 && options->mixup_prob == 0.0),
        PR_ERR_INVALID,
        "sampler: frame_shift_prob %g and mixup_prob %g, both must be 0 where views are forged",
        options->frame_shift_prob, options->mixup_prob);
    return check_probs(options);
}

/* How many anchors a pass has, and in which proportion of reals. */
static pr_status plan_pass(pr_sampler *sampler)
{
    const pr_sampler_options *const options = &sampler->options;
    const int64_t n_real = sampler->table.n_pool[PR_REAL];
    const int64_t n_fake = sampler->table.n_pool[PR_FAKE];
    const bool balanced = options->balance != PR_BALANCE_NONE;

    PR_REQUIRE(!balanced || (n_real > 0 && n_fake > 0), PR_ERR_INVALID,
               "sampler: %lld reals and %lld fakes; balanced batches need both", (long long)n_real,
               (long long)n_fake);
    sampler->n_pass = balanced ? 2 * (n_real < n_fake ? n_real : n_fake) : n_real + n_fake;
    sampler->share_real = balanced ? 1 : n_real;
    sampler->share_all = balanced ? 2 : n_real + n_fake;
    PR_REQUIRE(sampler->n_pass >= options->items_per_batch, PR_ERR_INVALID,
               "sampler: %lld samples%s are fewer than one batch of %lld",
               (long long)sampler->n_pass, balanced ? " (equally many reals and fakes)" : "",
               (long long)options->items_per_batch);
    PR_REQUIRE(sampler->n_pass <= UINT32_MAX, PR_ERR_INVALID,
               "sampler: %lld items an epoch, at most %lld can be numbered",
               (long long)sampler->n_pass, (long long)UINT32_MAX);
    sampler->n_steps = sampler->n_pass / options->items_per_batch;
    return PR_OK;
}

/* level_probs[PR_LEVEL_NONE] = 1 says that levels are weighted; the others then sum to 1. */
static void normalise_probs(pr_sampler *sampler)
{
    double sum = 0.0;
    for (int level = PR_LEVEL_INSTANCE; level < PR_LEVEL_COUNT; level++) {
        sum += sampler->options.pair_probs[level];
    }
    for (int level = PR_LEVEL_INSTANCE; sum > 0.0 && level < PR_LEVEL_COUNT; level++) {
        sampler->level_probs[level] = sampler->options.pair_probs[level] / sum;
    }
    sampler->level_probs[PR_LEVEL_NONE] = sum > 0.0 ? 1.0 : 0.0;
}

static pr_status allocate(pr_sampler *sampler)
{
    const int64_t n = sampler->table.n;

    for (int label = PR_REAL; label <= PR_FAKE; label++) {
        sampler->order[label] =
            pr_calloc(sampler->table.n_pool[label], sizeof(*sampler->order[label]));
    }
    sampler->n_shown = pr_calloc(n, sizeof(*sampler->n_shown));
    sampler->video_shown = pr_calloc(n, sizeof(*sampler->video_shown));
    sampler->person_shown = pr_calloc(2 * n, sizeof(*sampler->person_shown));
    PR_REQUIRE(sampler->order[PR_REAL] != NULL && sampler->order[PR_FAKE] != NULL &&
                   sampler->n_shown != NULL && sampler->video_shown != NULL &&
                   sampler->person_shown != NULL,
               PR_ERR_NOMEM, "sampler: no memory for the plan of %lld samples", (long long)n);
    return PR_OK;
}

static pr_status build(pr_sampler *sampler, const pr__source *source)
{
    const pr_sampler_options *const options = &sampler->options;
    const pr__table_options table = {
        .seed = options->seed,
        /* Where views are forged it is their labels that are shuffled: all samples are real. */
        .shuffle_labels = options->shuffle_labels && !options->generated.on,
        .subset_once = options->balance == PR_BALANCE_ONCE,
        .max_gap = options->pairing >= PR_PAIR_TEMPORAL ? options->max_gap : 0,
        .semantic = options->pairing >= PR_PAIR_SEMANTIC,
        .clips = options->frame_shift_prob > 0.0,
        .reals_alone = options->generated.on,
    };

    PR_TRY(pr__table_build(source, &table, &sampler->table));
    PR_TRY(plan_pass(sampler));
    normalise_probs(sampler);
    if (options->generated.on) {
        sampler->donors = pr_calloc(1, sizeof(*sampler->donors));
        PR_REQUIRE(sampler->donors != NULL, PR_ERR_NOMEM, "sampler: out of memory");
        PR_TRY(pr__donors_build(source, options, &sampler->table, sampler->donors));
    }
    return allocate(sampler);
}

pr_status pr__sampler_create_from(const pr__source *source, const pr_sampler_options *options,
                                  pr_sampler **out)
{
    PR_TRY(check_options(options));
    pr_sampler *sampler = pr_calloc(1, sizeof(*sampler));
    PR_REQUIRE(sampler != NULL, PR_ERR_NOMEM, "sampler: out of memory");
    sampler->options = *options;
    sampler->epoch = -1;
    sampler->stats_epoch = -1;

    const pr_status status = build(sampler, source);
    if (status != PR_OK) {
        pr_sampler_destroy(&sampler);
        return status;
    }
    *out = sampler;
    return PR_OK;
}

static const pr_sample *sample_at(const void *context, int64_t i)
{
    return pr_samples_at(context, i);
}

static const float *landmarks_of(const void *context, int64_t i, int *n)
{
    return pr_samples_landmarks(context, i, n);
}

static int64_t aligned_of(const void *context, int64_t i)
{
    return pr_samples_aligned(context, i);
}

pr_status pr_sampler_create(const pr_samples *samples, const pr_sampler_options *options,
                            pr_sampler **out)
{
    const pr__source source = {.n = pr_samples_n(samples),
                               .at = sample_at,
                               .aligned = aligned_of,
                               .context = samples,
                               .landmarks = landmarks_of};
    return pr__sampler_create_from(&source, options, out);
}

void pr_sampler_destroy(pr_sampler **sampler)
{
    pr_sampler *const gone = *sampler;
    if (gone != NULL) {
        if (gone->donors != NULL) {
            pr__donors_free(gone->donors);
        }
        pr_free(gone->donors);
        pr__table_free(&gone->table);
        pr_free(gone->order[PR_REAL]);
        pr_free(gone->order[PR_FAKE]);
        pr_free(gone->n_shown);
        pr_free(gone->video_shown);
        pr_free(gone->person_shown);
        pr_free(gone);
        *sampler = NULL;
    }
}

int64_t pr_sampler_n_steps(const pr_sampler *sampler)
{
    return sampler->n_steps;
}

int64_t pr_sampler_n_views(const pr_sampler *sampler)
{
    return sampler->options.items_per_batch * sampler->options.views_per_item;
}

pr_status pr_sampler_begin_epoch(pr_sampler *sampler, uint32_t epoch)
{
    if (sampler->epoch == (int64_t)epoch) {
        return PR_OK;
    }
    for (int label = PR_REAL; label <= PR_FAKE; label++) {
        /* A fresh permutation of the whole class: its beginning is the epoch's subset as well. */
        const pr_draw_key key = {.seed = sampler->options.seed,
                                 .epoch = epoch,
                                 .place = (uint32_t)label,
                                 .purpose = PR_FOR_ORDER};
        const int64_t n = sampler->table.n_pool[label];
        pr_draw_permutation(&key, n, sampler->order[label]);
        for (int64_t i = 0; i < n; i++) {
            sampler->order[label][i] = sampler->table.pool[label][sampler->order[label][i]];
        }
    }
    sampler->epoch = (int64_t)epoch;
    return PR_OK;
}

static void show(const pr__shown *shown, pr_view *view)
{
    view->sample = shown->sample;
    view->mate = shown->real;
    view->generator = shown->real >= 0 ? PR_GEN_MIXUP : PR_GEN_NONE;
}

pr_status pr_sampler_step(pr_sampler *sampler, int64_t step, pr_view *views)
{
    const pr_sampler_options *const options = &sampler->options;
    const int64_t n_items = options->items_per_batch / options->n_micro;

    PR_REQUIRE(sampler->epoch >= 0, PR_ERR_INVALID, "sampler: a step before any epoch was begun");
    PR_REQUIRE(step >= 0 && step < sampler->n_steps, PR_ERR_INVALID,
               "sampler: step %lld of an epoch of %lld", (long long)step,
               (long long)sampler->n_steps);
    for (int64_t i = 0; i < options->items_per_batch; i++) {
        const int64_t number = step * options->items_per_batch + i;
        const pr__item item = pr__plan_item(sampler, number);
        pr_view *const first =
            views + i / n_items * n_items * options->views_per_item + i % n_items;

        *first = (pr_view){.place = (uint32_t)number,
                           .level = PR_LEVEL_NONE,
                           .label = item.label,
                           .category = item.making.category,
                           .want_mask = options->want_masks};
        show(&item.shown[0], first);
        if (item.making.generator != PR_GEN_NONE) {
            first->generator = item.making.generator;
            first->mate = item.making.donor;
        }
        if (options->views_per_item > 1) {
            pr_view *const second = first + n_items;
            *second = *first;
            show(&item.shown[1], second);
            second->view = 1;
            second->level = item.level;
        }
    }
    return PR_OK;
}
