/*
 * Crops by their similarity to what the bank holds of a class. DCL has a prototype of each label, made
 * of keys, and calls hard what is similar to the other label's (its gate's measure, Figure 3). RCCL has
 * the centre of reals: hard are reals far from it and fakes near it.
 */
#include "engine/base/alloc.h"
#include "report/crop.h"
#include "report/figure.h"
#include "report/report_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_SHOWN = 6, CAPTION_BYTES = 320 };

/* What crops are compared with. */
typedef struct bank {
    const double *proto[2]; /* of reals, of fakes; the latter NULL where there is only a centre */
    int64_t n_cols;
    pr_build_fn build; /* of the graph whose output NAME lies in the same space */
    const char *name;
} bank;

/* One crop: its similarity to the prototypes, and how hard it is. */
typedef struct ranked {
    int64_t k; /* in shown->at */
    double similarity[2];
    double hardness;
} ranked;

static const pr_store_entry *find(const pr_shown_run *run, const char *name)
{
    return pr_store_find(run->trained.trainer->store, name);
}

static bool is_zero(const double *x, int64_t n)
{
    bool zero = true;
    for (int64_t i = 0; i < n; i++) {
        zero = zero && x[i] == 0.0;
    }
    return zero;
}

/* DCL's keys are what its prototypes are made of: the phase that has a key graph builds them. */
static pr_build_fn find_keys(const pr_shown_run *run)
{
    const pr_objective *const objective = run->trained.trainer->objective;
    pr_build_fn build = NULL;
    for (int s = 0; s < objective->n_stages; s++) {
        for (int p = 0; p < objective->stages[s].n_phases && build == NULL; p++) {
            build = objective->stages[s].phases[p].build_key;
        }
    }
    return build;
}

/* NULL, or what the run lacks. */
static const char *open_bank(const pr_shown_run *run, bank *b)
{
    const pr_store_entry *const proto = find(run, "bank.proto");
    const pr_store_entry *const centre = find(run, "bank.centre");
    memset(b, 0, sizeof(*b));
    if (proto != NULL) {
        b->n_cols = proto->desc.shape.dims[1];
        b->proto[0] = proto->data;
        b->proto[1] = b->proto[0] + b->n_cols;
        b->build = find_keys(run);
        b->name = "k";
    } else if (centre != NULL) {
        b->n_cols = centre->desc.shape.dims[0];
        b->proto[0] = centre->data;
        b->build = pr_build_embedding;
        b->name = "z";
    }
    if (b->build == NULL) {
        return "its bank has neither prototypes nor a centre";
    }
    if (is_zero(b->proto[0], b->n_cols) ||
        (b->proto[1] != NULL && is_zero(b->proto[1], b->n_cols))) {
        return "its bank is still empty";
    }
    return NULL;
}

const char *pr__hard_lacks(const pr_shown_run *run)
{
    bank b;
    return open_bank(run, &b);
}

static double cosine(const float *x, const double *proto, int64_t n)
{
    double along = 0.0;
    double squares[2] = {0.0, 0.0};
    for (int64_t i = 0; i < n; i++) {
        along += (double)x[i] * proto[i];
        squares[0] += (double)x[i] * (double)x[i];
        squares[1] += proto[i] * proto[i];
    }
    const double length = sqrt(squares[0]) * sqrt(squares[1]);
    return length > 0.0 ? along / length : 0.0;
}

static int compare_ranked(const void *left, const void *right)
{
    const ranked *const a = left;
    const ranked *const b = right;
    if (a->hardness != b->hardness) {
        return a->hardness > b->hardness ? -1 : 1;
    }
    return (a->k > b->k) - (a->k < b->k);
}

/* The crops of LABEL, hardest first. */
static int64_t rank(const pr_shown *shown, const bank *b, const pr_shown_rows *rows, int label,
                    ranked *list)
{
    int64_t n = 0;
    for (int64_t k = 0; k < shown->n; k++) {
        if ((shown->group[k] == 0) != (label == PR_REAL)) {
            continue;
        }
        ranked *const r = &list[n++];
        const float *const x = rows->x + k * rows->n_cols;
        r->k = k;
        r->similarity[0] = cosine(x, b->proto[0], b->n_cols);
        r->similarity[1] = b->proto[1] != NULL ? cosine(x, b->proto[1], b->n_cols) : 0.0;
        r->hardness = label == PR_FAKE      ? r->similarity[0]
                      : b->proto[1] != NULL ? r->similarity[1]
                                            : -r->similarity[0];
    }
    qsort(list, (size_t)n, sizeof(*list), compare_ranked);
    return n;
}

