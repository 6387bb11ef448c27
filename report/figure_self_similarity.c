/*
 * How alike the cells of the last map are: of unit cells m_i, i = 1 .. T,
 *
 *     s = mean over all pairs (i, j) of m_i . m_j = | mean over i of m_i |^2
 *
 * for each image; histograms of reals and fakes (DCL, figure 2).
 */
#include "engine/base/alloc.h"
#include "report/figure.h"
#include "report/report_internal.h"
#include "report/shown_maps.h"

#include <math.h>

enum { MIN_BINS = 8, MAX_BINS = 40, PER_BIN = 8, MAX_BYTES = 256 << 20 };

static const double SHORTEST = 1e-12; /* a shorter cell is divided by this, as DCL's loss does */

/* One run's: s of each sample. */
typedef struct similar {
    double *s;
    double counts[2][MAX_BINS];
} similar;

const char *pr__self_similarity_lacks(const pr_shown_run *run)
{
    int64_t dims[3];
    if (pr_shown_map_shape(run, 0, &dims[0], &dims[1], &dims[2]) != PR_OK) {
        pr_error_clear();
        return "its backbone has no map of cells";
    }
    return dims[0] * dims[1] > 1 ? NULL : "its last map is a single cell";
}

/* S of the map X [n_cells, n_channels]; MEAN is room for [n_channels]. */
static double similarity_of(const float *x, int64_t n_cells, int64_t n_channels, double *mean)
{
    for (int64_t c = 0; c < n_channels; c++) {
        mean[c] = 0;
    }
    for (int64_t i = 0; i < n_cells; i++) {
        const float *const cell = x + i * n_channels;
        double square = 0;
        for (int64_t c = 0; c < n_channels; c++) {
            square += (double)cell[c] * (double)cell[c];
        }
        const double length = fmax(sqrt(square), SHORTEST) * (double)n_cells;
        for (int64_t c = 0; c < n_channels; c++) {
            mean[c] += (double)cell[c] / length;
        }
    }
    double s = 0;
    for (int64_t c = 0; c < n_channels; c++) {
        s += mean[c] * mean[c];
    }
    return s;
}

/* Maps are large: so many samples at a time that they stay below MAX_BYTES. */
static pr_status measure_part(pr_shown_run *run, const pr_shown *shown, int64_t first, int64_t n,
                              double *s)
{
    pr_shown_maps maps = {0};
    PR_TRY(pr_shown_maps_of(run, shown, 0, shown->at + first, n, &maps));
    double *const mean = pr_calloc(maps.channels, sizeof(*mean));
    pr_status status = PR_OK;
    if (mean == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "no memory for %lld channels", (long long)maps.channels);
    }
    for (int64_t i = 0; status == PR_OK && i < n; i++) {
        s[first + i] = similarity_of(maps.rows.x + i * maps.rows.n_cols, maps.height * maps.width,
                                     maps.channels, mean);
    }
    pr_free(mean);
    pr_shown_maps_free(&maps);
    return status;
}

static pr_status measure(pr_shown_run *run, const pr_shown *shown, double *s)
{
    int64_t dims[3];
    PR_TRY(pr_shown_map_shape(run, 0, &dims[0], &dims[1], &dims[2]));
    const int64_t fits = MAX_BYTES / (dims[0] * dims[1] * dims[2] * (int64_t)sizeof(float));
    const int64_t step = fits < 1 ? 1 : fits;
    for (int64_t first = 0; first < shown->n; first += step) {
        const int64_t left = shown->n - first;
        PR_TRY(measure_part(run, shown, first, left < step ? left : step, s));
    }
    return PR_OK;
}

/* Few crops are not strewn over many bins. */
static int n_bins_of(const pr_shown *shown)
{
    const int64_t n = shown->n / PER_BIN;
    return n < MIN_BINS ? MIN_BINS : (n > MAX_BINS ? MAX_BINS : (int)n);
}

static void count(const pr_shown *shown, double low, double high, similar *one)
{
    const int n_bins = n_bins_of(shown);
    for (int64_t i = 0; i < shown->n; i++) {
        const double t = high > low ? (one->s[i] - low) / (high - low) : 0;
        const int bin = (int)fmin(n_bins - 1, floor(n_bins * t));
        one->counts[shown->group[i] > 0][bin]++;
    }
}

