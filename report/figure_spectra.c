/*
 * A real, its aligned fake and what is between them: grey levels, and log amplitude and phase of the whole
 * crop and of its patches (MC-LCR, figure 3). It shows crops, not what a model makes of them.
 */
#include "engine/base/alloc.h"
#include "engine/base/math.h"
#include "report/figure.h"
#include "report/picture.h"
#include "report/spectrum.h"

#include <math.h>
#include <stdio.h>

enum { MAX_PAIRS = 2, N_ROWS = 5 };

const char *pr__spectra_lacks(const pr_shown_run *run)
{
    return run->options->model.px >= run->options->mc_lcr.patch_px
               ? NULL
               : "its crops are smaller than mc_lcr.patch_px";
}

/* Five planes of one crop, or of a residual. */
typedef struct planes {
    double *at[N_ROWS]; /* [side, side] each */
} planes;

static const char *const row_names[N_ROWS] = {"grey", "amplitude", "phase", "patch amplitude",
                                              "patch phase"};

static void planes_free(planes *p)
{
    pr_free(p->at[0]);
    *p = (planes){{NULL}};
}

static pr_status planes_create(int64_t side, planes *p)
{
    double *const room = pr_calloc(N_ROWS * side * side, sizeof(double));
    PR_REQUIRE(room != NULL, PR_ERR_NOMEM, "no memory for spectra of %lld pixels", (long long)side);
    for (int i = 0; i < N_ROWS; i++) {
        p->at[i] = room + i * side * side;
    }
    return PR_OK;
}

/* BT.601 of the upper left SIDE x SIDE pixels. */
static pr_status grey_of(const pr_shown_run *run, const pr_shown *shown, int64_t sample,
                         int64_t side, double *grey)
{
    const int64_t px = run->options->model.px;
    double *levels = NULL;
    PR_TRY(pr__sample_levels(run, shown, sample, &levels));
    for (int64_t y = 0; y < side; y++) {
        for (int64_t x = 0; x < side; x++) {
            const double *const c = levels + (y * px + x) * 3;
            grey[y * side + x] = 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];
        }
    }
    pr_free(levels);
    return PR_OK;
}

static pr_status analyse(const pr_shown_run *run, const pr_shown *shown, int64_t sample,
                         int64_t side, planes *out)
{
    PR_TRY(planes_create(side, out));
    PR_TRY(grey_of(run, shown, sample, side, out->at[0]));
    PR_TRY(pr__spectrum(out->at[0], side, side, out->at[1], out->at[2]));
    return pr__spectrum(out->at[0], side, run->options->mc_lcr.patch_px, out->at[3], out->at[4]);
}

/* |fake - real|; of angles, the way around the circle that is shorter. */
static pr_status subtract(const planes *real, const planes *fake, int64_t side, planes *out)
{
    PR_TRY(planes_create(side, out));
    for (int row = 0; row < N_ROWS; row++) {
        const bool is_angle = row == 2 || row == 4;
        for (int64_t i = 0; i < side * side; i++) {
            const double d = fabs(fake->at[row][i] - real->at[row][i]);
            out->at[row][i] = is_angle ? fmin(d, 2 * PR_PI - d) : d;
        }
    }
    return PR_OK;
}

/* Grey levels and phases have a range of their own; otherwise the largest value of two planes. */
static double high_of(int row, const double *a, const double *b, int64_t n, bool is_residual)
{
    double high = 0;
    if (!is_residual && row == 0) {
        return 255;
    }
    if (row == 2 || row == 4) {
        return PR_PI;
    }
    for (int64_t i = 0; i < n; i++) {
        high = fmax(high, fmax(a[i], b[i]));
    }
    return high;
}

static void put_plane(pr_page *page, int pair, int column, int row, const double *values,
                      int64_t side, double high)
{
    static const char *const columns[3] = {"real", "fake", "residual"};
    char name[96];
    char caption[64];
    const bool is_angle = (row == 2 || row == 4) && column < 2;
    const pr__plane plane = {values, side, side, is_angle ? -PR_PI : 0, high};
    double sum = 0;
    for (int64_t i = 0; i < side * side; i++) {
        sum += values[i];
    }
    (void)snprintf(name, sizeof(name), "pair %d %s %s", pair, columns[column], row_names[row]);
    if (column < 2) {
        (void)snprintf(caption, sizeof(caption), "%s, %s", columns[column], row_names[row]);
    } else {
        (void)snprintf(caption, sizeof(caption), "%s, %s: mean %.3g", columns[column],
                       row_names[row], sum / (double)(side * side));
    }
    pr_page_put(page, "<div data-v=\"%.17g\">", sum / (double)(side * side));
    pr__picture_plane(page, &plane, name, "1", caption);
    pr_page_put(page, "</div>");
}

