#include "report/sweep_page.h"

#include "engine/base/fs.h"
#include "report/report_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum {
    WIDTH = 1000,
    HEIGHT = 360,
    LEFT = 40,
    TOP = 40,
    BOTTOM = 20,
    MAX_CURVES = 6, /* learning curves: as many as there are colours */
    MAX_ROWS = 200,
};

static double axis_x(const pr_sweep_page *s, int axis)
{
    return LEFT + (double)axis * (WIDTH - 2 * LEFT) / (s->n_axes > 0 ? s->n_axes : 1);
}

static double axis_y(double share)
{
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
}

static void value_range(const pr_sweep_page *s, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int64_t i = 0; i < s->n; i++) {
        if (isfinite(s->lines[i].value)) {
            *low = fmin(*low, s->lines[i].value);
            *high = fmax(*high, s->lines[i].value);
        }
    }
}

static void add_axis(pr_page *page, const pr_sweep_page *s, int axis, const char *name)
{
    const double x = axis_x(s, axis);
    pr_page_put(page,
                "<line class=\"a\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>"
                "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">",
                x, x, TOP, HEIGHT - BOTTOM, x, TOP - 18);
    pr_page_html(page, name);
    pr_page_put(page, "</text>\n");
}

/* The words at the ends of an axis: those of the trials that lie lowest and highest there. */
static void add_ends(pr_page *page, const pr_sweep_page *s, int axis)
{
    const pr_sweep_line *ends[2] = {NULL, NULL};
    for (int64_t i = 0; i < s->n; i++) {
        const pr_sweep_line *const line = &s->lines[i];
        if (!isfinite(line->at[axis])) {
            continue;
        }
        ends[0] = ends[0] == NULL || line->at[axis] < ends[0]->at[axis] ? line : ends[0];
        ends[1] = ends[1] == NULL || line->at[axis] > ends[1]->at[axis] ? line : ends[1];
    }
    for (int e = 0; e < 2 && ends[e] != NULL; e++) {
        pr_page_put(page, "<text x=\"%.1f\" y=\"%.1f\">", axis_x(s, axis) + 5.0,
                    axis_y(ends[e]->at[axis]) + 4.0);
        pr_page_html(page, ends[e]->words[axis]);
        pr_page_put(page, "</text>\n");
    }
}

/* A trial from axis to axis, its metric the last; what it does not have is left out. */
static void add_line(pr_page *page, const pr_sweep_page *s, const pr_sweep_line *line, double share,
                     bool is_best)
{
    if (!isfinite(share)) {
        return;
    }
    const double good = s->more_is_better ? share : 1.0 - share;
    pr_page_put(page,
                "<polyline fill=\"none\" stroke=\"hsl(%.0f,75%%,48%%)\" stroke-width=\"%s\" "
                "opacity=\"%.2f\" points=\"",
                230.0 - 210.0 * good, is_best ? "3" : "1.4", is_best ? 1.0 : 0.35 + 0.5 * good);
    for (int axis = 0; axis < s->n_axes; axis++) {
        if (isfinite(line->at[axis])) {
            pr_page_put(page, "%.1f,%.1f ", axis_x(s, axis), axis_y(line->at[axis]));
        }
    }
    pr_page_put(page, "%.1f,%.1f\"><title>", axis_x(s, s->n_axes), axis_y(share));
    pr_page_html(page, line->name);
    pr_page_put(page, ": %.6g</title></polyline>\n", line->value);
}

static void add_coordinates(pr_page *page, const pr_sweep_page *s)
{
    double low = 0.0;
    double high = 0.0;
    value_range(s, &low, &high);
    if (!(low <= high)) {
        return; /* nothing was evaluated yet */
    }
    pr_page_put(
        page,
        "<h2>Parameters and the metric</h2>\n<p>A line is a trial; the warmer, the better, "
        "and the thick one is the best.</p>\n<div class=\"card\"><svg viewBox=\"0 0 %d %d\" "
        "role=\"img\" aria-label=\"parallel coordinates\">\n",
        WIDTH, HEIGHT);
    for (int64_t i = s->n - 1; i >= 0; i--) {
        const double range = high > low ? high - low : 1.0;
        add_line(page, s, &s->lines[i], (s->lines[i].value - low) / range, i == 0);
    }
    for (int axis = 0; axis < s->n_axes; axis++) {
        add_axis(page, s, axis, s->axes[axis]);
        add_ends(page, s, axis);
    }
    add_axis(page, s, s->n_axes, s->metric);
    for (int e = 0; e < 2; e++) {
        pr_page_put(page, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n",
                    axis_x(s, s->n_axes) - 5.0, axis_y(e) + 4.0, e == 0 ? low : high);
    }
    pr_page_put(page, "</svg></div>\n");
}

