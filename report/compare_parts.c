#include "report/compare_parts.h"

#include "engine/base/alloc.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *head, *level, *key;
    bool small_is_good;
} columns[] = {{"frame AUC", "frame", "auc", false}, {"video AUC", "video", "auc", false},
               {"frame EER", "frame", "eer", true},  {"video EER", "video", "eer", true},
               {"frame AP", "frame", "ap", false},   {"frame accuracy", "frame", "acc", false}};

enum { N_COLUMNS = (int)(sizeof(columns) / sizeof(columns[0])) };

static double value_of(const pr__compared *run, const char *set, int column)
{
    const int i = pr__compared_find(run, set);
    return i < 0 ? NAN
                 : pr__json_number(json_object_get(run->evals[i], columns[column].level),
                                   columns[column].key);
}

/* The best value of a column over the runs; NaN where none has one. */
static double best_of(const pr__comparison *c, const char *set, int column)
{
    double best = NAN;
    for (int r = 0; r < c->n_runs; r++) {
        const double value = value_of(&c->runs[r], set, column);
        const bool is_better = columns[column].small_is_good ? value < best : value > best;
        best = isnan(best) || is_better ? value : best;
    }
    return best;
}

static void add_row(pr_page *page, const pr__comparison *c, const pr__compared *run,
                    const char *set)
{
    const int i = pr__compared_find(run, set);
    pr_page_put(page, "<tr><td>");
    pr_page_html(page, set);
    pr_page_put(page, "</td><td>");
    pr_page_html(page, run->run->name);
    if (i < 0) {
        pr_page_put(page, "</td><td colspan=\"%d\"><i>not evaluated</i></td></tr>\n",
                    N_COLUMNS + 2);
        return;
    }
    const json_t *const frame = json_object_get(run->evals[i], "frame");
    pr_page_put(page, "</td><td>%lld</td><td>%lld</td>",
                (long long)json_integer_value(json_object_get(frame, "n_real")),
                (long long)json_integer_value(json_object_get(frame, "n_fake")));
    for (int column = 0; column < N_COLUMNS; column++) {
        const double value = value_of(run, set, column);
        const bool is_best = c->n_runs > 1 && value == best_of(c, set, column);
        pr_page_put(page, is_best ? "<td><b>" : "<td>");
        pr__html_percent(page, value);
        pr_page_put(page, is_best ? "</b></td>" : "</td>");
    }
    pr_page_put(page, "</tr>\n");
}

/* One set's curves in one drawing, a run each: a run keeps its colour where another has no curve. */
static pr_status add_roc(pr_page *page, const pr__comparison *c, const char *set)
{
    double *x[PR_SHOWN_MAX_RUNS] = {NULL};
    double *y[PR_SHOWN_MAX_RUNS] = {NULL};
    pr__curve curves[PR_SHOWN_MAX_RUNS];
    char title[160];
    bool any = false;
    pr_status status = PR_OK;
    for (int r = 0; r < c->n_runs && status == PR_OK; r++) {
        const int i = pr__compared_find(&c->runs[r], set);
        curves[r] = (pr__curve){.name = c->runs[r].run->name};
        if (i >= 0 && pr__roc_exists(c->runs[r].evals[i])) {
            status = pr__roc_read(c->runs[r].evals[i], c->runs[r].paths.at[i], c->runs[r].run->name,
                                  &x[r], &y[r], &curves[r]);
            any = true;
        }
    }
    (void)snprintf(title, sizeof(title), "ROC of frames, %s", set);
    const pr__chart chart = {.title = title,
                             .x_label = "FPR (reals called fake); upwards TPR (fakes called fake)",
                             .curves = curves,
                             .n_curves = c->n_runs,
                             .unit = true};
    if (status == PR_OK && any) {
        pr__svg_chart(page, &chart);
    }
    for (int r = 0; r < c->n_runs; r++) {
        pr_free(x[r]);
        pr_free(y[r]);
    }
    return status;
}

