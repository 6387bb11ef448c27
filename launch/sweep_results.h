/**
 * What the trials of a sweep came to, read from their directories alone.
 */
#ifndef PR_LAUNCH_SWEEP_RESULTS_H
#define PR_LAUNCH_SWEEP_RESULTS_H

#include "launch/sweep.h"

enum { PR_SWEEP_HASH_BYTES = 24, PR_SWEEP_MAX_METRICS = 64 };

/** A metric of an evaluation: "frame.auc". */
typedef struct pr_sweep_metric {
    char name[48];
    double value;
} pr_sweep_metric;

/** One evaluation of a trial, at the end of RUNG. */
typedef struct pr_sweep_evaluation {
    int rung;
    int64_t step, epoch;
    char checkpoint[64];
    char config_hash[PR_SWEEP_HASH_BYTES], data_hash[PR_SWEEP_HASH_BYTES];
    double value; /* of the sweep's metric */
    pr_sweep_metric metrics[PR_SWEEP_MAX_METRICS];
    int n_metrics;
} pr_sweep_evaluation;

typedef struct pr_sweep_result {
    int64_t trial;
    const char *state; /* pr_jobs_state_word, or "halved": its point did not go on */
    pr_sweep_evaluation evaluations[PR_SWEEP_MAX_RUNGS]; /* [n] in order of rungs */
    int n;
    int64_t n_failures;
    char message[PR_JOBS_MESSAGE_BYTES];
} pr_sweep_result;

/**
 * Reads TRIAL. Errors: those of pr_jobs_look; PR_ERR_FORMAT for an evaluation that is none;
 * PR_ERR_INVALID where one does not have the sweep's metric.
 */
pr_status pr_sweep_result_read(const pr_sweep *sweep, int64_t trial, pr_sweep_result *out);

/** The last evaluation's value, NaN where there is none. */
double pr_sweep_result_value(const pr_sweep_result *result);

/**
 * The share of the variance of VALUES [n] that lies between GROUPS [n]: between-group over total sum of
 * squares (the correlation ratio), 0 to 1. NaN for fewer than 3 values, or values that are all one.
 */
double pr_sweep_share(const double *values, const int *groups, int64_t n);

/** DIR/sweep.sqlite: all trials anew, or TRIAL's rows. One process writes at a time (DIR's lock). */
pr_status pr_sweep_db_collect(const pr_sweep *sweep);
pr_status pr_sweep_db_put(const pr_sweep *sweep, int64_t trial);

/** Best points on stdout as Markdown; DIR/trials.csv and DIR/report.html. */
pr_status pr_sweep_report(const pr_sweep *sweep);

#endif
