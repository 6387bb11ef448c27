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
    {"rccl", 2, PR_MODE_TRAIN, pr_build_embedding, false, build_loss, draw},
};

static const pr_phase linear[] = {
    {"cross_entropy", 1, PR_MODE_EVAL, pr_build_classifier, true, NULL, NULL},
};

static const pr_stage stages[] = {
    {"contrastive", {"backbone.", "projector."}, 2, false, contrastive, 1},
    {"classifier", {"fc."}, 1, true, linear, 1},
};

const pr_objective pr_objective_rccl = {
    "rccl", "real-centric consistency learning, then a linear classifier", stages, 2};
