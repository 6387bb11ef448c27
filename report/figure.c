#include "report/figure.h"

#include <stddef.h>

static const pr_figure figures[] = {
#define PR_FIGURE(name, title) {#name, title, pr__##name##_lacks, pr__##name##_make},
#include "report/figure_list.h"
#undef PR_FIGURE
};

enum { N_FIGURES = (int)(sizeof(figures) / sizeof(figures[0])) };

void pr__figure_samples(pr_page *page, const pr_shown *shown)
{
    pr_page_put(page, "%lld crops of ", (long long)shown->n);
    pr_page_html(page, shown->set);
    if (shown->perturb != PR_PERTURB_NONE) {
        pr_page_put(page,
                    shown->perturb == PR_PERTURB_JPEG ? " after JPEG of quality %g"
                                                      : " after scaling by %g and back",
                    shown->perturb_value);
    }
    pr_page_put(page, ", balanced over methods");
    if (shown->n_left_out > 0) {
        pr_page_put(page, " (%lld more did not decode)", (long long)shown->n_left_out);
    }
}

void pr__figure_features(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs,
                         int n_runs)
{
    bool any[2] = {false, false}; /* z, and classified features */
    for (int i = 0; i < n_runs; i++) {
        any[runs[i]->trained.stage->classifies ? 1 : 0] = true;
    }
    pr_page_put(page, "%s of ",
                any[0] && any[1] ? "the features that are classified (z where a run's stage has no "
                                   "classifier)"
                : any[0]         ? "the embeddings z"
                                 : "the features that are classified");
    pr__figure_samples(page, shown);
    pr_page_put(page, ".");
}

static void add_reason(pr_page *page, const pr_figure *figure, const pr_shown_run *run)
{
    pr_page_put(page, "<li>%s, ", figure->title);
    pr_page_html(page, run->name);
    pr_page_put(page, ": %s.</li>\n", figure->lacks(run));
}

static void add_figure(pr_page *page, const pr_figure *figure, const pr_shown *shown,
                       pr_shown_run *const *runs, int n_runs)
{
    pr_shown_run *those[PR_SHOWN_MAX_RUNS] = {NULL};
    int n = 0;
    for (int i = 0; i < n_runs; i++) {
        if (figure->lacks(runs[i]) == NULL) {
            those[n++] = runs[i];
        }
    }
    if (n > 0) {
        pr_page_put(page, "<h2 id=\"%s\">%s</h2>\n", figure->name, figure->title);
        pr_page_take(page, figure->make(page, shown, those, n));
    }
}

/* What is not there, and why. */
static void add_left_out(pr_page *page, pr_shown_run *const *runs, int n_runs)
{
    bool any = false;
    for (int f = 0; f < N_FIGURES; f++) {
        for (int i = 0; i < n_runs; i++) {
            if (figures[f].lacks(runs[i]) != NULL) {
                pr_page_put(page,
                            any ? "" : "<h2>Figures left out</h2>\n<div class=\"card\"><ul>\n");
                add_reason(page, &figures[f], runs[i]);
                any = true;
            }
        }
    }
    pr_page_put(page, any ? "</ul></div>\n" : "");
}

pr_status pr_figures_add(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs,
                         int n_runs)
{
    if (shown->samples == NULL) {
        pr_page_put(page, "<h2>Figures</h2>\n<p>");
        pr_page_html(page, shown->note);
        pr_page_put(page, "</p>\n");
        return page->status;
    }
    for (int f = 0; page->status == PR_OK && f < N_FIGURES; f++) {
        add_figure(page, &figures[f], shown, runs, n_runs);
    }
    add_left_out(page, runs, n_runs);
    return page->status;
}
