/**
 * What the reference kernels of the contrastive ops share: plain loops in double.
 *
 * The columns of the margin loss are the R rows of the batch, then the transformed positives, then
 * the mixed negatives.
 */
#ifndef PR_ENGINE_REF_REF_CONTRAST_H
#define PR_ENGINE_REF_REF_CONTRAST_H

#include "engine/core/op.h"
#include "engine/core/op_attr.h"

#include <stddef.h>

/** The inner product of A and B, each of N elements. */
static inline double ref_contrast_dot(const double *a, const double *b, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/** The inputs of margin_norm or margin_loss. */
typedef struct ref_margin {
    const pr_margin_attr *attr;
    int64_t n_rows, n_cols, n_tp, n_mn; /* n_cols: of a feature */
    const double *z, *tp, *mn;
    const int32_t *label, *tp_label, *tp_valid, *mn_valid;
    const int64_t *range, *pair; /* pair NULL in margin_norm */
} ref_margin;

/** AT is the number of the first synthetic input. */
static inline ref_margin ref_margin_of(const pr_call *call, int at)
{
    const pr_margin_attr *const attr = call->attr;
    ref_margin m = {.attr = attr,
                    .n_rows = call->in[0].shape.dims[0],
                    .n_cols = call->in[0].shape.dims[1],
                    .z = call->in[0].data,
                    .label = call->in[1].data,
                    .range = call->in[2].data};
    if (attr->synthetic) {
        m.n_tp = call->in[at].shape.dims[0];
        m.tp = call->in[at].data;
        m.tp_label = call->in[at + 1].data;
        m.tp_valid = call->in[at + 2].data;
        m.n_mn = call->in[at + 3].shape.dims[0];
        m.mn = call->in[at + 3].data;
        m.mn_valid = call->in[at + 4].data;
    }
    return m;
}

static inline const double *ref_margin_column(const ref_margin *m, int64_t c)
{
    if (c < m->n_rows) {
        return m->z + c * m->n_cols;
    }
    return c < m->n_rows + m->n_tp ? m->tp + (c - m->n_rows) * m->n_cols
                                   : m->mn + (c - m->n_rows - m->n_tp) * m->n_cols;
}

/** How often column C stands in the normaliser of row I. */
static inline double ref_margin_weight(const ref_margin *m, int64_t i, int64_t c)
{
    const bool has_margin = !m->attr->margin_real_only || m->label[i] == PR_LABEL_REAL;
    if (c < m->n_rows) {
        const bool is_left_out = m->attr->negatives_only && m->label[c] == m->label[i];
        return c == i || is_left_out
                   ? 0.0
                   : 1.0 + (has_margin && m->attr->margin == PR_MARGIN_BATCH ? 1.0 : 0.0);
    }
    if (c < m->n_rows + m->n_tp) {
        return m->attr->transformed && m->tp_valid[c - m->n_rows] ? 1.0 : 0.0;
    }
    const bool used = m->attr->mixed_as_fake || (has_margin && m->attr->margin == PR_MARGIN_MIXED);
    return used && m->mn_valid != NULL && m->mn_valid[c - m->n_rows - m->n_tp] ? 1.0 : 0.0;
}

/** Whether column C is a positive of row I. */
static inline bool ref_margin_positive(const ref_margin *m, int64_t i, int64_t c)
{
    if (c < m->n_rows) {
        return c != i &&
               (m->attr->pos_pair ? m->pair[c] == m->pair[i] : m->label[c] == m->label[i]);
    }
    if (c < m->n_rows + m->n_tp) {
        const int64_t t = c - m->n_rows;
        return m->attr->transformed && m->tp_valid[t] && m->tp_label[t] == m->label[i];
    }
    return m->attr->mixed_as_fake && m->label[i] == PR_LABEL_FAKE && m->mn_valid != NULL &&
           m->mn_valid[c - m->n_rows - m->n_tp];
}

/** The similarity of row I and column C over tau. */
static inline double ref_margin_exponent(const ref_margin *m, int64_t i, int64_t c)
{
    return ref_contrast_dot(m->z + i * m->n_cols, ref_margin_column(m, c), m->n_cols) /
           m->attr->tau;
}

#endif
