/*
 * What one stage runs on: plans and lanes, the loss graph's executor, the feed, the optimizer, the
 * leaves.
 */
#include "trainer/stage.h"

#include "engine/base/alloc.h"
#include "engine/base/log.h"
#include "engine/base/tree.h"

#include <string.h>

/* Steps of RUN's phase among the first N steps of an epoch. */
static int64_t n_steps_of(const pr_trainer *t, const pr_phase_run *run, int64_t n)
{
    int64_t n_steps = n / t->n_cycle * run->n_per_cycle;
    for (int i = 0; i < n % t->n_cycle; i++) {
        n_steps += pr_stage_cycle_phase(t->options, t->stage, i) == run->number;
    }
    return n_steps;
}

static pr_feed_keys keys_of(const pr_trainer *t, const pr_phase *phase)
{
    const bool shuffles = phase->shuffles_keys != NULL && phase->shuffles_keys(t->options);
    return phase->build_key == NULL ? PR_KEYS_NONE
                                    : (shuffles ? PR_KEYS_SHUFFLED : PR_KEYS_IN_PLACE);
}

static pr_status open_feed(pr_trainer *t, pr_phase_run *run)
{
    pr_feed_options feed = {.samples = t->samples,
                            .sampler = t->options->sampler,
                            .first_row = run->first_row,
                            .last_row = run->last_row,
                            .epoch = t->position.epoch,
                            .epoch_step = n_steps_of(t, run, t->position.epoch_step),
                            .last_epoch = t->position.epoch + t->stage_options->epochs -
                                          t->position.stage_epoch,
                            .keys = keys_of(t, run->phase),
                            .wants_mask = run->phase->wants_mask};
    feed.sampler.seed = run->seed;
    feed.sampler.views_per_item = run->phase->views_per_item;
    feed.sampler.items_per_batch = run->n_views / run->phase->views_per_item;
    feed.sampler.n_micro = (int)t->n_micro;
    feed.sampler.shuffle_labels = t->options->data.shuffle_labels;
    if (run->phase->views_per_item == 1) {
        feed.sampler.pairing = PR_PAIR_NONE;
    }
    if (run->phase->sampler != NULL) {
        run->phase->sampler(t->options, run->number, &feed.sampler);
    }
    feed.loader.augment = t->options->augment;
    feed.loader.generate = t->options->generate;
    feed.loader.generate.forges = feed.sampler.generated.on;
    feed.loader.generate.addg = t->options->addg;
    feed.loader.out_px = (int)t->options->model.px;
    feed.loader.seed = run->seed;
    feed.loader.n_threads = t->n_loader_threads;
    feed.loader.n_batches_ahead = (int)t->options->data.n_batches_ahead;
    feed.loader.on_bad_sample = (pr_bad_sample)t->options->data.on_bad_sample;
    return pr_feed_create(&feed, &run->feed);
}

/* An epoch has as many whole cycles as every phase's feed has steps for. */
static pr_status open_feeds(pr_trainer *t)
{
    int64_t n_cycles = INT64_MAX;
    for (int p = 0; p < t->n_phases; p++) {
        pr_phase_run *const run = &t->phases[p];
        PR_TRY(open_feed(t, run));
        const int64_t n =
            run->n_per_cycle == 0 ? INT64_MAX : pr_feed_n_steps(run->feed) / run->n_per_cycle;
        n_cycles = n < n_cycles ? n : n_cycles;
    }
    PR_REQUIRE(n_cycles > 0, PR_ERR_INVALID,
               "stage '%s': an epoch's samples are less than one cycle of %d steps: a smaller "
               "stage.%s.batch, or more samples",
               t->stage->name, t->n_cycle, t->stage->name);
    for (int p = 0; p < t->n_phases; p++) {
        pr_feed_limit(t->phases[p].feed, n_cycles * t->phases[p].n_per_cycle);
    }
    t->steps_per_epoch = n_cycles * t->n_cycle;
    return PR_OK;
}

static pr_status allocate_step(pr_trainer *t)
{
    const size_t real_bytes = pr_dtype_bytes(t->real);
    t->z = pr_calloc(t->max_rows * t->max_cols, real_bytes);
    t->k = pr_calloc(t->max_rows * t->max_cols, real_bytes);
    t->k_of = pr_calloc(t->max_rows * t->max_cols, real_bytes);
    t->row_loss = pr_calloc(t->max_rows, sizeof(*t->row_loss));
    t->place = pr_calloc(2 * t->max_rows, sizeof(*t->place));
    t->view = pr_calloc(2 * t->max_rows, sizeof(*t->view));
    t->sync = pr_calloc(t->max_sync * pr__stage_n_local(t), sizeof(*t->sync));
    bool whole = t->z != NULL && t->k != NULL && t->k_of != NULL && t->row_loss != NULL &&
                 t->place != NULL && t->view != NULL && t->sync != NULL;
    for (int i = 0; i <= PR_MAX_TERMS && whole; i++) {
        t->term_rows[i] = pr_calloc(t->max_rows, sizeof(double));
        whole = t->term_rows[i] != NULL;
    }
    for (int i = 0; i < PR_MAX_TERMS && whole; i++) {
        t->term_valid[i] = pr_calloc(t->max_rows, sizeof(int64_t));
        whole = t->term_valid[i] != NULL;
    }
    PR_REQUIRE(whole, PR_ERR_NOMEM, "no memory for a batch of %lld rows", (long long)t->max_rows);
    return PR_OK;
}

