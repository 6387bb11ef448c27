/*
 * cross_entropy: backbone and linear classifier, end to end, on balanced batches of single views: the
 * baseline of every paper's tables.
 */
#include "trainer/objective.h"

static const pr_phase phases[] = {
    {"cross_entropy", 1, PR_MODE_TRAIN, pr_build_classifier, true, NULL, NULL},
};

static const pr_stage stages[] = {
    {"classifier", {"backbone.", "fc."}, 2, true, phases, 1},
};

const pr_objective pr_objective_cross_entropy = {"cross_entropy", "a classifier, end to end",
                                                 stages, 1};
