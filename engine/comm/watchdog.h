/**
 * A thread in each rank that tells where the rank is, and ends the job when nothing moves any more.
 *
 * Every few seconds RUN/ranks/<rank> gets one line: host, process, step, count of progress, number
 * and name of the collective, and whether the rank is inside it. Progress is a step, an evaluation
 * batch, a part of a checkpoint, an index read: whoever does long work says so. After STALL_S without any
 * on this rank, the first rank to create RUN/FAILED names the rank that is furthest behind.
 */
#ifndef PR_ENGINE_COMM_WATCHDOG_H
#define PR_ENGINE_COMM_WATCHDOG_H

#include "engine/base/status.h"

#include <stdint.h>

/**
 * Starts the thread; not collective, once a process, after pr_job_begin. STALL_S = 0 never ends the
 * job.
 *
 * Errors: PR_ERR_IO, PR_ERR_NOMEM.
 */
pr_status pr_watchdog_start(const char *run_dir, double stall_s);

/** Ends the thread; before pr_job_finish. Does nothing where none was started. */
void pr_watchdog_stop(void);

/** Something moved. Any thread, any time, also without a watchdog; costs a few nanoseconds. */
void pr_watchdog_progress(void);

/** The step at hand, for the report; counts as progress. */
void pr_watchdog_step(int64_t step);

#endif
