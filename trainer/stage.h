/**
 * The pieces of a stage's beginning. Shared by the stage's files only; what fails half-way is freed by
 * pr_stage_end.
 */
#ifndef PR_TRAINER_STAGE_H
#define PR_TRAINER_STAGE_H

#include "trainer/trainer.h"

/** How often each phase comes in a cycle, and every phase's sizes and plans. */
pr_status pr__stage_plan(pr_trainer *trainer, int stage);

/** Adds memory up, prints it, refuses what does not fit, and takes that of the lanes. */
pr_status pr__stage_memory(pr_trainer *trainer);

/** Lanes, the loss graph's executor and moving averages of one phase. */
pr_status pr__stage_open(pr_trainer *trainer, pr_phase_run *run);

/** Micro-batches of this rank. */
static inline int64_t pr__stage_n_local(const pr_trainer *trainer)
{
    return trainer->last_micro - trainer->first_micro;
}

#endif
