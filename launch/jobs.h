/**
 * Many runs: each is `pristine train` and `pristine eval` in a run directory of its own, as child
 * processes, some at a time. What `sweep` and `ablate` are made of.
 *
 * What is finished is known from the directories alone, so starting again repeats nothing: a run
 * whose log says that it came as far as wanted is not trained again, and one whose evaluation is of
 * the wanted config and of the checkpoint that would be taken now is not evaluated again. A run that
 * fails keeps its message and takes no other with it.
 *
 * Nothing here is collective: the caller is one process without MPI (PR_COMMAND_ALONE).
 */
#ifndef PR_LAUNCH_JOBS_H
#define PR_LAUNCH_JOBS_H

#include "engine/base/fs.h"
#include "engine/base/status.h"
#include "launch/run_config.h"

#include <stdbool.h>
#include <stdint.h>

/** How a run's ranks are started. */
typedef enum pr_carrier {
    PR_CARRY_HERE, /* launch/run.sh on this machine (or as PR_LAUNCHER says), each run on its share of
                       the cores */
    PR_CARRY_SRUN,  /* a job step of its own in the Slurm allocation that we are in */
    PR_CARRY_HOSTS, /* launch/run.sh on its share of the hosts */
} pr_carrier;

/** All borrowed until pr_jobs_destroy. */
typedef struct pr_jobs_options {
    int at_once;   /* runs at a time; with hosts no more than they hold */
    int n_retries; /* further starts of a run that failed */
    pr_carrier carrier;
    const char *const *hosts; /* HOSTS: "node7:4" (ranks that it holds), NULL-terminated */
    int n_cpus;               /* a rank's, SRUN and HOSTS; 0: its share of what there is */
    int n_gpus;               /* a run's; 0: none are given */
    const char *srun_words;   /* SRUN: further words for srun, or NULL */
} pr_jobs_options;

typedef enum pr_jobs_keep {
    PR_JOBS_KEEP_ALL,    /* every checkpoint that training left */
    PR_JOBS_KEEP_NEWEST, /* of a finished run, the newest alone */
    PR_JOBS_KEEP_BEST,   /* of a finished run, the one that eval took alone */
} pr_jobs_keep;

/** One run as it is wanted. Copied by pr_jobs_add. */
typedef struct pr_jobs_run {
    const char *name;        /* in messages: "trial-0007" */
    const char *run_dir;     /* made when the run starts */
    const char *config;      /* YAML file */
    const char *row;         /* of a table config, or NULL */
    const char *const *sets; /* "key=value", NULL-terminated; or NULL */
    int n_ranks;
    const char *stop_at;    /* "epoch 3", "step 120": train.stop_at; NULL or "": to the end */
    const char *checkpoint; /* that eval takes: "best" or "last" */
    bool val_only;          /* evaluate the validation split alone, no list of data.test */
    const char *val_copy;   /* also keep eval/val.json under this name in RUN, or NULL: then that
                                copy, of the wanted config, is what makes the run finished */
    pr_jobs_keep keep;      /* where the run is at its end (stop_at is not given) */
} pr_jobs_run;

typedef enum pr_jobs_state {
    PR_JOBS_NEW,      /* nothing was trained yet */
    PR_JOBS_BEGUN,    /* stopped or killed before it came as far as wanted: starting goes on */
    PR_JOBS_TRAINED,  /* as far as wanted, and not evaluated since */
    PR_JOBS_FINISHED, /* trained and evaluated */
    PR_JOBS_FAILED,   /* RUN/FAILED says why */
    PR_JOBS_HELD,     /* another process is at it */
} pr_jobs_state;

/** "new", "begun", "trained", "finished", "failed", "held". */
const char *pr_jobs_state_word(pr_jobs_state state);

enum { PR_JOBS_MESSAGE_BYTES = 1024 };

typedef struct pr_jobs_result {
    int64_t id;
    pr_jobs_state state; /* FINISHED, FAILED, or BEGUN, TRAINED: we were asked to stop */
    int n_starts;        /* of training and evaluation, here and now; 0: it was finished before */
    char message[PR_JOBS_MESSAGE_BYTES]; /* of the last failure, "" */
} pr_jobs_result;

/**
 * What RUN's directory says; its config is loaded and checked first, as `train` does it. MESSAGE gets
 * the failure's text or who holds the lock, or "".
 *
 * Errors: PR_ERR_INVALID where the directory holds the run of another config or was begun by another
 * version of this program; PR_ERR_IO; PR_ERR_FORMAT.
 */
pr_status pr_jobs_look(const pr_jobs_run *run, pr_jobs_state *state,
                       char message[static PR_JOBS_MESSAGE_BYTES]);

/** RUN's config. Errors: those of pr_run_config_load. */
pr_status pr_jobs_config(const pr_jobs_run *run, pr_run_config **out);

/** What a whole run costs. */
typedef struct pr_jobs_price {
    int64_t n_steps, n_epochs; /* of all stages */
    int64_t checkpoint_bytes;  /* of its largest checkpoint */
} pr_jobs_price;

/** Of RUN, from `pristine train --dry-run` of it. Errors: PR_ERR_INVALID with what that said. */
pr_status pr_jobs_cost(const pr_jobs_run *run, pr_jobs_price *out);

typedef struct pr_jobs pr_jobs;

/** Errors: PR_ERR_INVALID for SRUN outside of an allocation, and hosts that do not parse. */
pr_status pr_jobs_create(const pr_jobs_options *options, pr_jobs **out);
/** Children must have ended (pr_jobs_go has returned). Accepts NULL. */
void pr_jobs_destroy(pr_jobs **jobs);

/**
 * Adds a run, which is numbered from 0 in the order of adding. Loads its config, so that a mistake is
 * met before anything is started.
 */
pr_status pr_jobs_add(pr_jobs *jobs, const pr_jobs_run *run, int64_t *id);

/** Told of each run as it ends; may add more. A failure of its own ends pr_jobs_go. */
typedef pr_status (*pr_jobs_ended_fn)(void *ctx, const pr_jobs_result *result);

/**
 * Works until all runs have ended. SIGINT, SIGTERM and SIGUSR1 to this process ask the children to
 * write a checkpoint and end; then *STOPPED is true, and the caller exits with PR_EXIT_STOPPED. Where
 * this process is killed, its children see that and do the same.
 *
 * Errors: what cannot be the fault of one run: no program, no launch script, ENDED's own.
 */
pr_status pr_jobs_go(pr_jobs *jobs, pr_jobs_ended_fn ended, void *ctx, bool *stopped);

#endif
