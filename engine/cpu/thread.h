/**
 * What a thread does before it computes, so that its bits are those of every other thread.
 */
#ifndef PR_ENGINE_CPU_THREAD_H
#define PR_ENGINE_CPU_THREAD_H

#include "engine/base/status.h"

/**
 * Sets the calling thread's floating-point environment (round to nearest, denormals kept, no traps)
 * and its OpenMP team to one thread, and checks both. Cheap: every kernel that enters the library
 * may call it. oneDNN's weight gradients depend on the team's size, and a new thread's size is the
 * environment's whatever another thread has set.
 *
 * Errors: PR_ERR_DEVICE if the team does not become one thread.
 */
pr_status pr_cpu_thread_begin(void);

#endif
