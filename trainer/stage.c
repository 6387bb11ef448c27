/*
 * What one stage runs on: plans and lanes, the loss graph's executor, the feed, the optimizer, the
 * leaves. Memory is added up and held against what there is before any of it is taken.
 */
#include "engine/base/alloc.h"
#include "engine/base/log.h"
#include "engine/base/tree.h"
#include "trainer/meet.h"

#include <string.h>
#include <unistd.h>

enum { MAX_LANES = 1024 };

static int64_t n_local(const pr_trainer *t)
{
    return t->last_micro - t->first_micro;
}

static pr_status plan_phase(pr_trainer *t, int stage, int p)
{
    pr_phase_run *const run = &t->phases[p];
    const pr_stage_graphs *const graphs = &t->graphs[stage];
    const pr_plan_options model = {t->backend, true, t->stage->trains, t->stage->n_trains};
    const pr_plan_options loss = {t->backend, true, NULL, 0};

    run->phase = &t->stage->phases[p];
    run->n_rows = pr_phase_n_views(t->options, t->stage_options, run->phase);
    run->n_rows_micro = run->n_rows / t->n_micro;
    run->first_row = t->first_micro * run->n_rows_micro;
    run->last_row = t->last_micro * run->n_rows_micro;
    PR_TRY(pr_plan_create(graphs->model[p], t->store, &model, &run->model_plan));
    if (graphs->loss[p] != NULL) {
        const pr_desc *z = NULL;
        PR_TRY(pr_graph_output_desc(graphs->model[p], "z", &z));
        run->n_cols = z->shape.dims[1];
        PR_TRY(pr_plan_create(graphs->loss[p], t->store, &loss, &run->loss_plan));
    }
    const bool has_cuts = pr_plan_n_segments(run->model_plan, PR_PASS_FORWARD) > 1;
    run->keeps_all = has_cuts || (run->loss_plan != NULL && !t->options->recompute);
    const int64_t n_together = run->keeps_all ? n_local(t) : pr_team_n_threads(t->team);
    run->n_lanes = (int)(n_together < n_local(t) ? n_together : n_local(t));
    PR_REQUIRE(run->n_lanes <= MAX_LANES, PR_ERR_INVALID,
               "%d micro-batches on one rank, at most %d", run->n_lanes, MAX_LANES);
    return PR_OK;
}

static size_t batch_bytes(const pr_trainer *t, const pr_phase_run *run)
{
    const size_t image = (size_t)(t->options->model.px * t->options->model.px * 3) * sizeof(float);
    const size_t n_slots = (size_t)t->options->data.n_batches_ahead + 1;
    return n_slots * (size_t)(run->last_row - run->first_row) * image;
}

static void show_mb(const char *what, size_t n_bytes)
{
    pr_log_info("  %-44s %9.1f MB", what, (double)n_bytes * 1e-6);
}

/* What a rank may use: train.memory_mb, or the machine's memory shared by the ranks of this node. */
static size_t memory_limit(const pr_trainer *t)
{
    if (t->options->memory_mb > 0) {
        return (size_t)t->options->memory_mb * 1000000U;
    }
    const size_t machine = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    return machine / (size_t)pr_comm_n_local(t->comm);
}

static pr_status check_memory(const pr_trainer *t)
{
    const size_t leaf = (size_t)pr_store_arena_n(t->store) * pr_dtype_bytes(t->real);
    size_t lanes = 0;
    size_t batches = 0;
    int n_together = 0;
    for (int p = 0; p < t->n_phases; p++) {
        const pr_phase_run *const run = &t->phases[p];
        const pr_plan_memory *const memory = pr_plan_memory_get(run->model_plan);
        lanes += (size_t)run->n_lanes * (memory->activation_bytes + memory->workspace_bytes);
        if (run->loss_plan != NULL) {
            const pr_plan_memory *const loss = pr_plan_memory_get(run->loss_plan);
            lanes += loss->activation_bytes + loss->workspace_bytes;
        }
        batches += batch_bytes(t, run);
        n_together = run->n_lanes > n_together ? run->n_lanes : n_together;
    }
    const size_t leaves = pr_fold_bytes(t->n_micro, pr_comm_rank(t->comm), pr_comm_n_ranks(t->comm),
                                        pr_store_arena_n(t->store), t->real, n_together);
    const size_t optimizer = 2 * leaf;
    const size_t total = leaf + optimizer + leaves + lanes + batches;
    pr_log_info("memory of rank 0 in stage '%s', %d lanes:", t->stage->name, t->phases[0].n_lanes);
    show_mb("parameters, running statistics, bank", leaf);
    show_mb("optimizer, at most", optimizer);
    show_mb("gradients of micro-batches", leaves);
    show_mb("activations and workspace", lanes);
    show_mb("batches of images", batches);
    show_mb("together", total);
    PR_REQUIRE(total <= memory_limit(t), PR_ERR_NOMEM,
               "stage '%s' needs %.0f MB on this rank and may use %.0f MB (train.memory_mb): "
               "train.recompute: true keeps no activations, a smaller stage.%s.batch or a larger "
               "train.n_micro needs less",
               t->stage->name, (double)total * 1e-6, (double)memory_limit(t) * 1e-6,
               t->stage->name);
    return PR_OK;
}

