#include "trainer/runlog.h"

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/base/fs.h"
#include "engine/base/text.h"
#include "trainer/board.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct pr_runlog {
    FILE *file;
    char path[PR_PATH_BYTES];
    pr_events *events; /* NULL where none are wanted */
};

static bool is_of_type(const json_t *line, const char *type)
{
    const char *const text = json_string_value(json_object_get(line, "type"));
    return text != NULL && strcmp(text, type) == 0;
}

/* Whether the line is whole, was written up to AT, and will not be written again from there. */
static bool keeps(const char *line, size_t n_chars, const pr_position *position)
{
    json_error_t error;
    json_t *const object = json_loadb(line, n_chars, 0, &error);
    const json_t *const at = json_object_get(object, "step");
    bool keep = json_is_integer(at) && json_integer_value(at) <= position->step;
    if (keep && json_integer_value(at) == position->step) {
        const bool validates_again = position->epoch_step > 0;
        const bool is_result = is_of_type(object, "eval") || is_of_type(object, "val_loss");
        keep = !is_of_type(object, "plan") && !(validates_again && is_result);
    }
    keep = keep && !is_of_type(object, "end");
    json_decref(object);
    return keep;
}

static pr_status cut_back(const char *path, const pr_position *position)
{
    if (!pr_fs_exists(path)) {
        return PR_OK;
    }
    char *bytes = NULL;
    size_t n_bytes = 0;
    PR_TRY(pr_fs_read(path, &bytes, &n_bytes));
    size_t n_kept = 0;
    for (size_t at = 0; at < n_bytes;) {
        const char *const end = memchr(bytes + at, '\n', n_bytes - at);
        if (end == NULL) {
            break; /* half a line: the run was killed while it wrote */
        }
        const size_t n_line = (size_t)(end - (bytes + at)) + 1;
        if (keeps(bytes + at, n_line, position)) {
            memmove(bytes + n_kept, bytes + at, n_line);
            n_kept += n_line;
        }
        at += n_line;
    }
    const pr_status status = n_kept == n_bytes ? PR_OK : pr_fs_write(path, bytes, n_kept);
    pr_free(bytes);
    return status;
}

pr_status pr_runlog_open(const char *run_dir, const pr_position *at, bool tensorboard,
                         pr_runlog **out)
{
    pr_runlog *log = pr_calloc(1, sizeof(*log));
    PR_REQUIRE(log != NULL, PR_ERR_NOMEM, "no memory for a log");
    pr_status status = pr_fs_join(log->path, run_dir, "log.jsonl");
    if (status == PR_OK) {
        status = cut_back(log->path, at);
    }
    if (status == PR_OK) {
        log->file = fopen(log->path, "ae");
        if (log->file == NULL) {
            status = PR_FAIL(PR_ERR_IO, "%s: %s", log->path, strerror(errno));
        }
    }
    if (status == PR_OK && tensorboard) {
        status = pr_events_open(run_dir, at->step, &log->events);
    }
    if (status != PR_OK) {
        pr_runlog_close(&log);
        return status;
    }
    *out = log;
    return PR_OK;
}

void pr_runlog_close(pr_runlog **log)
{
    if (*log != NULL) {
        if ((*log)->file != NULL) {
            (void)fclose((*log)->file);
        }
        pr_events_close(&(*log)->events);
        pr_free(*log);
        *log = NULL;
    }
}

/* Ends LINE, writes it and frees it, whatever STATUS its making had. */
static pr_status put(pr_runlog *log, pr_text *line, pr_status status)
{
    if (status == PR_OK) {
        status = pr_text_add(line, "}\n");
    }
    if (status == PR_OK) {
        const char *const chars = pr_text_chars(line);
        const bool written = fputs(chars, log->file) >= 0 && fflush(log->file) == 0;
        status = written ? PR_OK : PR_FAIL(PR_ERR_IO, "%s: %s", log->path, strerror(errno));
        if (status == PR_OK && log->events != NULL) {
            status = pr_board_line(log->events, chars);
        }
    }
    pr_text_free(line);
    return status;
}

static pr_status begin_line(pr_text *line, const char *type, const pr_trainer *t)
{
    return pr_text_add(
        line, "{\"type\":\"%s\",\"step\":%" PRId64 ",\"epoch\":%" PRId64 ",\"stage\":\"%s\"", type,
        t->position.step, t->position.epoch, t->stage == NULL ? "" : t->stage->name);
}

