/**
 * The canned micro-batch: before anything is trained, every rank runs made-up images through the
 * run's first model graph with made-up weights, forward and backward, and compares hashes. Ranks whose
 * processors or libraries round differently are found here, by name, and not as replicas that part
 * after an hour. The hash depends on build, processor and shapes, never on the run's weights.
 */
#ifndef PR_TRAINER_CANNED_H
#define PR_TRAINER_CANNED_H

#include "trainer/trainer.h"

/**
 * Collective. *HASH is what the run had until now (0: none): where this one differs a warning says
 * so. *HASH becomes this one.
 *
 * Errors: PR_ERR_COMM naming the lowest rank that differs from rank 0.
 */
pr_status pr_canned_check(pr_trainer *trainer, uint64_t *hash);

#endif
