/**
 * How a run is started on a cluster: the rows `launch.…` of the config. They are no part of what the
 * run is, and `train` itself has no use for them; `submit` makes a batch script of them. A run's
 * config knows them so that one file says everything.
 */
#ifndef PR_TRAINER_LAUNCH_OPTIONS_H
#define PR_TRAINER_LAUNCH_OPTIONS_H

#include "engine/base/config.h"

typedef enum pr_launcher { PR_LAUNCH_SRUN, PR_LAUNCH_MPIRUN } pr_launcher;

typedef struct pr_launch_options {
    const char *nodes; /* "4", or "2-4": what the scheduler has */
    int64_t ranks_per_node;
    int64_t cpus_per_task; /* cores a rank; 0: the site's default */
    int64_t gpus_per_node;
    const char *memory; /* a node's, in Slurm's words; "": the site's default */
    int with;           /* pr_launcher */
    int bind;           /* pr_launch_bind_word */
    const char *time;
    int64_t signal_s; /* ahead of the time limit */
    int64_t requeue_max;
    const char *name, *partition, *account, *qos; /* "": not given */
    pr_config_words extra, modules, environment;
} pr_launch_options;

/** The rows, which fill TARGET (may be NULL: for documentation). */
pr_config_module pr_launch_config(pr_launch_options *target);

/** "srun", "mpirun". */
const char *pr_launch_with_word(const pr_launch_options *options);

/** "none", "core", "socket", "numa". */
const char *pr_launch_bind_word(const pr_launch_options *options);

/**
 * The fewest and the most nodes of options->nodes.
 *
 * Errors: PR_ERR_INVALID where it is neither a number nor a range of two.
 */
pr_status pr_launch_nodes(const pr_launch_options *options, int64_t *fewest, int64_t *most);

#endif
