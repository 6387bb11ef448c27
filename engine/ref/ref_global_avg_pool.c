#include "engine/ref/ref_loops.h"

/* Images, what is averaged of each, and columns. */
typedef struct pooled {
    int64_t n, n_pixels, n_cols;
} pooled;

static pooled pooled_of(const pr_call *call)
{
    const ref_map map = ref_map_of(&call->in[0]);
    const int64_t n = call->in[0].shape.dims[0];
    return (pooled){n, map.n_rows / n, map.n_cols};
}

static pr_status forward(const pr_call *call)
{
    const pooled s = pooled_of(call);
    const double *const x = call->in[0].data;
    double *const y = call->out[0].data;

    for (int64_t k = 0; k < s.n * s.n_cols; k++) {
        double sum = 0.0;
        for (int64_t p = 0; p < s.n_pixels; p++) {
            sum += x[(k / s.n_cols * s.n_pixels + p) * s.n_cols + k % s.n_cols];
        }
        y[k] = sum / (double)s.n_pixels;
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const pooled s = pooled_of(call);
    const double *const dy = call->grad_out[0].data;

    for (int64_t i = 0; i < s.n * s.n_pixels * s.n_cols; i++) {
        const int64_t k = i / (s.n_pixels * s.n_cols) * s.n_cols + i % s.n_cols;
        ref_put(call->grad_in[0].data, i, dy[k] / (double)s.n_pixels, call->grad_add[0]);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_global_avg_pool = {.forward = forward, .backward = backward};
