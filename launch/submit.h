/**
 * Batch scripts for Slurm from the template launch/slurm/job.sbatch, and giving them to sbatch. What
 * surrounds each start of a job (signals, the queue again) is launch/slurm/attempt.sh's.
 *
 * A job array, of which task N does the N-th of many things, is the same script with ARRAY:
 *
 *     const char *const words[] = {program, "sweep", spec, "--task", NULL};
 *     pr_submit array = {.launch = &options.launch, .folder = cwd, .array = "0-11%4",
 *                        .run = "/scratch/sweep/trial-%04d", .output = "/scratch/sweep/slurm-%A_%a.out",
 *                        .command = words, .ends_with = "\"$SLURM_ARRAY_TASK_ID\""};
 *     PR_TRY(pr_submit_write(&array, "/scratch/sweep/array.sbatch"));
 *     PR_TRY(pr_submit_sbatch("/scratch/sweep/array.sbatch", job, sizeof(job)));
 *
 * Each task runs `PROGRAM sweep SPEC --task N` as one process in its own allocation, which finds
 * PR_LAUNCHER and its arguments for launch/run.sh in its environment; SLURM_ARRAY_TASK_ID is N. It is
 * requeued by itself where the run directory of its number (RUN is a printf format of N there) has a
 * mark of its start, trainer/mark.h, or where it was lost.
 */
#ifndef PR_LAUNCH_SUBMIT_H
#define PR_LAUNCH_SUBMIT_H

#include "engine/base/status.h"
#include "trainer/launch_options.h"

#include <stdbool.h>
#include <stddef.h>

/** A batch script as it is wanted. All paths are absolute. */
typedef struct pr_submit {
    const pr_launch_options *launch;
    const char *template_file; /* NULL: launch/slurm/job.sbatch */
    const char *folder;        /* where the job runs */
    const char *run;           /* run directory; in an array a printf format of the task's number */
    const char *output;        /* in Slurm's words: "/scratch/run/slurm-%j.out" */
    const char *array;         /* in Slurm's words: "0-11%4"; NULL: no array */
    const char *const *command; /* NULL-terminated; each becomes one word of the job's shell */
    const char *ends_with;      /* text of the shell behind them; or NULL */
    bool
        starts_ranks; /* launch/run.sh starts all ranks of the job with COMMAND; else it runs once */
} pr_submit;

/**
 * Writes the script to PATH. Not collective.
 *
 * Errors: PR_ERR_INVALID for launch.nodes that are none, a placeholder that nobody knows (with the
 * template's line), a value with a line break; PR_ERR_IO.
 */
pr_status pr_submit_write(const pr_submit *submit, const char *path);

/**
 * Gives the script at PATH to sbatch; its number in JOB ("4711"). Only in a process without MPI.
 *
 * Errors: PR_ERR_IO where there is no sbatch, or with what it said.
 */
pr_status pr_submit_sbatch(const char *path, char *job, size_t n_job);

#endif
