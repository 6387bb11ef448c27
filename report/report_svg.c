#include "report/report_internal.h"

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

/* The ticks of an axis: multiples FIRST .. LAST of STEP, which an index counts. */
typedef struct ticks {
    double step;
    int64_t first, last;
} ticks;

static ticks make_ticks(double low, double high, double step)
{
    return (ticks){step, (int64_t)ceil(low / step - 1e-9), (int64_t)floor(high / step + 1e-9)};
}

static void add_y_axis(pr_page *page, const frame *f)
{
    const double range = f->y1 - f->y0;
    const ticks t =
        make_ticks(f->y0, f->y1, f->log_y ? fmax(1.0, floor(range / 5.0)) : nice_step(range, 5));
    for (int64_t i = t.first; i <= t.last; i++) {
        const double tick = (double)i * t.step;
        pr_page_put(page,
                    "<line class=\"g\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>\n",
                    LEFT, WIDTH - RIGHT, to_y(f, tick), to_y(f, tick), LEFT - 7,
                    to_y(f, tick) + 4.0, f->log_y ? power_10(tick) : tick);
    }
}

static void add_x_axis(pr_page *page, const frame *f, const char *label)
{
    const ticks t = make_ticks(f->x0, f->x1, nice_step(f->x1 - f->x0, 5));
    const int base = f->height - BOTTOM;
    pr_page_put(page, "<line class=\"a\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n", LEFT,
                WIDTH - RIGHT, base, base);
    for (int64_t i = t.first; i <= t.last; i++) {
        const double x = to_x(f, (double)i * t.step);
        const bool at_end = x > WIDTH - RIGHT - 14;
        pr_page_put(page, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%.7g</text>\n",
                    at_end ? (double)WIDTH : x, base + 16, at_end ? "end" : "middle",
                    (double)i * t.step);
    }
    pr_page_put(page, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + WIDTH - RIGHT) / 2,
                f->height - 4);
    pr_page_html(page, label);
    pr_page_put(page, "</text>\n");
}

static void begin(pr_page *page, const char *title, int height)
{
    pr_page_put(page, "<div class=\"card\"><h3>");
    pr_page_html(page, title);
    pr_page_put(page, "</h3>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH,
                height);
    pr_page_html(page, title);
    pr_page_put(page, "\">\n");
}

static double height_of(const frame *f, double y)
{
    return to_y(f, f->log_y ? log_10(y) : y);
}

/* The mean place of the points FIRST .. LAST - 1 that can be drawn; false where none can. */
static bool mean_place(const frame *f, const pr__curve *curve, int64_t first, int64_t last,
                       double *x, double *y)
{
    int n = 0;
    *x = *y = 0.0;
    for (int64_t i = first; i < last && i < curve->n; i++) {
        if (isfinite(curve->x[i]) && isfinite(curve->y[i])) {
            *x += to_x(f, curve->x[i]);
            *y += height_of(f, curve->y[i]);
            n++;
        }
    }
    *x /= n > 0 ? n : 1;
    *y /= n > 0 ? n : 1;
    return n > 0;
}

/* Long curves are drawn as the means of runs of points: the eye sees no more than the screen has. */
static void add_curve(pr_page *page, const frame *f, const pr__curve *curve, int color)
{
    const int64_t run = (curve->n + MAX_POINTS - 1) / MAX_POINTS;
    double x = 0.0;
    double y = 0.0;
    pr_page_put(page, "<polyline class=\"l s%d\" points=\"", color);
    for (int64_t first = 0; first < curve->n; first += run) {
        if (mean_place(f, curve, first, first + run, &x, &y)) {
            pr_page_put(page, "%.1f,%.1f ", x, y);
        }
    }
    pr_page_put(page, "\"/>\n");
    for (int64_t i = 0; curve->with_points && run == 1 && i < curve->n; i++) {
        if (mean_place(f, curve, i, i + 1, &x, &y)) {
            pr_page_put(page, "<circle class=\"f%d\" r=\"2.6\" cx=\"%.1f\" cy=\"%.1f\"/>\n", color,
                        x, y);
        }
    }
}

static void add_key(pr_page *page, const char *const *names, int n)
{
    pr_page_put(page, "<div class=\"key\">");
    for (int i = 0; i < n; i++) {
        if (names[i] != NULL) {
            pr_page_put(page, "<span><i class=\"k%d\"></i>", i % PR__N_COLORS);
            pr_page_html(page, names[i]);
            pr_page_put(page, "</span>");
        }
    }
    pr_page_put(page, "</div>");
}

