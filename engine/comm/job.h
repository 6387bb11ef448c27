/**
 * The life of the job: every rank lives, or the job ends with one message and a non-zero code.
 *
 * Only launch/main.c and the watchdog end it, by pr_job_abort. Whoever fails elsewhere returns a
 * status.
 */
#ifndef PR_ENGINE_COMM_JOB_H
#define PR_ENGINE_COMM_JOB_H

#include "engine/base/status.h"

#include <stdbool.h>

enum {
    PR_EXIT_BASE = 10,    /* a failed job's code is this + pr_status */
    PR_EXIT_STOPPED = 75, /* ended on request (a signal, train.stop_at) and may be resumed */
};

/**
 * Collective, first thing in main: MPI with one thread that speaks, MPI errors as status codes,
 * SIGTERM and SIGUSR1 as a request to stop. ARGC and ARGV may lose words that are MPI's.
 *
 * Errors: PR_ERR_COMM; then the caller prints the message and exits, there is no job to end.
 */
pr_status pr_job_init(int *argc, char ***argv);

/**
 * In place of pr_job_init, in a program that starts ranks and is none itself: MPI is not initialised,
 * and must not be, since its children would find themselves in their parent's job. Signals are those
 * of pr_job_init, and SIGINT too. WHAT is the command's name.
 *
 * Errors: PR_ERR_INVALID where the environment says that this is one of several ranks; only the first
 * of them returns, the others wait to be killed.
 */
pr_status pr_job_init_alone(const char *what);

/** Collective, last thing in main on the way of success. */
void pr_job_finish(void);

int pr_job_rank(void);
int pr_job_n_ranks(void);

/**
 * Collective, once, as soon as the run's directory is known: rank 0 makes it and RUN_DIR/ranks, takes
 * its lock (engine/base/fs.h) for as long as the job lives, and removes a FAILED that an earlier run
 * left. From here on RUN_DIR/FAILED holds a failure's message.
 *
 * Errors: PR_ERR_INVALID where another job holds the lock, naming it, and nothing is changed then;
 * PR_ERR_IO, PR_ERR_COMM; the same on every rank.
 */
pr_status pr_job_begin(const char *run_dir);

/** The directory of pr_job_begin, or NULL before it. */
const char *pr_job_run_dir(void);

/**
 * Ends the whole job because of STATUS, whose message is this thread's. Not collective: any rank and
 * any thread may call it, and all of them at once. Never returns. The exit code is 10 + STATUS.
 *
 * The first rank to create RUN_DIR/FAILED writes "fatal: rank 3 of 8 on n07: CAUSE" there and to
 * stderr and ends the others, which wait for that. Where RUN_DIR is NULL or cannot be written, the
 * first rank of a host speaks, and other hosts than rank 0's wait for a moment before they do. No
 * collective, no MPI_Finalize and no library's shutdown runs on this path: a peer may be inside a
 * collective that will never complete.
 */
_Noreturn void pr_job_abort(const char *run_dir, pr_status status);

/**
 * Whether a signal asked this rank to stop. Ranks may see it at different moments: the trainer
 * combines their answers at a step's end before it acts.
 */
bool pr_job_wants_stop(void);

/** Makes pr_job_wants_stop true, as the signal does: for tests and time limits. */
void pr_job_request_stop(void);

#endif
