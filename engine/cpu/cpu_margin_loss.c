#include "engine/base/math.h"
#include "engine/cpu/contrast.h"

#include <string.h>

enum { NORM = 3, PAIR = 4, TP = 5, MN = 8 };

/* What is the same for all columns of a row; of every row of the global batch. */
typedef struct row_terms {
    double n_positives; /* |P'_i| */
    double scale;       /* seed_i / (divisor_i n_anchors); 0: the row has no loss */
} row_terms;

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = (size_t)sig->in[0].shape.dims[0] * sizeof(row_terms) +
                       (size_t)sig->in[0].shape.dims[1] * sizeof(double);
    return PR_OK;
}

static pr__margin inputs_of(const pr_call *call)
{
    pr__margin m = pr__margin_of(call, TP);
    m.pair = call->in[PAIR].data;
    return m;
}

/* Counts positives and anchors over the global batch. SEED is NULL for the loss itself. */
static row_terms *count_rows(const pr__margin *m, const pr_call *call, const double *seed)
{
    row_terms *const terms = call->workspace;
    int64_t n_anchors = 0;

    for (int64_t i = 0; i < m->n_rows; i++) {
        int64_t n_batch = 0;
        int64_t n_positives = 0;
        bool has_norm = !m->attr->negatives_only;
        for (int64_t c = 0; c < pr__margin_n_columns(m); c++) {
            const int positive = pr__margin_positive(m, i, c);
            n_positives += positive;
            n_batch += c < m->n_rows ? positive : 0;
            has_norm = has_norm || pr__margin_weight(m, i, c) > 0;
        }
        n_batch = has_norm ? n_batch : 0;
        n_positives = has_norm ? n_positives : 0;
        terms[i].n_positives = (double)n_positives;
        terms[i].scale = (double)(m->attr->divide_extended ? n_positives : n_batch);
        n_anchors += terms[i].scale > 0.0;
    }
    const double anchors = m->attr->sum_rows ? 1.0 : (double)n_anchors;
    for (int64_t i = 0; i < m->n_rows; i++) {
        const double divisor = terms[i].scale * anchors;
        const double numerator = seed != NULL ? seed[i] : 1.0;
        terms[i].scale = divisor > 0.0 ? numerator / divisor : 0.0;
    }
    return terms;
}

static pr_status forward(const pr_call *call)
{
    const pr__margin m = inputs_of(call);
    const row_terms *const terms = count_rows(&m, call, NULL);
    const double *const norm = call->in[NORM].data;
    double *const loss = call->out[0].data;

    memset(loss, 0, (size_t)m.n_rows * sizeof(*loss));
    for (int64_t i = m.range[0]; i < m.range[1]; i++) {
        if (terms[i].scale == 0.0) {
            continue;
        }
        double sum = 0.0;
        for (int64_t c = 0; c < pr__margin_n_columns(&m); c++) {
            if (pr__margin_positive(&m, i, c)) {
                sum += pr__margin_exponent(&m, i, c);
            }
        }
        const double log_norm = pr_log(norm[i * 2 + 1]) + norm[i * 2];
        loss[i] = (terms[i].n_positives * log_norm - sum) * terms[i].scale;
    }
    return PR_OK;
}

/* d loss / d (exponent of row I and column C) as row I sees it. */
static double slope(const pr__margin *m, const row_terms *terms, const double *norm, int64_t i,
                    int64_t c, double exponent)
{
    if (terms[i].scale == 0.0) {
        return 0.0;
    }
    const int weight = pr__margin_weight(m, i, c);
    double share = 0.0;
    if (weight > 0) {
        share = (double)weight * pr_exp(exponent - norm[i * 2]) / norm[i * 2 + 1];
    }
    const double positive = pr__margin_positive(m, i, c) ? 1.0 : 0.0;
    return terms[i].scale * (terms[i].n_positives * share - positive);
}

static void add_scaled(double *sum, double weight, const float *x, int64_t n)
{
    for (int64_t d = 0; d < n; d++) {
        sum[d] += weight * (double)x[d];
    }
}

/* SUM / tau becomes, or is added to, one row of a gradient. */
static void write_row(const double *sum, double tau, int64_t n, bool add, float *dx)
{
    for (int64_t d = 0; d < n; d++) {
        const float g = (float)(sum[d] / tau);
        dx[d] = add ? dx[d] + g : g;
    }
}

static void backward_rows(const pr__margin *m, const pr_call *call, const row_terms *terms,
                          double *sum)
{
    const double *const norm = call->in[NORM].data;
    const size_t row_bytes = (size_t)m->n_cols * sizeof(double);
    float *const dz = call->grad_in[0].data;

    if (!call->grad_add[0]) {
        memset(dz, 0, (size_t)(m->n_rows * m->n_cols) * sizeof(*dz));
    }
    for (int64_t r = m->range[0]; r < m->range[1]; r++) {
        memset(sum, 0, row_bytes);
        for (int64_t c = 0; c < pr__margin_n_columns(m); c++) {
            if (c == r || (c >= m->n_rows && pr__margin_weight(m, r, c) == 0)) {
                continue;
            }
            const double exponent = pr__margin_exponent(m, r, c);
            double g = slope(m, terms, norm, r, c, exponent);
            if (c < m->n_rows) {
                g += slope(m, terms, norm, c, r, exponent);
            }
            add_scaled(sum, g, pr__margin_column(m, c), m->n_cols);
        }
        write_row(sum, m->attr->tau, m->n_cols, call->grad_add[0], dz + r * m->n_cols);
    }
}

/* The N synthetic features that are input IN and the columns from FIRST on. */
static void backward_synthetic(const pr__margin *m, const pr_call *call, const row_terms *terms,
                               int in, int64_t first, int64_t n, double *sum)
{
    const double *const norm = call->in[NORM].data;
    const size_t row_bytes = (size_t)m->n_cols * sizeof(double);
    float *const dx = call->grad_in[in].data;

    for (int64_t t = 0; t < n; t++) {
        memset(sum, 0, row_bytes);
        for (int64_t i = 0; i < m->n_rows; i++) {
            if (pr__margin_weight(m, i, first + t) > 0) {
                const double exponent = pr__margin_exponent(m, i, first + t);
                const double g = slope(m, terms, norm, i, first + t, exponent);
                add_scaled(sum, g, m->z + i * m->n_cols, m->n_cols);
            }
        }
        write_row(sum, m->attr->tau, m->n_cols, call->grad_add[in], dx + t * m->n_cols);
    }
}

static pr_status backward(const pr_call *call)
{
    const double *const seed = call->grad_out[0].data;
    const pr__margin m = inputs_of(call);
    const row_terms *const terms = count_rows(&m, call, seed);
    double *const sum = (double *)((row_terms *)call->workspace + m.n_rows);

    if (call->grad_in[0].data != NULL) {
        backward_rows(&m, call, terms, sum);
    }
    if (m.attr->synthetic && call->grad_in[TP].data != NULL) {
        backward_synthetic(&m, call, terms, TP, m.n_rows, m.n_tp, sum);
    }
    if (m.attr->synthetic && call->grad_in[MN].data != NULL) {
        backward_synthetic(&m, call, terms, MN, m.n_rows + m.n_tp, m.n_mn, sum);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_margin_loss = {
    .prepare = prepare, .forward = forward, .backward = backward};
