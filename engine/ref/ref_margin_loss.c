#include "engine/ref/ref_contrast.h"

#include <math.h>
#include <string.h>

enum { NORM = 3, PAIR = 4, TP = 5, MN = 8 };

/* What the rows of a row's positives are counted and divided by. */
typedef struct row_counts {
    double n_extended; /* |P'_i| */
    double divisor;    /* |P_i| or |P'_i| times the number of anchors; 0: the row has no loss */
} row_counts;

static ref_margin inputs_of(const pr_call *call)
{
    ref_margin m = ref_margin_of(call, TP);
    m.pair = call->in[PAIR].data;
    return m;
}

static row_counts counts_of(const ref_margin *m, int64_t i)
{
    int64_t n_batch = 0;
    int64_t n_extended = 0;
    double weight = m->attr->negatives_only ? 0.0 : 1.0;
    for (int64_t c = 0; c < m->n_rows + m->n_tp + m->n_mn; c++) {
        if (ref_margin_positive(m, i, c)) {
            n_batch += c < m->n_rows;
            n_extended++;
        }
        weight += ref_margin_weight(m, i, c);
    }
    if (weight == 0.0) {
        return (row_counts){0.0, 0.0};
    }
    return (row_counts){(double)n_extended,
                        (double)(m->attr->divide_extended ? n_extended : n_batch)};
}

static double n_anchors_of(const ref_margin *m)
{
    int64_t n = 0;
    for (int64_t i = 0; i < m->n_rows; i++) {
        n += counts_of(m, i).divisor > 0.0;
    }
    return m->attr->sum_rows || n == 0 ? 1.0 : (double)n;
}

static pr_status forward(const pr_call *call)
{
    const ref_margin m = inputs_of(call);
    const double *const norm = call->in[NORM].data;
    const double n_anchors = n_anchors_of(&m);
    double *const loss = call->out[0].data;

    for (int64_t i = 0; i < m.n_rows; i++) {
        const row_counts counts = counts_of(&m, i);
        double sum = 0.0;

        loss[i] = 0.0;
        if (i < m.range[0] || i >= m.range[1] || counts.divisor == 0.0) {
            continue;
        }
        for (int64_t c = 0; c < m.n_rows + m.n_tp + m.n_mn; c++) {
            if (ref_margin_positive(&m, i, c)) {
                sum += log(norm[i * 2 + 1]) + norm[i * 2] - ref_margin_exponent(&m, i, c);
            }
        }
        loss[i] = sum / (counts.divisor * n_anchors);
    }
    return PR_OK;
}

/* d loss / d (z_i . x_c) as row i sees it. */
static double slope(const ref_margin *m, const pr_call *call, double n_anchors, int64_t i,
                    int64_t c)
{
    const double *const norm = call->in[NORM].data;
    const double *const seed = call->grad_out[0].data;
    const row_counts counts = counts_of(m, i);

    if (counts.divisor == 0.0) {
        return 0.0;
    }
    const double weight = ref_margin_weight(m, i, c);
    const double share =
        weight > 0.0 ? weight * exp(ref_margin_exponent(m, i, c) - norm[i * 2]) / norm[i * 2 + 1]
                     : 0.0;
    const double positive = ref_margin_positive(m, i, c) ? 1.0 : 0.0;
    return seed[i] * (counts.n_extended * share - positive) /
           (counts.divisor * n_anchors * m->attr->tau);
}

static void add(double *to, double weight, const double *x, int64_t n)
{
    for (int64_t d = 0; d < n; d++) {
        to[d] += weight * x[d];
    }
}

static void clear_unless_added(const pr_call *call, int i)
{
    if (!call->grad_add[i]) {
        memset(call->grad_in[i].data, 0,
               (size_t)pr_shape_n(&call->grad_in[i].shape) * sizeof(double));
    }
}

static void backward_rows(const ref_margin *m, const pr_call *call, double n_anchors)
{
    double *const dz = call->grad_in[0].data;

    clear_unless_added(call, 0);
    for (int64_t r = m->range[0]; r < m->range[1]; r++) {
        for (int64_t c = 0; c < m->n_rows + m->n_tp + m->n_mn; c++) {
            double g = slope(m, call, n_anchors, r, c);
            if (c < m->n_rows && c != r) {
                g += slope(m, call, n_anchors, c, r);
            }
            add(dz + r * m->n_cols, g, ref_margin_column(m, c), m->n_cols);
        }
    }
}

/* The N synthetic features that are input IN and the columns from FIRST on. */
static void backward_synthetic(const ref_margin *m, const pr_call *call, double n_anchors, int in,
                               int64_t first, int64_t n)
{
    double *const dx = call->grad_in[in].data;

    clear_unless_added(call, in);
    for (int64_t t = 0; t < n; t++) {
        for (int64_t i = 0; i < m->n_rows; i++) {
            add(dx + t * m->n_cols, slope(m, call, n_anchors, i, first + t), m->z + i * m->n_cols,
                m->n_cols);
        }
    }
}

static pr_status backward(const pr_call *call)
{
    const ref_margin m = inputs_of(call);
    const double n_anchors = n_anchors_of(&m);

    if (call->grad_in[0].data != NULL) {
        backward_rows(&m, call, n_anchors);
    }
    if (m.attr->synthetic && call->grad_in[TP].data != NULL) {
        backward_synthetic(&m, call, n_anchors, TP, m.n_rows, m.n_tp);
    }
    if (m.attr->synthetic && call->grad_in[MN].data != NULL) {
        backward_synthetic(&m, call, n_anchors, MN, m.n_rows + m.n_tp, m.n_mn);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_margin_loss = {.forward = forward, .backward = backward};
