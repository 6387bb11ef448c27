/* Successive halving: where rungs end, and which points go on. Jamieson and Talwalkar 2016. */
#include "engine/base/alloc.h"
#include "launch/sweep_internal.h"
#include "trainer/eval_table.h"
#include "trainer/metrics.h"
#include "trainer/objective.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int pr_sweep_n_rungs(const pr_sweep *s)
{
    return s->options.rung_epochs.n > 0 ? (int)s->options.rung_epochs.n + 1
                                        : (int)s->options.n_rungs;
}

int64_t pr_sweep_rung_points(const pr_sweep *s, int rung)
{
    int64_t n = s->n_points;
    for (int r = 0; r < rung; r++) {
        n = n / s->options.eta > 1 ? n / s->options.eta : 1;
    }
    return n;
}

/* The epochs of all stages of a run. */
static pr_status count_epochs(const pr_train_options *options, int64_t *n)
{
    const pr_objective *objective = NULL;
    *n = 0;
    PR_TRY(pr_objective_find(options->objective, &objective));
    for (int i = 0; i < objective->n_stages; i++) {
        const pr_stage_options *stage = NULL;
        PR_TRY(pr_stage_options_find(options, objective->stages[i].name, &stage));
        *n += stage->epochs;
    }
    return PR_OK;
}

/* The end of RUNG of a run of N_EPOCHS, which is the run's end for the last. */
static int64_t rung_end(const pr_sweep *s, int rung, int64_t n_epochs)
{
    const int n_rungs = pr_sweep_n_rungs(s);
    if (rung == n_rungs - 1) {
        return n_epochs;
    }
    if (s->options.rung_epochs.n > 0) {
        return (int64_t)s->options.rung_epochs.at[rung];
    }
    int64_t ratio = 1;
    for (int r = rung; r < n_rungs - 1 && ratio < n_epochs; r++) {
        ratio *= s->options.eta;
    }
    return (n_epochs + ratio - 1) / ratio;
}

pr_status pr__rungs_check(const pr_sweep *s, int64_t trial, const pr_train_options *options)
{
    const pr_objective *objective = NULL;
    int64_t n_epochs = 0;
    char name[PR_SWEEP_NAME_BYTES];
    pr_sweep_name(trial, name);
    PR_TRY(count_epochs(options, &n_epochs));
    PR_TRY(pr_objective_find(options->objective, &objective));
    for (int r = 0; r + 1 < pr_sweep_n_rungs(s); r++) {
        const int64_t end = rung_end(s, r, n_epochs);
        const int64_t next = rung_end(s, r + 1, n_epochs);
        PR_REQUIRE(end < next, PR_ERR_INVALID,
                   "halving: of the %" PRId64 " epochs of %s, rung %d ends at %" PRId64
                   " and rung %d at %" PRId64 ": fewer rungs, a smaller eta or more epochs",
                   n_epochs, name, r, end, r + 1, next);
        int64_t boundary = 0;
        for (int i = 0; i + 1 < objective->n_stages; i++) {
            const pr_stage_options *stage = NULL;
            PR_TRY(pr_stage_options_find(options, objective->stages[i].name, &stage));
            boundary += stage->epochs;
            PR_REQUIRE(end != boundary, PR_ERR_INVALID,
                       "halving: rung %d of %s ends at epoch %" PRId64
                       ", where stage '%s' is over and '%s' has not begun: nothing could be judged "
                       "there; choose others by halving.epochs",
                       r, name, end, objective->stages[i].name, objective->stages[i + 1].name);
        }
    }
    return PR_OK;
}

pr_status pr_sweep_rung_epoch(const pr_sweep *s, int64_t trial, int rung, int64_t *epoch)
{
    pr_settings *settings = NULL;
    pr_run_config *config = NULL;
    *epoch = 0;
    if (rung == pr_sweep_n_rungs(s) - 1) {
        return PR_OK;
    }
    PR_TRY(pr_sweep_settings(s, trial, &settings));
    PR_TRY(pr_run_config_take(&settings, &config));
    int64_t n_epochs = 0;
    const pr_status status = count_epochs(&config->options, &n_epochs);
    pr_run_config_destroy(&config);
    *epoch = rung_end(s, rung, n_epochs);
    return status;
}

void pr_sweep_rung_file(const pr_sweep *s, int rung, char out[static 64])
{
    if (rung == pr_sweep_n_rungs(s) - 1) {
        (void)snprintf(out, 64, "eval/val.json");
    } else {
        (void)snprintf(out, 64, "rungs/rung-%d-val.json", rung);
    }
}

