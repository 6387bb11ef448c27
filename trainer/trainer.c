/*
 * A trainer's life: every stage's graphs are built first, so that one store holds all tensors of the
 * run; what a stage runs on is made when it begins (stage.c).
 */
#include "trainer/trainer.h"

#include "engine/base/alloc.h"
#include "engine/cpu/isa.h"
#include "engine/cpu/thread.h"
#include "trainer/trace.h"

#include <stdio.h>
#include <string.h>

int64_t pr_phase_n_views(const pr_train_options *options, const pr_stage_options *stage,
                         const pr_phase *phase)
{
    const bool counts_pairs = options->batch_unit == PR_UNIT_PAIRS;
    return phase->views_per_item == 2 && counts_pairs ? 2 * stage->batch : stage->batch;
}

int64_t pr_phase_n_rows(const pr_train_options *options, const pr_stage_options *stage,
                        const pr_phase *phase)
{
    const int64_t n_views = pr_phase_n_views(options, stage, phase);
    return phase->build_key != NULL ? n_views / 2 : n_views;
}

int pr_stage_n_cycle(const pr_train_options *options, const pr_stage *stage)
{
    return stage->n_cycle == NULL ? stage->n_phases : stage->n_cycle(options);
}

int pr_stage_cycle_phase(const pr_train_options *options, const pr_stage *stage, int i)
{
    return stage->cycle_phase == NULL ? i : stage->cycle_phase(options, i);
}

pr_phase_run *pr_cycle_run(pr_trainer *t, int64_t i)
{
    return &t->phases[pr_stage_cycle_phase(t->options, t->stage, (int)i)];
}

int64_t pr_stage_n_micro(const pr_train_options *options, int64_t n_views)
{
    enum { LEAST_VIEWS = 32 };
    if (options->n_micro > 0) {
        return options->n_micro;
    }
    int64_t n_micro = 1;
    while (n_views % (2 * n_micro) == 0 && n_views / (2 * n_micro) >= LEAST_VIEWS) {
        n_micro *= 2;
    }
    return n_micro;
}

static pr_status build_loss_graph(pr_trainer *t, const pr_phase *phase, const pr_build *model,
                                  int64_t n_rows, pr_graph *model_graph, pr_graph **out)
{
    const pr_desc *z = NULL;
    PR_TRY(pr_graph_output_desc(model_graph, "z", &z));
    const pr_build build = {.options = model->options,
                            .n_rows = n_rows,
                            .n_cols = z->shape.dims[1],
                            .phase = model->phase};
    PR_TRY(pr_graph_create(phase->name, t->real, out));
    PR_TRY(phase->build_loss(&build, *out));
    return pr_store_add(t->store, *out);
}

/* The sampler judges further, by the classes; here it is the graph's rows that have to come out. */
static pr_status check_divides(const pr_trainer *t, const char *name, const pr_stage_options *stage,
                               const pr_phase *phase)
{
    const int64_t n_views = pr_phase_n_views(t->options, stage, phase);
    const int64_t n_micro = pr_stage_n_micro(t->options, n_views);
    const int64_t n_views_of_batch = n_views / stage->batch;
    const int64_t n_classes = t->options->sampler.balance == PR_BALANCE_NONE ? 1 : 2;
    const int64_t step = n_micro * n_classes * phase->views_per_item / n_views_of_batch;
    const int64_t below = stage->batch / step * step;
    PR_REQUIRE(n_views % (n_micro * phase->views_per_item) == 0, PR_ERR_INVALID,
               "stage.%s.batch = %lld does not divide into %lld micro-batches (train.n_micro); the "
               "nearest that do are %lld and %lld",
               name, (long long)stage->batch, (long long)n_micro, (long long)below,
               (long long)(below + step));
    return PR_OK;
}

static pr_status build_phase(pr_trainer *t, const pr_stage_options *stage, const pr_stage *of,
                             int number, pr_stage_graphs *graphs)
{
    const pr_phase *const phase = &of->phases[number];
    const int64_t n_micro =
        pr_stage_n_micro(t->options, pr_phase_n_views(t->options, stage, phase));
    const int64_t n_rows = pr_phase_n_rows(t->options, stage, phase);
    const pr_build build = {.options = t->options,
                            .n_rows = n_rows / n_micro,
                            .n_views = n_rows,
                            .mode = phase->mode,
                            .wants_loss = phase->has_local,
                            .phase = number};
    pr_graph **const model = &graphs->model[number];
    PR_TRY(pr_graph_create(phase->name, t->real, model));
    PR_TRY(phase->build_model(&build, *model));
    PR_TRY(pr_store_add(t->store, *model));
    if (phase->build_key != NULL) {
        PR_TRY(pr_graph_create(phase->name, t->real, &graphs->key[number]));
        PR_TRY(phase->build_key(&build, graphs->key[number]));
        PR_TRY(pr_store_add(t->store, graphs->key[number]));
    }
    if (phase->build_loss != NULL) {
        PR_TRY(build_loss_graph(t, phase, &build, n_rows, *model, &graphs->loss[number]));
    }
    return PR_OK;
}

