/**
 * Views that are made in memory: what generators (view.h) and masks are made with.
 *
 * A mask says which pixels of a view are forged, in [0, 1]. It is that of the frame that is shown
 * (C16), a mix-up leaves it as it is (C17), a real's is zero, and it goes through the view's
 * geometry: crop window, flip, rotation, resize, RandomPatch.
 */
#ifndef PR_DATASET_GENERATE_H
#define PR_DATASET_GENERATE_H

#include "dataset/addg.h"
#include "engine/base/config.h"

/** Where the mask of a fake comes from (C8). */
typedef enum pr_mask_source {
    PR_MASK_FILE, /* the dataset's own */
    PR_MASK_DIFF, /* where it differs from its aligned real (samples.h), see mask.h */
    PR_MASK_ONES  /* all of it, by the view's label */
} pr_mask_source;

/** A fake whose mask is wanted and that has no file, or no aligned real. */
typedef enum pr_mask_missing {
    PR_MASK_MISSING_STOP, /* ends the run, naming the crop */
    PR_MASK_MISSING_ONES  /* all of it is forged: what DCL's public code does */
} pr_mask_missing;

/** All zero: masks from files. */
typedef struct pr_generate_options {
    int mask;         /* pr_mask_source */
    int mask_missing; /* pr_mask_missing */
    double mask_threshold;
    double mixup_min, mixup_max; /* share of the fake in a mix-up, drawn uniformly */
    bool forges;                 /* views of PR_GEN_ADDG, XP, FWA and BI are wanted */
    pr_addg_options addg;        /* how; of use only then */
} pr_generate_options;

/** Errors: PR_ERR_INVALID naming the option, its value and its range. */
pr_status pr_generate_check(const pr_generate_options *options);

/** The rows data.mask, data.mask_*, data.mixup_*, to fill TARGET (NULL: documentation alone). */
pr_config_module pr_generate_config(pr_generate_options *target);

#endif
