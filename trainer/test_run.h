/**
 * Testing a trained run: metrics of its validation split and of every list in data.test, as a table,
 * as eval/<name>.json, and, where asked, as a list of scores.
 */
#ifndef PR_TRAINER_TEST_RUN_H
#define PR_TRAINER_TEST_RUN_H

#include "engine/base/config.h"
#include "engine/base/fs.h"
#include "engine/comm/comm.h"
#include "trainer/assess.h"
#include "trainer/options.h"

typedef struct pr_test_request {
    const pr_train_options *options; /* borrowed, as all here */
    const pr_config *config;
    pr_comm *comm;
    const char *run_dir;
    const char *checkpoint; /* "best", "last", or a file */
    const char *only;       /* one name of data.test, or NULL for all and the validation split */
    bool write_scores;      /* eval/<name>.tsv too */
} pr_test_request;

/** Collective. Prints the table and writes the files. */
pr_status pr_test_run(const pr_test_request *request);

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
