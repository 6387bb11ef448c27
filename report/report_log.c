#include "report/report_internal.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const pr__level_names[PR__N_LEVELS] = {"instance", "temporal", "semantic", "class"};

static pr_status push(pr__series *series, double x, double y)
{
    if (series->n == series->room) {
        const int64_t room = series->room == 0 ? 256 : 2 * series->room;
        double *both[2] = {pr_calloc(room, sizeof(double)), pr_calloc(room, sizeof(double))};
        if (both[0] == NULL || both[1] == NULL) {
            pr_free(both[0]);
            pr_free(both[1]);
            return PR_FAIL(PR_ERR_NOMEM, "report: no memory for a curve of %lld points",
                           (long long)room);
        }
        if (series->n > 0) {
            memcpy(both[0], series->x, (size_t)series->n * sizeof(double));
            memcpy(both[1], series->y, (size_t)series->n * sizeof(double));
        }
        pr_free(series->x);
        pr_free(series->y);
        series->x = both[0];
        series->y = both[1];
        series->room = room;
    }
    series->x[series->n] = x;
    series->y[series->n++] = y;
    return PR_OK;
}

/* The series of (STAGE, KEY), made where it is new. */
static pr_status find_series(pr__series *list, int *n, const char *stage, const char *key,
                             pr__series **out)
{
    int i = 0;
    while (i < *n && (strcmp(list[i].stage, stage) != 0 || strcmp(list[i].key, key) != 0)) {
        i++;
    }
    PR_REQUIRE(i < PR__MAX_SERIES && strlen(stage) < sizeof(list[i].stage) &&
                   strlen(key) < sizeof(list[i].key),
               PR_ERR_FORMAT, "report: more than %d curves, or the name of '%s', '%s' is too long",
               PR__MAX_SERIES, stage, key);
    if (i == *n) {
        (void)snprintf(list[i].stage, sizeof(list[i].stage), "%s", stage);
        (void)snprintf(list[i].key, sizeof(list[i].key), "%s", key);
        (*n)++;
    }
    *out = &list[i];
    return PR_OK;
}

static bool is_curve(const char *key)
{
    return strcmp(key, "loss") == 0 || strncmp(key, "loss.", 5) == 0 || strcmp(key, "lr") == 0 ||
           strcmp(key, "grad_norm") == 0;
}

static pr_status take_value(pr__log *log, const json_t *line, const char *key, double value)
{
    pr__series *series = NULL;
    PR_TRY(find_series(log->series, &log->n_series, pr__json_word(line, "stage"), key, &series));
    return push(series, pr__json_number(line, "step"), value);
}

static pr_status take_step(pr__log *log, json_t *line)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(line, key, value)
    {
        if (is_curve(key) && json_is_number(value)) {
            PR_TRY(take_value(log, line, key, json_number_value(value)));
        }
    }
    const double rate = pr__json_number(line, "views") / pr__json_number(line, "step_s");
    return isfinite(rate) ? take_value(log, line, "rate", rate) : PR_OK;
}

static pr_status take_line(pr__log *log, json_t *line)
{
    const char *type = pr__json_word(line, "type");
    if (strcmp(type, "step") == 0) {
        return take_step(log, line);
    }
    if (strcmp(type, "plan") == 0) {
        for (int l = 0; l < PR__N_LEVELS; l++) {
            const double n = pr__json_number(line, pr__level_names[l]);
            PR_TRY(push(&log->levels[l], pr__json_number(line, "epoch"), isfinite(n) ? n : 0.0));
        }
        return PR_OK;
    }
    if (strcmp(type, "bad") == 0) {
        log->n_bad += json_integer_value(json_object_get(line, "bad"));
        log->n_replaced += json_integer_value(json_object_get(line, "replaced"));
        if (log->first_bad[0] == '\0' && json_object_get(line, "first_bad") != NULL) {
            (void)snprintf(log->first_bad, sizeof(log->first_bad), "%s",
                           pr__json_word(line, "first_bad"));
        }
        return PR_OK;
    }
    if (strcmp(type, "eval") == 0) {
        pr__series *series = NULL;
        PR_TRY(find_series(log->evals, &log->n_evals, pr__json_word(line, "split"),
                           pr__json_word(line, "metric"), &series));
        return push(series, pr__json_number(line, "step"), pr__json_number(line, "value"));
    }
    return PR_OK; /* lines of other types say nothing that is drawn */
}

static pr_status take_all(const char *path, const char *bytes, size_t n_bytes, pr__log *log)
{
    int64_t n_lines = 0;
    for (size_t at = 0; at < n_bytes;) {
        const char *end = memchr(bytes + at, '\n', n_bytes - at);
        if (end == NULL) {
            log->n_cut_lines = 1;
            return PR_OK;
        }
        const size_t n_line = (size_t)(end - (bytes + at));
        n_lines++;
        if (n_line > 0) {
            json_error_t error = {.line = 0};
            json_t *line = json_loadb(bytes + at, n_line, 0, &error);
            PR_REQUIRE(json_is_object(line), PR_ERR_FORMAT, "%s:%lld: %s", path, (long long)n_lines,
                       line == NULL ? error.text : "not a JSON object");
            const pr_status status = take_line(log, line);
            json_decref(line);
            PR_TRY(status);
        }
        at += n_line + 1;
    }
    return PR_OK;
}

