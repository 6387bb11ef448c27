#include "engine/core/op_attr.h"
#include "engine/ref/ref_loops.h"

/* Images, pixels of each, channels; what the sums are divided by. */
typedef struct gram {
    int64_t n, n_pixels, n_cols;
    double divisor;
} gram;

static gram gram_of(const pr_call *call)
{
    const pr_gram_mean_attr *const attr = call->attr;
    const int64_t *const dims = call->in[0].shape.dims;
    gram g = {.n = dims[0], .n_pixels = dims[1] * dims[2], .n_cols = dims[3]};
    g.divisor = (double)g.n_cols;
    g.divisor *= attr->norm == PR_GRAM_NONE ? 1.0 : (double)g.n_pixels;
    g.divisor *= attr->norm == PR_GRAM_CHW ? (double)g.n_cols : 1.0;
    return g;
}

static pr_status forward(const pr_call *call)
{
    const gram g = gram_of(call);
    const double *const x = call->in[0].data;
    double *const y = call->out[0].data;
    double *const sum = call->saved[0].data;

    for (int64_t p = 0; p < g.n * g.n_pixels; p++) {
        sum[p] = 0.0;
        for (int64_t c = 0; c < g.n_cols; c++) {
            sum[p] += x[p * g.n_cols + c];
        }
    }
    for (int64_t k = 0; k < g.n * g.n_cols; k++) {
        double total = 0.0;
        for (int64_t p = k / g.n_cols * g.n_pixels; p < (k / g.n_cols + 1) * g.n_pixels; p++) {
            total += x[p * g.n_cols + k % g.n_cols] * sum[p];
        }
        y[k] = total / g.divisor;
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const gram g = gram_of(call);
    const double *const x = call->in[0].data;
    const double *const dy = call->grad_out[0].data;
    const double *const sum = call->saved[0].data;

    for (int64_t p = 0; p < g.n * g.n_pixels; p++) {
        const double *const grad = dy + p / g.n_pixels * g.n_cols;
        double along = 0.0;
        for (int64_t c = 0; c < g.n_cols; c++) {
            along += grad[c] * x[p * g.n_cols + c];
        }
        for (int64_t c = 0; c < g.n_cols; c++) {
            ref_put(call->grad_in[0].data, p * g.n_cols + c, (grad[c] * sum[p] + along) / g.divisor,
                    call->grad_add[0]);
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_gram_mean = {.forward = forward, .backward = backward};
