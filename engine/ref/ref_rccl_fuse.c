#include "engine/core/op.h"
#include "engine/core/op_attr.h"
#include "engine/ref/ref_contrast.h"

#include <math.h>
#include <string.h>

enum { Z, LABEL, INFO, HARD, HARD_KEY, HARD_COUNT, CENTRE, CENTRE_COUNT, LAMBDA };
enum { TP, TP_LABEL, TP_VALID, MN, MN_VALID, TP_INDEX, MN_INDEX };
enum { TP_LENGTH, MN_LENGTH, FUSED_LENGTH, FUSED };

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = (size_t)(2 * sig->in[Z].shape.dims[1]) * sizeof(double);
    return PR_OK;
}

/*
 * The rows of LABEL most similar to X, at most N_MOST and without row EXCEPT, most similar first,
 * equal ones by row; the rest of ROWS is -1. Returns how many there are.
 */
static int64_t nearest(const pr_call *call, const double *x, int label, int64_t except,
                       int64_t n_most, int64_t *rows)
{
    const double *const z = call->in[Z].data;
    const int32_t *const label_of = call->in[LABEL].data;
    const int64_t n_rows = call->in[Z].shape.dims[0];
    const int64_t n_cols = call->in[Z].shape.dims[1];
    int64_t n = 0;

    for (int64_t found = 0; found < n_most; found++) {
        double best = -INFINITY;
        rows[found] = -1;
        for (int64_t r = 0; r < n_rows; r++) {
            bool taken = label_of[r] != label || r == except;
            for (int64_t i = 0; i < found; i++) {
                taken = taken || rows[i] == r;
            }
            const double similarity =
                taken ? -INFINITY : ref_contrast_dot(x, z + r * n_cols, n_cols);
            if (similarity > best) {
                best = similarity;
                rows[found] = r;
            }
        }
        n += rows[found] >= 0;
    }
    return n;
}

/* Y to unit length in OUT; returns the length. */
static double to_unit(const double *y, int64_t n, double *out)
{
    const double length = fmax(sqrt(ref_contrast_dot(y, y, n)), 1e-12);
    for (int64_t d = 0; d < n; d++) {
        out[d] = y[d] / length;
    }
    return length;
}

/* Equation 2: X with the N rows ROWS of z, in OUT; returns the length before normalising. */
static double smooth(const pr_call *call, const double *x, const int64_t *rows, int64_t n,
                     double *out)
{
    const double *const z = call->in[Z].data;
    const int64_t n_cols = call->in[Z].shape.dims[1];
    double *const y = call->workspace;

    for (int64_t d = 0; d < n_cols; d++) {
        y[d] = x[d];
        for (int64_t m = 0; m < n; m++) {
            y[d] += z[rows[m] * n_cols + d];
        }
        y[d] /= (double)(n + 1);
    }
    return to_unit(y, n_cols, out);
}

/* Equation 3's form, lambda a + (1 - lambda) b, in OUT; returns the length before normalising. */
static double blend(const pr_call *call, double lambda, const double *a, const double *b,
                    double *out)
{
    const int64_t n_cols = call->in[Z].shape.dims[1];
    double *const y = call->workspace;

    for (int64_t d = 0; d < n_cols; d++) {
        y[d] = lambda * a[d] + (1.0 - lambda) * b[d];
    }
    return to_unit(y, n_cols, out);
}

/* Where the hard feature of SLOT stands in this batch, or -1. */
static int64_t row_of_slot(const pr_call *call, int64_t slot)
{
    const int64_t *const key = (const int64_t *)call->in[HARD_KEY].data + slot * 3;
    const int64_t step = ((const int64_t *)call->in[INFO].data)[0];
    return key[1] == step ? key[2] : -1;
}

/* The transformed positives of one hard feature. */
static void transform(const pr_call *call, int64_t slot)
{
    const pr_rccl_fuse_attr *const attr = call->attr;
    const int label = slot < attr->n_kept ? PR_LABEL_REAL : PR_LABEL_FAKE;
    const int64_t n_cols = call->in[Z].shape.dims[1];
    const int64_t n_index = call->out[TP_INDEX].shape.dims[1];
    const int64_t n_each = attr->fusion == PR_RCCL_FUSE_SMOOTH ? 1 : attr->n_near;
    const double *const z = call->in[Z].data;
    const double *const hard = (const double *)call->in[HARD].data + slot * n_cols;
    const double *const lambda =
        (const double *)call->in[LAMBDA].data + call->out[MN].shape.dims[0];
    const int64_t row = row_of_slot(call, slot);
    int32_t *const valid = call->out[TP_VALID].data;
    double *const length = call->saved[TP_LENGTH].data;

    for (int64_t i = 0; i < n_each; i++) {
        const int64_t t = slot * n_each + i;
        double *const tp = (double *)call->out[TP].data + t * n_cols;
        int64_t *const index = (int64_t *)call->out[TP_INDEX].data + t * n_index;

        if (attr->fusion == PR_RCCL_FUSE_SMOOTH) {
            const int64_t n = nearest(call, hard, label, row, attr->n_near, index);
            valid[t] = n > 0;
            length[t] = n > 0 ? smooth(call, hard, index, n, tp) : 1.0;
            continue;
        }
        int64_t near[PR_RCCL_MAX_NEAR];
        valid[t] = nearest(call, hard, label, row, attr->n_near, near) > i;
        if (!valid[t]) {
            continue;
        }
        index[0] = near[i];
        if (attr->fusion == PR_RCCL_FUSE_LINEAR) {
            length[t] = blend(call, lambda[t], hard, z + near[i] * n_cols, tp);
            continue;
        }
        double *const fused = (double *)call->saved[FUSED].data + t * n_cols;
        ((double *)call->saved[FUSED_LENGTH].data)[t] =
            blend(call, lambda[t], hard, z + near[i] * n_cols, fused);
        const int64_t n = nearest(call, fused, label, row, attr->n_smooth, index + 1);
        length[t] = smooth(call, fused, index + 1, n, tp);
    }
}

