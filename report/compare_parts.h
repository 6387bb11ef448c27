/* What compare.c reads and compare_parts.c, compare_config.c put onto the page. */
#ifndef PR_REPORT_COMPARE_PARTS_H
#define PR_REPORT_COMPARE_PARTS_H

#include "report/eval_paths.h"
#include "report/report_internal.h"
#include "report/shown.h"

/* One run with its files. */
typedef struct pr__compared {
    const pr_shown_run *run;
    pr__log *log;
    pr__eval_paths paths;
    json_t *evals[PR__MAX_EVALS]; /* [paths.n]; NULL where reading ended before */
} pr__compared;

typedef struct pr__comparison {
    pr__compared runs[PR_SHOWN_MAX_RUNS];
    int n_runs;
    const char *sets[PR__MAX_EVALS]; /* [n_sets] of all runs, borrowed from them */
    int n_sets;
} pr__comparison;

/** The number of RUN's result of SET, or -1. */
int pr__compared_find(const pr__compared *run, const char *set);

void pr__compare_metrics(pr_page *page, const pr__comparison *c);
void pr__compare_curves(pr_page *page, const pr__comparison *c);
void pr__compare_facts(pr_page *page, const pr__comparison *c);
/** The keys whose values differ between runs that have them. */
pr_status pr__compare_configs(pr_page *page, const pr__comparison *c);

#endif
