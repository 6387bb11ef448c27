/*
 * dadd: the deepfake artifact discrepancy detector (Hong and Du 2021). No fake is ever shown: reals are
 * forged in memory. Algorithm 1: k times each of the nine sub-tasks, on its own category, then t steps
 * of the final task on all of them, whose loss has the l2,1 norm of its weights (equation 4).
 */
#include "models/dadd.h"
#include "trainer/dadd.h"
#include "trainer/objective.h"

#include <stdio.h>

enum { FINAL = PR_DADD_N_TASKS, FROZEN_FINAL, N_PHASES };

static pr_dadd_heads heads_of(const pr_build *build)
{
    const pr_dadd_options *const o = &build->options->dadd;
    return (pr_dadd_heads){.n_private = o->n_private, .n_hidden = o->n_hidden};
}

typedef struct answers {
    pr_value label, weight; /* inputs */
} answers;

static pr_status build_answers(const pr_build *build, pr_graph *graph, answers *out)
{
    const pr_desc per_row = pr_desc_1(pr_graph_real(graph), build->n_rows);
    PR_TRY(pr_graph_input(graph, "label", pr_desc_1(PR_I32, build->n_rows), false, &out->label));
    return pr_graph_input(graph, "weight", per_row, false, &out->weight);
}

/* Equation 2 of a head. */
static pr_status build_loss(pr_graph *graph, const char *name, pr_value logits, const answers *a,
                            pr_value out[2])
{
    const pr_value in[3] = {logits, a->label, a->weight};
    return pr_graph_op(graph, PR_OP_softmax_ce, name, NULL, in, 3, out, 2);
}

static pr_status build_task(const pr_build *build, pr_graph *graph)
{
    const pr_dadd_heads heads = heads_of(build);
    const int task = build->phase + 1;
    answers a;
    pr_value x;
    pr_value out[2];
    PR_TRY(pr_build_features(build, graph, &x));
    PR_TRY(build_answers(build, graph, &a));
    PR_TRY(pr_dadd_private_build(graph, &heads, task, x, &x));
    PR_TRY(pr_dadd_task_build(graph, &heads, task, x, &x));
    PR_TRY(build_loss(graph, "softmax_ce", x, &a, out));
    return pr_graph_output(graph, "loss", out[0], build->wants_loss);
}

/* The final task; PRIVATES are the sub-tasks' features, *ALL the same side by side. */
static pr_status build_answer(const pr_build *build, pr_graph *graph, answers *a,
                              pr_value privates[PR_DADD_N_TASKS], pr_value *all)
{
    const pr_dadd_heads heads = heads_of(build);
    pr_value features;
    pr_value logits;
    pr_value out[2];
    PR_TRY(pr_build_features(build, graph, &features));
    PR_TRY(build_answers(build, graph, a));
    for (int i = 0; i < PR_DADD_N_TASKS; i++) {
        PR_TRY(pr_dadd_private_build(graph, &heads, i + 1, features, &privates[i]));
    }
    PR_TRY(pr_dadd_final_build(graph, &heads, privates, all, &logits));
    PR_TRY(build_loss(graph, "softmax_ce", logits, a, out));
    PR_TRY(pr_graph_output(graph, "loss", out[0], build->wants_loss));
    return pr_graph_output(graph, "prob", out[1], false);
}

static pr_status build_final(const pr_build *build, pr_graph *graph)
{
    answers a;
    pr_value privates[PR_DADD_N_TASKS];
    pr_value all;
    PR_TRY(build_answer(build, graph, &a, privates, &all));
    return pr_graph_output(graph, "features", all, false);
}

/* Every head at once (figure 6): "features" [N, 18] are the sub-tasks' probabilities. */
static pr_status build_heads(const pr_build *build, pr_graph *graph)
{
    const pr_dadd_heads heads = heads_of(build);
    answers a;
    pr_value privates[PR_DADD_N_TASKS];
    pr_value probs[PR_DADD_N_TASKS];
    pr_value all;
    PR_TRY(build_answer(build, graph, &a, privates, &all));
    for (int i = 0; i < PR_DADD_N_TASKS; i++) {
        char name[32];
        pr_value logits;
        pr_value out[2];
        (void)snprintf(name, sizeof(name), "task%d.softmax_ce", i + 1);
        PR_TRY(pr_dadd_task_build(graph, &heads, i + 1, privates[i], &logits));
        PR_TRY(build_loss(graph, name, logits, &a, out));
        probs[i] = out[1];
    }
    PR_TRY(pr_graph_op(graph, PR_OP_concat, "heads", NULL, probs, PR_DADD_N_TASKS, &all, 1));
    return pr_graph_output(graph, "features", all, false);
}

