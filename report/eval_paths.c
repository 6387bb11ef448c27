#include "report/eval_paths.h"

#include "engine/base/alloc.h"

#include <string.h>

static pr_status add_names(const char *folder, char *const *names, int64_t n_names,
                           pr__eval_paths *paths)
{
    paths->memory = pr_calloc(PR__MAX_EVALS, sizeof(*paths->memory));
    PR_REQUIRE(paths->memory != NULL, PR_ERR_NOMEM, "no memory for %d evaluations", PR__MAX_EVALS);
    for (int64_t i = 0; i < n_names && paths->n < PR__MAX_EVALS; i++) {
        const size_t n = strlen(names[i]);
        if (n > 5 && strcmp(names[i] + n - 5, ".json") == 0) {
            PR_TRY(pr_fs_join(paths->memory[paths->n], folder, names[i]));
            paths->at[paths->n] = paths->memory[paths->n];
            paths->n++;
        }
    }
    return PR_OK;
}

pr_status pr__eval_paths_find(const char *run_dir, pr__eval_paths *paths)
{
    char folder[PR_PATH_BYTES];
    char **names = NULL;
    int64_t n_names = 0;
    PR_TRY(pr_fs_join(folder, run_dir, "eval"));
    if (!pr_fs_is_folder(folder)) {
        return PR_OK;
    }
    PR_TRY(pr_fs_list(folder, &names, &n_names));
    const pr_status status = add_names(folder, names, n_names, paths);
    pr_free(names);
    return status;
}

void pr__eval_paths_free(pr__eval_paths *paths)
{
    pr_free(paths->memory);
    memset(paths, 0, sizeof(*paths));
}