static pr_status add_crop(pr_page *page, const pr_shown *shown, const bank *b, const ranked *r)
{
    const int64_t i = shown->at[r->k];
    const pr_sample *const sample = pr_samples_at(shown->samples, i);
    char caption[CAPTION_BYTES];
    char both[64];
    if (b->proto[1] != NULL) {
        (void)snprintf(both, sizeof(both), "to reals %.3f, to fakes %.3f", r->similarity[0],
                       r->similarity[1]);
    } else {
        (void)snprintf(both, sizeof(both), "%.3f", r->similarity[0]);
    }
    (void)snprintf(caption, sizeof(caption), "%s: %s %.100s, frame %" PRId32, both,
                   shown->group_names[shown->group[r->k]],
                   pr_samples_word(shown->samples, sample->video), sample->frame);
    return pr__crop_add(page, shown->samples, i, caption);
}

/* The first and the last of the LIST [n], which never share a crop. */
static pr_status add_lists(pr_page *page, const pr_shown *shown, const bank *b, const char *what,
                           const ranked *list, int64_t n)
{
    const int64_t n_each = n / 2 < N_SHOWN ? n / 2 : N_SHOWN;
    for (int easy = 0; easy < 2; easy++) {
        pr_page_put(page, "<p>%s %s</p>\n<div class=\"faces\">\n", easy == 0 ? "Hard" : "Easy",
                    what);
        for (int64_t k = 0; k < n_each; k++) {
            PR_TRY(add_crop(page, shown, b, easy == 0 ? &list[k] : &list[n - 1 - k]));
        }
        pr_page_put(page, "</div>\n");
    }
    return PR_OK;
}

static pr_status add_run(pr_page *page, const pr_shown *shown, pr_shown_run *run)
{
    bank b;
    pr_shown_rows rows = {0};
    (void)open_bank(run, &b);
    PR_TRY(pr_shown_output(run, shown, b.build, b.name, shown->at, shown->n, &rows));
    ranked *const list = pr_calloc(shown->n, sizeof(*list));
    pr_status status = PR_OK;
    if (list == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "no memory to rank %" PRId64 " crops", shown->n);
    } else if (rows.n_cols != b.n_cols) {
        status =
            PR_FAIL(PR_ERR_SHAPE, "%s: embeddings of %" PRId64 " columns, its bank has %" PRId64,
                    run->dir, rows.n_cols, b.n_cols);
    }
    pr_page_put(page, "<div class=\"card\"><h3>");
    pr_page_html(page, run->name);
    pr_page_put(page,
                b.proto[1] != NULL ? " (prototypes of keys)</h3>\n" : " (real centre)</h3>\n");
    for (int label = PR_REAL; label <= PR_FAKE && status == PR_OK; label++) {
        const int64_t n = rank(shown, &b, &rows, label, list);
        status = add_lists(page, shown, &b, label == PR_REAL ? "reals" : "fakes", list, n);
    }
    pr_page_put(page, "</div>\n");
    pr_free(list);
    pr_shown_rows_free(&rows);
    return status;
}

pr_status pr__hard_make(pr_page *page, const pr_shown *shown, pr_shown_run *const *runs, int n_runs)
{
    pr_page_put(page, "<p>The %d hardest and the %d easiest of each class among ", N_SHOWN,
                N_SHOWN);
    pr__figure_samples(page, shown);
    pr_page_put(
        page, ". Under each the cosine of its embedding with the bank's prototypes: DCL, Figure 3, "
              "calls hard what its gate lets in, similar to the prototype of the other class; with "
              "the real centre of RCCL (section 3.4) hard are reals far from it and fakes near it. "
              "Nothing is drawn at random.</p>\n");
    for (int i = 0; i < n_runs; i++) {
        PR_TRY(add_run(page, shown, runs[i]));
    }
    return PR_OK;
}