void pr__svg_chart(pr_page *page, const pr__chart *chart)
{
    frame f;
    if (!fit_frame(chart, &f)) {
        return; /* nothing was measured: nothing is drawn */
    }
    begin(page, chart->title, f.height);
    add_y_axis(page, &f);
    add_x_axis(page, &f, chart->x_label);
    if (chart->unit) {
        pr_page_put(page, "<line class=\"d\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                    to_x(&f, 0.0), to_y(&f, 0.0), to_x(&f, 1.0), to_y(&f, 1.0));
    }
    for (int c = 0; c < chart->n_curves; c++) {
        add_curve(page, &f, &chart->curves[c], c % PR__N_COLORS);
    }
    pr_page_put(page, "</svg>\n");
    const char *names[PR__MAX_SERIES];
    for (int c = 0; c < chart->n_curves && c < PR__MAX_SERIES; c++) {
        names[c] = chart->curves[c].n > 0 ? chart->curves[c].name : NULL;
    }
    add_key(page, names, chart->n_curves);
    pr_page_put(page, "</div>\n");
}

static void add_bar(pr_page *page, const char *kind, double x0, double x1, double y0, double y1)
{
    if (y1 < y0) { /* upwards on the screen */
        pr_page_put(page,
                    "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                    "height=\"%.1f\"/>\n",
                    kind, x0, y1, x1 - x0, y0 - y1);
    }
}

static double sum_of(const double *x, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum;
}

static void add_class(pr_page *page, const frame *f, const pr__histogram *h, int label)
{
    const double total = sum_of(h->counts[label], h->n_bins);
    for (int b = 0; total > 0.0 && b < h->n_bins; b++) {
        const double width = (h->high - h->low) / h->n_bins;
        add_bar(page, label == 0 ? "bar real" : "bar fake", to_x(f, h->low + width * b) + 0.5,
                to_x(f, h->low + width * (b + 1)) - 0.5, to_y(f, 0.0),
                to_y(f, 100.0 * h->counts[label][b] / total));
    }
}

void pr__svg_histogram(pr_page *page, const pr__histogram *h)
{
    double most = 0.0;
    for (int label = 0; label < 2; label++) {
        const double total = fmax(sum_of(h->counts[label], h->n_bins), 1.0);
        for (int b = 0; b < h->n_bins; b++) {
            most = fmax(most, 100.0 * h->counts[label][b] / total);
        }
    }
    if (most == 0.0) {
        return;
    }
    const frame f = {h->low, h->high, 0.0, most * 1.05, false, HEIGHT};
    begin(page, h->title, f.height);
    add_y_axis(page, &f);
    add_class(page, &f, h, 0);
    add_class(page, &f, h, 1);
    if (h->threshold > h->low && h->threshold < h->high) {
        pr_page_put(page, "<line class=\"d\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%.1f\"/>\n",
                    to_x(&f, h->threshold), to_x(&f, h->threshold), TOP, to_y(&f, 0.0));
    }
    add_x_axis(page, &f,
               h->x_label != NULL ? h->x_label
                                  : "score (% of the class in each bin; dashed: threshold)");
    pr_page_put(page, "</svg>\n<div class=\"key\"><span><i class=\"kr\"></i>real</span>"
                      "<span><i class=\"kf\"></i>fake</span></div></div>\n");
}

void pr__svg_stack(pr_page *page, const pr__stack *s)
{
    double most = 0.0;
    for (int64_t i = 0; i < s->n_bars; i++) {
        most = fmax(most, sum_of(s->values + i * s->n_parts, s->n_parts));
    }
    if (most == 0.0) {
        return;
    }
    const frame f = {s->x[0] - 0.5, s->x[s->n_bars - 1] + 0.5, 0.0, most * 1.05, false, HEIGHT};
    begin(page, s->title, f.height);
    add_y_axis(page, &f);
    for (int64_t i = 0; i < s->n_bars; i++) {
        for (int p = 0; p < s->n_parts; p++) {
            char kind[8];
            (void)snprintf(kind, sizeof(kind), "f%d", p % PR__N_COLORS);
            add_bar(page, kind, to_x(&f, s->x[i] - 0.4), to_x(&f, s->x[i] + 0.4),
                    to_y(&f, sum_of(s->values + i * s->n_parts, p)),
                    to_y(&f, sum_of(s->values + i * s->n_parts, p + 1)));
        }
    }
    add_x_axis(page, &f, s->x_label);
    pr_page_put(page, "</svg>\n");
    add_key(page, s->parts, s->n_parts);
    pr_page_put(page, "</div>\n");
}
