#include "engine/base/math.h"
#include "engine/cpu/contrast.h"

#include <math.h>
#include <string.h>

enum { X, CELL, LABEL };
enum { FAKE, FAKE_VALID, REAL, REAL_VALID };

/* One image: its unit features, their similarities over tau, and what the pairs sum to. */
typedef struct image {
    const pr_cell_contrast_attr *attr;
    int64_t n, n_cols; /* cells, channels */
    const float *x;    /* [n, n_cols] */
    const int32_t *cell;
    bool is_fake;
    float *unit;    /* [n, n_cols] */
    double *length; /* [n] at least eps */
    double *s;      /* [n, n] */
    bool counts;
    double log_real, log_mixed; /* of the sums over R x R (all pairs of a real image), and F x R */
} image;

static size_t image_bytes(int64_t n, int64_t n_cols)
{
    return (size_t)(n + n * n) * sizeof(double) + (size_t)((n + 1) * n_cols) * sizeof(float);
}

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    const int64_t *const x = sig->in[X].shape.dims;
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = image_bytes(x[1] * x[2], x[3]);
    return PR_OK;
}

static bool is_pair(const image *im, int64_t i, int64_t j)
{
    const bool both = !im->is_fake || (im->cell[i] == 0 && im->cell[j] == 0);
    return both && !(im->attr->exclude_self && i == j);
}

static bool is_mixed(const image *im, int64_t i, int64_t j)
{
    return im->is_fake && im->cell[i] == 1 && im->cell[j] == 0;
}

/* The log of the sum of exp(s) over the pairs that IS says; *ANY is false where there is none. */
static double log_sum(const image *im, bool (*is)(const image *, int64_t, int64_t), bool *any)
{
    double most = -INFINITY;
    double sum = 0.0;
    for (int64_t i = 0; i < im->n; i++) {
        for (int64_t j = 0; j < im->n; j++) {
            const double s = im->s[i * im->n + j];
            most = is(im, i, j) && s > most ? s : most;
        }
    }
    *any = most > -INFINITY;
    for (int64_t i = 0; *any && i < im->n; i++) {
        for (int64_t j = 0; j < im->n; j++) {
            sum += is(im, i, j) ? pr_exp(im->s[i * im->n + j] - most) : 0.0;
        }
    }
    return *any ? most + pr_log(sum) : 0.0;
}

static void normalise(image *im)
{
    for (int64_t i = 0; i < im->n; i++) {
        const float *const x = im->x + i * im->n_cols;
        const double length = sqrt((double)pr__contrast_dot(x, x, im->n_cols));
        im->length[i] = length > im->attr->eps ? length : im->attr->eps;
        for (int64_t c = 0; c < im->n_cols; c++) {
            im->unit[i * im->n_cols + c] = (float)((double)x[c] / im->length[i]);
        }
    }
}

static image take(const pr_call *call, int64_t number)
{
    const int64_t *const dims = call->in[X].shape.dims;
    image im = {.attr = call->attr, .n = dims[1] * dims[2], .n_cols = dims[3]};
    bool any_real = false;
    bool any_mixed = false;
    im.x = (const float *)call->in[X].data + number * im.n * im.n_cols;
    im.cell = (const int32_t *)call->in[CELL].data + number * im.n;
    im.is_fake = ((const int32_t *)call->in[LABEL].data)[number] == PR_LABEL_FAKE;
    im.length = call->workspace;
    im.s = im.length + im.n;
    im.unit = (float *)(im.s + im.n * im.n);
    normalise(&im);
    for (int64_t i = 0; i < im.n; i++) {
        for (int64_t j = 0; j <= i; j++) {
            const double s = (double)pr__contrast_dot(im.unit + i * im.n_cols,
                                                      im.unit + j * im.n_cols, im.n_cols) /
                             im.attr->tau;
            im.s[i * im.n + j] = s;
            im.s[j * im.n + i] = s;
        }
    }
    im.log_real = log_sum(&im, is_pair, &any_real);
    im.log_mixed = log_sum(&im, is_mixed, &any_mixed);
    im.counts = any_real && (!im.is_fake || any_mixed);
    return im;
}

/* log(1 + exp(x)). */
static double softplus(double x)
{
    return x > 0.0 ? x + pr_log(1.0 + pr_exp(-x)) : pr_log(1.0 + pr_exp(x));
}

static pr_status forward(const pr_call *call)
{
    float *const fake = call->out[FAKE].data;
    float *const real = call->out[REAL].data;
    for (int64_t number = 0; number < call->in[X].shape.dims[0]; number++) {
        const image im = take(call, number);
        const double value = im.is_fake ? softplus(im.log_mixed - im.log_real) : -im.log_real;
        fake[number] = im.counts && im.is_fake ? (float)(value) : 0;
        real[number] = im.counts && !im.is_fake ? (float)(value) : 0;
        ((int32_t *)call->out[FAKE_VALID].data)[number] = im.counts && im.is_fake;
        ((int32_t *)call->out[REAL_VALID].data)[number] = im.counts && !im.is_fake;
    }
    return PR_OK;
}

/* The weight of u_j in d value / d u_i: of s_ij and s_ji together. */
static double weight_of(const image *im, int64_t i, int64_t j, double share)
{
    const double s = im->s[i * im->n + j];
    double weight = 0.0;
    if (is_pair(im, i, j)) {
        weight -= 2.0 * (im->is_fake ? share : 1.0) * pr_exp(s - im->log_real);
    }
    if (is_mixed(im, i, j) || is_mixed(im, j, i)) {
        weight += share * pr_exp(s - im->log_mixed);
    }
    return weight / im->attr->tau;
}

/* DX += or = SEED times the gradient of the image's value, cell by cell. */
static void spread(const image *im, double seed, float *dx, bool add)
{
    float *const du = im->unit + im->n * im->n_cols;
    const double x = im->log_mixed - im->log_real;
    const double share = x > 0.0 ? 1.0 / (1.0 + pr_exp(-x)) : pr_exp(x) / (1.0 + pr_exp(x));
    for (int64_t i = 0; i < im->n; i++) {
        const float *const unit = im->unit + i * im->n_cols;
        float *const to = dx + i * im->n_cols;
        memset(du, 0, (size_t)im->n_cols * sizeof(*du));
        for (int64_t j = 0; j < im->n; j++) {
            const float weight = (float)(seed * weight_of(im, i, j, share));
            const float *const other = im->unit + j * im->n_cols;
            for (int64_t c = 0; weight != 0 && c < im->n_cols; c++) {
                du[c] += weight * other[c];
            }
        }
        const bool is_long = im->length[i] > im->attr->eps;
        const float along = is_long ? pr__contrast_dot(du, unit, im->n_cols) : 0;
        const float inverse = (float)(1.0 / im->length[i]);
        for (int64_t c = 0; c < im->n_cols; c++) {
            const float g = (du[c] - along * unit[c]) * inverse;
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
        const image im = take(call, number);
        const float *const seeds = call->grad_out[im.is_fake ? FAKE : REAL].data;
        float *const dx = (float *)call->grad_in[X].data + number * n_image;
        if (im.counts && seeds != NULL && seeds[number] != 0) {
            spread(&im, (double)seeds[number], dx, add);
        } else if (!add) {
            memset(dx, 0, (size_t)n_image * sizeof(*dx));
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_cell_contrast = {
    .prepare = prepare, .forward = forward, .backward = backward};
