/**
 * A trainer's state as the parts of a checkpoint, and back.
 */
#ifndef PR_TRAINER_STATE_H
#define PR_TRAINER_STATE_H

#include "memory_bank/replica.h"
#include "trainer/checkpoint.h"
#include "trainer/trainer.h"

/** Everything that a resume needs, at the end of a step. HEAD's position is the trainer's. */
pr_status pr_state_pack(const pr_trainer *trainer, const pr_checkpoint_head *head,
                        const char *config, pr_image *out);

/**
 * Puts IMAGE back: with OPTIMIZER the stage must have begun, since its moments go there; without, only
 * tensors of the store, centre and plateau are read.
 */
pr_status pr_state_unpack(pr_trainer *trainer, const pr_image *image, const char *name,
                          bool optimizer, pr_checkpoint_head *head);

/**
 * Only parameters and running statistics, as far as IMAGE has them: for model.init, and for handing on the
 * best parameters of a stage. A head of another shape, as another objective's, stays as it is; a
 * backbone of another shape is refused. *N_FOUND counts what was read.
 */
pr_status pr_state_unpack_weights(pr_store *store, const pr_image *image, const char *name,
                                  int *n_found);

/**
 * Collective: the check that all ranks hold the same parameters, running statistics, bank, optimizer
 * state of the current stage and centre. Borrows the trainer's memory until the stage ends.
 */
pr_status pr_state_replica(const pr_trainer *trainer, pr_replica **out);

/** A hash over names, kinds and shapes of everything in the store: which model this is. */
uint64_t pr_state_model_hash(const pr_store *store);

#endif