/* The normalised mean of the N rows ROWS of z, in MEAN; returns the length before. */
static double mean_of(const pr_call *call, const int64_t *rows, int64_t n, double *mean)
{
    const double *const z = call->in[Z].data;
    const int64_t n_cols = call->in[Z].shape.dims[1];

    for (int64_t d = 0; d < n_cols; d++) {
        mean[d] = 0.0;
        for (int64_t v = 0; v < n; v++) {
            mean[d] += z[rows[v] * n_cols + d];
        }
        mean[d] /= (double)n;
    }
    return to_unit(mean, n_cols, mean);
}

static int64_t n_rows_in(const int64_t *rows, int64_t n_most)
{
    int64_t n = 0;
    while (n < n_most && rows[n] >= 0) {
        n++;
    }
    return n;
}

static void mix(const pr_call *call)
{
    const pr_rccl_fuse_attr *const attr = call->attr;
    const bool pairs = attr->mixing == PR_RCCL_MIX_PAIR;
    const int64_t n_cols = call->in[Z].shape.dims[1];
    const int64_t n_index = call->out[MN_INDEX].shape.dims[1];
    const int64_t n_each = pairs ? attr->n_mixed : 1;
    const double *const z = call->in[Z].data;
    const double *const lambda = call->in[LAMBDA].data;
    int32_t *const valid = call->out[MN_VALID].data;
    double *const length = call->saved[MN_LENGTH].data;
    double *const mean = (double *)call->workspace + n_cols;
    int64_t local[PR_RCCL_MAX_NEAR];
    int64_t near[PR_RCCL_MAX_NEAR];

    const int64_t n_local =
        nearest(call, call->in[CENTRE].data, PR_LABEL_FAKE, -1, attr->n_local, local);
    for (int64_t i = 0; i < n_local; i++) {
        const double *const hard = z + local[i] * n_cols;
        const int64_t n_near = nearest(call, hard, PR_LABEL_REAL, -1, attr->n_mixed, near);
        for (int64_t v = 0; v < n_each && v < n_near; v++) {
            const int64_t t = i * n_each + v;
            double *const mn = (double *)call->out[MN].data + t * n_cols;
            int64_t *const index = (int64_t *)call->out[MN_INDEX].data + t * n_index;

            valid[t] = 1;
            index[0] = local[i];
            if (pairs) {
                index[1] = near[v];
                length[t] = blend(call, lambda[t], hard, z + near[v] * n_cols, mn);
            } else {
                memcpy(index + 1, near, (size_t)attr->n_mixed * sizeof(*near));
                (void)mean_of(call, near, n_near, mean);
                length[t] = blend(call, lambda[t], hard, mean, mn);
            }
        }
    }
}

static void clear(const pr_tensor *tensor, int byte)
{
    memset(tensor->data, byte, (size_t)pr_shape_n(&tensor->shape) * pr_dtype_bytes(tensor->dtype));
}

static pr_status forward(const pr_call *call)
{
    const pr_rccl_fuse_attr *const attr = call->attr;
    const int64_t *const count = call->in[HARD_COUNT].data;
    const int64_t n_each = call->out[TP].shape.dims[0] / (2 * attr->n_kept);
    int32_t *const tp_label = call->out[TP_LABEL].data;

    for (int i = TP; i <= MN_VALID; i++) {
        clear(&call->out[i], 0);
    }
    clear(&call->out[TP_INDEX], 0xff);
    clear(&call->out[MN_INDEX], 0xff);
    for (int64_t t = 0; t < call->out[TP].shape.dims[0]; t++) {
        tp_label[t] = t / n_each < attr->n_kept ? PR_LABEL_REAL : PR_LABEL_FAKE;
    }
    if (attr->before_update && ((const int64_t *)call->in[INFO].data)[1] != 0) {
        return PR_OK;
    }
    for (int label = PR_LABEL_REAL; label <= PR_LABEL_FAKE; label++) {
        for (int64_t i = 0; i < count[label]; i++) {
            transform(call, label * attr->n_kept + i);
        }
    }
    if (*(const int64_t *)call->in[CENTRE_COUNT].data > 0) {
        mix(call);
    }
    return PR_OK;
}

