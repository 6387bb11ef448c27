#include "engine/cpu/contrast.h"

#include <math.h>
#include <string.h>

enum { Z, LABEL, INFO, HARD, HARD_KEY, HARD_COUNT, CENTRE, CENTRE_COUNT, LAMBDA };
enum { TP, TP_LABEL, TP_VALID, MN, MN_VALID, TP_INDEX, MN_INDEX };
enum { TP_LENGTH, MN_LENGTH, FUSED_LENGTH, FUSED };

/* What every piece of a call needs at hand. Features are widened to double, one at a time. */
typedef struct fusing {
    const pr_call *call;
    const pr_rccl_fuse_attr *attr;
    const float *z;
    int64_t n_rows, n_cols;
    double *x, *y; /* [n_cols] scratch */
} fusing;

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = (size_t)(2 * sig->in[Z].shape.dims[1]) * sizeof(double);
    return PR_OK;
}

static fusing fusing_of(const pr_call *call)
{
    double *const scratch = call->workspace;
    const int64_t n_cols = call->in[Z].shape.dims[1];
    return (fusing){call,   call->attr, call->in[Z].data, call->in[Z].shape.dims[0],
                    n_cols, scratch,    scratch + n_cols};
}

static void widen(const fusing *f, const float *from, double *to)
{
    for (int64_t d = 0; d < f->n_cols; d++) {
        to[d] = (double)from[d];
    }
}

/*
 * The rows of LABEL most similar to X, at most N_MOST and without row EXCEPT: most similar first,
 * equal ones by row; the rest of ROWS is -1. Returns how many there are.
 */
static int64_t nearest(const fusing *f, const double *x, int label, int64_t except, int64_t n_most,
                       int64_t *rows)
{
    const int32_t *const label_of = f->call->in[LABEL].data;
    double similarity[PR_RCCL_MAX_NEAR];
    int64_t n = 0;

    for (int64_t r = 0; r < f->n_rows; r++) {
        if (label_of[r] != label || r == except) {
            continue;
        }
        const double s = pr__contrast_dot_wide(f->z + r * f->n_cols, x, f->n_cols);
        int64_t place = n;
        while (place > 0 && s > similarity[place - 1]) {
            place--;
        }
        if (place == n_most) {
            continue;
        }
        n += n < n_most;
        for (int64_t i = n - 1; i > place; i--) {
            similarity[i] = similarity[i - 1];
            rows[i] = rows[i - 1];
        }
        similarity[place] = s;
        rows[place] = r;
    }
    for (int64_t i = n; i < n_most; i++) {
        rows[i] = -1;
    }
    return n;
}

/* Scales Y to unit length; returns the length it had. */
static double to_unit(double *y, int64_t n)
{
    double lane[PR__CONTRAST_LANES] = {0};
    for (int64_t d = 0; d < n; d++) {
        lane[d % PR__CONTRAST_LANES] += y[d] * y[d];
    }
    const double root = sqrt(pr__contrast_tree(lane));
    const double length = root > 1e-12 ? root : 1e-12;
    for (int64_t d = 0; d < n; d++) {
        y[d] /= length;
    }
    return length;
}

static void narrow(const fusing *f, const double *from, float *to)
{
    for (int64_t d = 0; d < f->n_cols; d++) {
        to[d] = (float)from[d];
    }
}

/* Equation 2: Y becomes the unit vector of Y + the N rows ROWS; returns the length before. */
static double smooth(const fusing *f, double *y, const int64_t *rows, int64_t n)
{
    for (int64_t m = 0; m < n; m++) {
        for (int64_t d = 0; d < f->n_cols; d++) {
            y[d] += (double)f->z[rows[m] * f->n_cols + d];
        }
    }
    for (int64_t d = 0; d < f->n_cols; d++) {
        y[d] /= (double)(n + 1);
    }
    return to_unit(y, f->n_cols);
}

/* Equation 3's form: Y becomes the unit vector of lambda Y + (1 - lambda) B; the length before. */
static double blend(const fusing *f, double lambda, double *y, const double *b)
{
    for (int64_t d = 0; d < f->n_cols; d++) {
        y[d] = lambda * y[d] + (1.0 - lambda) * b[d];
    }
    return to_unit(y, f->n_cols);
}

