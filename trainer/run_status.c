#include "trainer/run_status.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    TAIL_BYTES = 1 << 18, /* of the log: enough for the last steps */
    N_PACE_STEPS = 50,    /* whose pace counts */
};

/* What the lines of a log say, in their order. */
typedef struct reading {
    pr_run_status *status;
    char last_type[16], why[16];
    double step_s[N_PACE_STEPS], views[N_PACE_STEPS]; /* a ring */
    int64_t n;
} reading;

static double real_of(const json_t *line, const char *key)
{
    const json_t *const value = json_object_get(line, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static int64_t int_of(const json_t *line, const char *key, int64_t without)
{
    const json_t *const value = json_object_get(line, key);
    return json_is_integer(value) ? json_integer_value(value) : without;
}

static void copy_text(char *to, size_t n, const json_t *line, const char *key)
{
    const char *const text = json_string_value(json_object_get(line, key));
    if (text != NULL) {
        (void)snprintf(to, n, "%s", text);
    }
}

static void read_eval(reading *r, const json_t *line)
{
    if (json_is_true(json_object_get(line, "best"))) {
        copy_text(r->status->metric, sizeof(r->status->metric), line, "metric");
        r->status->best = real_of(line, "value");
    }
}

static void read_line(reading *r, const json_t *line)
{
    pr_run_status *const s = r->status;
    copy_text(r->last_type, sizeof(r->last_type), line, "type");
    s->step = int_of(line, "step", s->step);
    s->epoch = int_of(line, "epoch", s->epoch);
    copy_text(s->stage, sizeof(s->stage), line, "stage");
    if (strcmp(r->last_type, "start") == 0) {
        s->n_steps = int_of(line, "run_steps", s->n_steps);
    } else if (strcmp(r->last_type, "step") == 0) {
        s->loss = real_of(line, "loss");
        r->step_s[r->n % N_PACE_STEPS] = real_of(line, "step_s") + real_of(line, "wait_s");
        r->views[r->n % N_PACE_STEPS] = real_of(line, "views");
        r->n++;
    } else if (strcmp(r->last_type, "eval") == 0) {
        read_eval(r, line);
    } else if (strcmp(r->last_type, "end") == 0) {
        copy_text(r->why, sizeof(r->why), line, "why");
    }
}

/* Both kinds of lines that are far back in a long log: "start" and the best "eval". */
static bool is_rare(const char *line, size_t n)
{
    static const char start[] = "{\"type\":\"start\"";
    static const char eval[] = "{\"type\":\"eval\"";
    return (n >= sizeof(start) - 1 && memcmp(line, start, sizeof(start) - 1) == 0) ||
           (n >= sizeof(eval) - 1 && memcmp(line, eval, sizeof(eval) - 1) == 0);
}

static void read_log(reading *r, const char *bytes, size_t n_bytes)
{
    const size_t tail = n_bytes > TAIL_BYTES ? n_bytes - TAIL_BYTES : 0;
    for (size_t at = 0; at < n_bytes;) {
        const char *const end = memchr(bytes + at, '\n', n_bytes - at);
        if (end == NULL) {
            return; /* it is being written */
        }
        const size_t n_line = (size_t)(end - (bytes + at));
        if (at >= tail || is_rare(bytes + at, n_line)) {
            json_error_t error;
            json_t *const line = json_loadb(bytes + at, n_line, 0, &error);
            if (line != NULL) {
                read_line(r, line);
            }
            json_decref(line);
        }
        at += n_line + 1;
    }
}

static void work_out_pace(const reading *r)
{
    const int64_t n = r->n < N_PACE_STEPS ? r->n : N_PACE_STEPS;
    double seconds = 0.0;
    double views = 0.0;
    for (int64_t i = 0; i < n; i++) {
        seconds += r->step_s[i];
        views += r->views[i];
    }
    if (n == 0 || !(seconds > 0.0)) {
        return;
    }
    r->status->views_per_s = views / seconds;
    if (r->status->n_steps > 0) {
        r->status->left_s = (double)(r->status->n_steps - r->status->step) * seconds / (double)n;
    }
}

/* Seconds since PATH was written; NAN where it is not there. */
static double age_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? difftime(time(NULL), info.st_mtime) : NAN;
}

/* The newest sign of life: what ranks write of themselves every few seconds, or the log. */
static pr_status find_silence(const char *run_dir, pr_run_status *s)
{
    char path[PR_PATH_BYTES];
    PR_TRY(pr_fs_join(path, run_dir, "log.jsonl"));
    s->silent_s = age_of(path);
    PR_TRY(pr_fs_join(path, run_dir, "ranks"));
    if (!pr_fs_is_folder(path)) {
        return PR_OK;
    }
    char **names = NULL;
    int64_t n = 0;
    PR_TRY(pr_fs_list(path, &names, &n));
    pr_status status = PR_OK;
    for (int64_t i = 0; i < n && status == PR_OK; i++) {
        char file[PR_PATH_BYTES];
        status = pr_fs_join(file, path, names[i]);
        if (status == PR_OK) {
            s->silent_s = fmin(s->silent_s, age_of(file));
        }
    }
    pr_free((void *)names);
    return status;
}

static pr_status read_failure(const char *run_dir, pr_run_status *s, bool *failed)
{
    char path[PR_PATH_BYTES];
    char *bytes = NULL;
    size_t n = 0;
    PR_TRY(pr_fs_join(path, run_dir, "FAILED"));
    *failed = pr_fs_exists(path);
    if (!*failed) {
        return PR_OK;
    }
    PR_TRY(pr_fs_read(path, &bytes, &n));
    const char *const end = memchr(bytes, '\n', n);
    const size_t n_line = end != NULL ? (size_t)(end - bytes) : n;
    (void)snprintf(s->words, sizeof(s->words), "%.*s", (int)n_line, bytes);
    pr_free(bytes);
    return PR_OK;
}

static pr_status find_state(const char *run_dir, const reading *r)
{
    pr_run_status *const s = r->status;
    bool is_held = false;
    bool failed = false;
    PR_TRY(pr_fs_lock_holder(run_dir, &is_held, s->words, sizeof(s->words)));
    if (is_held) {
        s->state = PR_RUN_RUNNING;
        return PR_OK;
    }
    s->words[0] = '\0';
    PR_TRY(read_failure(run_dir, s, &failed));
    if (failed) {
        s->state = PR_RUN_FAILED;
    } else if (r->last_type[0] == '\0') {
        s->state = PR_RUN_WAITING;
    } else if (strcmp(r->last_type, "end") != 0) {
        s->state = PR_RUN_DEAD;
    } else {
        s->state = strcmp(r->why, "done") == 0 ? PR_RUN_DONE : PR_RUN_STOPPED;
    }
    return PR_OK;
}

static pr_status check_is_run(const char *run_dir)
{
    char config[PR_PATH_BYTES];
    char lock[PR_PATH_BYTES];
    PR_TRY(pr_fs_join(config, run_dir, "config.yaml"));
    PR_TRY(pr_fs_join(lock, run_dir, "lock"));
    PR_REQUIRE(pr_fs_is_folder(run_dir), PR_ERR_INVALID, "%s: no such folder", run_dir);
    PR_REQUIRE(pr_fs_exists(config) || pr_fs_exists(lock), PR_ERR_INVALID,
               "%s: not a run's directory: neither config.yaml nor lock is in it", run_dir);
    return PR_OK;
}

pr_status pr_run_status_read(const char *run_dir, pr_run_status *out)
{
    *out = (pr_run_status){.views_per_s = NAN, .loss = NAN, .best = NAN, .left_s = NAN};
    reading r = {.status = out};
    char path[PR_PATH_BYTES];
    PR_TRY(check_is_run(run_dir));
    PR_TRY(pr_fs_join(path, run_dir, "log.jsonl"));
    if (pr_fs_exists(path)) {
        char *bytes = NULL;
        size_t n_bytes = 0;
        PR_TRY(pr_fs_read(path, &bytes, &n_bytes));
        read_log(&r, bytes, n_bytes);
        pr_free(bytes);
    }
    work_out_pace(&r);
    PR_TRY(find_silence(run_dir, out));
    return find_state(run_dir, &r);
}

const char *pr_run_state_word(pr_run_state state)
{
    static const char *const words[] = {"waiting", "running", "done", "stopped", "failed", "dead"};
    return words[state];
}
