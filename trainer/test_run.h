/**
 * Testing a trained run: metrics of its validation split and of every list in data.test, as a table,
 * as eval/<name>.json, and, where asked, as a list of scores.
 */
#ifndef PR_TRAINER_TEST_RUN_H
#define PR_TRAINER_TEST_RUN_H

#include "engine/base/config.h"
#include "engine/comm/comm.h"
#include "trainer/options.h"

typedef struct pr_test_request {
    const pr_train_options *options; /* borrowed, as all here */
    const pr_config *config;
    pr_comm *comm;
    const char *run_dir;
    const char *checkpoint; /* "best", "last", or a file */
    const char *only;       /* one name of data.test, or NULL for all and the validation split */
    bool val_only;          /* the validation split alone, whatever data.test names */
    bool write_scores;      /* eval/<name>.tsv too */
    bool heads;             /* further heads too, as sets <name>.task<n> (DADD, figure 6) */
} pr_test_request;

/** Collective. Prints the table and writes the files. */
pr_status pr_test_run(const pr_test_request *request);

#endif
