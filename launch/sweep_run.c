/* The trials of a sweep as jobs, rung by rung. */
#include "engine/base/alloc.h"
#include "engine/base/log.h"
#include "launch/sweep_internal.h"
#include "launch/sweep_results.h"
#include "trainer/eval_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct going {
    pr_sweep *sweep;
    pr_jobs *jobs;
    int rung;
    int64_t *trials; /* [n_room]: of each job */
    int64_t n, n_room;
    int64_t n_left;   /* of the rung */
    int64_t n_failed; /* trials */
    bool whole;       /* all rungs, not one trial of one */
} going;

static pr_status choose_carrier(const pr_sweep *s, pr_carrier *carrier)
{
    const bool in_slurm = getenv("SLURM_JOB_ID") != NULL;
    if (s->options.how != PR_SWEEP_ALLOCATION) {
        *carrier = PR_CARRY_HERE;
        return PR_OK;
    }
    PR_REQUIRE(in_slurm || s->options.hosts.n > 0, PR_ERR_INVALID,
               "how: allocation, but this is no Slurm allocation (SLURM_JOB_ID is not set) and the "
               "spec names no hosts: [NAME:RANKS, ...]");
    *carrier = s->options.hosts.n > 0 ? PR_CARRY_HOSTS : PR_CARRY_SRUN;
    return PR_OK;
}

static pr_status add_trial(going *g, int64_t trial)
{
    pr_sweep_run_texts texts;
    pr_jobs_run run;
    int64_t id = 0;
    PR_TRY(pr_sweep_run(g->sweep, trial, g->rung, &texts, &run));
    PR_TRY(pr_jobs_add(g->jobs, &run, &id));
    PR_REQUIRE(id < g->n_room, PR_ERR_INVALID, "job %" PRId64 " of %" PRId64, id, g->n_room);
    g->trials[id] = trial;
    g->n_left++;
    return PR_OK;
}

static pr_status add_rung(going *g)
{
    pr_sweep *const s = g->sweep;
    const int64_t n = pr_sweep_rung_points(s, g->rung);
    int64_t *const points = pr_calloc(n, sizeof(*points));
    PR_REQUIRE(points != NULL, PR_ERR_NOMEM, "no memory for %" PRId64 " points", n);
    pr_status status = pr_sweep_rung_list(s, g->rung, points);
    if (status == PR_OK && pr_sweep_n_rungs(s) > 1) {
        pr_log_info("rung %d of %d: %" PRId64 " of %" PRId64 " points", g->rung,
                    pr_sweep_n_rungs(s), n, s->n_points);
    }
    for (int64_t i = 0; i < n && status == PR_OK; i++) {
        for (int64_t k = 0; k < s->n_seeds && status == PR_OK; k++) {
            status = add_trial(g, points[i] * s->n_seeds + k);
        }
    }
    pr_free(points);
    return status;
}

static pr_status say_end(const going *g, int64_t trial, const pr_jobs_result *result)
{
    const pr_sweep *const s = g->sweep;
    char dir[PR_PATH_BYTES];
    char path[PR_PATH_BYTES];
    char file[64];
    char name[PR_SWEEP_NAME_BYTES];
    double value = NAN;
    pr_text text = {0};
    pr_sweep_name(trial, name);
    if (result->state != PR_JOBS_FINISHED) {
        pr_log_info("%s: %s", name, pr_jobs_state_word(result->state));
        return PR_OK;
    }
    PR_TRY(pr_sweep_run_dir(s, trial, dir));
    pr_sweep_rung_file(s, g->rung, file);
    PR_TRY(pr_fs_join(path, dir, file));
    PR_TRY(pr_eval_read_metric(path, s->options.metric + 4, &value));
    const pr_status status = pr_sweep_describe(s, trial, &text);
    pr_log_info("%s: %s %.6g  (%s)%s", name, s->options.metric, value, pr_text_chars(&text),
                result->n_starts == 0 ? ", was finished" : "");
    pr_text_free(&text);
    return status;
}