pr_status pr_sweep_run(const pr_sweep *s, int64_t trial, int rung, pr_sweep_run_texts *texts,
                       pr_jobs_run *out)
{
    static const char *const checkpoints[] = {"best", "last"};
    int64_t epoch = 0;
    pr_sweep_name(trial, texts->name);
    PR_TRY(pr_sweep_run_dir(s, trial, texts->run_dir));
    PR_TRY(pr_sweep_config(s, trial, texts->config));
    PR_TRY(pr_sweep_rung_epoch(s, trial, rung, &epoch));
    (void)snprintf(texts->stop_at, sizeof(texts->stop_at), "epoch %" PRId64, epoch);
    pr_sweep_rung_file(s, rung, texts->copy);
    *out = (pr_jobs_run){.name = texts->name,
                         .run_dir = texts->run_dir,
                         .config = texts->config,
                         .n_ranks = (int)s->options.ranks,
                         .stop_at = epoch > 0 ? texts->stop_at : NULL,
                         .checkpoint = checkpoints[s->options.checkpoint],
                         .val_only = true,
                         .val_copy = epoch > 0 ? texts->copy : NULL,
                         .keep = (pr_jobs_keep)s->options.keep};
    return PR_OK;
}

/* A point and what it is worth: more is better, NaN the worst. */
typedef struct worth {
    int64_t point;
    double value;
} worth;

static int compare_worths(const void *a, const void *b)
{
    const worth *const x = a;
    const worth *const y = b;
    const bool x_is = isfinite(x->value);
    const bool y_is = isfinite(y->value);
    if (x_is != y_is) {
        return x_is ? -1 : 1;
    }
    if (x_is && x->value != y->value) {
        return x->value > y->value ? -1 : 1;
    }
    return x->point < y->point ? -1 : 1;
}

static int compare_points(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* TRIAL's metric at RUNG; NaN where it failed. */
static pr_status trial_value(const pr_sweep *s, int64_t trial, int rung, double *value)
{
    pr_sweep_run_texts texts;
    pr_jobs_run run;
    pr_jobs_state state = PR_JOBS_NEW;
    char message[PR_JOBS_MESSAGE_BYTES];
    char path[PR_PATH_BYTES];
    PR_TRY(pr_sweep_run(s, trial, rung, &texts, &run));
    PR_TRY(pr_jobs_look(&run, &state, message));
    PR_REQUIRE(state == PR_JOBS_FINISHED || state == PR_JOBS_FAILED, PR_ERR_INVALID,
               "%s is %s in rung %d, which must have ended before the best of it go on",
               texts.run_dir, pr_jobs_state_word(state), rung);
    *value = NAN;
    if (state == PR_JOBS_FAILED) {
        return PR_OK;
    }
    PR_TRY(pr_fs_join(path, texts.run_dir, texts.copy));
    return pr_eval_read_metric(path, s->options.metric + 4, value);
}

static pr_status point_value(const pr_sweep *s, int64_t point, int rung, double *mean)
{
    double sum = 0.0;
    for (int64_t i = 0; i < s->n_seeds; i++) {
        double value = 0.0;
        PR_TRY(trial_value(s, point * s->n_seeds + i, rung, &value));
        sum += value;
    }
    *mean = sum / (double)s->n_seeds;
    *mean = pr_metric_more_is_better(s->options.metric) ? *mean : -*mean;
    return PR_OK;
}

/* From the N points of RUNG, those of the next in their place. */
static pr_status promote(const pr_sweep *s, int rung, int64_t n, int64_t *points)
{
    worth *const worths = pr_calloc(n, sizeof(*worths));
    PR_REQUIRE(worths != NULL, PR_ERR_NOMEM, "no memory for %" PRId64 " points", n);
    pr_status status = PR_OK;
    for (int64_t i = 0; i < n && status == PR_OK; i++) {
        worths[i].point = points[i];
        status = point_value(s, points[i], rung, &worths[i].value);
    }
    if (status == PR_OK) {
        qsort(worths, (size_t)n, sizeof(*worths), compare_worths);
        const int64_t n_next = pr_sweep_rung_points(s, rung + 1);
        for (int64_t i = 0; i < n_next; i++) {
            points[i] = worths[i].point;
        }
        qsort(points, (size_t)n_next, sizeof(*points), compare_points);
    }
    pr_free(worths);
    return status;
}

pr_status pr_sweep_rung_list(const pr_sweep *s, int rung, int64_t *points)
{
    int64_t *const all = pr_calloc(s->n_points, sizeof(*all));
    PR_REQUIRE(all != NULL, PR_ERR_NOMEM, "no memory for %" PRId64 " points", s->n_points);
    pr_status status = PR_OK;
    for (int64_t i = 0; i < s->n_points; i++) {
        all[i] = i;
    }
    for (int r = 0; r < rung && status == PR_OK; r++) {
        status = promote(s, r, pr_sweep_rung_points(s, r), all);
    }
    if (status == PR_OK) {
        memcpy(points, all, (size_t)pr_sweep_rung_points(s, rung) * sizeof(*points));
    }
    pr_free(all);
    return status;
}
