#include "trainer/report_internal.h"

#include "engine/base/math.h"

#include <math.h>
#include <stdio.h>

/* Drawn in units of these; the page scales them to its width. */
enum { WIDTH = 480, HEIGHT = 250, LEFT = 50, RIGHT = 8, TOP = 8, BOTTOM = 38, MAX_POINTS = 360 };

/* What maps values to the drawing. */
typedef struct frame {
    double x0, x1, y0, y1; /* of values; y in log10 where log_y */
    bool log_y;
    int height;
} frame;

static double to_x(const frame *f, double x)
{
    return LEFT + (x - f->x0) / (f->x1 - f->x0) * (WIDTH - LEFT - RIGHT);
}

static double to_y(const frame *f, double y)
{
    return f->height - BOTTOM - (y - f->y0) / (f->y1 - f->y0) * (f->height - TOP - BOTTOM);
}

static double log_10(double x)
{
    return pr_log(x) / 2.30258509299404568402;
}

static double power_10(double x)
{
    return pr_exp(x * 2.30258509299404568402);
}

/* The 1, 2 or 5 times a power of ten that gives about N steps over RANGE. */
static double nice_step(double range, int n)
{
    const double raw = range / n;
    const double power = power_10(floor(log_10(raw)));
    const double digit = raw / power;
    return power * (digit < 1.5 ? 1.0 : digit < 3.5 ? 2.0 : digit < 7.5 ? 5.0 : 10.0);
}

static bool widen(double value, double *low, double *high)
{
    if (isfinite(value)) {
        *low = value < *low ? value : *low;
        *high = value > *high ? value : *high;
    }
    return isfinite(value);
}

/* The frame around all curves, with air above and below. */
static bool fit_frame(const pr__chart *chart, frame *f)
{
    *f = (frame){INFINITY, -INFINITY, INFINITY, -INFINITY, chart->log_y, HEIGHT};
    for (int c = 0; c < chart->n_curves; c++) {
        for (int64_t i = 0; i < chart->curves[c].n; i++) {
            if (widen(chart->curves[c].y[i], &f->y0, &f->y1)) {
                (void)widen(chart->curves[c].x[i], &f->x0, &f->x1);
            }
        }
    }
    if (!(f->x1 >= f->x0) || !(f->y1 >= f->y0)) {
        return false;
    }
    if (chart->unit) {
        *f = (frame){0.0, 1.0, 0.0, 1.0, false, HEIGHT};
        return true;
    }
    f->log_y = chart->log_y && f->y0 > 0.0 && f->y1 / f->y0 > 30.0;
    if (f->log_y) {
        f->y0 = floor(log_10(f->y0));
        f->y1 = ceil(log_10(f->y1) - 1e-9);
    }
    const double pad = f->log_y ? 0.0 : 0.06 * (f->y1 - f->y0);
    f->y0 = chart->from_zero ? fmin(f->y0, 0.0) : f->y0;
    f->y0 -= f->y0 == 0.0 ? 0.0 : pad;
    f->y1 += pad;
    if (f->y1 <= f->y0) {
        f->y1 = f->y0 + (f->y0 == 0.0 ? 1.0 : 0.1 * fabs(f->y0));
        f->y0 -= f->y0 == 0.0 ? 0.0 : 0.1 * fabs(f->y0);
    }
    if (f->x1 <= f->x0) {
        f->x1 = f->x0 + 1.0;
    }
    return true;
}

static pr_status add_y_axis(pr_text *text, const frame *f)
{
    const double step =
        f->log_y ? fmax(1.0, floor((f->y1 - f->y0) / 5.0)) : nice_step(f->y1 - f->y0, 5);
    for (double tick = ceil(f->y0 / step - 1e-9) * step; tick <= f->y1 + 1e-9 * step;
         tick += step) {
        char label[32];
        const double value = fabs(tick) < 1e-9 * step ? 0.0 : tick;
        (void)snprintf(label, sizeof(label), "%.6g", f->log_y ? power_10(tick) : value);
        PR_TRY(pr_text_add(text,
                           "<line class=\"g\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                           "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                           LEFT, WIDTH - RIGHT, to_y(f, tick), to_y(f, tick), LEFT - 7,
                           to_y(f, tick) + 4.0, label));
    }
    return PR_OK;
}

