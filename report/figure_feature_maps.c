/* The backbone's shallow maps, a picture each: the mean over channels (MC-LCR, figure 6). */
#include "engine/base/alloc.h"
#include "report/figure.h"
#include "report/picture.h"
#include "report/shown_maps.h"

#include <math.h>
#include <stdio.h>

enum { N_REALS = 2, N_FAKES = 4, MAX_SHOWN = N_REALS + N_FAKES };

const char *pr__feature_maps_lacks(const pr_shown_run *run)
{
    return pr_shown_n_taps(run) > 0 ? NULL : "its backbone has no shallow maps";
}

/* The first reals and fakes of the page's pictures; how many. */
static int choose(const pr_shown *shown, int64_t at[MAX_SHOWN])
{
    int n = 0;
    for (int fake = 0; fake < 2; fake++) {
        const int most = n + (fake ? N_FAKES : N_REALS);
        for (int64_t i = 0; i < shown->n_pictures && n < most; i++) {
            if ((pr_shown_group(shown, shown->pictures[i]) > 0) == fake) {
                at[n++] = shown->pictures[i];
            }
        }
    }
    return n;
}

/* The mean over channels, and its range. */
static void average(const pr_shown_maps *maps, int64_t row, double *out, pr__plane *plane)
{
    const float *const x = maps->rows.x + row * maps->rows.n_cols;
    *plane = (pr__plane){.values = out,
                         .height = maps->height,
                         .width = maps->width,
                         .low = INFINITY,
                         .high = -INFINITY};
    for (int64_t i = 0; i < maps->height * maps->width; i++) {
        double sum = 0;
        for (int64_t c = 0; c < maps->channels; c++) {
            sum += (double)x[i * maps->channels + c];
        }
        out[i] = sum / (double)maps->channels;
        plane->low = fmin(plane->low, out[i]);
        plane->high = fmax(plane->high, out[i]);
    }
}

static pr_status put_maps(pr_page *page, const pr_shown_run *run, const pr_shown_maps *maps,
                          int tap, int row)
{
    char name[160];
    char caption[64];
    pr__plane plane;
    double *const values = pr_calloc(maps->height * maps->width, sizeof(*values));
    PR_REQUIRE(values != NULL, PR_ERR_NOMEM, "no memory for a map");
    average(maps, row, values, &plane);
    (void)snprintf(name, sizeof(name), "%.120s tap %d of %d", run->name, tap, row);
    (void)snprintf(caption, sizeof(caption), "tap %d, %lld x %lld x %lld", tap,
                   (long long)maps->height, (long long)maps->width, (long long)maps->channels);
    pr__picture_plane(page, &plane, name, "1", caption);
    pr_free(values);
    return PR_OK;
}

static pr_status put_run(pr_page *page, pr_shown_run *run, const pr_shown *shown, const int64_t *at,
                         int n, pr_shown_maps maps[PR_BACKBONE_MAX_TAPS])
{
    const int n_taps = pr_shown_n_taps(run);
    for (int tap = 1; tap <= n_taps; tap++) {
        PR_TRY(pr_shown_maps_of(run, shown, tap, at, n, &maps[tap - 1]));
    }
    pr_page_put(page, "<div class=\"card\"><h3>");
    pr_page_html(page, run->name);
    pr_page_put(page,
                "</h3>\n<div class=\"faces\" style=\"grid-template-columns:repeat(%d,1fr)\">\n",
                n_taps + 1);
    for (int row = 0; row < n; row++) {
        pr__picture_sample(page, run, shown, at[row],
                           shown->group_names[pr_shown_group(shown, at[row])]);
        for (int tap = 1; tap <= n_taps; tap++) {
            PR_TRY(put_maps(page, run, &maps[tap - 1], tap, row));
        }
    }
    pr_page_put(page, "</div></div>\n");
    return PR_OK;
}

pr_status pr__feature_maps_make(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs,
                                int n_runs)
{
    int64_t at[MAX_SHOWN];
    const int n = choose(shown, at);
    pr_page_put(page, "<p>Maps inside the backbone for %d of the ", n);
    pr__figure_samples(page, shown);
    pr_page_put(page,
                ": the mean over channels of each shallow map, from its own lowest value (black) "
                "to its highest (white) (MC-LCR, figure 6, which shows the sum). Nothing is "
                "drawn at random.</p>\n<div class=\"grid\">\n");
    for (int r = 0; r < n_runs; r++) {
        pr_shown_maps maps[PR_BACKBONE_MAX_TAPS] = {{0}};
        const pr_status status = put_run(page, runs[r], shown, at, n, maps);
        for (int tap = 0; tap < PR_BACKBONE_MAX_TAPS; tap++) {
            pr_shown_maps_free(&maps[tap]);
        }
        PR_TRY(status);
    }
    pr_page_put(page, "</div>\n");
    return PR_OK;
}