static pr_status take_end(void *ctx, const pr_jobs_result *result)
{
    going *const g = ctx;
    const int64_t trial = g->trials[result->id];
    PR_TRY(say_end(g, trial, result));
    /* The database has one writer, who has the sweep's lock: not a trial alone. */
    PR_TRY(g->whole && result->n_starts > 0 ? pr_sweep_db_put(g->sweep, trial) : PR_OK);
    g->n_failed += result->state == PR_JOBS_FAILED ? 1 : 0;
    if (result->state != PR_JOBS_FINISHED && result->state != PR_JOBS_FAILED) {
        return PR_OK; /* we were asked to stop: the rung does not end */
    }
    g->n_left--;
    if (g->n_left > 0 || !g->whole || g->rung + 1 == pr_sweep_n_rungs(g->sweep)) {
        return PR_OK;
    }
    g->rung++;
    return add_rung(g);
}

static pr_status make_jobs(going *g)
{
    const pr_sweep_options *const o = &g->sweep->options;
    pr_jobs_options options = {.at_once = g->whole ? (int)o->at_once : 1,
                               .n_retries = (int)o->retries,
                               .hosts = o->hosts.at,
                               .n_cpus = (int)o->cpus,
                               .n_gpus = (int)o->gpus,
                               .srun_words = o->srun};
    /* A task of an array has an allocation of its own, of which launch/run.sh knows. */
    PR_TRY(g->whole ? choose_carrier(g->sweep, &options.carrier) : PR_OK);
    return pr_jobs_create(&options, &g->jobs);
}

pr_status pr_sweep_check(pr_sweep *s)
{
    going g = {.sweep = s, .whole = true};
    PR_TRY(make_jobs(&g));
    pr_jobs_destroy(&g.jobs);
    return PR_OK;
}

static pr_status begin(going *g)
{
    for (int rung = 0; rung < pr_sweep_n_rungs(g->sweep); rung++) {
        g->n_room += pr_sweep_rung_points(g->sweep, rung) * g->sweep->n_seeds;
    }
    g->trials = pr_calloc(g->n_room, sizeof(*g->trials));
    PR_REQUIRE(g->trials != NULL, PR_ERR_NOMEM, "no memory for %" PRId64 " jobs", g->n_room);
    return make_jobs(g);
}

static pr_status end(going *g, pr_status status, bool *stopped, int64_t *n_failed)
{
    if (status == PR_OK) {
        status = pr_jobs_go(g->jobs, take_end, g, stopped);
    }
    *n_failed = g->n_failed;
    pr_jobs_destroy(&g->jobs);
    pr_free(g->trials);
    return status;
}

pr_status pr_sweep_go(pr_sweep *s, bool *stopped, int64_t *n_failed)
{
    going g = {.sweep = s, .whole = true};
    pr_status status = begin(&g);
    if (status == PR_OK) {
        status = pr_sweep_db_collect(s);
    }
    if (status == PR_OK) {
        status = add_rung(&g);
    }
    return end(&g, status, stopped, n_failed);
}

/* Whether TRIAL is trained in RUNG at all. */
static pr_status is_in_rung(const pr_sweep *s, int64_t trial, int rung, bool *is)
{
    const int64_t n = pr_sweep_rung_points(s, rung);
    int64_t *const points = pr_calloc(n, sizeof(*points));
    PR_REQUIRE(points != NULL, PR_ERR_NOMEM, "no memory for %" PRId64 " points", n);
    const pr_status status = pr_sweep_rung_list(s, rung, points);
    *is = false;
    for (int64_t i = 0; i < n && status == PR_OK; i++) {
        *is = *is || points[i] == trial / s->n_seeds;
    }
    pr_free(points);
    return status;
}

pr_status pr_sweep_one(pr_sweep *s, int64_t trial, int rung, bool *stopped, int64_t *n_failed)
{
    going g = {.sweep = s, .rung = rung};
    bool is_in = false;
    *stopped = false;
    *n_failed = 0;
    PR_REQUIRE(trial < pr_sweep_n_trials(s), PR_ERR_INVALID,
               "sweep trial: number %" PRId64 ", there are 0 to %" PRId64, trial,
               pr_sweep_n_trials(s) - 1);
    PR_TRY(is_in_rung(s, trial, rung, &is_in));
    if (!is_in) {
        pr_log_info("trial %" PRId64 " is not among the %" PRId64 " points of rung %d", trial,
                    pr_sweep_rung_points(s, rung), rung);
        return PR_OK;
    }
    pr_status status = begin(&g);
    if (status == PR_OK) {
        status = add_trial(&g, trial);
    }
    return end(&g, status, stopped, n_failed);
}