static pr_status add_x_axis(pr_text *text, const frame *f, const char *label)
{
    const double step = nice_step(f->x1 - f->x0, 5);
    const int base = f->height - BOTTOM;
    PR_TRY(pr_text_add(text, "<line class=\"a\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n", LEFT,
                       WIDTH - RIGHT, base, base));
    for (double tick = ceil(f->x0 / step - 1e-9) * step; tick <= f->x1 + 1e-9 * step;
         tick += step) {
        const double value = fabs(tick) < 1e-9 * step ? 0.0 : tick;
        const bool at_end = to_x(f, tick) > WIDTH - RIGHT - 14;
        PR_TRY(pr_text_add(text, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%.7g</text>\n",
                           at_end ? (double)WIDTH : to_x(f, tick), base + 16,
                           at_end ? "end" : "middle", value));
    }
    PR_TRY(pr_text_add(text, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
                       (LEFT + WIDTH - RIGHT) / 2, f->height - 4));
    PR_TRY(pr__html_add(text, label));
    return pr_text_add(text, "</text>\n");
}

static pr_status begin(pr_text *text, const char *title, int height)
{
    PR_TRY(pr_text_add(text, "<div class=\"card\"><h3>"));
    PR_TRY(pr__html_add(text, title));
    PR_TRY(pr_text_add(text, "</h3>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH,
                       height));
    PR_TRY(pr__html_add(text, title));
    return pr_text_add(text, "\">\n");
}

/* Long curves are drawn as the means of runs of points: the eye sees no more than the screen has. */
static pr_status add_curve(pr_text *text, const frame *f, const pr__curve *curve, int color)
{
    const int64_t run = (curve->n + MAX_POINTS - 1) / MAX_POINTS;
    PR_TRY(pr_text_add(text, "<polyline class=\"l s%d\" points=\"", color));
    for (int64_t first = 0; first < curve->n; first += run) {
        double x = 0.0;
        double y = 0.0;
        int n = 0;
        for (int64_t i = first; i < first + run && i < curve->n; i++) {
            if (isfinite(curve->x[i]) && isfinite(curve->y[i])) {
                x += curve->x[i];
                y += f->log_y ? log_10(curve->y[i]) : curve->y[i];
                n++;
            }
        }
        if (n > 0) {
            PR_TRY(pr_text_add(text, "%.1f,%.1f ", to_x(f, x / n), to_y(f, y / n)));
        }
    }
    PR_TRY(pr_text_add(text, "\"/>\n"));
    for (int64_t i = 0; curve->with_points && i < curve->n && curve->n <= MAX_POINTS; i++) {
        if (isfinite(curve->y[i])) {
            const double y = f->log_y ? log_10(curve->y[i]) : curve->y[i];
            PR_TRY(pr_text_add(text, "<circle class=\"f%d\" r=\"2.6\" cx=\"%.1f\" cy=\"%.1f\"/>\n",
                               color, to_x(f, curve->x[i]), to_y(f, y)));
        }
    }
    return PR_OK;
}

static pr_status add_key(pr_text *text, const char *const *names, int n)
{
    PR_TRY(pr_text_add(text, "<div class=\"key\">"));
    for (int i = 0; i < n; i++) {
        PR_TRY(pr_text_add(text, "<span><i class=\"k%d\"></i>", i % PR__N_COLORS));
        PR_TRY(pr__html_add(text, names[i]));
        PR_TRY(pr_text_add(text, "</span>"));
    }
    return pr_text_add(text, "</div>");
}

