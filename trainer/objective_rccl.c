/*
 * rccl: real-centric consistency learning (Zha et al.): encoder and projector on semantically paired
 * views under the supervised contrastive margin loss with the bank's transformed positives and mixed
 * negatives (equations 1 to 5), then a linear classifier on the frozen encoder in evaluation mode (R19).
 */
#include "memory_bank/bank.h"
#include "trainer/objective.h"

static pr_status build_loss(const pr_build *build, pr_graph *graph)
{
    return pr_rccl_build(graph, &build->options->rccl, build->n_rows, build->n_cols);
}

static void draw(const pr_train_options *options, uint32_t epoch, uint32_t place, double *lambda)
{
    pr_rccl_draw(&options->rccl, (uint64_t)options->seed, epoch, place, lambda);
}

static const pr_phase contrastive[] = {
    {.name = "rccl",
     .views_per_item = 2,
     .mode = PR_MODE_TRAIN,
     .build_model = pr_build_embedding,
     .build_loss = build_loss,
     .draw = draw},
};

static const pr_phase linear[] = {
    {.name = "cross_entropy",
     .views_per_item = 1,
     .mode = PR_MODE_EVAL,
     .build_model = pr_build_classifier,
     .has_local = true},
};

static const pr_stage stages[] = {
    {.name = "contrastive",
     .trains = {"backbone.", "projector."},
     .n_trains = 2,
     .phases = contrastive,
     .n_phases = 1},
    {.name = "classifier",
     .trains = {"fc."},
     .n_trains = 1,
     .classifies = true,
     .phases = linear,
     .n_phases = 1},
};

const pr_objective pr_objective_rccl = {
    .name = "rccl",
    .doc = "real-centric consistency learning, then a linear classifier",
    .stages = stages,
    .n_stages = 2};
