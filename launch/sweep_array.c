/* A sweep as job arrays: a script a rung, whose task N is trial N; each rung waits for the one before. */
#include "engine/base/alloc.h"
#include "engine/base/log.h"
#include "launch/files.h"
#include "launch/submit.h"
#include "launch/sweep_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_EXTRA = 64, JOB_BYTES = 64, WORD_BYTES = 128 };

/* What every rung's script is made of. */
typedef struct array {
    const pr_sweep *sweep;
    pr_launch_options launch;
    const char *extra[MAX_EXTRA];
    char after[WORD_BYTES]; /* the last of EXTRA: which job to wait for */
    char dir[PR_PATH_BYTES], folder[PR_PATH_BYTES], program[PR_PATH_BYTES];
    char run[2 * PR_PATH_BYTES]; /* a printf format: what is % in the path stands there twice */
    char output[PR_PATH_BYTES + 32];
} array;

/* A trial's nodes and ranks: `ranks` on one node, or as `launch.` has them. */
static pr_status fill_launch(array *a)
{
    const pr_sweep_options *const o = &a->sweep->options;
    int64_t fewest = 0;
    int64_t most = 0;
    a->launch = a->sweep->defaults->options.launch;
    PR_TRY(pr_launch_nodes(&a->launch, &fewest, &most));
    if (most == 1) {
        a->launch.ranks_per_node = o->ranks;
    }
    PR_REQUIRE(fewest == most && most * a->launch.ranks_per_node == o->ranks, PR_ERR_INVALID,
               "a trial has %" PRId64
               " ranks, and launch.nodes (%s) of launch.ranks_per_node (%" PRId64 ") are others",
               o->ranks, a->launch.nodes, a->launch.ranks_per_node);
    a->launch.cpus_per_task = o->cpus > 0 ? o->cpus : a->launch.cpus_per_task;
    if (a->launch.name[0] == '\0') {
        const char *const slash = strrchr(a->sweep->dir, '/');
        a->launch.name = slash != NULL && slash[1] != '\0' ? slash + 1 : a->sweep->dir;
    }
    a->launch.gpus_per_node = o->gpus > 0 ? o->gpus / most : a->launch.gpus_per_node;
    PR_REQUIRE(a->launch.extra.n + 1 < MAX_EXTRA, PR_ERR_INVALID,
               "launch.extra has %" PRId64 " words, may have %d", a->launch.extra.n, MAX_EXTRA - 2);
    for (int64_t i = 0; i < a->launch.extra.n; i++) {
        a->extra[i] = a->launch.extra.at[i];
    }
    return PR_OK;
}

static pr_status fill(array *a)
{
    PR_TRY(fill_launch(a));
    PR_TRY(pr_files_program(a->program));
    PR_REQUIRE(getcwd(a->folder, sizeof(a->folder)) != NULL, PR_ERR_IO, "getcwd: %s",
               strerror(errno));
    char *const whole = realpath(a->sweep->dir, NULL);
    PR_REQUIRE(whole != NULL, PR_ERR_IO, "%s: %s", a->sweep->dir, strerror(errno));
    const int n = snprintf(a->dir, sizeof(a->dir), "%s", whole);
    free(whole);
    PR_REQUIRE(n < (int)sizeof(a->dir), PR_ERR_INVALID, "%s: too long a path", a->sweep->dir);
    (void)snprintf(a->output, sizeof(a->output), "%s/slurm-%%A_%%a.out", a->dir);
    size_t at = 0;
    for (const char *c = a->dir; *c != '\0'; c++) {
        a->run[at++] = *c;
        if (*c == '%') {
            a->run[at++] = '%';
        }
    }
    (void)snprintf(a->run + at, sizeof(a->run) - at, "/trial-%%04d");
    return PR_OK;
}

/* RUNG's script at PATH, which waits for the job BEFORE ("": for none). */
static pr_status write_rung(array *a, int rung, const char *before, const char *path)
{
    char ends_with[WORD_BYTES];
    char numbers[WORD_BYTES];
    const char *const command[] = {a->program, "sweep", "trial", a->dir, NULL};
    const int64_t n_own = a->sweep->defaults->options.launch.extra.n;
    (void)snprintf(ends_with, sizeof(ends_with), "\"$SLURM_ARRAY_TASK_ID\" --rung %d", rung);
    (void)snprintf(numbers, sizeof(numbers), "0-%" PRId64 "%%%" PRId64,
                   pr_sweep_n_trials(a->sweep) - 1, a->sweep->options.at_once);
    (void)snprintf(a->after, sizeof(a->after), "--dependency=afterany:%s", before);
    a->extra[n_own] = before[0] != '\0' ? a->after : NULL;
    a->extra[n_own + 1] = NULL;
    a->launch.extra = (pr_config_words){a->extra, n_own + (before[0] != '\0' ? 1 : 0)};
    const pr_submit script = {.launch = &a->launch,
                              .folder = a->folder,
                              .run = a->run,
                              .output = a->output,
                              .array = numbers,
                              .command = command,
                              .ends_with = ends_with};
    return pr_submit_write(&script, path);
}

static pr_status submit_rungs(array *a, bool go)
{
    char before[JOB_BYTES] = "";
    const int n_rungs = pr_sweep_n_rungs(a->sweep);
    for (int rung = 0; rung < n_rungs; rung++) {
        char path[PR_PATH_BYTES];
        char name[WORD_BYTES];
        (void)snprintf(name, sizeof(name), "array-%d.sbatch", rung);
        PR_TRY(pr_fs_join(path, a->dir, name));
        PR_TRY(write_rung(a, rung, before, path));
        if (!go) {
            pr_log_print("sbatch %s%s\n", path,
                         n_rungs > 1 ? "   # rung 0; --go submits it and the rungs after it" : "");
            return PR_OK;
        }
        PR_TRY(pr_submit_sbatch(path, before, sizeof(before)));
        pr_log_print("job %s: %s\n", before, path);
    }
    return PR_OK;
}

pr_status pr_sweep_submit(const pr_sweep *s, bool go)
{
    array *const a = pr_calloc(1, sizeof(*a));
    PR_REQUIRE(a != NULL, PR_ERR_NOMEM, "no memory for a job array");
    a->sweep = s;
    pr_status status = fill(a);
    if (status == PR_OK) {
        status = submit_rungs(a, go);
    }
    pr_free(a);
    return status;
}
