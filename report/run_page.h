/* The page of one run. Of report/run_report.c only. */
#ifndef PR_REPORT_RUN_PAGE_H
#define PR_REPORT_RUN_PAGE_H

#include "report/shown.h"

/** Writes PATH with FIGURES (HTML) in it. Not collective. Errors: those of pr_report_write. */
pr_status pr__run_page_write(const pr_shown_run *run, const char *figures, const char *path);

#endif