/* P(s of a fake < s of a real), ties half: 1/2 where the two are not told apart. */
static double auc_of(const pr_shown *shown, const double *s)
{
    double won = 0;
    double n = 0;
    for (int64_t i = 0; i < shown->n; i++) {
        for (int64_t j = 0; shown->group[i] == 0 && j < shown->n; j++) {
            if (shown->group[j] > 0) {
                won += s[j] < s[i] ? 1 : (s[j] > s[i] ? 0 : 0.5);
                n++;
            }
        }
    }
    return n > 0 ? won / n : 0.5;
}

static void put_row(pr_page *page, const pr_shown *shown, const double *s, int group)
{
    double sum = 0;
    double square = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < shown->n; i++) {
        if (shown->group[i] == group) {
            sum += s[i];
            square += s[i] * s[i];
            n++;
        }
    }
    if (n == 0) {
        return;
    }
    const double mean = sum / (double)n;
    const double variance = fmax(0, square / (double)n - mean * mean);
    pr_page_put(page, "<tr><td>");
    pr_page_html(page, shown->group_names[group]);
    pr_page_put(page,
                "</td><td>%lld</td><td data-v=\"%.17g\">%.4f</td>"
                "<td data-v=\"%.17g\">%.4f</td></tr>\n",
                (long long)n, mean, mean, sqrt(variance), sqrt(variance));
}

/* Chart and table: cards beside each other, or one above the other where there are other runs. */
static void put_card(pr_page *page, const pr_shown_run *run, const pr_shown *shown,
                     const similar *one, double low, double high, bool alone)
{
    const pr__histogram histogram = {.title = run->name,
                                     .counts = {one->counts[0], one->counts[1]},
                                     .n_bins = n_bins_of(shown),
                                     .low = low,
                                     .high = high,
                                     .threshold = NAN,
                                     .x_label = "self-similarity (% of the class in each bin)"};
    const double auc = auc_of(shown, one->s);
    pr_page_put(page, alone ? "" : "<div>");
    pr__svg_histogram(page, &histogram);
    pr_page_put(page, "<div class=\"card scroll\" data-run=\"");
    pr_page_html(page, run->name);
    pr_page_put(page,
                "\"><table><tr><th>crops</th><th>n</th><th>mean</th><th>deviation</th></tr>\n");
    for (int group = 0; group < shown->n_groups; group++) {
        put_row(page, shown, one->s, group);
    }
    pr_page_put(page,
                "<tr><td>AUC of low similarity</td><td></td><td data-v=\"%.17g\">%.4f</td>"
                "<td></td></tr>\n</table></div>%s\n",
                auc, auc, alone ? "" : "</div>");
}

static pr_status draw(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs, int n_runs,
                      similar *all)
{
    double low = INFINITY;
    double high = -INFINITY;
    for (int r = 0; r < n_runs; r++) {
        all[r].s = pr_calloc(shown->n, sizeof(double));
        PR_REQUIRE(all[r].s != NULL, PR_ERR_NOMEM, "no memory for %lld numbers",
                   (long long)shown->n);
        PR_TRY(measure(runs[r], shown, all[r].s));
        for (int64_t i = 0; i < shown->n; i++) {
            low = fmin(low, all[r].s[i]);
            high = fmax(high, all[r].s[i]);
        }
    }
    pr_page_put(page,
                "<p>How alike the cells of the backbone's last map are: the mean cosine over all "
                "pairs of its cells (DCL, figure 2), for each of ");
    pr__figure_samples(page, shown);
    pr_page_put(page,
                ". A loss that parts forged cells from real ones lowers it for fakes; where it "
                "tells nothing the two histograms lie over each other and the AUC is 0.5. One "
                "scale for all runs; nothing is drawn at random.</p>\n<div class=\"grid\">\n");
    for (int r = 0; r < n_runs; r++) {
        count(shown, low, high, &all[r]);
        put_card(page, runs[r], shown, &all[r], low, high > low ? high : low + 1, n_runs == 1);
    }
    pr_page_put(page, "</div>\n");
    return PR_OK;
}

pr_status pr__self_similarity_make(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs,
                                   int n_runs)
{
    similar *const all = pr_calloc(n_runs, sizeof(*all));
    PR_REQUIRE(all != NULL, PR_ERR_NOMEM, "no memory for %d runs", n_runs);
    const pr_status status = draw(page, shown, runs, n_runs, all);
    for (int r = 0; r < n_runs; r++) {
        pr_free(all[r].s);
    }
    pr_free(all);
    return status;
}
