/*
 * What the phases of a stage are planned to be: sizes, plans, and memory, which is added up and held
 * against what there is before any of it is taken.
 */
#include "engine/base/alloc.h"
#include "engine/base/draw.h"
#include "engine/base/log.h"
#include "trainer/stage.h"
#include "trainer/terms.h"

#include <unistd.h>

enum { MAX_LANES = 1024 };

/* The run's seed in a stage's first phase; others draw views and dropout of their own. */
static uint64_t seed_of(const pr_trainer *t, int phase)
{
    const pr_draw_key key = {
        .seed = (uint64_t)t->options->seed, .place = (uint32_t)phase, .purpose = PR_FOR_PHASE};
    uint32_t bits[4];
    pr_draw_bits(&key, 0, bits);
    return phase == 0 ? key.seed : (uint64_t)bits[0] << 20U ^ bits[1];
}

static pr_status plan_graphs(pr_trainer *t, const pr_stage_graphs *graphs, pr_phase_run *run)
{
    const int p = run->number;
    const pr_phase *const phase = run->phase;
    const bool own = phase->n_trains > 0;
    const pr_plan_options model = {t->backend, true, own ? phase->trains : t->stage->trains,
                                   own ? phase->n_trains : t->stage->n_trains};
    const pr_plan_options loss = {t->backend, true, NULL, 0};
    const pr_plan_options key = {t->backend, false, NULL, 0};
    PR_TRY(pr_plan_create(graphs->model[p], t->store, &model, &run->model_plan));
    if (graphs->loss[p] != NULL) {
        const pr_desc *z = NULL;
        PR_TRY(pr_graph_output_desc(graphs->model[p], "z", &z));
        run->n_cols = z->shape.dims[1];
        PR_TRY(pr_plan_create(graphs->loss[p], t->store, &loss, &run->loss_plan));
    }
    if (graphs->key[p] != NULL) {
        PR_REQUIRE(run->loss_plan != NULL && phase->views_per_item == 2, PR_ERR_INVALID,
                   "phase '%s' has keys and no loss over them, or no second views", phase->name);
        PR_TRY(pr_plan_create(graphs->key[p], t->store, &key, &run->key_plan));
    }
    return PR_OK;
}

static pr_status plan_phase(pr_trainer *t, int stage, int p)
{
    pr_phase_run *const run = &t->phases[p];
    run->phase = &t->stage->phases[p];
    run->number = p;
    run->seed = seed_of(t, p);
    run->n_views = pr_phase_n_views(t->options, t->stage_options, run->phase);
    run->n_rows = pr_phase_n_rows(t->options, t->stage_options, run->phase);
    run->n_rows_micro = run->n_rows / t->n_micro;
    run->first_row = t->first_micro * run->n_rows_micro;
    run->last_row = t->last_micro * run->n_rows_micro;
    pr_terms_find(run->phase, &run->terms, &run->n_terms);
    PR_TRY(plan_graphs(t, &t->graphs[stage], run));

    const bool has_cuts = pr_plan_n_segments(run->model_plan, PR_PASS_FORWARD) > 1;
    run->meets_first = run->loss_plan != NULL || pr_terms_count_rows(run);
    run->keeps_all = has_cuts || (run->meets_first && !t->options->recompute);
    const int64_t n_together = run->keeps_all ? pr__stage_n_local(t) : pr_team_n_threads(t->team);
    run->n_lanes = (int)(n_together < pr__stage_n_local(t) ? n_together : pr__stage_n_local(t));
    PR_REQUIRE(run->n_lanes <= MAX_LANES, PR_ERR_INVALID,
               "%d micro-batches on one rank, at most %d", run->n_lanes, MAX_LANES);
    return PR_OK;
}

static size_t batch_bytes(const pr_trainer *t, const pr_phase_run *run)
{
    const size_t pixels = (size_t)(t->options->model.px * t->options->model.px) * sizeof(float);
    const size_t n_slots = (size_t)t->options->data.n_batches_ahead + 1;
    const size_t n_images =
        (size_t)(run->last_row - run->first_row) * (run->key_plan == NULL ? 1U : 2U);
    return n_slots * n_images * pixels * (run->phase->wants_mask ? 4U : 3U);
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

/* What a lane computes in, whatever the phase, and how many of them there are. */
static size_t lane_bytes(const pr_trainer *t, int *n_lanes)
{
    size_t most = 0;
    *n_lanes = 0;
    for (int p = 0; p < t->n_phases; p++) {
        const pr_phase_run *const run = &t->phases[p];
        const size_t model = pr_plan_exec_bytes(run->model_plan);
        const size_t key = run->key_plan == NULL ? 0 : pr_plan_exec_bytes(run->key_plan);
        most = model > most ? model : most;
        most = key > most ? key : most;
        *n_lanes = run->n_lanes > *n_lanes ? run->n_lanes : *n_lanes;
    }
    return most;
}

static pr_status check_memory(const pr_trainer *t)
{
    const size_t leaf = (size_t)pr_store_arena_n(t->store) * pr_dtype_bytes(t->real);
    int n_together = 0;
    size_t batches = 0;
    size_t lanes = lane_bytes(t, &n_together);
    lanes *= (size_t)n_together;
    for (int p = 0; p < t->n_phases; p++) {
        const pr_phase_run *const run = &t->phases[p];
        if (run->loss_plan != NULL) {
            const pr_plan_memory *const loss = pr_plan_memory_get(run->loss_plan);
            lanes += loss->activation_bytes + loss->workspace_bytes;
        }
        batches += batch_bytes(t, run);
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

static pr_status allocate_lanes(pr_trainer *t)
{
    const size_t n_bytes = lane_bytes(t, &t->n_lane_memory);
    t->lane_memory = pr_calloc(t->n_lane_memory, sizeof(*t->lane_memory));
    bool whole = t->lane_memory != NULL;
    for (int i = 0; i < t->n_lane_memory && whole; i++) {
        t->lane_memory[i] = pr_calloc((int64_t)n_bytes, 1);
        whole = t->lane_memory[i] != NULL;
    }
    PR_REQUIRE(whole, PR_ERR_NOMEM, "no memory for %d lanes of %zu bytes", t->n_lane_memory,
               n_bytes);
    return PR_OK;
}

/* How often each phase comes in a cycle. */
static pr_status count_cycle(pr_trainer *t)
{
    t->n_cycle = pr_stage_n_cycle(t->options, t->stage);
    PR_REQUIRE(t->n_cycle >= 1, PR_ERR_INVALID, "stage '%s' has a cycle of %d steps",
               t->stage->name, t->n_cycle);
    for (int i = 0; i < t->n_cycle; i++) {
        const int p = pr_stage_cycle_phase(t->options, t->stage, i);
        PR_REQUIRE(p >= 0 && p < t->n_phases, PR_ERR_INVALID,
                   "stage '%s': step %d of its cycle is phase %d of %d", t->stage->name, i, p,
                   t->n_phases);
        t->phases[p].n_per_cycle++;
    }
    return PR_OK;
}

pr_status pr__stage_plan(pr_trainer *t, int stage)
{
    PR_TRY(count_cycle(t));
    for (int p = 0; p < t->n_phases; p++) {
        PR_TRY(plan_phase(t, stage, p));
    }
    return PR_OK;
}

pr_status pr__stage_memory(pr_trainer *t)
{
    PR_TRY(check_memory(t));
    return allocate_lanes(t);
}