/* Where the hard feature of SLOT stands in this batch, or -1. */
static int64_t row_of_slot(const fusing *f, int64_t slot)
{
    const int64_t *const key = (const int64_t *)f->call->in[HARD_KEY].data + slot * 3;
    const int64_t step = ((const int64_t *)f->call->in[INFO].data)[0];
    return key[1] == step ? key[2] : -1;
}

static void transform_smooth(const fusing *f, int64_t slot, int label)
{
    const pr_call *const call = f->call;
    int64_t *const index =
        (int64_t *)call->out[TP_INDEX].data + slot * call->out[TP_INDEX].shape.dims[1];

    widen(f, (const float *)call->in[HARD].data + slot * f->n_cols, f->y);
    const int64_t n = nearest(f, f->y, label, row_of_slot(f, slot), f->attr->n_near, index);
    ((int32_t *)call->out[TP_VALID].data)[slot] = n > 0;
    if (n > 0) {
        ((double *)call->saved[TP_LENGTH].data)[slot] = smooth(f, f->y, index, n);
        narrow(f, f->y, (float *)call->out[TP].data + slot * f->n_cols);
    }
}

static void transform_linear(const fusing *f, int64_t slot, int label)
{
    const pr_call *const call = f->call;
    const int64_t n_index = call->out[TP_INDEX].shape.dims[1];
    const double *const lambda =
        (const double *)call->in[LAMBDA].data + call->out[MN].shape.dims[0];
    const float *const hard = (const float *)call->in[HARD].data + slot * f->n_cols;
    const int64_t except = row_of_slot(f, slot);
    int64_t near[PR_RCCL_MAX_NEAR];

    widen(f, hard, f->y);
    const int64_t n = nearest(f, f->y, label, except, f->attr->n_near, near);
    for (int64_t i = 0; i < n; i++) {
        const int64_t t = slot * f->attr->n_near + i;
        int64_t *const index = (int64_t *)call->out[TP_INDEX].data + t * n_index;

        ((int32_t *)call->out[TP_VALID].data)[t] = 1;
        index[0] = near[i];
        widen(f, hard, f->y);
        widen(f, f->z + near[i] * f->n_cols, f->x);
        double length = blend(f, lambda[t], f->y, f->x);
        if (f->attr->fusion == PR_RCCL_FUSE_LINEAR_SMOOTH) {
            ((double *)call->saved[FUSED_LENGTH].data)[t] = length;
            narrow(f, f->y, (float *)call->saved[FUSED].data + t * f->n_cols);
            const int64_t n_more = nearest(f, f->y, label, except, f->attr->n_smooth, index + 1);
            length = smooth(f, f->y, index + 1, n_more);
        }
        ((double *)call->saved[TP_LENGTH].data)[t] = length;
        narrow(f, f->y, (float *)call->out[TP].data + t * f->n_cols);
    }
}

/* MEAN becomes the unit vector of the mean of the N rows ROWS; returns the length before. */
static double mean_of(const fusing *f, const int64_t *rows, int64_t n, double *mean)
{
    memset(mean, 0, (size_t)f->n_cols * sizeof(*mean));
    for (int64_t v = 0; v < n; v++) {
        for (int64_t d = 0; d < f->n_cols; d++) {
            mean[d] += (double)f->z[rows[v] * f->n_cols + d];
        }
    }
    for (int64_t d = 0; d < f->n_cols; d++) {
        mean[d] /= (double)n;
    }
    return to_unit(mean, f->n_cols);
}

