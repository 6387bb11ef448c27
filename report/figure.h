/**
 * The figures of a page: a row in report/figure_list.h and a file report/figure_<name>.c each. With one
 * run a figure shows that run, with several it shows them beside each other on the same samples.
 *
 * A caption says the paper and its figure's number, what is on the axes, how many samples, and the
 * seed of what is drawn at random.
 */
#ifndef PR_REPORT_FIGURE_H
#define PR_REPORT_FIGURE_H

#include "report/shown.h"
#include "trainer/page.h"

typedef struct pr_figure {
    const char *name, *title;
    /* NULL where the figure can be made of RUN; otherwise why not, in words that follow "RUN: ": "it
     * has no classifier". The same on every rank. */
    const char *(*lacks)(const pr_shown_run *run);
    /*
     * Collective: puts the figure of RUNS [n_runs >= 1], none of which lacks anything, onto PAGE, which
     * has its heading already: usually a <p> with the caption and a <div class="grid"> with a card
     * for each run. Every rank makes the same page. shown->samples is not NULL.
     */
    pr_status (*make)(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs, int n_runs);
} pr_figure;

/* const char *pr__tsne_lacks(...); pr_status pr__tsne_make(...); and so on. */
#define PR_FIGURE(name, title)                                                                     \
    const char *pr__##name##_lacks(const pr_shown_run *run);                                       \
    pr_status pr__##name##_make(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs,   \
                                int n_runs);
#include "report/figure_list.h"
#undef PR_FIGURE

/** For captions: "600 crops of test.all, balanced over methods (2 more did not decode)". */
void pr__figure_samples(pr_page *page, const pr_shown *shown);
/** The same with what the features of RUNS are: "the features that are classified (D = 2048) of …." */
void pr__figure_features(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs,
                         int n_runs);

/** Collective: every figure that some of RUNS can have, and a sentence for each run left out. */
pr_status pr_figures_add(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs,
                         int n_runs);

#endif
