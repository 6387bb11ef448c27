#include "engine/base/alloc.h"
#include "report/embed.h"
#include "report/figure.h"
#include "report/scatter.h"

#include <stdio.h>

enum { FEWEST = 4 };

const char *pr__tsne_lacks(const pr_shown_run *run)
{
    (void)run;
    return NULL;
}

static void draw(pr_page *page, const pr_shown *shown, const pr_shown_run *run, const double *y,
                 const pr_tsne_result *result)
{
    char title[sizeof(run->name) + 64];
    (void)snprintf(title, sizeof(title), "%s (divergence %.3f, perplexity %.3g)", run->name,
                   result->kl, result->perplexity);
    const pr__scatter scatter = {.title = title,
                                 .xy = y,
                                 .group = shown->group,
                                 .n = shown->n,
                                 .names = shown->group_names,
                                 .n_groups = shown->n_groups};
    pr__svg_scatter(page, &scatter);
}

/* *SPREADS is false where all rows are equal: there is nothing to lay out. */
static pr_status lay_out(const pr_shown_rows *rows, double *gram, double *y, bool *spreads,
                         pr_tsne_result *result)
{
    const pr_tsne_options options = pr_tsne_options_default();
    double *const scores = gram + rows->n * rows->n;
    double shares[2];
    PR_TRY(pr_gram(rows->x, rows->n, rows->n_cols, gram));
    PR_TRY(pr_pca(gram, rows->n, scores, shares));
    *spreads = shares[0] > 0.0;
    return *spreads ? pr_tsne(gram, scores, rows->n, &options, y, result) : PR_OK;
}

static pr_status add_run(pr_page *page, const pr_shown *shown, pr_shown_run *run)
{
    const pr_shown_rows *rows = NULL;
    pr_tsne_result result;
    PR_TRY(pr_shown_features(run, shown, &rows));
    const int64_t n = rows->n;
    double *const memory = pr_calloc(n * n + 4 * n, sizeof(*memory));
    PR_REQUIRE(memory != NULL, PR_ERR_NOMEM, "no memory for t-SNE of %lld rows", (long long)n);
    double *const y = memory + n * n + 2 * n;
    bool spreads = false;
    const pr_status status = lay_out(rows, memory, y, &spreads, &result);
    if (status == PR_OK && spreads) {
        draw(page, shown, run, y, &result);
    } else if (status == PR_OK) {
        pr_page_put(page, "<div class=\"card\"><h3>");
        pr_page_html(page, run->name);
        pr_page_put(page, "</h3><p>All features are equal.</p></div>\n");
    }
    pr_free(memory);
    return status;
}

pr_status pr__tsne_make(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs, int n_runs)
{
    const pr_tsne_options options = pr_tsne_options_default();
    if (shown->n < FEWEST) {
        pr_page_put(page, "<p>Not drawn: %lld crops, at least %d are wanted.</p>\n",
                    (long long)shown->n, FEWEST);
        return PR_OK;
    }
    pr_page_put(page, "<p>t-SNE (van der Maaten and Hinton 2008; DCL, Figure 4), exact, of ");
    pr__figure_features(page, shown, runs, n_runs);
    pr_page_put(page,
                " Begun at the principal components, %d iterations, the first %d with exaggeration "
                "%g; nothing is drawn at random. Its axes have no unit, and distances between "
                "groups mean little: neighbourhoods do.</p>\n<div class=\"grid\">\n",
                options.n_iterations, options.n_early, options.exaggeration);
    for (int i = 0; i < n_runs; i++) {
        PR_TRY(add_run(page, shown, runs[i]));
    }
    pr_page_put(page, "</div>\n");
    return PR_OK;
}
