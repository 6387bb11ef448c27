/* Many runs, some at a time: the queue, the children, and what follows when one ends. */
#include "launch/jobs.h"

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/comm/job.h"
#include "launch/jobs_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const double poll_s = 0.02;

static void free_item(pr__item **it)
{
    if (*it != NULL) {
        pr__argv_free(&(*it)->words);
        pr__argv_free(&(*it)->sets);
        pr_text_free(&(*it)->wanted.sets);
        pr_free(*it);
        *it = NULL;
    }
}

pr_status pr_jobs_create(const pr_jobs_options *options, pr_jobs **out)
{
    PR_REQUIRE(options->at_once >= 1 && options->at_once <= PR__MAX_AT_ONCE, PR_ERR_INVALID,
               "%d runs at a time, must be 1 to %d", options->at_once, PR__MAX_AT_ONCE);
    PR_REQUIRE(
        options->carrier != PR_CARRY_SRUN || getenv("SLURM_JOB_ID") != NULL, PR_ERR_INVALID,
        "this is no Slurm allocation (SLURM_JOB_ID is not set): name the hosts, or run here");
    int n_places = 0;
    PR_TRY(pr__places(options, 1, &n_places));
    pr_jobs *const jobs = pr_calloc(1, sizeof(*jobs));
    PR_REQUIRE(jobs != NULL, PR_ERR_NOMEM, "no memory for the runs");
    jobs->options = *options;
    jobs->n_slots = options->at_once;
    *out = jobs;
    return PR_OK;
}

void pr_jobs_destroy(pr_jobs **jobs)
{
    if (*jobs != NULL) {
        for (int64_t i = 0; i < (*jobs)->n; i++) {
            free_item(&(*jobs)->items[i]);
        }
        pr_free((void *)(*jobs)->items);
        pr_free(*jobs);
        *jobs = NULL;
    }
}

/* A copy of TEXT that lives with IT; NULL stays NULL. */
static pr_status keep_text(pr__item *it, const char **text)
{
    if (*text == NULL) {
        return PR_OK;
    }
    PR_TRY(pr__argv_add(&it->words, "%s", *text));
    *text = it->words.at[it->words.n - 1];
    return PR_OK;
}

static pr_status fill_item(pr__item *it, const pr_jobs_run *run)
{
    it->run = *run;
    const char **const texts[] = {&it->run.name,    &it->run.run_dir, &it->run.config,
                                  &it->run.row,     &it->run.stop_at, &it->run.checkpoint,
                                  &it->run.val_copy};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        PR_TRY(keep_text(it, texts[i]));
    }
    for (int i = 0; run->sets != NULL && run->sets[i] != NULL; i++) {
        PR_TRY(pr__argv_add(&it->sets, "%s", run->sets[i]));
    }
    it->run.sets = (const char *const *)it->sets.at;
    PR_TRY(pr__wanted_read(&it->run, &it->wanted));
    PR_REQUIRE(it->wanted.sets.n_chars > 0, PR_ERR_INVALID,
               "%s: the config has neither data.val nor data.test: nothing would be evaluated",
               run->name);
    PR_REQUIRE(run->val_copy == NULL || it->wanted.has_val, PR_ERR_INVALID,
               "%s: the config has no data.val to be judged on", run->name);
    /* What the directory holds of another config or version is refused before anything starts. */
    return pr__look(&it->run, &it->wanted, &it->seen, it->result.message);
}

static pr_status append(pr_jobs *jobs, pr__item *it)
{
    if (jobs->n == jobs->n_room) {
        const int64_t n_more = jobs->n_room > 0 ? 2 * jobs->n_room : 64;
        pr__item **const more = pr_calloc(n_more, sizeof(void *));
        PR_REQUIRE(more != NULL, PR_ERR_NOMEM, "no memory for %lld runs", (long long)n_more);
        for (int64_t i = 0; i < jobs->n; i++) {
            more[i] = jobs->items[i];
        }
        pr_free((void *)jobs->items);
        jobs->items = more;
        jobs->n_room = n_more;
    }
    jobs->items[jobs->n++] = it;
    return PR_OK;
}

