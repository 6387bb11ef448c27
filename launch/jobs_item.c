/* What a run needs next, and what follows when its child ends. */
#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/comm/job.h"
#include "launch/jobs_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const double held_poll_s = 0.25;

static pr_status end_item(pr_jobs *jobs, pr__item *it, pr_jobs_state state)
{
    it->phase = PR__ENDED;
    it->result.state = state;
    if (it->slot >= 0) {
        jobs->at[it->slot] = NULL;
    }
    return jobs->ended == NULL ? PR_OK : jobs->ended(jobs->ctx, &it->result);
}

static pr_status start_child(pr_jobs *jobs, pr__item *it, bool evaluate)
{
    char console[PR_PATH_BYTES];
    char *before = NULL;
    pr__argv words = {NULL, 0, 0};
    const pr__place place = {&jobs->options, it->slot};
    PR_TRY(pr_fs_mkdirs(it->run.run_dir));
    PR_TRY(pr_fs_join(console, it->run.run_dir, "console.txt"));
    it->console_at = 0;
    if (pr_fs_exists(console)) {
        PR_TRY(pr_fs_read(console, &before, &it->console_at));
        pr_free(before);
    }
    pr_status status = pr__command(&place, &it->run, &it->wanted, evaluate, &words);
    if (status == PR_OK) {
        status = pr__start(&place, &words, it->run.n_ranks, console, -1, &it->pid);
    }
    pr__argv_free(&words);
    if (status == PR_OK) {
        it->phase = evaluate ? PR__EVALUATES : PR__TRAINS;
        it->step_at = it->seen.step;
        it->result.n_starts++;
    }
    return status;
}

pr_status pr__advance(pr_jobs *jobs, pr__item *it)
{
    char message[PR_JOBS_MESSAGE_BYTES];
    PR_TRY(pr__look(&it->run, &it->wanted, &it->seen, message));
    if (it->seen.state == PR_JOBS_FINISHED) {
        return end_item(jobs, it, PR_JOBS_FINISHED);
    }
    if (jobs->stops) {
        return end_item(jobs, it, it->seen.state);
    }
    if (it->seen.state == PR_JOBS_HELD) {
        if (!it->told_held) {
            pr_log_info("%s: waits for %s", it->run.name, message);
        }
        it->told_held = true;
        it->phase = PR__WAITS;
        it->next_look_s = pr_clock_s() + held_poll_s;
        return PR_OK;
    }
    return start_child(jobs, it, it->seen.reached);
}

static pr_status console_message(const pr__item *it, char message[static PR_JOBS_MESSAGE_BYTES])
{
    char path[PR_PATH_BYTES];
    char *bytes = NULL;
    size_t n = 0;
    message[0] = '\0';
    PR_TRY(pr_fs_join(path, it->run.run_dir, "console.txt"));
    if (!pr_fs_exists(path)) {
        return PR_OK;
    }
    PR_TRY(pr_fs_read(path, &bytes, &n));
    pr__last_words(bytes + (it->console_at < n ? it->console_at : n), message);
    pr_free(bytes);
    return PR_OK;
}

/* Why the child with the wait status CODE ended: what the run says itself, or what it said last. */
static pr_status find_message(pr__item *it, int code)
{
    char path[PR_PATH_BYTES];
    char last[PR_JOBS_MESSAGE_BYTES];
    char *const message = it->result.message;
    char *bytes = NULL;
    PR_TRY(pr_fs_join(path, it->run.run_dir, "FAILED"));
    if (pr_fs_exists(path) && it->phase == PR__TRAINS) {
        PR_TRY(pr_fs_read(path, &bytes, NULL));
        (void)snprintf(message, PR_JOBS_MESSAGE_BYTES, "%.*s", (int)strcspn(bytes, "\n"), bytes);
        pr_free(bytes);
        return PR_OK;
    }
    PR_TRY(console_message(it, last));
    const char *const what = it->phase == PR__EVALUATES ? "eval" : "train";
    if (strncmp(last, "fatal:", 6) == 0) {
        (void)snprintf(message, PR_JOBS_MESSAGE_BYTES, "%s", last);
    } else if (WIFSIGNALED(code)) {
        (void)snprintf(message, PR_JOBS_MESSAGE_BYTES,
                       "fatal: %s: its launcher was killed by signal %d", what, WTERMSIG(code));
    } else {
        (void)snprintf(message, PR_JOBS_MESSAGE_BYTES, "fatal: %s ended with code %d: %.900s", what,
                       WEXITSTATUS(code), last);
    }
    pr_text text = {0};
    pr_status status = pr_text_add(&text, "%s\n", message);
    if (status == PR_OK) {
        status = pr_fs_write(path, pr_text_chars(&text), text.n_chars);
    }
    pr_text_free(&text);
    return status;
}