/* The gradient G of a unit vector UNIT becomes that of the vector it was before, of LENGTH. */
static void through_unit(const double *g, const double *unit, double length, int64_t n, double *dy)
{
    const double along = ref_contrast_dot(g, unit, n);
    for (int64_t d = 0; d < n; d++) {
        dy[d] = (g[d] - along * unit[d]) / length;
    }
}

static void add_to_row(const pr_call *call, int64_t row, double weight, const double *dy)
{
    const int64_t n_cols = call->in[Z].shape.dims[1];
    double *const dz = (double *)call->grad_in[Z].data + row * n_cols;
    for (int64_t d = 0; d < n_cols; d++) {
        dz[d] += weight * dy[d];
    }
}

static void transform_backward(const pr_call *call, int64_t t, const double *g)
{
    const pr_rccl_fuse_attr *const attr = call->attr;
    const int64_t n_cols = call->in[Z].shape.dims[1];
    const int64_t n_index = call->out[TP_INDEX].shape.dims[1];
    const int64_t *const index = (const int64_t *)call->out[TP_INDEX].data + t * n_index;
    const double *const tp = (const double *)call->out[TP].data + t * n_cols;
    const double *const lambda =
        (const double *)call->in[LAMBDA].data + call->out[MN].shape.dims[0];
    const bool linear = attr->fusion != PR_RCCL_FUSE_SMOOTH;
    double *const dy = call->workspace;

    through_unit(g, tp, ((const double *)call->saved[TP_LENGTH].data)[t], n_cols, dy);
    if (attr->fusion != PR_RCCL_FUSE_LINEAR) {
        const int64_t *const rows = index + (linear ? 1 : 0);
        const int64_t n = n_rows_in(rows, n_index - (linear ? 1 : 0));
        for (int64_t d = 0; d < n_cols; d++) {
            dy[d] /= (double)(n + 1);
        }
        for (int64_t m = 0; m < n; m++) {
            add_to_row(call, rows[m], 1.0, dy);
        }
    }
    if (attr->fusion == PR_RCCL_FUSE_LINEAR_SMOOTH) {
        const double *const fused = (const double *)call->saved[FUSED].data + t * n_cols;
        double *const inner = dy + n_cols;
        memcpy(inner, dy, (size_t)n_cols * sizeof(*dy));
        through_unit(inner, fused, ((const double *)call->saved[FUSED_LENGTH].data)[t], n_cols, dy);
    }
    if (linear) {
        add_to_row(call, index[0], 1.0 - lambda[t], dy);
    }
}

static void mix_backward(const pr_call *call, int64_t t, const double *g)
{
    const pr_rccl_fuse_attr *const attr = call->attr;
    const int64_t n_cols = call->in[Z].shape.dims[1];
    const int64_t n_index = call->out[MN_INDEX].shape.dims[1];
    const int64_t *const index = (const int64_t *)call->out[MN_INDEX].data + t * n_index;
    const double *const mn = (const double *)call->out[MN].data + t * n_cols;
    const double lambda = ((const double *)call->in[LAMBDA].data)[t];
    double *const dy = call->workspace;
    double *const mean = dy + n_cols;

    through_unit(g, mn, ((const double *)call->saved[MN_LENGTH].data)[t], n_cols, dy);
    add_to_row(call, index[0], lambda, dy);
    if (attr->mixing == PR_RCCL_MIX_PAIR) {
        add_to_row(call, index[1], 1.0 - lambda, dy);
        return;
    }
    const int64_t n = n_rows_in(index + 1, n_index - 1);
    const double length = mean_of(call, index + 1, n, mean);
    through_unit(dy, mean, length, n_cols, mean);
    for (int64_t v = 0; v < n; v++) {
        add_to_row(call, index[1 + v], (1.0 - lambda) / (double)n, mean);
    }
}

static pr_status backward(const pr_call *call)
{
    const pr_rccl_fuse_attr *const attr = call->attr;
    const int64_t n_cols = call->in[Z].shape.dims[1];
    const int32_t *const tp_valid = call->out[TP_VALID].data;
    const int32_t *const mn_valid = call->out[MN_VALID].data;
    const double *const dtp = call->grad_out[TP].data;
    const double *const dmn = call->grad_out[MN].data;

    if (call->grad_in[Z].data == NULL) {
        return PR_OK;
    }
    if (!call->grad_add[Z]) {
        clear(&call->grad_in[Z], 0);
    }
    if (!attr->synth_grad) {
        return PR_OK;
    }
    for (int64_t t = 0; dtp != NULL && t < call->out[TP].shape.dims[0]; t++) {
        if (tp_valid[t]) {
            transform_backward(call, t, dtp + t * n_cols);
        }
    }
    for (int64_t t = 0; dmn != NULL && t < call->out[MN].shape.dims[0]; t++) {
        if (mn_valid[t]) {
            mix_backward(call, t, dmn + t * n_cols);
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_rccl_fuse = {
    .prepare = prepare, .forward = forward, .backward = backward};
