/**
 * A fixed team of threads that compute. What a task gives is a function of its number only, so
 * neither the size of the team nor who took which task can change a bit.
 *
 * Each thread first sets its floating-point mode (MXCSR 0x1f80: nearest even, denormals kept, no
 * traps) whatever the process was started under, then calls THREAD_BEGIN, by which the compute
 * library's own thread count is set.
 */
#ifndef PR_ENGINE_BASE_TEAM_H
#define PR_ENGINE_BASE_TEAM_H

#include "engine/base/status.h"

#include <stdint.h>

typedef struct pr_team pr_team;

/** Runs once on each thread of the team before any task; a failure fails pr_team_create. */
typedef pr_status (*pr_team_begin_fn)(void *ctx, int thread);

/** Task number TASK: what it gives is a function of that number. */
typedef pr_status (*pr_team_task_fn)(void *ctx, int64_t task);

/** THREAD_BEGIN may be NULL. The calling thread computes nothing itself. */
pr_status pr_team_create(int n_threads, pr_team_begin_fn thread_begin, void *ctx, pr_team **out);
void pr_team_destroy(pr_team **team);
int pr_team_n_threads(const pr_team *team);

/** Which thread of its team runs this task, 0 .. n_threads - 1: for choosing scratch memory only. */
int pr_team_thread(void);

/**
 * Runs tasks 0 .. n_tasks - 1 and returns when all are done. Tasks start in the order of their
 * numbers; none starts after one has failed. One caller at a time.
 *
 * Errors: status and message of the failed task with the lowest number.
 */
pr_status pr_team_run(pr_team *team, pr_team_task_fn fn, void *ctx, int64_t n_tasks);

/** Sets the calling thread's floating-point mode as above: for threads outside of a team. */
void pr_team_float_mode(void);

#endif