static pr_status add_real(pr_text *line, const char *key, double value)
{
    PR_TRY(pr_text_add(line, ",\"%s\":", key));
    return pr_text_add_json_real(line, value);
}

static pr_status add_int(pr_text *line, const char *key, int64_t value)
{
    return pr_text_add(line, ",\"%s\":%" PRId64, key, value);
}

static pr_status start_line(pr_text *line, const pr_trainer *t, uint64_t config_hash,
                            uint64_t data_hash, int64_t run_steps)
{
    char now[PR_CLOCK_TEXT_BYTES];
    pr_clock_now(now);
    PR_TRY(begin_line(line, "start", t));
    PR_TRY(add_int(line, "run_steps", run_steps));
    return pr_text_add(
        line,
        ",\"time\":\"%s\",\"ranks\":%d,\"threads\":%d,\"config_hash\":\"%016" PRIx64
        "\",\"data_hash\":\"%016" PRIx64 "\",\"reduction\":\"%s\",\"version\":\"%s\"",
        now, pr_comm_n_ranks(t->comm), pr_team_n_threads(t->team), config_hash, data_hash,
        t->options->reduction == PR_REDUCE_FAST ? "fast" : "strict", PR_VERSION);
}

pr_status pr_runlog_start(pr_runlog *log, const pr_trainer *t, uint64_t config_hash,
                          uint64_t data_hash, int64_t run_steps)
{
    pr_text line = {0};
    return put(log, &line, start_line(&line, t, config_hash, data_hash, run_steps));
}

static pr_status end_line(pr_text *line, const pr_trainer *t, const char *why)
{
    char now[PR_CLOCK_TEXT_BYTES];
    pr_clock_now(now);
    PR_TRY(begin_line(line, "end", t));
    return pr_text_add(line, ",\"time\":\"%s\",\"why\":\"%s\"", now, why);
}

pr_status pr_runlog_end(pr_runlog *log, const pr_trainer *t, const char *why)
{
    pr_text line = {0};
    return put(log, &line, end_line(&line, t, why));
}

static pr_status step_line(pr_text *line, const pr_trainer *t, const pr_step_report *report)
{
    const int last = (int)((t->position.phase + t->n_cycle - 1) % t->n_cycle);
    const pr_phase_run *const run = &t->phases[pr_stage_cycle_phase(t->options, t->stage, last)];
    PR_TRY(begin_line(line, "step", t));
    PR_TRY(pr_text_add(line, ",\"phase\":\"%s\"", run->phase->name));
    PR_TRY(add_real(line, "loss", report->loss));
    for (int i = 0; i < report->n_terms; i++) {
        const pr_term_value *const term = &report->terms[i];
        char key[64];
        (void)snprintf(key, sizeof(key), "term.%s", term->name);
        PR_TRY(add_real(line, key, term->value));
        (void)snprintf(key, sizeof(key), "weight.%s", term->name);
        PR_TRY(add_real(line, key, term->weight));
        (void)snprintf(key, sizeof(key), "n.%s", term->name);
        PR_TRY(add_int(line, key, term->n));
    }
    PR_TRY(add_real(line, "lr", report->lr));
    PR_TRY(add_real(line, "grad_norm", report->grad_norm));
    PR_TRY(add_int(line, "views", run->n_views));
    PR_TRY(add_real(line, "step_s", report->step_s));
    PR_TRY(add_real(line, "wait_s", report->wait_s));
    PR_TRY(add_real(line, "gather_s", report->gather_s));
    PR_TRY(add_real(line, "loss_s", report->loss_s));
    return add_real(line, "reduce_s", report->reduce_s);
}

pr_status pr_runlog_step(pr_runlog *log, const pr_trainer *t, const pr_step_report *report)
{
    pr_text line = {0};
    return put(log, &line, step_line(&line, t, report));
}