/* Mixed negative T: row HARD_ROW with one real or with the mean of the N of them. */
static void mix_one(const fusing *f, int64_t t, int64_t hard_row, const int64_t *reals, int64_t n)
{
    const pr_call *const call = f->call;
    const int64_t n_index = call->out[MN_INDEX].shape.dims[1];
    int64_t *const index = (int64_t *)call->out[MN_INDEX].data + t * n_index;
    const double lambda = ((const double *)call->in[LAMBDA].data)[t];

    ((int32_t *)call->out[MN_VALID].data)[t] = 1;
    index[0] = hard_row;
    memcpy(index + 1, reals, (size_t)n * sizeof(*reals));
    if (f->attr->mixing == PR_RCCL_MIX_PAIR) {
        widen(f, f->z + reals[0] * f->n_cols, f->x);
    } else {
        (void)mean_of(f, reals, n, f->x);
    }
    widen(f, f->z + hard_row * f->n_cols, f->y);
    ((double *)call->saved[MN_LENGTH].data)[t] = blend(f, lambda, f->y, f->x);
    narrow(f, f->y, (float *)call->out[MN].data + t * f->n_cols);
}

static void mix(const fusing *f)
{
    const pr_rccl_fuse_attr *const attr = f->attr;
    int64_t local[PR_RCCL_MAX_NEAR];
    int64_t near[PR_RCCL_MAX_NEAR];
    const double *const centre = f->call->in[CENTRE].data;
    const int64_t n_local = nearest(f, centre, PR_LABEL_FAKE, -1, attr->n_local, local);

    for (int64_t i = 0; i < n_local; i++) {
        widen(f, f->z + local[i] * f->n_cols, f->y);
        const int64_t n = nearest(f, f->y, PR_LABEL_REAL, -1, attr->n_mixed, near);
        if (attr->mixing == PR_RCCL_MIX_MEAN) {
            if (n > 0) {
                mix_one(f, i, local[i], near, n);
            }
            continue;
        }
        for (int64_t v = 0; v < n; v++) {
            mix_one(f, i * attr->n_mixed + v, local[i], near + v, 1);
        }
    }
}

static void fill(const pr_tensor *tensor, int byte)
{
    memset(tensor->data, byte, (size_t)pr_shape_n(&tensor->shape) * pr_dtype_bytes(tensor->dtype));
}

static pr_status forward(const pr_call *call)
{
    const fusing f = fusing_of(call);
    const int64_t *const count = call->in[HARD_COUNT].data;
    const int64_t n_tp = call->out[TP].shape.dims[0];
    int32_t *const tp_label = call->out[TP_LABEL].data;

    for (int i = TP; i <= MN_VALID; i++) {
        fill(&call->out[i], 0);
    }
    fill(&call->out[TP_INDEX], 0xff);
    fill(&call->out[MN_INDEX], 0xff);
    for (int64_t t = 0; t < n_tp; t++) {
        tp_label[t] = t < n_tp / 2 ? PR_LABEL_REAL : PR_LABEL_FAKE;
    }
    if (f.attr->before_update && ((const int64_t *)call->in[INFO].data)[1] != 0) {
        return PR_OK;
    }
    for (int label = PR_LABEL_REAL; label <= PR_LABEL_FAKE; label++) {
        for (int64_t i = 0; i < count[label]; i++) {
            const int64_t slot = label * f.attr->n_kept + i;
            if (f.attr->fusion == PR_RCCL_FUSE_SMOOTH) {
                transform_smooth(&f, slot, label);
            } else {
                transform_linear(&f, slot, label);
            }
        }
    }
    if (*(const int64_t *)call->in[CENTRE_COUNT].data > 0) {
        mix(&f);
    }
    return PR_OK;
}

/* G, the gradient of the unit vector UNIT, becomes that of the vector it was, of LENGTH. */
static void through_unit(double *g, const float *unit, double length, int64_t n)
{
    const double along = pr__contrast_dot_wide(unit, g, n);
    for (int64_t d = 0; d < n; d++) {
        g[d] = (g[d] - along * (double)unit[d]) / length;
    }
}

static void add_to_row(const fusing *f, int64_t row, double weight, const double *g)
{
    float *const dz = (float *)f->call->grad_in[Z].data + row * f->n_cols;
    for (int64_t d = 0; d < f->n_cols; d++) {
        dz[d] += (float)(weight * g[d]);
    }
}

static int64_t n_filled(const int64_t *rows, int64_t n_most)
{
    int64_t n = 0;
    while (n < n_most && rows[n] >= 0) {
        n++;
    }
    return n;
}

