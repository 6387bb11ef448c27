/**
 * Where a run stands, read from its directory alone: what `pristine status` shows. The run may be
 * running meanwhile, on any machine that shares the directory.
 */
#ifndef PR_TRAINER_RUN_STATUS_H
#define PR_TRAINER_RUN_STATUS_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum pr_run_state {
    PR_RUN_WAITING, /* a directory, but nothing was logged yet */
    PR_RUN_RUNNING, /* its lock is held */
    PR_RUN_DONE,    /* all stages */
    PR_RUN_STOPPED, /* train.stop_at, or a signal: the next start goes on */
    PR_RUN_FAILED,  /* RUN/FAILED says why */
    PR_RUN_DEAD,    /* it ended without a word: killed, or its node lost */
} pr_run_state;

typedef struct pr_run_status {
    pr_run_state state;
    char stage[32];
    int64_t step, n_steps; /* n_steps of the whole run; 0: unknown */
    int64_t epoch;
    double views_per_s; /* over the last steps of the log; NAN: none */
    double loss;        /* of the last step; NAN */
    char metric[64];    /* what the best is chosen by, "" before a validation */
    double best;        /* its value where it was best; NAN */
    double left_s;      /* at the last steps' pace, validations not counted; NAN: unknown */
    double silent_s;    /* since the newest sign of life of any rank; NAN: none */
    char words[192];    /* who holds the lock, or the failure's message */
} pr_run_status;

/**
 * Reads RUN_DIR. Not collective. A line of the log that is being written now is left out.
 *
 * Errors: PR_ERR_INVALID for a folder that is not a run's (neither config.yaml nor lock), PR_ERR_IO.
 */
pr_status pr_run_status_read(const char *run_dir, pr_run_status *out);

/** "running", "done", ... */
const char *pr_run_state_word(pr_run_state state);

#endif