static pr_status plan_line(pr_text *line, const pr_trainer *t, const pr_sampler_stats *stats)
{
    static const char *const levels[PR_LEVEL_COUNT] = {"anchors", "instance", "temporal",
                                                       "semantic", "class"};
    PR_TRY(begin_line(line, "plan", t));
    PR_TRY(add_int(line, "steps", stats->n_steps));
    PR_TRY(add_int(line, "items", stats->n_items));
    PR_TRY(add_int(line, "left_out", stats->n_left_out));
    PR_TRY(add_int(line, "reals", stats->items_by_label[PR_REAL]));
    PR_TRY(add_int(line, "fakes", stats->items_by_label[PR_FAKE]));
    for (int i = 0; i < PR_LEVEL_COUNT; i++) {
        PR_TRY(add_int(line, levels[i], stats->views_by_level[i]));
    }
    PR_TRY(add_int(line, "fallbacks", stats->n_fallback));
    PR_TRY(add_int(line, "identities", stats->n_identities));
    PR_TRY(add_int(line, "videos", stats->n_videos));
    PR_TRY(add_int(line, "samples", stats->n_samples));
    if (stats->n_generated > 0) {
        PR_TRY(add_int(line, "generated", stats->n_generated));
        PR_TRY(add_int(line, "real_xp", stats->n_xp));
    }
    if (t->options->sampler.frame_shift_prob > 0.0 || t->options->sampler.mixup_prob > 0.0) {
        PR_TRY(add_int(line, "shifted", stats->n_shifted));
        PR_TRY(add_int(line, "not_shifted", stats->n_not_shifted));
        PR_TRY(add_int(line, "mixed", stats->n_mixed));
        PR_TRY(add_int(line, "fake_views", stats->n_fake_views));
        PR_TRY(add_int(line, "unaligned", stats->n_unaligned));
    }
    return add_int(line, "max_repeats", stats->max_repeats);
}

pr_status pr_runlog_plan(pr_runlog *log, const pr_trainer *t, const pr_sampler_stats *stats)
{
    pr_text line = {0};
    return put(log, &line, plan_line(&line, t, stats));
}

static pr_status bad_line(pr_text *line, const pr_trainer *t, int64_t n_bad, int64_t n_replaced,
                          const char *first)
{
    PR_TRY(begin_line(line, "bad", t));
    PR_TRY(add_int(line, "bad", n_bad));
    PR_TRY(add_int(line, "replaced", n_replaced));
    if (first[0] == '\0') {
        return PR_OK;
    }
    PR_TRY(pr_text_add(line, ",\"first_bad\":"));
    return pr_text_add_json(line, first);
}

pr_status pr_runlog_bad(pr_runlog *log, const pr_trainer *t, int64_t n_bad, int64_t n_replaced,
                        const char *first)
{
    pr_text line = {0};
    return put(log, &line, bad_line(&line, t, n_bad, n_replaced, first));
}

static pr_status val_loss_line(pr_text *line, const pr_trainer *t, const pr_val_loss *loss)
{
    PR_TRY(begin_line(line, "val_loss", t));
    PR_TRY(add_real(line, "loss", loss->total));
    PR_TRY(add_real(line, "local", loss->local));
    return add_int(line, "batches", loss->n_batches);
}

pr_status pr_runlog_val_loss(pr_runlog *log, const pr_trainer *t, const pr_val_loss *loss)
{
    pr_text line = {0};
    return put(log, &line, val_loss_line(&line, t, loss));
}

static pr_status eval_line(pr_text *line, const pr_trainer *t, const char *split,
                           const char *metric, double value, bool is_best,
                           const pr_metrics *metrics)
{
    PR_TRY(begin_line(line, "eval", t));
    PR_TRY(pr_text_add(line, ",\"split\":\"%s\",\"metric\":\"%s\"", split, metric));
    PR_TRY(add_real(line, "value", value));
    PR_TRY(pr_text_add(line, ",\"best\":%s", is_best ? "true" : "false"));
    int n_fields = 0;
    const pr_metric_field *const fields = pr_metric_fields(&n_fields);
    for (int i = 0; i < n_fields; i++) {
        char key[64];
        (void)snprintf(key, sizeof(key), "frame.%s", fields[i].name);
        PR_TRY(add_real(line, key,
                        *(const double *)((const char *)&metrics->frame + fields[i].offset)));
    }
    return PR_OK;
}

pr_status pr_runlog_eval(pr_runlog *log, const pr_trainer *t, const char *split, const char *metric,
                         double value, bool is_best, const pr_metrics *metrics)
{
    pr_text line = {0};
    return put(log, &line, eval_line(&line, t, split, metric, value, is_best, metrics));
}

pr_status pr_runlog_epoch(pr_runlog *log, const pr_trainer *t, const pr_samples *samples)
{
    return log->events == NULL ? PR_OK : pr_board_epoch(log->events, t, samples);
}
