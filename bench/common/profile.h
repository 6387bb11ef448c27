/**
 * Time by kind of op, and the floor under a step: its dense convolutions alone.
 *
 * A program that links profile.c with -Wl,--wrap=pr_kernel_get has every kernel that a plan takes
 * wrapped by a clock, and the shapes of its convolutions noted as executors prepare them.
 */
#ifndef PR_BENCH_COMMON_PROFILE_H
#define PR_BENCH_COMMON_PROFILE_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stdio.h>

/** Whether the CPU backend's kernels are wrapped: to be said before the first plan. */
void bench_profile_enable(void);

/** Forgets the times so far, not the shapes. */
void bench_profile_reset(void);

/** A table of milliseconds of the threads' own time by op and pass, each divided by N_STEPS. */
void bench_profile_print(FILE *file, int n_steps);

/** Convolutions noted from now on are one executor's: called before one executor is created. */
void bench_profile_note(bool on);

/**
 * Seconds of the calling thread's own time for all noted convolutions (forward, data gradient where
 * wanted, weight gradient), each with buffers of its own that stay in cache: the best of N_RUNS.
 */
pr_status bench_profile_floor(int n_runs, double *seconds);

#endif
