/**
 * Runs on views that are forged from reals in memory: DADD's options, and what cross_entropy needs of
 * them to train the papers' Xcep-ADDG, Xcep-FWA and Xcep-BI.
 */
#ifndef PR_TRAINER_DADD_H
#define PR_TRAINER_DADD_H

#include "engine/base/config.h"
#include "sampler/sampler.h"

typedef enum pr_dadd_source {
    PR_DADD_FILES, /* fakes are the dataset's */
    PR_DADD_ADDG,
    PR_DADD_FWA,
    PR_DADD_BI
} pr_dadd_source;

/** A18: what the best checkpoint is chosen on. */
typedef enum pr_dadd_val { PR_DADD_VAL_GENERATED, PR_DADD_VAL_DATA } pr_dadd_val;

typedef struct pr_dadd_options {
    int source; /* pr_dadd_source */
    int64_t first_category, n_categories;
    double xp_prob;
    int64_t bi_subset;
    int val; /* pr_dadd_val */

    int64_t k, t;      /* algorithm 1: passes over the sub-tasks, then final steps */
    int64_t n_private; /* F */
    int64_t n_hidden;
    double lambda;
    int groups; /* pr_dadd_groups, of the l2,1 norm */
    bool final_freeze_backbone;
} pr_dadd_options;

typedef enum pr_dadd_groups { PR_DADD_BY_TASK, PR_DADD_BY_FEATURE } pr_dadd_groups;

/** The rows dadd.*, to fill TARGET (NULL: the documentation alone). */
pr_config_module pr_dadd_config(pr_dadd_options *target);

struct pr_train_options;

/** Phases' and validation's hooks (trainer/objective.h): fill SAMPLER as the options say. */
void pr_dadd_sampler(const struct pr_train_options *options, int phase,
                     pr_sampler_options *sampler);
bool pr_dadd_val_sampler(const struct pr_train_options *options, pr_sampler_options *sampler);

/** Errors: PR_ERR_INVALID for categories beyond the nine. */
pr_status pr_dadd_check(const struct pr_train_options *options);

#endif