static void draw_views(const pr_train_options *options, int phase, pr_sampler_options *sampler)
{
    pr_dadd_sampler(options, phase, sampler);
    sampler->generated.on = true;
    sampler->generated.generator = PR_GEN_ADDG;
    sampler->generated.first_category = phase < FINAL ? phase + 1 : 1;
    sampler->generated.n_categories = phase < FINAL ? 1 : PR_DADD_N_TASKS;
}

static bool draw_val(const pr_train_options *options, pr_sampler_options *sampler)
{
    (void)pr_dadd_val_sampler(options, sampler);
    draw_views(options, FINAL, sampler);
    return options->dadd.val == PR_DADD_VAL_GENERATED;
}

static pr_status l21(const pr_train_options *options, pr_store *store, void *sum, double *value)
{
    return pr_dadd_l21(store, options->dadd.lambda, options->dadd.groups == PR_DADD_BY_TASK, sum,
                       value);
}

static int n_cycle(const pr_train_options *options)
{
    return (int)(options->dadd.k * PR_DADD_N_TASKS + options->dadd.t);
}

static int cycle_phase(const pr_train_options *options, int i)
{
    if (i < options->dadd.k * PR_DADD_N_TASKS) {
        return i % PR_DADD_N_TASKS;
    }
    return options->dadd.final_freeze_backbone ? FROZEN_FINAL : FINAL;
}

static pr_status check(const pr_train_options *options)
{
    const pr_dadd_options *const o = &options->dadd;
    PR_REQUIRE(o->source == PR_DADD_FILES || o->source == PR_DADD_ADDG, PR_ERR_INVALID,
               "objective dadd is trained on ADDG's views: dadd.source must be addg");
    PR_REQUIRE(o->first_category == 1 && o->n_categories == PR_DADD_N_TASKS, PR_ERR_INVALID,
               "objective dadd has a sub-task for each of the %d categories: dadd.first_category "
               "is %lld, dadd.categories %lld",
               PR_DADD_N_TASKS, (long long)o->first_category, (long long)o->n_categories);
    PR_REQUIRE(options->sampler.balance != PR_BALANCE_NONE, PR_ERR_INVALID,
               "objective dadd shows as many forged views as reals: sampler.balance must not be "
               "none");
    return PR_OK;
}

/* clang-format off */
/* The final task leaves the sub-tasks' heads alone: without a gradient they would still be moved by
 * their moments and by weight decay. */
#define TASKS_PRIVATE                                                                              \
    "task1.private.", "task2.private.", "task3.private.", "task4.private.", "task5.private.",      \
    "task6.private.", "task7.private.", "task8.private.", "task9.private."
#define TASK(n)                                                                                    \
    {.name = "task" #n, .views_per_item = 1, .mode = PR_MODE_TRAIN, .build_model = build_task,     \
     .has_local = true, .trains = {"backbone.", "task" #n "."}, .n_trains = 2,                     \
     .sampler = draw_views}
/* clang-format on */

static const pr_phase phases[N_PHASES] = {
    TASK(1),
    TASK(2),
    TASK(3),
    TASK(4),
    TASK(5),
    TASK(6),
    TASK(7),
    TASK(8),
    TASK(9),
    [FINAL] = {.name = "final",
               .views_per_item = 1,
               .mode = PR_MODE_TRAIN,
               .build_model = build_final,
               .has_local = true,
               .trains = {TASKS_PRIVATE, "fc", "backbone."},
               .n_trains = PR_DADD_N_TASKS + 2,
               .param_term = l21,
               .param_name = "l21",
               .sampler = draw_views},
    [FROZEN_FINAL] = {.name = "final",
                      .views_per_item = 1,
                      .mode = PR_MODE_EVAL,
                      .build_model = build_final,
                      .has_local = true,
                      .trains = {TASKS_PRIVATE, "fc"},
                      .n_trains = PR_DADD_N_TASKS + 1,
                      .param_term = l21,
                      .param_name = "l21",
                      .sampler = draw_views},
};

static const pr_stage stages[] = {
    {.name = "tasks",
     .trains = {"backbone.", "task", "fc"},
     .n_trains = 3,
     .classifies = true,
     .phases = phases,
     .n_phases = N_PHASES,
     .n_cycle = n_cycle,
     .cycle_phase = cycle_phase,
     .build_eval = build_final,
     .build_heads = build_heads,
     .n_heads = PR_DADD_N_TASKS},
};

const pr_objective pr_objective_dadd = {
    .name = "dadd",
    .doc = "nine sub-tasks on reals forged in memory, and a final task",
    .stages = stages,
    .n_stages = 1,
    .needs = PR_NEEDS_REAL,
    .check = check,
    .val_sampler = draw_val};
