/**
 * The report page of a run: everything in its directory, and the hard sets' crops from its data.
 */
#ifndef PR_REPORT_RUN_REPORT_H
#define PR_REPORT_RUN_REPORT_H

#include "engine/base/config.h"
#include "engine/comm/comm.h"
#include "trainer/options.h"

/**
 * Collective; rank 0 writes RUN_DIR/report.html. Data that are gone leave the pictures out, and the
 * page says so.
 */
pr_status pr_run_report(const pr_train_options *options, const pr_config *config, pr_comm *comm,
                        const char *run_dir);

#endif
