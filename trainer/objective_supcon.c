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
    {.name = "supcon",
     .views_per_item = 2,
     .mode = PR_MODE_TRAIN,
     .build_model = pr_build_embedding,
     .build_loss = build_loss},
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

const pr_objective pr_objective_supcon = {.name = "supcon",
                                          .doc = "supervised contrastive, then a linear classifier",
                                          .stages = stages,
                                          .n_stages = 2};
