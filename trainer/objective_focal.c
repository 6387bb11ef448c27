/*
 * focal: the classifier of cross_entropy under the focal loss (Lin et al. 2017).
 */
#include "engine/core/op_attr.h"
#include "trainer/objective.h"

static pr_status build(const pr_build *build, pr_graph *graph)
{
    const pr_focal_options *const focal = &build->options->focal;
    const pr_focal_ce_attr attr = {.gamma = focal->gamma, .alpha = focal->alpha};
    return pr_build_classifier_as(build, graph, PR_OP_focal_ce, &attr);
}

static const pr_phase phases[] = {
    {.name = "focal",
     .views_per_item = 1,
     .mode = PR_MODE_TRAIN,
     .build_model = build,
     .has_local = true},
};

static const pr_stage stages[] = {
    {.name = "classifier",
     .trains = {"backbone.", "fc."},
     .n_trains = 2,
     .classifies = true,
     .phases = phases,
     .n_phases = 1},
};

const pr_objective pr_objective_focal = {
    .name = "focal", .doc = "a classifier, end to end", .stages = stages, .n_stages = 1};