static void add_matters(pr_page *page, const pr_sweep_page *s)
{
    pr_page_put(page,
                "<h2>What matters</h2>\n<p>The share of the metric's variance that lies "
                "between groups of trials with like values of one parameter alone (ranges in "
                "four parts). Parameters that act together show less of it than they have.</p>"
                "\n<div class=\"card scroll\"><table>\n");
    for (int axis = 0; axis < s->n_axes; axis++) {
        pr_page_put(page, "<tr><td>");
        pr_page_html(page, s->axes[axis]);
        if (isfinite(s->matters[axis])) {
            pr_page_put(
                page,
                "</td><td data-v=\"%.17g\"><svg viewBox=\"0 0 300 12\" style=\"width:300px\" "
                "role=\"img\" aria-label=\"share\"><rect class=\"bar real\" width=\"%.1f\" "
                "height=\"12\"/></svg></td><td>%.0f %%</td></tr>\n",
                s->matters[axis], 300.0 * s->matters[axis], 100.0 * s->matters[axis]);
        } else {
            pr_page_put(page, "</td><td><i>too few trials</i></td><td></td></tr>\n");
        }
    }
    pr_page_put(page, "</table></div>\n");
}

static pr_status add_curves(pr_page *page, const pr_sweep_page *s)
{
    pr__log *logs[MAX_CURVES] = {NULL};
    pr__curve evals[MAX_CURVES];
    pr__curve losses[MAX_CURVES];
    int n = 0;
    pr_status status = PR_OK;
    for (int64_t i = 0; i < s->n && n < MAX_CURVES && status == PR_OK; i++) {
        if (s->lines[i].log_path == NULL) {
            continue;
        }
        status = pr__log_read(s->lines[i].log_path, &logs[n]);
        if (status != PR_OK) {
            break;
        }
        const pr__log *const log = logs[n];
        const pr__series none = {.n = 0};
        const pr__series *const eval = log->n_evals > 0 ? &log->evals[log->n_evals - 1] : &none;
        const pr__series *const loss = log->n_series > 0 ? &log->series[0] : &none;
        evals[n] = (pr__curve){s->lines[i].name, eval->x, eval->y, eval->n, true};
        losses[n] = (pr__curve){s->lines[i].name, loss->x, loss->y, loss->n, false};
        n++;
    }
    if (status == PR_OK && n > 0) {
        const pr__chart charts[] = {
            {"Validation", "step", evals, n, false, false, false},
            {"Loss of the first stage", "step", losses, n, true, false, false}};
        pr_page_put(page, "<h2>Learning curves of the best trials</h2>\n<div class=\"grid\">\n");
        pr__svg_chart(page, &charts[0]);
        pr__svg_chart(page, &charts[1]);
        pr_page_put(page, "</div>\n");
    }
    for (int i = 0; i < MAX_CURVES; i++) {
        pr__log_destroy(&logs[i]);
    }
    return status;
}

static void add_row(pr_page *page, const pr_sweep_page *s, const pr_sweep_line *line)
{
    pr_page_put(page, "<tr><td>");
    pr_page_html(page, line->name);
    pr_page_put(page, "</td><td>");
    pr_page_html(page, line->state);
    if (isfinite(line->value)) {
        pr_page_put(page, "</td><td data-v=\"%.17g\">%.4f</td><td>%" PRId64 "</td>", line->value,
                    line->value, line->step);
    } else {
        pr_page_put(page, "</td><td>–</td><td>–</td>");
    }
    for (int axis = 0; axis < s->n_axes; axis++) {
        pr_page_put(page, "<td>");
        pr_page_html(page, line->words[axis] != NULL ? line->words[axis] : "–");
        pr_page_put(page, "</td>");
    }
    pr_page_put(page, "</tr>\n");
}

static void add_table(pr_page *page, const pr_sweep_page *s)
{
    pr_page_put(page, "<h2>Trials</h2>\n<div class=\"card scroll\"><table>\n<tr><th>trial</th>"
                      "<th>state</th><th>");
    pr_page_html(page, s->metric);
    pr_page_put(page, "</th><th>step</th>");
    for (int axis = 0; axis < s->n_axes; axis++) {
        pr_page_put(page, "<th>");
        pr_page_html(page, s->axes[axis]);
        pr_page_put(page, "</th>");
    }
    pr_page_put(page, "</tr>\n");
    for (int64_t i = 0; i < s->n && i < MAX_ROWS; i++) {
        add_row(page, s, &s->lines[i]);
    }
    pr_page_put(page, "</table></div>\n");
    if (s->n > MAX_ROWS) {
        pr_page_put(page, "<p>The first %d of %" PRId64 "; trials.csv has all.</p>\n", MAX_ROWS,
                    s->n);
    }
}

pr_status pr_sweep_page_write(const char *path, const pr_sweep_page *s)
{
    pr_text text = {0};
    pr_page page = {&text, PR_OK};
    pr__html_begin(&page, s->title);
    pr_page_put(&page, "<h1>");
    pr_page_html(&page, s->title);
    pr_page_put(&page, "</h1>\n<p>");
    pr_page_html(&page, s->summary);
    pr_page_put(&page, "</p>\n");
    add_coordinates(&page, s);
    add_matters(&page, s);
    pr_page_take(&page, add_curves(&page, s));
    add_table(&page, s);
    pr_page_put(&page, "</main>\n</body>\n</html>\n");
    if (page.status == PR_OK) {
        page.status = pr_fs_write(path, pr_text_chars(&text), text.n_chars);
    }
    pr_text_free(&text);
    return page.status;
}