pr_status pr__log_read(const char *path, pr__log **out)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    PR_TRY(pr_fs_read(path, &bytes, &n_bytes));
    pr__log *log = pr_calloc(1, sizeof(*log));
    pr_status status = PR_OK;
    if (log == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "report: out of memory");
    } else {
        status = take_all(path, bytes, n_bytes, log);
    }
    pr_free(bytes);
    if (status != PR_OK) {
        pr__log_destroy(&log);
        return status;
    }
    *out = log;
    return PR_OK;
}

void pr__log_destroy(pr__log **log)
{
    if (*log == NULL) {
        return;
    }
    for (int i = 0; i < PR__MAX_SERIES; i++) {
        pr_free((*log)->series[i].x);
        pr_free((*log)->series[i].y);
        pr_free((*log)->evals[i].x);
        pr_free((*log)->evals[i].y);
    }
    for (int l = 0; l < PR__N_LEVELS; l++) {
        pr_free((*log)->levels[l].x);
        pr_free((*log)->levels[l].y);
    }
    pr_free(*log);
    *log = NULL;
}

/* A chart of the series for which (stage, key) are chosen; NULL chooses any. */
static void add_chart(pr_page *page, const pr__log *log, const char *title, const char *stage,
                      const char *key, bool log_y)
{
    pr__curve curves[PR__MAX_SERIES];
    int n = 0;
    for (int i = 0; i < log->n_series; i++) {
        const pr__series *s = &log->series[i];
        const bool is_loss = strncmp(s->key, "loss", 4) == 0;
        const bool chosen =
            key == NULL ? is_loss && strcmp(s->stage, stage) == 0 : strcmp(s->key, key) == 0;
        if (chosen) {
            curves[n++] = (pr__curve){key == NULL ? s->key : s->stage, s->x, s->y, s->n, false};
        }
    }
    const bool from_zero = key != NULL && !log_y;
    const pr__chart chart = {title, "step", curves, n, log_y, from_zero, false};
    pr__svg_chart(page, &chart);
}

static void add_levels(pr_page *page, const pr__log *log)
{
    const int64_t n = log->levels[0].n;
    double *values = pr_calloc(n * PR__N_LEVELS, sizeof(*values));
    if (values == NULL) {
        pr_page_take(page, PR_FAIL(PR_ERR_NOMEM, "report: out of memory"));
        return;
    }
    for (int64_t i = 0; i < n * PR__N_LEVELS; i++) {
        values[i] = log->levels[i % PR__N_LEVELS].y[i / PR__N_LEVELS];
    }
    const pr__stack stack = {.title = "Mates by pairing level, in each epoch's plan (views)",
                             .x_label = "epoch",
                             .parts = pr__level_names,
                             .n_parts = PR__N_LEVELS,
                             .x = log->levels[0].x,
                             .values = values,
                             .n_bars = n};
    pr__svg_stack(page, &stack);
    pr_free(values);
}

static void add_losses(pr_page *page, const pr__log *log)
{
    for (int i = 0; i < log->n_series; i++) {
        bool is_first = strncmp(log->series[i].key, "loss", 4) == 0;
        for (int k = 0; k < i && is_first; k++) {
            is_first = strncmp(log->series[k].key, "loss", 4) != 0 ||
                       strcmp(log->series[k].stage, log->series[i].stage) != 0;
        }
        if (is_first) {
            char title[128];
            (void)snprintf(title, sizeof(title), "Loss, stage %s", log->series[i].stage);
            add_chart(page, log, title, log->series[i].stage, NULL, true);
        }
    }
}

static void add_validation(pr_page *page, const pr__log *log)
{
    pr__curve curves[PR__MAX_SERIES];
    char names[PR__MAX_SERIES][132];
    for (int i = 0; i < log->n_evals; i++) {
        const pr__series *s = &log->evals[i];
        (void)snprintf(names[i], sizeof(names[i]), "%s %s", s->stage, s->key);
        curves[i] = (pr__curve){names[i], s->x, s->y, s->n, true};
    }
    const pr__chart chart = {"Validation", "step", curves, log->n_evals, false, false, false};
    pr__svg_chart(page, &chart);
}

void pr__report_curves(pr_page *page, const pr__log *log)
{
    pr_page_put(page, "<h2>Training</h2>\n<div class=\"grid\">\n");
    add_losses(page, log);
    add_validation(page, log);
    add_chart(page, log, "Learning rate", NULL, "lr", false);
    add_chart(page, log, "Norm of the gradient, before clipping", NULL, "grad_norm", true);
    add_chart(page, log, "Views a second", NULL, "rate", false);
    add_levels(page, log);
    pr_page_put(page, "</div>\n");
    if (log->n_cut_lines > 0) {
        pr_page_put(page, "<p>The log's last line is not whole (the run was writing it, or "
                          "was killed): it is left out.</p>\n");
    }
}
