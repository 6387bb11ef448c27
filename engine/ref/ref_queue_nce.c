#include "engine/core/op.h"
#include "engine/core/op_attr.h"

#include <math.h>
#include <string.h>

enum { Q, KEY, LABEL, RANGE, QUEUE, COUNT };

/* Slots that count against rows of LABEL: those of the other label's queue. */
static int64_t n_against(const pr_call *call, int32_t label)
{
    const pr_queue_nce_attr *const attr = call->attr;
    return attr->starts_full ? call->in[QUEUE].shape.dims[1]
                             : ((const int64_t *)call->in[COUNT].data)[1 - label];
}

static double n_queries(const pr_call *call)
{
    int64_t n = 0;
    for (int64_t r = 0; r < call->in[Q].shape.dims[0]; r++) {
        n += n_against(call, ((const int32_t *)call->in[LABEL].data)[r]) > 0;
    }
    return (double)n;
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0.0;
    for (int64_t d = 0; d < n; d++) {
        sum += a[d] * b[d];
    }
    return sum;
}

static double scale_of(const pr_call *call, const double *x, int64_t n)
{
    const pr_queue_nce_attr *const attr = call->attr;
    return attr->starts_full ? 1.0 / fmax(sqrt(dot(x, x, n)), 1e-12) : 1.0;
}

static double row(const pr_call *call, int64_t r, double n_rows, double *slope)
{
    const pr_queue_nce_attr *const attr = call->attr;
    const int32_t label = ((const int32_t *)call->in[LABEL].data)[r];
    const int64_t n_cols = call->in[Q].shape.dims[1];
    const int64_t n = n_against(call, label);
    const double *const q = (const double *)call->in[Q].data + r * n_cols;
    const double *const k = (const double *)call->in[KEY].data + r * n_cols;
    const double *const queue =
        (const double *)call->in[QUEUE].data + (1 - label) * call->in[QUEUE].shape.dims[1] * n_cols;
    const double positive = dot(q, k, n_cols) / attr->tau;
    double most = positive;
    double sum = 0.0;

    for (int64_t j = 0; j < n; j++) {
        const double *const x = queue + j * n_cols;
        most = fmax(most, dot(q, x, n_cols) * scale_of(call, x, n_cols) / attr->tau);
    }
    sum = exp(positive - most);
    for (int64_t j = 0; j < n; j++) {
        const double *const x = queue + j * n_cols;
        sum += exp(dot(q, x, n_cols) * scale_of(call, x, n_cols) / attr->tau - most);
    }
    for (int64_t d = 0; d < n_cols; d++) {
        slope[d] = (exp(positive - most) / sum - 1.0) * k[d] / (attr->tau * n_rows);
    }
    for (int64_t j = 0; j < n; j++) {
        const double *const x = queue + j * n_cols;
        const double scale = scale_of(call, x, n_cols);
        const double p = exp(dot(q, x, n_cols) * scale / attr->tau - most) / sum;
        for (int64_t d = 0; d < n_cols; d++) {
            slope[d] += p * scale * x[d] / (attr->tau * n_rows);
        }
    }
    return (log(sum) + most - positive) / n_rows;
}

static pr_status forward(const pr_call *call)
{
    const int64_t *const range = call->in[RANGE].data;
    const int64_t n_cols = call->in[Q].shape.dims[1];
    const double n_rows = n_queries(call);
    double *const loss = call->out[0].data;
    double *const slope = call->saved[0].data;

    memset(slope, 0, (size_t)pr_shape_n(&call->saved[0].shape) * sizeof(*slope));
    for (int64_t r = 0; r < call->in[Q].shape.dims[0]; r++) {
        loss[r] = 0.0;
        if (r >= range[0] && r < range[1] &&
            n_against(call, ((const int32_t *)call->in[LABEL].data)[r]) > 0) {
            loss[r] = row(call, r, n_rows, slope + r * n_cols);
        }
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const int64_t *const range = call->in[RANGE].data;
    const int64_t n_cols = call->in[Q].shape.dims[1];
    const double *const seed = call->grad_out[0].data;
    const double *const slope = call->saved[0].data;
    double *const dq = call->grad_in[Q].data;

    for (int64_t i = 0; i < call->in[Q].shape.dims[0] * n_cols; i++) {
        const int64_t r = i / n_cols;
        const bool counts = seed != NULL && r >= range[0] && r < range[1];
        const double g = counts ? seed[r] * slope[i] : 0.0;
        dq[i] = call->grad_add[Q] ? dq[i] + g : g;
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_queue_nce = {.forward = forward, .backward = backward};
