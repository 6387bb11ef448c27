/**
 * Sweeps: a spec names a config and how some of its keys vary; each point of that space, for each
 * seed, is a trial, and each trial an ordinary run directory DIR/trial-NNNN.
 *
 * The trials are a function of the spec alone. DIR holds all that they need: base.yaml (the config),
 * spec.yaml (the spec, naming base.yaml), configs/trial-NNNN.yaml (each trial's whole config, which
 * `pristine train` takes as it is), so that a trial can be started anywhere by its number.
 *
 * Not collective: one process without MPI. docs/sweeps.md describes the spec.
 */
#ifndef PR_LAUNCH_SWEEP_H
#define PR_LAUNCH_SWEEP_H

#include "engine/base/config.h"
#include "launch/jobs.h"

typedef enum pr_sweep_search { PR_SWEEP_GRID, PR_SWEEP_RANDOM, PR_SWEEP_SOBOL } pr_sweep_search;
typedef enum pr_sweep_how { PR_SWEEP_HERE, PR_SWEEP_ALLOCATION, PR_SWEEP_ARRAY } pr_sweep_how;

/** The fixed keys of a spec. */
typedef struct pr_sweep_options {
    const char *config, *row;
    int search; /* pr_sweep_search */
    int64_t n_trials, seed;
    bool scramble;
    pr_config_reals seeds;
    const char *metric;
    int checkpoint; /* 0: best, 1: last */
    int64_t n_rungs, eta;
    pr_config_reals rung_epochs;
    int64_t retries;
    int keep; /* pr_jobs_keep */
    int64_t at_once, ranks, cpus, gpus;
    int how; /* pr_sweep_how */
    pr_config_words hosts;
    const char *srun;
} pr_sweep_options;

typedef enum pr_sweep_kind {
    PR_SWEEP_LIST,
    PR_SWEEP_LINEAR,
    PR_SWEEP_LOG,
    PR_SWEEP_INTEGER,
    PR_SWEEP_LOG_INTEGER,
} pr_sweep_kind;

enum { PR_SWEEP_MAX_CONDITIONS = 4 };

/** How one key varies. Texts are borrowed from the sweep. */
typedef struct pr_sweep_parameter {
    const char *key;
    pr_sweep_kind kind;
    char **words; /* LIST: [n]; one block, to pr_free */
    int64_t n;    /* LIST; of a range, the points that a grid takes, 0: not given */
    double low, high;
    const pr_setting *conditions[PR_SWEEP_MAX_CONDITIONS]; /* key "K.when.OTHER": all must hold */
    int n_conditions;
    const pr_setting *place; /* for messages */
} pr_sweep_parameter;

typedef struct pr_sweep {
    char dir[PR_PATH_BYTES];
    pr_sweep_options options;
    pr_config_schema schema;
    pr_config *config;
    pr_settings *spec;       /* the fixed keys and, taken out again, the two below */
    pr_settings *space;      /* what stands below `parameters` */
    pr_settings *base;       /* the config with `row` and `set` */
    pr_run_config *defaults; /* of BASE: what is not set has its default there */
    pr_sweep_parameter *parameters;
    int n_parameters;
    const char **values; /* [n_points, n_parameters], as text; NULL: the parameter is not in it */
    char **kept;         /* [n_kept]: texts of VALUES */
    int64_t n_kept, n_kept_room;
    int64_t n_points, n_seeds; /* trial = point * n_seeds + number of the seed */
} pr_sweep;

/**
 * Reads the spec FILE and the config that it names, and works out the trials. DIR is where they are to
 * lie, or NULL.
 *
 * Errors: PR_ERR_INVALID with file and line: an unknown key (with the nearest), an empty range, a
 * metric that does not exist or is none of the validation split, a parameter that is no key of the
 * config, a trial whose config is refused.
 */
pr_status pr_sweep_read(const char *file, const char *dir, pr_sweep **out);
/** The same from DIR/spec.yaml: a sweep that was begun. Errors: also PR_ERR_INVALID for no sweep. */
pr_status pr_sweep_of_dir(const char *dir, pr_sweep **out);
void pr_sweep_destroy(pr_sweep **sweep);

