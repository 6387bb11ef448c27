/* The page of several runs beside each other. Of report/run_report.c only. */
#ifndef PR_REPORT_COMPARE_H
#define PR_REPORT_COMPARE_H

#include "report/shown.h"

/**
 * Writes PATH: metrics of RUNS [n_runs], their curves in common drawings, FIGURES (HTML), and in what
 * their configs differ. Not collective.
 *
 * Errors: PR_ERR_INVALID where evaluations of one name are of different data, naming both;
 * PR_ERR_FORMAT for a log or result that is not what it should be; PR_ERR_IO.
 */
pr_status pr__compare_write(pr_shown_run *const *runs, int n_runs, const char *figures,
                            const char *path);

#endif
