#include "report/scatter.h"

#include "engine/base/alloc.h"
#include "engine/base/draw.h"

#include <math.h>

enum { WIDTH = 480, HEIGHT = 430, EDGE = 24, N_METHOD_COLORS = 5 };

/* The mark of GROUP about (X, Y): reals have the first colour; methods take the five others in turn,
 * then the same with another shape. */
static void add_mark(pr_page *page, int32_t group, double x, double y)
{
    const int color = group == 0 ? 0 : 1 + (group - 1) % N_METHOD_COLORS;
    const int shape = group == 0 ? 0 : (group - 1) / N_METHOD_COLORS;
    switch (shape) {
    case 0:
        pr_page_put(page, "<circle class=\"f%d\" r=\"2.9\" cx=\"%.1f\" cy=\"%.1f\"/>\n", color, x,
                    y);
        break;
    case 1:
        pr_page_put(page,
                    "<rect class=\"f%d\" width=\"5.4\" height=\"5.4\" x=\"%.1f\" y=\"%.1f\"/>\n",
                    color, x - 2.7, y - 2.7);
        break;
    case 2:
        pr_page_put(page, "<path class=\"f%d\" d=\"M%.1f %.1fl3.6 6.2h-7.2z\"/>\n", color, x,
                    y - 3.6);
        break;
    case 3:
        pr_page_put(page, "<path class=\"f%d\" d=\"M%.1f %.1fl3.7 3.7l-3.7 3.7l-3.7 -3.7z\"/>\n",
                    color, x, y - 3.7);
        break;
    default: /* crosses, in as many widths as there are rounds of colours left */
        pr_page_put(page,
                    "<path class=\"s%d\" fill=\"none\" stroke-width=\"%.1f\" "
                    "d=\"M%.1f %.1fl5 5m0 -5l-5 5\"/>\n",
                    color, 0.8 + 0.8 * (shape - 4), x - 2.5, y - 2.5);
        break;
    }
}

/* What maps values to the drawing: one scale, both ranges in the middle. */
typedef struct window {
    double x0, y0, scale, left, top;
} window;

static window fit(const pr__scatter *s)
{
    double low[2] = {INFINITY, INFINITY};
    double high[2] = {-INFINITY, -INFINITY};
    for (int64_t i = 0; i < 2 * s->n; i++) {
        low[i % 2] = fmin(low[i % 2], s->xy[i]);
        high[i % 2] = fmax(high[i % 2], s->xy[i]);
    }
    const double room[2] = {WIDTH - 2.0 * EDGE, HEIGHT - 2.0 * EDGE};
    window w = {low[0], high[1], INFINITY, 0.0, 0.0};
    for (int axis = 0; axis < 2; axis++) {
        if (high[axis] > low[axis]) {
            w.scale = fmin(w.scale, 0.96 * room[axis] / (high[axis] - low[axis]));
        }
    }
    w.scale = isfinite(w.scale) ? w.scale : 1.0;
    w.left = 0.5 * (WIDTH - w.scale * (high[0] - low[0]));
    w.top = 0.5 * (HEIGHT - w.scale * (high[1] - low[1]));
    return w;
}

/* In an order of their own, so that no group lies on top of another. */
static pr_status add_marks(pr_page *page, const pr__scatter *s)
{
    static const pr_draw_key key = {.purpose = PR_FOR_ORDER};
    const window w = fit(s);
    int64_t *const order = pr_calloc(s->n, sizeof(*order));
    PR_REQUIRE(order != NULL, PR_ERR_NOMEM, "no memory to draw %lld points", (long long)s->n);
    pr_draw_permutation(&key, s->n, order);
    pr_page_put(page, "<g fill-opacity=\"0.8\">\n");
    for (int64_t k = 0; k < s->n; k++) {
        const int64_t i = order[k];
        add_mark(page, s->group[i], w.left + (s->xy[2 * i] - w.x0) * w.scale,
                 w.top + (w.y0 - s->xy[2 * i + 1]) * w.scale);
    }
    pr_page_put(page, "</g>\n");
    pr_free(order);
    return PR_OK;
}

static void add_labels(pr_page *page, const pr__scatter *s)
{
    if (s->x_label != NULL) {
        pr_page_put(page, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", WIDTH / 2, HEIGHT - 4);
        pr_page_html(page, s->x_label);
        pr_page_put(page, "</text>\n");
    }
    if (s->y_label != NULL) {
        pr_page_put(page,
                    "<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">",
                    HEIGHT / 2);
        pr_page_html(page, s->y_label);
        pr_page_put(page, "</text>\n");
    }
}

static void add_key(pr_page *page, const pr__scatter *s)
{
    pr_page_put(page, "<div class=\"key\">");
    for (int g = 0; g < s->n_groups; g++) {
        int64_t n = 0;
        for (int64_t i = 0; i < s->n; i++) {
            n += s->group[i] == g ? 1 : 0;
        }
        if (n > 0) {
            pr_page_put(page, "<span><svg viewBox=\"-4 -4 8 8\" style=\"display:inline-block;"
                              "width:10px;height:10px;margin-right:6px\">");
            add_mark(page, g, 0.0, 0.0);
            pr_page_put(page, "</svg>");
            pr_page_html(page, s->names[g]);
            pr_page_put(page, " (%lld)</span>", (long long)n);
        }
    }
    pr_page_put(page, "</div>");
}

void pr__svg_scatter(pr_page *page, const pr__scatter *s)
{
    pr_page_put(page, "<div class=\"card\"><h3>");
    pr_page_html(page, s->title);
    /* Alone in its row a drawing would be as wide as the page, and its letters huge. */
    pr_page_put(page,
                "</h3>\n<svg viewBox=\"0 0 %d %d\" style=\"max-width:%dpx\" role=\"img\" "
                "aria-label=\"",
                WIDTH, HEIGHT, WIDTH * 5 / 4);
    pr_page_html(page, s->title);
    pr_page_put(page,
                "\">\n<rect class=\"a\" fill=\"none\" x=\"%d\" y=\"%d\" width=\"%d\" "
                "height=\"%d\"/>\n",
                EDGE, EDGE, WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE);
    pr_page_take(page, add_marks(page, s));
    add_labels(page, s);
    pr_page_put(page, "</svg>\n");
    add_key(page, s);
    pr_page_put(page, "</div>\n");
}