/* TENSOR becomes NAME's where the graph has it, and NULL memory otherwise. */
static void find_value(pr_exec *exec, const char *name, pr_tensor *tensor)
{
    if (pr_exec_value(exec, name, tensor) != PR_OK) {
        pr_error_clear();
        tensor->data = NULL;
    }
}

static pr_status open_lane(const pr_phase_run *run, pr_lane *lane)
{
    PR_TRY(pr_exec_create(run->model_plan, &lane->exec));
    PR_TRY(pr_exec_value(lane->exec, "image", &lane->image));
    find_value(lane->exec, "label", &lane->label);
    find_value(lane->exec, "weight", &lane->weight);
    if (run->phase->has_local) {
        PR_TRY(pr_exec_value(lane->exec, "loss", &lane->loss));
        PR_TRY(pr_exec_grad(lane->exec, "loss", &lane->loss_seed));
    }
    if (run->loss_plan != NULL) {
        PR_TRY(pr_exec_value(lane->exec, "z", &lane->z));
        PR_TRY(pr_exec_grad(lane->exec, "z", &lane->z_seed));
    }
    return PR_OK;
}

static pr_status open_loss(pr_phase_run *run)
{
    pr_loss_lane *const loss = &run->loss;
    PR_TRY(pr_exec_create(run->loss_plan, &loss->exec));
    PR_TRY(pr_exec_value(loss->exec, "z", &loss->z));
    PR_TRY(pr_exec_grad(loss->exec, "z", &loss->z_grad));
    PR_TRY(pr_exec_value(loss->exec, "label", &loss->label));
    PR_TRY(pr_exec_value(loss->exec, "range", &loss->range));
    PR_TRY(pr_exec_value(loss->exec, "row_loss", &loss->row_loss));
    PR_TRY(pr_exec_grad(loss->exec, "row_loss", &loss->row_loss_seed));
    find_value(loss->exec, "pair", &loss->pair);
    find_value(loss->exec, "id", &loss->id);
    find_value(loss->exec, "info", &loss->info);
    find_value(loss->exec, "lambda", &loss->lambda);
    return PR_OK;
}

static pr_status open_phase(pr_trainer *t, pr_phase_run *run)
{
    run->lanes = pr_calloc(run->n_lanes, sizeof(*run->lanes));
    PR_REQUIRE(run->lanes != NULL, PR_ERR_NOMEM, "no memory for %d lanes", run->n_lanes);
    for (int i = 0; i < run->n_lanes; i++) {
        PR_TRY(open_lane(run, &run->lanes[i]));
    }
    if (run->loss_plan != NULL) {
        PR_TRY(open_loss(run));
    }
    int64_t max_sync = 0;
    PR_TRY(pr_sync_max_n(run, &max_sync));
    t->max_sync = max_sync > t->max_sync ? max_sync : t->max_sync;
    t->max_rows = run->n_rows > t->max_rows ? run->n_rows : t->max_rows;
    t->max_cols = run->n_cols > t->max_cols ? run->n_cols : t->max_cols;
    return PR_OK;
}