pr_status pr_jobs_add(pr_jobs *jobs, const pr_jobs_run *run, int64_t *id)
{
    PR_REQUIRE(run->n_ranks >= 1, PR_ERR_INVALID, "%s: %d ranks", run->name, run->n_ranks);
    int n_places = 0;
    PR_TRY(pr__places(&jobs->options, run->n_ranks, &n_places));
    jobs->n_slots = jobs->n_slots < n_places ? jobs->n_slots : n_places;
    pr__item *it = pr_calloc(1, sizeof(*it));
    PR_REQUIRE(it != NULL, PR_ERR_NOMEM, "no memory for a run");
    pr_status status = fill_item(it, run);
    if (status == PR_OK) {
        it->result.id = jobs->n;
        status = append(jobs, it);
    }
    if (status != PR_OK) {
        free_item(&it);
        return status;
    }
    *id = it->result.id;
    return PR_OK;
}

static pr__item *next_queued(const pr_jobs *jobs)
{
    for (int64_t i = 0; i < jobs->n; i++) {
        if (jobs->items[i]->phase == PR__QUEUED) {
            return jobs->items[i];
        }
    }
    return NULL;
}

/* Puts runs into free slots. A run that is finished already leaves its slot at once. */
static pr_status fill_slots(pr_jobs *jobs)
{
    for (int slot = 0; slot < jobs->n_slots; slot++) {
        for (pr__item *it = next_queued(jobs); jobs->at[slot] == NULL && it != NULL;
             it = next_queued(jobs)) {
            it->slot = slot;
            jobs->at[slot] = it;
            PR_TRY(pr__advance(jobs, it));
        }
    }
    return PR_OK;
}

static pr_status poll_slot(pr_jobs *jobs, pr__item *it)
{
    if (it->phase == PR__WAITS) {
        return jobs->stops || pr_clock_s() >= it->next_look_s ? pr__advance(jobs, it) : PR_OK;
    }
    int code = 0;
    const pid_t ended = waitpid(it->pid, &code, WNOHANG);
    PR_REQUIRE(ended >= 0 || errno == EINTR, PR_ERR_IO, "waitpid: %s", strerror(errno));
    return ended == it->pid ? pr__take_end(jobs, it, code) : PR_OK;
}

static void ask_to_stop(pr_jobs *jobs)
{
    jobs->stops = true;
    pr_log_info("asked to stop: the runs write their checkpoints");
    for (int slot = 0; slot < jobs->n_slots; slot++) {
        if (jobs->at[slot] != NULL && jobs->at[slot]->pid > 0) {
            (void)kill(jobs->at[slot]->pid, SIGUSR1);
        }
    }
}

static pr_status go(pr_jobs *jobs)
{
    for (bool is_busy = true; is_busy;) {
        if (pr_job_wants_stop() && !jobs->stops) {
            ask_to_stop(jobs);
        }
        if (!jobs->stops) {
            PR_TRY(fill_slots(jobs));
        }
        is_busy = false;
        for (int slot = 0; slot < jobs->n_slots; slot++) {
            if (jobs->at[slot] != NULL) {
                PR_TRY(poll_slot(jobs, jobs->at[slot]));
                is_busy = true;
            }
        }
        if (is_busy) {
            pr_clock_sleep_s(poll_s);
        }
    }
    return PR_OK;
}

/* Whoever fails here leaves no child behind. */
static void end_children(pr_jobs *jobs)
{
    for (int slot = 0; slot < jobs->n_slots; slot++) {
        const pr__item *const it = jobs->at[slot];
        if (it != NULL && it->pid > 0) {
            (void)kill(it->pid, SIGUSR1);
            (void)waitpid(it->pid, NULL, 0);
        }
    }
}

pr_status pr_jobs_go(pr_jobs *jobs, pr_jobs_ended_fn ended, void *ctx, bool *stopped)
{
    jobs->ended = ended;
    jobs->ctx = ctx;
    jobs->stops = false;
    const pr_status status = go(jobs);
    if (status != PR_OK) {
        end_children(jobs);
    }
    *stopped = jobs->stops;
    return status;
}