static void transform_backward(const fusing *f, int64_t t)
{
    const pr_call *const call = f->call;
    const bool linear = f->attr->fusion != PR_RCCL_FUSE_SMOOTH;
    const int64_t n_index = call->out[TP_INDEX].shape.dims[1];
    const int64_t *const index = (const int64_t *)call->out[TP_INDEX].data + t * n_index;
    const int64_t *const rows = index + (linear ? 1 : 0);
    double *const g = f->y;

    widen(f, (const float *)call->grad_out[TP].data + t * f->n_cols, g);
    through_unit(g, (const float *)call->out[TP].data + t * f->n_cols,
                 ((const double *)call->saved[TP_LENGTH].data)[t], f->n_cols);
    if (f->attr->fusion != PR_RCCL_FUSE_LINEAR) {
        const int64_t n = n_filled(rows, n_index - (linear ? 1 : 0));
        for (int64_t d = 0; d < f->n_cols; d++) {
            g[d] /= (double)(n + 1);
        }
        for (int64_t m = 0; m < n; m++) {
            add_to_row(f, rows[m], 1.0, g);
        }
    }
    if (f->attr->fusion == PR_RCCL_FUSE_LINEAR_SMOOTH) {
        through_unit(g, (const float *)call->saved[FUSED].data + t * f->n_cols,
                     ((const double *)call->saved[FUSED_LENGTH].data)[t], f->n_cols);
    }
    if (linear) {
        const double *const lambda =
            (const double *)call->in[LAMBDA].data + call->out[MN].shape.dims[0];
        add_to_row(f, index[0], 1.0 - lambda[t], g);
    }
}

static void mix_backward(const fusing *f, int64_t t)
{
    const pr_call *const call = f->call;
    const int64_t n_index = call->out[MN_INDEX].shape.dims[1];
    const int64_t *const index = (const int64_t *)call->out[MN_INDEX].data + t * n_index;
    const double lambda = ((const double *)call->in[LAMBDA].data)[t];
    double *const g = f->y;

    widen(f, (const float *)call->grad_out[MN].data + t * f->n_cols, g);
    through_unit(g, (const float *)call->out[MN].data + t * f->n_cols,
                 ((const double *)call->saved[MN_LENGTH].data)[t], f->n_cols);
    add_to_row(f, index[0], lambda, g);
    if (f->attr->mixing == PR_RCCL_MIX_PAIR) {
        add_to_row(f, index[1], 1.0 - lambda, g);
        return;
    }
    const int64_t n = n_filled(index + 1, n_index - 1);
    const double length = mean_of(f, index + 1, n, f->x);
    double along = 0.0;
    for (int64_t d = 0; d < f->n_cols; d++) {
        along += g[d] * f->x[d];
    }
    for (int64_t d = 0; d < f->n_cols; d++) {
        g[d] = (g[d] - along * f->x[d]) / length;
    }
    for (int64_t v = 0; v < n; v++) {
        add_to_row(f, index[1 + v], (1.0 - lambda) / (double)n, g);
    }
}

static pr_status backward(const pr_call *call)
{
    const fusing f = fusing_of(call);
    const int32_t *const tp_valid = call->out[TP_VALID].data;
    const int32_t *const mn_valid = call->out[MN_VALID].data;

    if (call->grad_in[Z].data == NULL) {
        return PR_OK;
    }
    if (!call->grad_add[Z]) {
        fill(&call->grad_in[Z], 0);
    }
    if (!f.attr->synth_grad) {
        return PR_OK;
    }
    for (int64_t t = 0; call->grad_out[TP].data != NULL && t < call->out[TP].shape.dims[0]; t++) {
        if (tp_valid[t]) {
            transform_backward(&f, t);
        }
    }
    for (int64_t t = 0; call->grad_out[MN].data != NULL && t < call->out[MN].shape.dims[0]; t++) {
        if (mn_valid[t]) {
            mix_backward(&f, t);
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_rccl_fuse = {
    .prepare = prepare, .forward = forward, .backward = backward};
