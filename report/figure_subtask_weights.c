/*
 * What DADD's final layer takes from each sub-task (DADD, figure 4): of its weights W [n_out, 9 F] the
 * length of each column, a row of F of them a sub-task, and the length of each sub-task's block, which
 * is what the l2,1 norm sums (equation 3).
 */
#include "dataset/addg.h"
#include "engine/base/alloc.h"
#include "models/dadd.h"
#include "report/figure.h"
#include "report/picture.h"
#include "report/report_internal.h"

#include <math.h>
#include <stdio.h>

static const pr_store_entry *layer_of(const pr_shown_run *run)
{
    const pr_store *const store = run->trained.trainer->store;
    const pr_store_entry *const hidden = pr_store_find(store, "fc_hidden.weight");
    return hidden != NULL ? hidden : pr_store_find(store, "fc.weight");
}

const char *pr__subtask_weights_lacks(const pr_shown_run *run)
{
    const pr_store_entry *const task =
        pr_store_find(run->trained.trainer->store, "task1.private.weight");
    return task != NULL && layer_of(run) != NULL ? NULL : "it has no sub-tasks (DADD has)";
}

/* The length of each column of W. */
static void measure(const pr_shown_run *run, const pr_store_entry *w, double *lengths)
{
    const pr_dtype real = pr_store_real(run->trained.trainer->store);
    const int64_t n_out = w->desc.shape.dims[0];
    const int64_t n_in = w->desc.shape.dims[1];
    for (int64_t i = 0; i < n_in; i++) {
        double square = 0;
        for (int64_t row = 0; row < n_out; row++) {
            const int64_t at = row * n_in + i;
            const double v = real == PR_F32 ? (double)((const float *)w->data)[at]
                                            : ((const double *)w->data)[at];
            square += v * v;
        }
        lengths[i] = sqrt(square);
    }
}

static void put_table(pr_page *page, const double blocks[PR_DADD_N_TASKS])
{
    double total = 0;
    for (int task = 0; task < PR_DADD_N_TASKS; task++) {
        total += blocks[task];
    }
    pr_page_put(page, "<div class=\"card scroll\"><table><tr><th>sub-task</th><th>category</th>"
                      "<th>length of its block</th><th>share</th></tr>\n");
    for (int task = 0; task < PR_DADD_N_TASKS; task++) {
        const double share = total > 0 ? blocks[task] / total : 0;
        pr_page_put(page,
                    "<tr><td>ST_%d</td><td>%s</td><td data-v=\"%.17g\">%.4f</td>"
                    "<td data-v=\"%.17g\">%.1f %%</td></tr>\n",
                    task + 1, PR_ADDG_WORDS[task], blocks[task], blocks[task], share, 100 * share);
    }
    pr_page_put(page, "</table></div>\n");
}

static void put_run(pr_page *page, const pr_shown_run *run, const double *lengths, int64_t n_in)
{
    static const char *const parts[1] = {"length of the sub-task's block of weights"};
    const int64_t n_each = n_in / PR_DADD_N_TASKS;
    double x[PR_DADD_N_TASKS];
    double blocks[PR_DADD_N_TASKS];
    char name[160];
    pr__plane plane = {.values = lengths, .height = PR_DADD_N_TASKS, .width = n_each};
    for (int task = 0; task < PR_DADD_N_TASKS; task++) {
        double square = 0;
        for (int64_t i = 0; i < n_each; i++) {
            const double v = lengths[task * n_each + i];
            square += v * v;
            plane.high = fmax(plane.high, v);
        }
        x[task] = task + 1;
        blocks[task] = sqrt(square);
    }
    const pr__stack stack = {.title = run->name,
                             .x_label = "sub-task",
                             .parts = parts,
                             .n_parts = 1,
                             .x = x,
                             .values = blocks,
                             .n_bars = PR_DADD_N_TASKS};
    (void)snprintf(name, sizeof(name), "%.120s weights", run->name);
    pr_page_put(page, "<div class=\"grid\" style=\"margin:0 0 14px\" data-run=\"");
    pr_page_html(page, run->name);
    pr_page_put(page, "\">");
    pr__svg_stack(page, &stack);
    pr_page_put(page, "<div><div class=\"card\">");
    pr__picture_plane(
        page, &plane, name, "2",
        "a row a sub-task, ST_1 above; a column a private feature; white is the longest");
    pr_page_put(page, "</div>\n");
    put_table(page, blocks);
    pr_page_put(page, "</div></div>\n");
}

pr_status pr__subtask_weights_make(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs,
                                   int n_runs)
{
    (void)shown; /* weights alone */
    pr_page_put(page, "<p>What the final layer takes from each sub-task's private features: the "
                      "lengths of its columns of weights, and of each sub-task's block of them, "
                      "which the l2,1 norm presses to zero (DADD, figure 4).</p>\n");
    for (int r = 0; r < n_runs; r++) {
        const pr_store_entry *const w = layer_of(runs[r]);
        const int64_t n_in = w->desc.shape.dims[1];
        PR_REQUIRE(n_in % PR_DADD_N_TASKS == 0, PR_ERR_INVALID,
                   "%lld private features do not divide by %d sub-tasks", (long long)n_in,
                   PR_DADD_N_TASKS);
        double *const lengths = pr_calloc(n_in, sizeof(*lengths));
        PR_REQUIRE(lengths != NULL, PR_ERR_NOMEM, "no memory for %lld lengths", (long long)n_in);
        measure(runs[r], w, lengths);
        put_run(page, runs[r], lengths, n_in);
        pr_free(lengths);
    }
    return PR_OK;
}
