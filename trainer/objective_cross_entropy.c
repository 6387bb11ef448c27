/*
 * cross_entropy: backbone and linear classifier, end to end, on balanced batches of single views: the
 * baseline of every paper's tables. Fakes are the dataset's, or reals forged in memory (dadd.source).
 */
#include "trainer/dadd.h"
#include "trainer/objective.h"

static const pr_phase phases[] = {
    {.name = "cross_entropy",
     .views_per_item = 1,
     .mode = PR_MODE_TRAIN,
     .build_model = pr_build_classifier,
     .has_local = true,
     .sampler = pr_dadd_sampler},
};

static const pr_stage stages[] = {
    {.name = "classifier",
     .trains = {"backbone.", "fc."},
     .n_trains = 2,
     .classifies = true,
     .phases = phases,
     .n_phases = 1},
};

const pr_objective pr_objective_cross_entropy = {.name = "cross_entropy",
                                                 .doc = "a classifier, end to end",
                                                 .stages = stages,
                                                 .n_stages = 1,
                                                 .check = pr_dadd_check,
                                                 .val_sampler = pr_dadd_val_sampler};