static pr_status build_stage(pr_trainer *t, int s)
{
    const pr_stage *const stage = &t->objective->stages[s];
    const pr_stage_options *options = NULL;
    PR_TRY(pr_stage_options_find(t->options, stage->name, &options));
    PR_REQUIRE(stage->n_phases <= PR_MAX_PHASES, PR_ERR_INVALID,
               "stage '%s' has %d phases, at most %d", stage->name, stage->n_phases, PR_MAX_PHASES);
    for (int p = 0; p < stage->n_phases; p++) {
        PR_TRY(check_divides(t, stage->name, options, &stage->phases[p]));
        PR_TRY(build_phase(t, options, stage, p, &t->graphs[s]));
    }
    return PR_OK;
}

static pr_status build_graphs(pr_trainer *t)
{
    for (int s = 0; s < t->objective->n_stages; s++) {
        PR_TRY(build_stage(t, s));
    }
    return PR_OK;
}

static pr_status begin_thread(void *ctx, int thread)
{
    (void)ctx;
    (void)thread;
    return pr_cpu_thread_begin();
}

static pr_status create_parts(pr_trainer *t)
{
    t->real = t->options->device == PR_DEVICE_REF ? PR_F64 : PR_F32;
    t->backend = t->options->device == PR_DEVICE_REF ? PR_BACKEND_REF : PR_BACKEND_CPU;
    PR_TRY(pr_objective_find(t->options->objective, &t->objective));
    PR_TRY(pr_cpu_isa_set(pr_isa_word(t->options)));
    PR_TRY(pr_team_create((int)t->options->cpu_threads, begin_thread, NULL, &t->team));
    PR_TRY(pr_store_create(t->real, &t->store));
    PR_TRY(build_graphs(t));
    PR_TRY(pr_store_allocate(t->store));
    PR_TRY(pr_store_init(t->store, (uint64_t)t->options->seed));

    t->centre.n_cols = t->options->model.proj_out;
    t->centre.sum = pr_calloc(t->centre.n_cols, sizeof(double));
    t->centre.last = pr_calloc(t->centre.n_cols, sizeof(double));
    t->bytes_of = pr_calloc(pr_comm_n_ranks(t->comm), sizeof(*t->bytes_of));
    PR_REQUIRE(t->centre.sum != NULL && t->centre.last != NULL && t->bytes_of != NULL, PR_ERR_NOMEM,
               "no memory for a trainer");
    t->plateau = pr_plateau_start();
    return PR_OK;
}

pr_status pr_trainer_create(const pr_train_options *options, const pr_samples *samples,
                            pr_comm *comm, pr_trainer **out)
{
    pr_trainer *t = pr_calloc(1, sizeof(*t));
    PR_REQUIRE(t != NULL, PR_ERR_NOMEM, "no memory for a trainer");
    t->options = options;
    t->samples = samples;
    t->comm = comm;
    const pr_status status = create_parts(t);
    if (status != PR_OK) {
        pr_trainer_destroy(&t);
        return status;
    }
    *out = t;
    return PR_OK;
}

void pr_trainer_destroy(pr_trainer **trainer)
{
    pr_trainer *const t = *trainer;
    if (t == NULL) {
        return;
    }
    pr_stage_end(t);
    pr_trace_destroy(&t->trace);
    for (int s = 0; s < PR_MAX_STAGES; s++) {
        for (int p = 0; p < PR_MAX_PHASES; p++) {
            pr_graph_destroy(&t->graphs[s].model[p]);
            pr_graph_destroy(&t->graphs[s].loss[p]);
            pr_graph_destroy(&t->graphs[s].key[p]);
        }
    }
    pr_store_destroy(&t->store);
    pr_team_destroy(&t->team);
    pr_free(t->centre.sum);
    pr_free(t->centre.last);
    pr_free(t->bytes_of);
    pr_free(t);
    *trainer = NULL;
}
