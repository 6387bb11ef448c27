/**
 * How fast a config trains here: what `pristine bench` measures.
 */
#ifndef PR_TRAINER_SPEED_H
#define PR_TRAINER_SPEED_H

#include "engine/base/text.h"
#include "engine/comm/comm.h"
#include "trainer/options.h"

typedef struct pr_speed_request {
    const pr_train_options *options; /* borrowed, as all here */
    pr_comm *comm;
    int64_t n_warm, n_steps; /* the first ones do not count */
} pr_speed_request;

/**
 * Collective: whole steps of the config's first stage from its initial weights; nothing is written.
 * Adds to TEXT views a second over all ranks, and what rank 0's mean step was made of.
 *
 * Errors: PR_ERR_INVALID where the stage has fewer steps; those of training.
 */
pr_status pr_speed_step(const pr_speed_request *request, pr_text *text);

/** Collective: the same of the loader alone: views that are decoded, augmented and normalised. */
pr_status pr_speed_loader(const pr_speed_request *request, pr_text *text);

#endif