static pr_status open_feed(pr_trainer *t, pr_phase_run *run)
{
    pr_feed_options feed = {.samples = t->samples,
                            .sampler = t->options->sampler,
                            .first_row = run->first_row,
                            .last_row = run->last_row,
                            .epoch = t->position.epoch,
                            .epoch_step = t->position.epoch_step / t->n_phases,
                            .last_epoch = t->position.epoch + t->stage_options->epochs -
                                          t->position.stage_epoch};
    const int p = (int)(run - t->phases);
    feed.epoch_step += t->position.epoch_step % t->n_phases > p ? 1 : 0;
    feed.sampler.seed = (uint64_t)t->options->seed;
    feed.sampler.views_per_item = run->phase->views_per_item;
    feed.sampler.items_per_batch = run->n_rows / run->phase->views_per_item;
    feed.sampler.n_micro = (int)t->n_micro;
    feed.sampler.shuffle_labels = t->options->data.shuffle_labels;
    if (run->phase->views_per_item == 1) {
        feed.sampler.pairing = PR_PAIR_NONE;
    }
    feed.loader.augment = t->options->augment;
    feed.loader.out_px = (int)t->options->model.px;
    feed.loader.seed = (uint64_t)t->options->seed;
    feed.loader.n_threads = t->n_loader_threads;
    feed.loader.n_batches_ahead = (int)t->options->data.n_batches_ahead;
    feed.loader.on_bad_sample = (pr_bad_sample)t->options->data.on_bad_sample;
    return pr_feed_create(&feed, &run->feed);
}

static pr_status allocate_step(pr_trainer *t)
{
    const size_t real_bytes = pr_dtype_bytes(t->real);
    t->z = pr_calloc(t->max_rows * t->max_cols, real_bytes);
    t->row_loss = pr_calloc(t->max_rows, sizeof(*t->row_loss));
    t->place = pr_calloc(t->max_rows, sizeof(*t->place));
    t->view = pr_calloc(t->max_rows, sizeof(*t->view));
    t->sync = pr_calloc(t->max_sync * n_local(t), sizeof(*t->sync));
    PR_REQUIRE(t->z != NULL && t->row_loss != NULL && t->place != NULL && t->view != NULL &&
                   t->sync != NULL,
               PR_ERR_NOMEM, "no memory for a batch of %lld rows", (long long)t->max_rows);
    return PR_OK;
}

static pr_status open_optimizer(pr_trainer *t)
{
    return pr_optimizer_create(t->store, &t->stage_options->optim, t->stage->trains,
                               t->stage->n_trains, &t->optimizer);
}

static pr_status begin(pr_trainer *t, int stage)
{
    int n_together = 0;
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
    for (int p = 0; p < t->n_phases; p++) {
        PR_TRY(plan_phase(t, stage, p));
    }
    PR_TRY(check_memory(t));
    for (int p = 0; p < t->n_phases; p++) {
        PR_TRY(open_phase(t, &t->phases[p]));
        PR_TRY(open_feed(t, &t->phases[p]));
        const int64_t n_steps = pr_feed_n_steps(t->phases[p].feed) * t->n_phases;
        t->steps_per_epoch = p == 0 || n_steps < t->steps_per_epoch ? n_steps : t->steps_per_epoch;
        n_together = t->phases[p].n_lanes > n_together ? t->phases[p].n_lanes : n_together;
    }
    PR_TRY(pr_fold_create(t->n_micro, rank, n_ranks, pr_store_arena_n(t->store), t->real,
                          n_together, &t->fold));
    PR_TRY(allocate_step(t));
    PR_TRY(open_optimizer(t));
    pr_log_info(
        "stage '%s': %lld epochs of %lld steps, %lld views a step in %lld micro-batches: "
        "batch norm sees %lld views; at most %lld ranks",
        t->stage->name, (long long)t->stage_options->epochs, (long long)t->steps_per_epoch,
        (long long)t->phases[0].n_rows, (long long)t->n_micro,
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
    pr_free(run->lanes);
    pr_exec_destroy(&run->loss.exec);
    pr_plan_destroy(&run->model_plan);
    pr_plan_destroy(&run->loss_plan);
    memset(run, 0, sizeof(*run));
}

void pr_stage_end(pr_trainer *t)
{
    for (int p = 0; p < PR_MAX_PHASES; p++) {
        close_phase(&t->phases[p]);
    }
    pr_optimizer_destroy(&t->optimizer);
    pr_fold_destroy(&t->fold);
    pr_free(t->z);
    pr_free(t->row_loss);
    pr_free(t->place);
    pr_free(t->view);
    pr_free(t->sync);
    t->z = NULL;
    t->row_loss = NULL;
    t->place = NULL;
    t->view = NULL;
    t->sync = NULL;
    t->max_rows = 0;
    t->max_cols = 0;
    t->max_sync = 0;
    t->stage = NULL;
}
