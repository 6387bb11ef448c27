/**
 * The page of a sweep: parallel coordinates, what each parameter matters, learning curves, the trials.
 * One file that asks for no script and no network, as a run's page (report/report.h).
 */
#ifndef PR_REPORT_SWEEP_PAGE_H
#define PR_REPORT_SWEEP_PAGE_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/** One trial. All borrowed, as everything here. */
typedef struct pr_sweep_line {
    const char *name, *state;
    const char *const *words; /* [n_axes] of its parameters; NULL: not in it */
    const double *at;         /* [n_axes] their places on the axes, 0 to 1; NaN: not in it */
    double value;             /* of the metric; NaN: none */
    int64_t step;             /* that the evaluated checkpoint has */
    const char *log_path;     /* of its log.jsonl; NULL: none is drawn */
} pr_sweep_line;

typedef struct pr_sweep_page {
    const char *title, *summary, *metric;
    bool more_is_better;
    const char *const *axes; /* [n_axes] names of the parameters */
    const double *matters;   /* [n_axes] share of the metric's variance, 0 to 1; NaN: unknown */
    int n_axes;
    const pr_sweep_line *lines; /* [n] best first */
    int64_t n;
} pr_sweep_page;

/** Writes PATH, whole or not at all. Errors: PR_ERR_IO; PR_ERR_FORMAT for a log that is none. */
pr_status pr_sweep_page_write(const char *path, const pr_sweep_page *s);

#endif
