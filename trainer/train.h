/**
 * A whole training run: stages, epochs, steps, validation, checkpoints, resume.
 */
#ifndef PR_TRAINER_TRAIN_H
#define PR_TRAINER_TRAIN_H

#include "engine/base/config.h"
#include "engine/comm/comm.h"
#include "trainer/options.h"

typedef struct pr_train_request {
    const pr_train_options *options; /* filled by CONFIG; borrowed, as all here */
    const pr_config *config;
    pr_comm *comm;
    const char *run_dir;
    bool dry_run; /* print config, data, memory plan and the plan's first rows; train nothing */
    int64_t n_trace_steps; /* write the first steps' arithmetic to trace.h5 */
} pr_train_request;

typedef enum pr_train_end {
    PR_TRAIN_DONE,    /* all stages */
    PR_TRAIN_STOPPED, /* train.stop_at was reached */
    PR_TRAIN_SIGNAL,  /* SIGUSR1 or SIGTERM: a checkpoint was written, start again to go on */
} pr_train_end;

/**
 * Collective. Trains, or goes on from the newest whole checkpoint of the run directory, which the job
 * holds already (pr_job_begin: its lock).
 *
 * Errors: PR_ERR_INVALID where the run directory's config or data are others (naming the key),
 * PR_ERR_COMM where the ranks' replicas or arithmetic part, PR_ERR_NUMERIC, PR_ERR_IO, and those of
 * the data.
 */
pr_status pr_train(const pr_train_request *request, pr_train_end *end);

#endif