void pr__compare_metrics(pr_page *page, const pr__comparison *c)
{
    pr_page_put(page, "<h2>Evaluation</h2>\n");
    if (c->n_sets == 0) {
        pr_page_put(page, "<p>None of the runs was evaluated (pristine eval RUN).</p>\n");
        return;
    }
    pr_page_put(page,
                "<p>Percent, except counts; fake is the positive class. A set's numbers are of "
                "the same samples in all rows, the best of them is bold.</p>\n"
                "<div class=\"card scroll\"><table>\n<thead><tr><th>set</th><th>run</th>"
                "<th>reals</th><th>fakes</th>");
    for (int column = 0; column < N_COLUMNS; column++) {
        pr_page_put(page, "<th>%s</th>", columns[column].head);
    }
    pr_page_put(page, "</tr></thead>\n<tbody>\n");
    for (int s = 0; s < c->n_sets; s++) {
        for (int r = 0; r < c->n_runs; r++) {
            add_row(page, c, &c->runs[r], c->sets[s]);
        }
    }
    pr_page_put(page, "</tbody></table></div>\n<div class=\"grid\">\n");
    for (int s = 0; s < c->n_sets; s++) {
        pr_page_take(page, add_roc(page, c, c->sets[s]));
    }
    pr_page_put(page, "</div>\n");
}

/* The series (STAGE, KEY) of LIST, or NULL. */
static const pr__series *find(const pr__series *list, int n, const char *stage, const char *key)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(list[i].stage, stage) == 0 && strcmp(list[i].key, key) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

/* The runs' series of one name in one drawing. */
static void add_chart(pr_page *page, const pr__comparison *c, bool is_loss, const pr__series *like,
                      const char *title)
{
    pr__curve curves[PR_SHOWN_MAX_RUNS];
    for (int r = 0; r < c->n_runs; r++) {
        const pr__log *const log = c->runs[r].log;
        const pr__series *const s = is_loss
                                        ? find(log->series, log->n_series, like->stage, like->key)
                                        : find(log->evals, log->n_evals, like->stage, like->key);
        curves[r] = (pr__curve){.name = c->runs[r].run->name, .with_points = !is_loss};
        if (s != NULL) {
            curves[r].x = s->x;
            curves[r].y = s->y;
            curves[r].n = s->n;
        }
    }
    const pr__chart chart = {.title = title,
                             .x_label = "step",
                             .curves = curves,
                             .n_curves = c->n_runs,
                             .log_y = is_loss};
    pr__svg_chart(page, &chart);
}

/* Whether a run before R has the series too: then it has been drawn. */
static bool was_drawn(const pr__comparison *c, int r, bool is_loss, const pr__series *s)
{
    bool found = false;
    for (int before = 0; before < r; before++) {
        const pr__log *const log = c->runs[before].log;
        found = found || (is_loss ? find(log->series, log->n_series, s->stage, s->key)
                                  : find(log->evals, log->n_evals, s->stage, s->key)) != NULL;
    }
    return found;
}

static void add_charts(pr_page *page, const pr__comparison *c, int r, bool is_loss)
{
    const pr__log *const log = c->runs[r].log;
    const int n = is_loss ? log->n_series : log->n_evals;
    for (int i = 0; i < n; i++) {
        const pr__series *const s = is_loss ? &log->series[i] : &log->evals[i];
        if ((!is_loss || strcmp(s->key, "loss") == 0) && !was_drawn(c, r, is_loss, s)) {
            char title[160];
            (void)snprintf(title, sizeof(title), is_loss ? "Loss, stage %s" : "Validation, %s %s",
                           s->stage, s->key);
            add_chart(page, c, is_loss, s, title);
        }
    }
}

void pr__compare_curves(pr_page *page, const pr__comparison *c)
{
    pr_page_put(page, "<h2>Training</h2>\n<p>Losses of different objectives have different units: "
                      "curves in one drawing share a stage's name, no more.</p>\n"
                      "<div class=\"grid\">\n");
    for (int is_loss = 1; is_loss >= 0; is_loss--) {
        for (int r = 0; r < c->n_runs; r++) {
            add_charts(page, c, r, is_loss == 1);
        }
    }
    pr_page_put(page, "</div>\n");
}
