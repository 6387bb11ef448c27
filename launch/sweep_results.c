#include "launch/sweep_results.h"

#include "engine/base/alloc.h"
#include "trainer/eval_table.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void copy_word(const json_t *root, const char *key, char *to, size_t n)
{
    const char *const text = json_string_value(json_object_get(root, key));
    (void)snprintf(to, n, "%s", text != NULL ? text : "");
}

static void read_level(const json_t *root, const char *level, pr_sweep_evaluation *out)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(json_object_get(root, level), key, value)
    {
        if (json_is_number(value) && out->n_metrics < PR_SWEEP_MAX_METRICS) {
            pr_sweep_metric *const metric = &out->metrics[out->n_metrics++];
            (void)snprintf(metric->name, sizeof(metric->name), "%s.%s", level, key);
            metric->value = json_number_value(value);
        }
    }
}

static pr_status read_evaluation(const pr_sweep *s, const char *path, int rung,
                                 pr_sweep_evaluation *out)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    json_error_t error = {.line = 0};
    PR_TRY(pr_fs_read(path, &bytes, &n_bytes));
    json_t *const root = json_loadb(bytes, n_bytes, 0, &error);
    pr_free(bytes);
    PR_REQUIRE(root != NULL, PR_ERR_FORMAT, "%s:%d: %s", path, error.line, error.text);
    *out = (pr_sweep_evaluation){.rung = rung};
    out->step = json_integer_value(json_object_get(root, "step"));
    out->epoch = json_integer_value(json_object_get(root, "epoch"));
    copy_word(root, "checkpoint", out->checkpoint, sizeof(out->checkpoint));
    copy_word(root, "config_hash", out->config_hash, sizeof(out->config_hash));
    copy_word(root, "data_hash", out->data_hash, sizeof(out->data_hash));
    read_level(root, "frame", out);
    read_level(root, "video", out);
    json_decref(root);
    return pr_eval_read_metric(path, s->options.metric + 4, &out->value);
}

static pr_status count_failures(const char *dir, int64_t *n)
{
    char path[PR_PATH_BYTES];
    char *bytes = NULL;
    *n = 0;
    PR_TRY(pr_fs_join(path, dir, "failures.txt"));
    if (!pr_fs_exists(path)) {
        return PR_OK;
    }
    PR_TRY(pr_fs_read(path, &bytes, NULL));
    for (const char *c = strchr(bytes, '\n'); c != NULL; c = strchr(c + 1, '\n')) {
        (*n)++;
    }
    pr_free(bytes);
    return PR_OK;
}

pr_status pr_sweep_result_read(const pr_sweep *s, int64_t trial, pr_sweep_result *out)
{
    const int last = pr_sweep_n_rungs(s) - 1;
    pr_sweep_run_texts texts;
    pr_jobs_run run;
    pr_jobs_state state = PR_JOBS_NEW;
    char path[PR_PATH_BYTES];
    *out = (pr_sweep_result){.trial = trial};
    PR_TRY(pr_sweep_run(s, trial, last, &texts, &run));
    PR_TRY(pr_jobs_look(&run, &state, out->message));
    PR_TRY(count_failures(texts.run_dir, &out->n_failures));
    for (int rung = 0; rung <= last; rung++) {
        char file[64];
        pr_sweep_rung_file(s, rung, file);
        PR_TRY(pr_fs_join(path, texts.run_dir, file));
        /* A rung's evaluation that training went on from is not yet the run's. */
        if (rung < last ? pr_fs_exists(path) : state == PR_JOBS_FINISHED) {
            PR_TRY(read_evaluation(s, path, rung, &out->evaluations[out->n]));
            out->n++;
        }
    }
    const bool waits = state == PR_JOBS_BEGUN || state == PR_JOBS_TRAINED;
    out->state = waits && out->n > 0 ? "halved" : pr_jobs_state_word(state);
    return PR_OK;
}

double pr_sweep_result_value(const pr_sweep_result *result)
{
    return result->n > 0 ? result->evaluations[result->n - 1].value : NAN;
}

static double group_mean(const double *values, const int *groups, int64_t n, int group)
{
    double sum = 0.0;
    int64_t n_in = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += groups[i] == group ? values[i] : 0.0;
        n_in += groups[i] == group ? 1 : 0;
    }
    return sum / (double)n_in;
}

double pr_sweep_share(const double *values, const int *groups, int64_t n)
{
    double mean = 0.0;
    double total = 0.0;
    double between = 0.0;
    for (int64_t i = 0; i < n; i++) {
        mean += values[i] / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        const double own = group_mean(values, groups, n, groups[i]) - mean;
        between += own * own;
        total += (values[i] - mean) * (values[i] - mean);
    }
    return n < 3 || !(total > 0.0) ? NAN : between / total;
}
