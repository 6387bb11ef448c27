/**
 * The stage's loss on fixed batches of data.val, for a schedule that watches it (MC-LCR, reading
 * M23): the plan of epoch 0 of a sampler over data.val, balanced as training is, in evaluation mode.
 */
#ifndef PR_TRAINER_VAL_LOSS_H
#define PR_TRAINER_VAL_LOSS_H

#include "trainer/trainer.h"

/** Means over batches; the same on every rank and any number of ranks. */
typedef struct pr_val_loss {
    int64_t n_batches;
    double total; /* all terms with their weights, as a step's loss */
    double local; /* the local terms alone, with weights 1 */
} pr_val_loss;

/**
 * Collective: the loss of the current stage's parameters on VAL, images without augmentation.
 *
 * Errors: PR_ERR_INVALID for a stage of several phases, of pairs, keys, masks or counted terms, and
 * for fewer samples than a batch.
 */
pr_status pr_val_loss_run(pr_trainer *trainer, const pr_samples *val, pr_val_loss *out);

#endif
