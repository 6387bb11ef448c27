/*
 * Lanes and executors of one phase, with the tensors that a step touches at hand.
 */
#include "engine/base/alloc.h"
#include "trainer/meet.h"
#include "trainer/stage.h"

#include <stdio.h>

/* TENSOR becomes NAME's where the graph has it, and NULL memory otherwise. */
static void find_value(pr_exec *exec, const char *name, pr_tensor *tensor)
{
    if (pr_exec_value(exec, name, tensor) != PR_OK) {
        pr_error_clear();
        tensor->data = NULL;
    }
}

static pr_status open_terms(const pr_phase_run *run, pr_lane *lane)
{
    for (int i = 0; i < run->n_terms; i++) {
        char name[64];
        PR_TRY(pr_exec_value(lane->exec, run->terms[i].name, &lane->term[i]));
        PR_TRY(pr_exec_grad(lane->exec, run->terms[i].name, &lane->term_seed[i]));
        (void)snprintf(name, sizeof(name), "%s_valid", run->terms[i].name);
        if (run->terms[i].divisor == PR_DIVISOR_VALID) {
            PR_TRY(pr_exec_value(lane->exec, name, &lane->term_valid[i]));
        }
    }
    return PR_OK;
}

static pr_status open_lane(const pr_phase_run *run, void *memory, pr_lane *lane)
{
    PR_TRY(pr_exec_create_over(run->model_plan, memory, &lane->exec));
    PR_TRY(pr_exec_value(lane->exec, "image", &lane->image));
    find_value(lane->exec, "label", &lane->label);
    find_value(lane->exec, "weight", &lane->weight);
    if (run->phase->wants_mask) {
        PR_TRY(pr_exec_value(lane->exec, "mask", &lane->mask));
    }
    PR_TRY(open_terms(run, lane));
    if (run->loss_plan != NULL) {
        PR_TRY(pr_exec_value(lane->exec, "z", &lane->z));
        PR_TRY(pr_exec_grad(lane->exec, "z", &lane->z_seed));
    }
    return PR_OK;
}

static pr_status open_key_lane(const pr_phase_run *run, void *memory, pr_lane *lane)
{
    PR_TRY(pr_exec_create_over(run->key_plan, memory, &lane->exec));
    PR_TRY(pr_exec_value(lane->exec, "image", &lane->image));
    return pr_exec_value(lane->exec, "k", &lane->z);
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
    find_value(loss->exec, "k", &loss->k);
    find_value(loss->exec, "pair", &loss->pair);
    find_value(loss->exec, "id", &loss->id);
    find_value(loss->exec, "info", &loss->info);
    find_value(loss->exec, "lambda", &loss->lambda);
    return PR_OK;
}

static pr_status open_lanes(pr_trainer *t, pr_phase_run *run)
{
    run->lanes = pr_calloc(run->n_lanes, sizeof(*run->lanes));
    run->key_lanes =
        run->key_plan == NULL ? NULL : pr_calloc(run->n_lanes, sizeof(*run->key_lanes));
    PR_REQUIRE(run->lanes != NULL && (run->key_plan == NULL || run->key_lanes != NULL),
               PR_ERR_NOMEM, "no memory for %d lanes", run->n_lanes);
    for (int i = 0; i < run->n_lanes; i++) {
        PR_TRY(open_lane(run, t->lane_memory[i], &run->lanes[i]));
        if (run->key_plan != NULL) {
            PR_TRY(open_key_lane(run, t->lane_memory[i], &run->key_lanes[i]));
        }
    }
    PR_TRY(pr_sync_max_n(run->model_plan, run->lanes[0].exec, &t->max_sync));
    return run->key_plan == NULL
               ? PR_OK
               : pr_sync_max_n(run->key_plan, run->key_lanes[0].exec, &t->max_sync);
}

pr_status pr__stage_open(pr_trainer *t, pr_phase_run *run)
{
    PR_TRY(open_lanes(t, run));
    if (run->loss_plan != NULL) {
        PR_TRY(open_loss(run));
    }
    for (int i = 0; i < run->phase->n_ema; i++) {
        const pr_ema_pair *const pair = &run->phase->ema[i];
        PR_TRY(pr_ema_create(t->store, pair->online, pair->key, &run->ema[i]));
    }
    t->max_rows = run->n_rows > t->max_rows ? run->n_rows : t->max_rows;
    t->max_cols = run->n_cols > t->max_cols ? run->n_cols : t->max_cols;
    return PR_OK;
}