static pr_status open_optimizer(pr_trainer *t)
{
    pr_optim_phase phases[PR_MAX_PHASES];
    for (int p = 0; p < t->n_phases; p++) {
        const pr_phase *const phase = &t->stage->phases[p];
        phases[p] = phase->n_trains > 0 ? (pr_optim_phase){phase->trains, phase->n_trains}
                                        : (pr_optim_phase){t->stage->trains, t->stage->n_trains};
    }
    return pr_optimizer_create_phases(t->store, &t->stage_options->optim, phases, t->n_phases,
                                      &t->optimizer);
}

static pr_status begin(pr_trainer *t, int stage)
{
    const int rank = pr_comm_rank(t->comm);
    const int n_ranks = pr_comm_n_ranks(t->comm);
    t->n_micro = pr_stage_n_micro(
        t->options, pr_phase_n_views(t->options, t->stage_options, &t->stage->phases[0]));
    PR_REQUIRE(
        n_ranks <= t->n_micro, PR_ERR_INVALID,
        "%d ranks for %lld micro-batches of stage '%s': start at most %lld ranks, run several "
        "jobs side by side, raise train.n_micro, or take a larger stage.%s.batch",
        n_ranks, (long long)t->n_micro, t->stage->name, (long long)t->n_micro, t->stage->name);
    pr_tree_block(t->n_micro, n_ranks, rank, &t->first_micro, &t->last_micro);
    PR_TRY(pr__stage_plan(t, stage));
    PR_TRY(pr__stage_memory(t));
    for (int p = 0; p < t->n_phases; p++) {
        PR_TRY(pr__stage_open(t, &t->phases[p]));
    }
    PR_TRY(open_feeds(t));
    PR_TRY(pr_fold_create(t->n_micro, rank, n_ranks, pr_store_arena_n(t->store), t->real,
                          t->n_lane_memory, &t->fold));
    PR_TRY(allocate_step(t));
    PR_TRY(open_optimizer(t));
    pr_log_info(
        "stage '%s': %lld epochs of %lld steps, %lld views a step in %lld micro-batches: "
        "batch norm sees %lld views; at most %lld ranks",
        t->stage->name, (long long)t->stage_options->epochs, (long long)t->steps_per_epoch,
        (long long)t->phases[0].n_views, (long long)t->n_micro,
        (long long)(t->options->model.sync_bn ? t->phases[0].n_rows : t->phases[0].n_rows_micro),
        (long long)t->n_micro);
    return PR_OK;
}

pr_status pr_stage_begin(pr_trainer *t, int stage)
{
    pr_stage_end(t);
    t->stage = &t->objective->stages[stage];
    t->n_phases = t->stage->n_phases;
    PR_TRY(pr_stage_options_find(t->options, t->stage->name, &t->stage_options));
    return begin(t, stage);
}

static void close_phase(pr_phase_run *run)
{
    pr_feed_destroy(&run->feed);
    for (int i = 0; run->lanes != NULL && i < run->n_lanes; i++) {
        pr_exec_destroy(&run->lanes[i].exec);
    }
    for (int i = 0; run->key_lanes != NULL && i < run->n_lanes; i++) {
        pr_exec_destroy(&run->key_lanes[i].exec);
    }
    for (int i = 0; i < PR_MAX_EMA; i++) {
        pr_ema_destroy(&run->ema[i]);
    }
    pr_free(run->lanes);
    pr_free(run->key_lanes);
    pr_exec_destroy(&run->loss.exec);
    pr_plan_destroy(&run->model_plan);
    pr_plan_destroy(&run->loss_plan);
    pr_plan_destroy(&run->key_plan);
    memset(run, 0, sizeof(*run));
}

void pr_stage_end(pr_trainer *t)
{
    for (int p = 0; p < PR_MAX_PHASES; p++) {
        close_phase(&t->phases[p]);
    }
    for (int i = 0; t->lane_memory != NULL && i < t->n_lane_memory; i++) {
        pr_free(t->lane_memory[i]);
    }
    pr_free(t->lane_memory);
    pr_optimizer_destroy(&t->optimizer);
    pr_fold_destroy(&t->fold);
    pr_free(t->z);
    pr_free(t->k);
    pr_free(t->k_of);
    pr_free(t->row_loss);
    pr_free(t->place);
    pr_free(t->view);
    pr_free(t->sync);
    for (int i = 0; i <= PR_MAX_TERMS; i++) {
        pr_free(t->term_rows[i]);
        t->term_rows[i] = NULL;
    }
    for (int i = 0; i < PR_MAX_TERMS; i++) {
        pr_free(t->term_valid[i]);
        t->term_valid[i] = NULL;
    }
    t->lane_memory = NULL;
    t->n_lane_memory = 0;
    t->z = NULL;
    t->k = NULL;
    t->k_of = NULL;
    t->row_loss = NULL;
    t->place = NULL;
    t->view = NULL;
    t->sync = NULL;
    t->max_rows = 0;
    t->max_cols = 0;
    t->max_sync = 0;
    t->last_run = NULL;
    t->stage = NULL;
}
