#include "engine/base/alloc.h"
#include "report/embed.h"
#include "report/figure.h"
#include "report/scatter.h"

#include <stdio.h>

const char *pr__pca_lacks(const pr_shown_run *run)
{
    (void)run;
    return NULL;
}

static void draw(pr_page *page, const pr_shown *shown, const pr_shown_run *run,
                 const double *scores, const double *shares)
{
    char x_label[64];
    char y_label[64];
    (void)snprintf(x_label, sizeof(x_label), "first component (%.1f %% of the variance)",
                   100.0 * shares[0]);
    (void)snprintf(y_label, sizeof(y_label), "second component (%.1f %%)", 100.0 * shares[1]);
    const pr__scatter scatter = {.title = run->name,
                                 .x_label = x_label,
                                 .y_label = y_label,
                                 .xy = scores,
                                 .group = shown->group,
                                 .n = shown->n,
                                 .names = shown->group_names,
                                 .n_groups = shown->n_groups};
    pr__svg_scatter(page, &scatter);
}

static pr_status add_run(pr_page *page, const pr_shown *shown, pr_shown_run *run)
{
    const pr_shown_rows *rows = NULL;
    double shares[2];
    PR_TRY(pr_shown_features(run, shown, &rows));
    double *const gram = pr_calloc(rows->n * rows->n + 2 * rows->n, sizeof(*gram));
    PR_REQUIRE(gram != NULL, PR_ERR_NOMEM, "no memory for inner products of %lld rows",
               (long long)rows->n);
    double *const scores = gram + rows->n * rows->n;
    pr_status status = pr_gram(rows->x, rows->n, rows->n_cols, gram);
    if (status == PR_OK) {
        status = pr_pca(gram, rows->n, scores, shares);
    }
    if (status == PR_OK) {
        draw(page, shown, run, scores, shares);
    }
    pr_free(gram);
    return status;
}

pr_status pr__pca_make(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs, int n_runs)
{
    pr_page_put(page, "<p>Principal components of ");
    pr__figure_features(page, shown, runs, n_runs);
    pr_page_put(page, " One scale on both axes; nothing is drawn at random.</p>\n"
                      "<div class=\"grid\">\n");
    for (int i = 0; i < n_runs; i++) {
        PR_TRY(add_run(page, shown, runs[i]));
    }
    pr_page_put(page, "</div>\n");
    return PR_OK;
}