static void put_pair(pr_page *page, const pr_shown *shown, const pr_shown_pair *pair, int number,
                     const planes crops[3], int64_t side)
{
    char text[512];
    pr_page_put(page, "<div class=\"card\"><h3>");
    pr_page_html(page, shown->group_names[pr_shown_group(shown, pair->fake)]);
    pr_page_put(page, "</h3>\n<p>");
    pr_page_html(page, pr_samples_name(shown->samples, pair->fake, text, sizeof(text)));
    pr_page_put(page,
                "</p>\n<div class=\"faces\" data-side=\"%lld\" "
                "style=\"grid-template-columns:repeat(5,1fr)\">\n",
                (long long)side);
    for (int column = 0; column < 3; column++) {
        for (int row = 0; row < N_ROWS; row++) {
            const int64_t n = side * side;
            const double high = column < 2
                                    ? high_of(row, crops[0].at[row], crops[1].at[row], n, false)
                                    : high_of(row, crops[2].at[row], crops[2].at[row], n, true);
            put_plane(page, number, column, row, crops[column].at[row], side, high);
        }
    }
    pr_page_put(page, "</div></div>\n");
}

static pr_status show_pair(pr_page *page, const pr_shown_run *run, const pr_shown *shown,
                           const pr_shown_pair *pair, int number)
{
    const int64_t patch = run->options->mc_lcr.patch_px;
    const int64_t side = run->options->model.px / patch * patch;
    planes crops[3] = {{{NULL}}};
    pr_status status = analyse(run, shown, pair->real, side, &crops[0]);
    if (status == PR_OK) {
        status = analyse(run, shown, pair->fake, side, &crops[1]);
    }
    if (status == PR_OK) {
        status = subtract(&crops[0], &crops[1], side, &crops[2]);
    }
    if (status == PR_OK) {
        put_pair(page, shown, pair, number, crops, side);
    }
    for (int i = 0; i < 3; i++) {
        planes_free(&crops[i]);
    }
    return status;
}

/* The first pair, and the first one of another method, where there is one. */
static int choose(const pr_shown *shown, int64_t at[MAX_PAIRS])
{
    int n = 0;
    for (int64_t i = 0; i < shown->n_pairs && n < MAX_PAIRS; i++) {
        bool met = false;
        for (int k = 0; k < n && !met; k++) {
            met = pr_shown_group(shown, shown->pairs[i].fake) ==
                  pr_shown_group(shown, shown->pairs[at[k]].fake);
        }
        if (!met) {
            at[n++] = i;
        }
    }
    return n;
}

pr_status pr__spectra_make(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs,
                           int n_runs)
{
    int64_t at[MAX_PAIRS];
    const int n = choose(shown, at);
    if (n == 0) {
        pr_page_put(page, "<p>No forged crop of ");
        pr_page_html(page, shown->set);
        pr_page_put(page, " has an aligned real, so there is nothing to compare.</p>\n");
        return PR_OK;
    }
    pr_page_put(page, "<p>A real of ");
    pr_page_html(page, shown->set);
    pr_page_put(page,
                ", its aligned fake and the difference of the two: grey levels, log amplitude "
                "and phase of the whole crop, and of its patches of %lld x %lld pixels in "
                "their places (MC-LCR, figure 3). The frequency 0 is in the middle of each "
                "spectrum; black is 0, or -pi for a phase; a phase's difference is the shorter "
                "way around the circle. Nothing is drawn at random. Crops are as ",
                (long long)runs[0]->options->mc_lcr.patch_px,
                (long long)runs[0]->options->mc_lcr.patch_px);
    pr_page_html(page, runs[0]->name);
    pr_page_put(page, " sees them%s.</p>\n",
                n_runs > 1 ? "; the other runs' models have no part in this" : "");
    for (int i = 0; i < n; i++) {
        PR_TRY(show_pair(page, runs[0], shown, &shown->pairs[at[i]], i));
    }
    return PR_OK;
}
