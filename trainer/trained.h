/**
 * A trained run opened to be used: what `eval`, `predict` and `export` begin with.
 */
#ifndef PR_TRAINER_TRAINED_H
#define PR_TRAINER_TRAINED_H

#include "engine/base/fs.h"
#include "trainer/trainer.h"

/** A trained model, ready to score. */
typedef struct pr_trained {
    pr_trainer *trainer;
    const pr_stage *stage;    /* how it is scored */
    char path[PR_PATH_BYTES]; /* of the checkpoint */
    char selection[256];      /* the rule that chose it */
    int64_t epoch, step;
} pr_trained;

/**
 * Collective: opens CHECKPOINT ("best", "last", or a file) of RUN_DIR.
 *
 * Errors: PR_ERR_INVALID where the run has no checkpoint yet.
 */
pr_status pr_trained_open(const pr_train_options *options, pr_comm *comm, const char *run_dir,
                          const char *checkpoint, pr_trained *out);
void pr_trained_close(pr_trained *trained);

#endif
