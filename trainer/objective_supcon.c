/*
 * supcon: supervised contrastive learning (Khosla et al. 2020): encoder and projector on pairs, then
 * a linear classifier on the frozen encoder in evaluation mode.
 */
#include "memory_bank/bank.h"
#include "trainer/objective.h"

static pr_status build_loss(const pr_build *build, pr_graph *graph)
{
    return pr_supcon_build(graph, &build->options->supcon, build->n_rows, build->n_cols);
}

static const pr_phase contrastive[] = {
    {"supcon", 2, PR_MODE_TRAIN, pr_build_embedding, false, build_loss, NULL},
};

static const pr_phase linear[] = {
    {"cross_entropy", 1, PR_MODE_EVAL, pr_build_classifier, true, NULL, NULL},
};

static const pr_stage stages[] = {
    {"contrastive", {"backbone.", "projector."}, 2, false, contrastive, 1},
    {"classifier", {"fc."}, 1, true, linear, 1},
};

const pr_objective pr_objective_supcon = {
    "supcon", "supervised contrastive, then a linear classifier", stages, 2};
