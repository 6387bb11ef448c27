/**
 * What the CPU kernels of the contrastive ops share. Reductions have 16 written-out lanes and a
 * fixed tree, so that their bits depend neither on the instruction set nor on what is computed
 * beside them. Similarities that order features are summed in double, so that the order does not
 * hang on rounding; those of the loss are f32.
 *
 * The columns of the margin loss are the R rows of the batch, then the transformed positives, then
 * the mixed negatives.
 */
#ifndef PR_ENGINE_CPU_CONTRAST_H
#define PR_ENGINE_CPU_CONTRAST_H

#include "engine/core/op.h"
#include "engine/core/op_attr.h"

enum { PR__CONTRAST_LANES = 16 };

static inline double pr__contrast_tree(double lane[PR__CONTRAST_LANES])
{
    for (int half = PR__CONTRAST_LANES / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) {
            lane[l] += lane[l + half];
        }
    }
    return lane[0];
}

/**
 * The inner product of A and B, each of N floats, summed in f32. Dot(a, b) = dot(b, a), bit by
 * bit.
 */
static inline float pr__contrast_dot(const float *a, const float *b, int64_t n)
{
    float lane[PR__CONTRAST_LANES] = {0};
    int64_t i = 0;

    for (; i + PR__CONTRAST_LANES <= n; i += PR__CONTRAST_LANES) {
        for (int l = 0; l < PR__CONTRAST_LANES; l++) {
            lane[l] += a[i + l] * b[i + l];
        }
    }
    for (int l = 0; i + l < n; l++) {
        lane[l] += a[i + l] * b[i + l];
    }
    for (int half = PR__CONTRAST_LANES / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) {
            lane[l] += lane[l + half];
        }
    }
    return lane[0];
}

/** The same of floats A and doubles B, summed in double. */
static inline double pr__contrast_dot_wide(const float *a, const double *b, int64_t n)
{
    double lane[PR__CONTRAST_LANES] = {0};
    int64_t i = 0;

    for (; i + PR__CONTRAST_LANES <= n; i += PR__CONTRAST_LANES) {
        for (int l = 0; l < PR__CONTRAST_LANES; l++) {
            lane[l] += (double)a[i + l] * b[i + l];
        }
    }
    for (int l = 0; i + l < n; l++) {
        lane[l] += (double)a[i + l] * b[i + l];
    }
    return pr__contrast_tree(lane);
}

/** The inputs of margin_norm or margin_loss. */
typedef struct pr__margin {
    const pr_margin_attr *attr;
    int64_t n_rows, n_cols, n_tp, n_mn; /* n_cols: of a feature */
    const float *z, *tp, *mn;
    const int32_t *label, *tp_label, *tp_valid, *mn_valid;
    const int64_t *range, *pair; /* pair NULL in margin_norm */
} pr__margin;

/** AT is the number of the first synthetic input. */
static inline pr__margin pr__margin_of(const pr_call *call, int at)
{
    const pr_margin_attr *const attr = call->attr;
    pr__margin m = {.attr = attr,
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

static inline int64_t pr__margin_n_columns(const pr__margin *m)
{
    return m->n_rows + m->n_tp + m->n_mn;
}

static inline const float *pr__margin_column(const pr__margin *m, int64_t c)
{
    if (c < m->n_rows) {
        return m->z + c * m->n_cols;
    }
    c -= m->n_rows;
    return c < m->n_tp ? m->tp + c * m->n_cols : m->mn + (c - m->n_tp) * m->n_cols;
}

/** How often column C stands in the normaliser of row I: 0, 1 or 2 times. */
static inline int pr__margin_weight(const pr__margin *m, int64_t i, int64_t c)
{
    const bool has_margin = !m->attr->margin_real_only || m->label[i] == PR_LABEL_REAL;

    if (c < m->n_rows) {
        const int times = has_margin && m->attr->margin == PR_MARGIN_BATCH ? 2 : 1;
        const bool is_left_out = m->attr->negatives_only && m->label[c] == m->label[i];
        return c == i || is_left_out ? 0 : times;
    }
    c -= m->n_rows;
    if (c < m->n_tp) {
        return m->attr->transformed && m->tp_valid[c];
    }
    return (m->attr->mixed_as_fake || (has_margin && m->attr->margin == PR_MARGIN_MIXED)) &&
           m->mn_valid[c - m->n_tp];
}

/** Whether column C is a positive of row I. */
static inline bool pr__margin_positive(const pr__margin *m, int64_t i, int64_t c)
{
    if (c < m->n_rows) {
        const bool same = m->attr->pos_pair ? m->pair[c] == m->pair[i] : m->label[c] == m->label[i];
        return same && c != i;
    }
    c -= m->n_rows;
    if (c < m->n_tp) {
        return m->attr->transformed && m->tp_valid[c] && m->tp_label[c] == m->label[i];
    }
    return m->attr->mixed_as_fake && m->label[i] == PR_LABEL_FAKE && m->mn_valid[c - m->n_tp];
}

/** The similarity of row I and column C over tau. */
static inline double pr__margin_exponent(const pr__margin *m, int64_t i, int64_t c)
{
    const float similarity =
        pr__contrast_dot(m->z + i * m->n_cols, pr__margin_column(m, c), m->n_cols);
    return (double)similarity / m->attr->tau;
}

#endif
