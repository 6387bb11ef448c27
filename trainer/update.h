/**
 * What a step does with the summed leaf: running statistics, learning rate, optimizer.
 */
#ifndef PR_TRAINER_UPDATE_H
#define PR_TRAINER_UPDATE_H

#include "trainer/trainer.h"

/**
 * SUM is an arena of the store's layout: gradients and batch statistics summed over all
 * micro-batches, the same on every rank. Not collective: every rank does the same. Fills lr and
 * grad_norm of REPORT.
 *
 * Errors: PR_ERR_NUMERIC naming the step and the tensor whose gradient is not finite.
 */
pr_status pr_update(pr_trainer *trainer, const pr_phase_run *run, const void *sum,
                    pr_step_report *report);

#endif