/* Every failure of the run stays here, also when a later start gets over it. */
static pr_status note_failure(const pr__item *it)
{
    char path[PR_PATH_BYTES];
    char now[PR_CLOCK_TEXT_BYTES];
    pr_clock_now(now);
    PR_TRY(pr_fs_join(path, it->run.run_dir, "failures.txt"));
    FILE *const file = fopen(path, "ae");
    PR_REQUIRE(file != NULL, PR_ERR_IO, "%s: %s", path, strerror(errno));
    const bool written = fprintf(file, "%s %s\n", now, it->result.message) > 0;
    PR_REQUIRE(fclose(file) == 0 && written, PR_ERR_IO, "%s: %s", path, strerror(errno));
    return PR_OK;
}

/* What a second start would meet again: the config or the data are wrong. */
static bool is_certain(int code)
{
    return WIFEXITED(code) && (WEXITSTATUS(code) == PR_EXIT_BASE + (int)PR_ERR_INVALID ||
                               WEXITSTATUS(code) == PR_EXIT_BASE + (int)PR_ERR_SHAPE);
}

static pr_status take_failure(pr_jobs *jobs, pr__item *it, int code)
{
    PR_TRY(find_message(it, code));
    PR_TRY(note_failure(it));
    const bool again =
        it->n_failures < jobs->options.n_retries && !is_certain(code) && !jobs->stops;
    it->n_failures++;
    pr_log_warn("%s: %s%s", it->run.name, it->result.message, again ? "; it is started again" : "");
    return again ? pr__advance(jobs, it) : end_item(jobs, it, PR_JOBS_FAILED);
}

static pr_status copy_val(const pr__item *it)
{
    char from[PR_PATH_BYTES];
    char to[PR_PATH_BYTES];
    char folder[PR_PATH_BYTES];
    char *bytes = NULL;
    size_t n = 0;
    PR_TRY(pr_fs_join(from, it->run.run_dir, "eval/val.json"));
    PR_TRY(pr_fs_join(to, it->run.run_dir, it->run.val_copy));
    pr_fs_folder_of(folder, to);
    PR_TRY(pr_fs_mkdirs(folder));
    PR_TRY(pr_fs_read(from, &bytes, &n));
    const pr_status status = pr_fs_write(to, bytes, n);
    pr_free(bytes);
    return status;
}

static pr_status take_evaluated(pr_jobs *jobs, pr__item *it)
{
    char failed[PR_PATH_BYTES];
    PR_TRY(pr_fs_join(failed, it->run.run_dir, "FAILED"));
    PR_TRY(pr_fs_remove(failed));
    if (it->run.val_copy != NULL) {
        PR_TRY(copy_val(it));
    }
    if (it->run.stop_at == NULL || it->run.stop_at[0] == '\0') {
        PR_TRY(pr__prune(&it->run, it->seen.eval_step));
    }
    return end_item(jobs, it, PR_JOBS_FINISHED);
}

static pr_status take_trained(pr_jobs *jobs, pr__item *it, int code)
{
    char message[PR_JOBS_MESSAGE_BYTES];
    PR_TRY(pr__look(&it->run, &it->wanted, &it->seen, message));
    if (it->seen.reached || jobs->stops) {
        return pr__advance(jobs, it);
    }
    /* Somebody asked the run itself to stop. As long as it gets on, that is no failure. */
    const bool is_stop = WEXITSTATUS(code) == PR_EXIT_STOPPED;
    if (is_stop && it->seen.step > it->step_at) {
        pr_log_info("%s: stopped at step %" PRId64 ", goes on", it->run.name, it->seen.step);
        return pr__advance(jobs, it);
    }
    return take_failure(jobs, it, code);
}

pr_status pr__take_end(pr_jobs *jobs, pr__item *it, int code)
{
    const bool is_good = WIFEXITED(code) && WEXITSTATUS(code) == 0;
    const bool is_stop = WIFEXITED(code) && WEXITSTATUS(code) == PR_EXIT_STOPPED;
    if (!is_good && !is_stop) {
        /* Its launcher may be gone and the ranks not yet: they are in its group. */
        (void)kill(-it->pid, SIGKILL);
    }
    it->pid = 0;
    if (it->phase == PR__TRAINS && (is_good || is_stop)) {
        return take_trained(jobs, it, code);
    }
    if (is_good) {
        return take_evaluated(jobs, it);
    }
    return take_failure(jobs, it, code);
}