pr_status pr__svg_chart(pr_text *text, const pr__chart *chart)
{
    frame f;
    if (!fit_frame(chart, &f)) {
        return PR_OK; /* nothing was measured: nothing is drawn */
    }
    PR_TRY(begin(text, chart->title, f.height));
    PR_TRY(add_y_axis(text, &f));
    PR_TRY(add_x_axis(text, &f, chart->x_label));
    if (chart->unit) {
        PR_TRY(pr_text_add(text,
                           "<line class=\"d\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                           to_x(&f, 0.0), to_y(&f, 0.0), to_x(&f, 1.0), to_y(&f, 1.0)));
    }
    for (int c = 0; c < chart->n_curves; c++) {
        PR_TRY(add_curve(text, &f, &chart->curves[c], c % PR__N_COLORS));
    }
    PR_TRY(pr_text_add(text, "</svg>\n"));
    const char *names[PR__MAX_SERIES];
    for (int c = 0; c < chart->n_curves && c < PR__MAX_SERIES; c++) {
        names[c] = chart->curves[c].name;
    }
    PR_TRY(add_key(text, names, chart->n_curves));
    return pr_text_add(text, "</div>\n");
}

pr_status pr__svg_histogram(pr_text *text, const char *title, const double *real,
                            const double *fake, int n_bins, double low, double high,
                            double threshold)
{
    double totals[2] = {0.0, 0.0};
    double most = 0.0;
    const double *counts[2] = {real, fake};
    for (int c = 0; c < 2; c++) {
        for (int b = 0; b < n_bins; b++) {
            totals[c] += counts[c][b];
        }
        for (int b = 0; b < n_bins && totals[c] > 0.0; b++) {
            most = fmax(most, 100.0 * counts[c][b] / totals[c]);
        }
    }
    if (most == 0.0) {
        return PR_OK;
    }
    const frame f = {low, high, 0.0, most * 1.05, false, HEIGHT};
    PR_TRY(begin(text, title, f.height));
    PR_TRY(add_y_axis(text, &f));
    for (int c = 0; c < 2; c++) {
        for (int b = 0; b < n_bins && totals[c] > 0.0; b++) {
            const double x0 = to_x(&f, low + (high - low) * b / n_bins);
            const double x1 = to_x(&f, low + (high - low) * (b + 1) / n_bins);
            const double y = to_y(&f, 100.0 * counts[c][b] / totals[c]);
            if (counts[c][b] > 0.0) {
                PR_TRY(pr_text_add(text,
                                   "<rect class=\"bar %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                                   "height=\"%.1f\"/>\n",
                                   c == 0 ? "real" : "fake", x0 + 0.5, y, x1 - x0 - 1.0,
                                   to_y(&f, 0.0) - y));
            }
        }
    }
    if (threshold > low && threshold < high) {
        PR_TRY(pr_text_add(text,
                           "<line class=\"d\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%.1f\"/>\n",
                           to_x(&f, threshold), to_x(&f, threshold), TOP, to_y(&f, 0.0)));
    }
    PR_TRY(add_x_axis(text, &f, "score (% of the class in each bin; dashed: threshold)"));
    return pr_text_add(text, "</svg>\n<div class=\"key\"><span><i class=\"kr\"></i>real"
                             "</span><span><i class=\"kf\"></i>fake</span></div></div>\n");
}

pr_status pr__svg_stack(pr_text *text, const char *title, const char *x_label,
                        const char *const *parts, int n_parts, const double *bars_x,
                        const double *values, int64_t n_bars)
{
    double most = 0.0;
    for (int64_t i = 0; i < n_bars; i++) {
        double sum = 0.0;
        for (int p = 0; p < n_parts; p++) {
            sum += values[i * n_parts + p];
        }
        most = fmax(most, sum);
    }
    if (most == 0.0) {
        return PR_OK;
    }
    const frame f = {bars_x[0] - 0.5, bars_x[n_bars - 1] + 0.5, 0.0, most * 1.05, false, HEIGHT};
    PR_TRY(begin(text, title, f.height));
    PR_TRY(add_y_axis(text, &f));
    for (int64_t i = 0; i < n_bars; i++) {
        double below = 0.0;
        for (int p = 0; p < n_parts; p++) {
            const double value = values[i * n_parts + p];
            const double x0 = to_x(&f, bars_x[i] - 0.4);
            const double x1 = to_x(&f, bars_x[i] + 0.4);
            if (value > 0.0) {
                PR_TRY(pr_text_add(text,
                                   "<rect class=\"f%d\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                                   "height=\"%.1f\"/>\n",
                                   p % PR__N_COLORS, x0, to_y(&f, below + value), x1 - x0,
                                   to_y(&f, below) - to_y(&f, below + value)));
            }
            below += value;
        }
    }
    PR_TRY(add_x_axis(text, &f, x_label));
    PR_TRY(pr_text_add(text, "</svg>\n"));
    PR_TRY(add_key(text, parts, n_parts));
    return pr_text_add(text, "</div>\n");
}
