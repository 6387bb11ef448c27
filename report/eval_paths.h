/* The results in a run's eval/ folder. */
#ifndef PR_REPORT_EVAL_PATHS_H
#define PR_REPORT_EVAL_PATHS_H

#include "engine/base/fs.h"

enum { PR__MAX_EVALS = 64 };

/* Starts as {0}. */
typedef struct pr__eval_paths {
    char (*memory)[PR_PATH_BYTES];
    const char *at[PR__MAX_EVALS]; /* [n] in bytewise order */
    int n;
} pr__eval_paths;

/** RUN_DIR/eval/<set>.json, the first PR__MAX_EVALS; none where the run was not evaluated. */
pr_status pr__eval_paths_find(const char *run_dir, pr__eval_paths *paths);
void pr__eval_paths_free(pr__eval_paths *paths);

#endif
