/**
 * The page of a run, from everything in its directory and its data; or of several beside each other.
 */
#ifndef PR_REPORT_RUN_REPORT_H
#define PR_REPORT_RUN_REPORT_H

#include "engine/base/config.h"
#include "engine/comm/comm.h"
#include "trainer/options.h"

typedef struct pr_report_source {
    const pr_train_options *options; /* borrowed, as all here */
    const pr_config *config;
    const char *run_dir;
} pr_report_source;

typedef struct pr_report_request {
    pr_comm *comm;
    const pr_report_source *runs; /* [n_runs] 1 to PR_SHOWN_MAX_RUNS */
    int n_runs;
    const char *out;   /* the page; NULL: RUN/report.html of the one run */
    int64_t n_samples; /* that figures show at most; 0: no figures */
} pr_report_request;

/**
 * Collective; rank 0 writes the page. Data of one run that are gone leave out pictures and figures,
 * and the page says so.
 *
 * Errors: PR_ERR_INVALID for a run without a checkpoint, runs of different data (report/shown.h), or
 * evaluations of one name that were made of different data; PR_ERR_IO for a page that cannot be
 * written.
 */
pr_status pr_run_report(const pr_report_request *request);

#endif
