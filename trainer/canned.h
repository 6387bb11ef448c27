/**
 * The canned micro-batch: before a stage trains, every rank runs the same made-up images forward and
 * backward and compares hashes. Ranks whose processors round differently are found here, by name,
 * and not as replicas that part after an hour.
 */
#ifndef PR_TRAINER_CANNED_H
#define PR_TRAINER_CANNED_H

#include "trainer/trainer.h"

/**
 * Collective, after pr_stage_begin. Leaves parameters, statistics and bank as they were. *BEFORE is
 * the hash that the run had until now (0: none): where this one differs a warning says so. *BEFORE
 * becomes this hash.
 *
 * Errors: PR_ERR_COMM naming the lowest rank that differs from rank 0.
 */
pr_status pr_canned_check(pr_trainer *trainer, uint64_t *before);

#endif