int64_t pr_sweep_n_trials(const pr_sweep *sweep);
/** The value of parameter P in TRIAL as text, or NULL where it is not in it. Borrowed. */
const char *pr_sweep_value(const pr_sweep *sweep, int64_t trial, int p);
/** The settings of TRIAL's config, the caller's. */
pr_status pr_sweep_settings(const pr_sweep *sweep, int64_t trial, pr_settings **out);
/** "lr=0.01 tau=0.1 seed=2" without the common beginnings of keys: for people. Appended to TEXT. */
pr_status pr_sweep_describe(const pr_sweep *sweep, int64_t trial, pr_text *text);

/** Names of TRIAL: "trial-0007", its run directory, its config. */
enum { PR_SWEEP_NAME_BYTES = 32 };
void pr_sweep_name(int64_t trial, char out[static PR_SWEEP_NAME_BYTES]);
pr_status pr_sweep_run_dir(const pr_sweep *sweep, int64_t trial, char out[static PR_PATH_BYTES]);
pr_status pr_sweep_config(const pr_sweep *sweep, int64_t trial, char out[static PR_PATH_BYTES]);

/* ---- rungs (sweep_rungs.c) ---- */

enum { PR_SWEEP_MAX_RUNGS = 16 };

/** Rungs of the sweep, 1 where there is no halving. */
int pr_sweep_n_rungs(const pr_sweep *sweep);
/** How many points are trained as far as RUNG. */
int64_t pr_sweep_rung_points(const pr_sweep *sweep, int rung);
/** Where RUNG stops TRIAL: the epoch, counted over all stages; 0: the run's end. */
pr_status pr_sweep_rung_epoch(const pr_sweep *sweep, int64_t trial, int rung, int64_t *epoch);

/**
 * The points of RUNG [pr_sweep_rung_points] in ascending order: all at first, then the best of the rung
 * before by the mean over their seeds; of equals the first. A failed trial makes its point the last.
 * Only what is on the disk decides, so every process finds the same.
 *
 * Errors: PR_ERR_INVALID where a trial of the rung before has neither ended nor failed, naming it.
 */
pr_status pr_sweep_rung_list(const pr_sweep *sweep, int rung, int64_t *points);

/** TRIAL's evaluation at RUNG as a path in its run directory: "rungs/0-val.json", "eval/val.json". */
void pr_sweep_rung_file(const pr_sweep *sweep, int rung, char out[static 64]);

/** TRIAL as far as RUNG, as jobs know it; NAMES holds its texts. */
typedef struct pr_sweep_run_texts {
    char name[PR_SWEEP_NAME_BYTES], run_dir[PR_PATH_BYTES], config[PR_PATH_BYTES];
    char stop_at[32], copy[64];
} pr_sweep_run_texts;
pr_status pr_sweep_run(const pr_sweep *sweep, int64_t trial, int rung, pr_sweep_run_texts *texts,
                       pr_jobs_run *out);

/* ---- the directory (sweep_dir.c) ---- */

/**
 * Makes DIR, takes its lock, and writes spec, base and configs; where DIR holds a sweep already, it
 * must be this one. SUMMARY of the lock: it is held until pr_fs_lock_destroy.
 *
 * Errors: PR_ERR_INVALID where another process works there, or for another sweep, naming the key;
 * PR_ERR_IO where it cannot be written.
 */
pr_status pr_sweep_begin(const pr_sweep *sweep, pr_fs_lock **lock);

/* ---- running (sweep_run.c, sweep_show.c) ---- */

/** Whether pr_sweep_go could start anything here: hosts, the allocation. */
pr_status pr_sweep_check(pr_sweep *sweep);
/** All trials that are not finished. *STOPPED: we were asked to stop. *N_FAILED: trials that failed. */
pr_status pr_sweep_go(pr_sweep *sweep, bool *stopped, int64_t *n_failed);
/** TRIAL alone, as far as RUNG, if it is among that rung's: what a task of a job array does. */
pr_status pr_sweep_one(pr_sweep *sweep, int64_t trial, int rung, bool *stopped, int64_t *n_failed);
/** Prints the trials, what they cost and the disk that they need. */
pr_status pr_sweep_show(const pr_sweep *sweep, bool all);

/**
 * Writes the batch script of a job array into DIR (sweep_array.c), a task a trial, and submits it where
 * GO: then the arrays of later rungs too, each of which waits for the one before.
 *
 * Errors: those of launch/submit.h; PR_ERR_INVALID where `ranks` and the config's launch. rows differ.
 */
pr_status pr_sweep_submit(const pr_sweep *sweep, bool go);

#endif
