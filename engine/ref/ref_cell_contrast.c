#include "engine/ref/ref_cells.h"

#include <math.h>
#include <string.h>

enum { X, CELL, LABEL, SUMS };
enum { FAKE, FAKE_VALID, REAL, REAL_VALID };

/* A row of the loss: of its image, or its part in what is one loss of the whole batch. */
typedef struct row {
    pr__ref_cells im; /* its logs are those that the loss is of */
    bool counts;
    double share;       /* of F x R in the sum of both */
    double real, mixed; /* the image's parts of the batch's sums */
    double n_together;  /* images that share a loss; 0: each has its own */
} row;

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    const int64_t *const x = sig->in[X].shape.dims;
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = pr__ref_cells_bytes(x[1] * x[2], x[3]);
    return PR_OK;
}

/* The batch's sums in place of the image's own. */
static void share_sums(row *r, const double *sums)
{
    pr__ref_cells *const im = &r->im;
    const double real = sums[im->is_fake ? PR_CELL_SUM_PAIRS : PR_CELL_SUM_REAL_PAIRS];
    const double mixed = im->is_fake ? sums[PR_CELL_SUM_MIXED] : 1.0;
    r->counts = real > 0.0 && mixed > 0.0;
    r->n_together = sums[im->is_fake ? PR_CELL_SUM_FAKES : PR_CELL_SUM_REALS];
    if (r->counts) {
        r->real = im->has_real ? exp(im->log_real) / real : 0.0;
        r->mixed = im->has_mixed ? exp(im->log_mixed) / mixed : 0.0;
        im->log_real = log(real);
        im->log_mixed = log(mixed);
    }
}

static row take(const pr_call *call, int64_t number)
{
    row r = {.im = pr__ref_cells_take(call, number)};
    r.counts = r.im.has_real && (!r.im.is_fake || r.im.has_mixed);
    if (call->n_in > SUMS) {
        share_sums(&r, call->in[SUMS].data);
    }
    const double x = r.im.log_mixed - r.im.log_real;
    r.share = x > 0.0 ? 1.0 / (1.0 + exp(-x)) : exp(x) / (1.0 + exp(x));
    return r;
}

/* log(1 + exp(x)). */
static double softplus(double x)
{
    return x > 0.0 ? x + log(1.0 + exp(-x)) : log(1.0 + exp(x));
}

static double value_of(const row *r)
{
    const double loss =
        r->im.is_fake ? softplus(r->im.log_mixed - r->im.log_real) : -r->im.log_real;
    if (r->n_together == 0.0) {
        return loss;
    }
    return r->im.is_fake ? loss + r->n_together * r->share * (r->mixed - r->real)
                         : loss + 1.0 - r->n_together * r->real;
}

static pr_status forward(const pr_call *call)
{
    double *const fake = call->out[FAKE].data;
    double *const real = call->out[REAL].data;
    for (int64_t number = 0; number < call->in[X].shape.dims[0]; number++) {
        const row r = take(call, number);
        const bool is_fake = r.im.is_fake;
        const double value = r.counts ? value_of(&r) : 0.0;
        fake[number] = is_fake ? value : 0.0;
        real[number] = is_fake ? 0.0 : value;
        ((int32_t *)call->out[FAKE_VALID].data)[number] = r.counts && is_fake;
        ((int32_t *)call->out[REAL_VALID].data)[number] = r.counts && !is_fake;
    }
    return PR_OK;
}

/* The weight of u_j in d value / d u_i: of s_ij and s_ji together. */
static double weight_of(const row *r, int64_t i, int64_t j)
{
    const pr__ref_cells *const im = &r->im;
    const double s = im->s[i * im->n + j];
    double weight = 0.0;
    if (pr__ref_cells_pair(im, i, j)) {
        weight -= 2.0 * (im->is_fake ? r->share : 1.0) * exp(s - im->log_real);
    }
    if (pr__ref_cells_mixed(im, i, j) || pr__ref_cells_mixed(im, j, i)) {
        weight += r->share * exp(s - im->log_mixed);
    }
    return weight / im->attr->tau;
}

/* DX += or = SEED times the gradient of the row's value, cell by cell. */
static void spread(const row *r, double seed, double *dx, bool add)
{
    const pr__ref_cells *const im = &r->im;
    double *const du = im->spare;
    const double scale = r->n_together > 0.0 ? seed * r->n_together : seed;
    for (int64_t i = 0; i < im->n; i++) {
        const double *const unit = im->unit + i * im->n_cols;
        double *const to = dx + i * im->n_cols;
        memset(du, 0, (size_t)im->n_cols * sizeof(*du));
        for (int64_t j = 0; j < im->n; j++) {
            const double weight = scale * weight_of(r, i, j);
            const double *const other = im->unit + j * im->n_cols;
            for (int64_t c = 0; weight != 0 && c < im->n_cols; c++) {
                du[c] += weight * other[c];
            }
        }
        const bool is_long = im->length[i] > im->attr->eps;
        const double along = is_long ? dot(du, unit, im->n_cols) : 0;
        const double inverse = 1.0 / im->length[i];
        for (int64_t c = 0; c < im->n_cols; c++) {
            const double g = (du[c] - along * unit[c]) * inverse;
            to[c] = add ? to[c] + g : g;
        }
    }
}

static pr_status backward(const pr_call *call)
{
    const int64_t *const dims = call->in[X].shape.dims;
    const int64_t n_image = dims[1] * dims[2] * dims[3];
    const bool add = call->grad_add[X];
    for (int64_t number = 0; number < dims[0]; number++) {
        const row r = take(call, number);
        const double *const seeds = call->grad_out[r.im.is_fake ? FAKE : REAL].data;
        double *const dx = (double *)call->grad_in[X].data + number * n_image;
        if (r.counts && seeds != NULL && seeds[number] != 0) {
            spread(&r, seeds[number], dx, add);
        } else if (!add) {
            memset(dx, 0, (size_t)n_image * sizeof(*dx));
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_cell_contrast = {
    .prepare = prepare, .forward = forward, .backward = backward};
