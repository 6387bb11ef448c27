#include "engine/ref/ref_loops.h"

static pr_status forward(const pr_call *call)
{
    const int64_t *const dims = call->in[0].shape.dims;
    const int64_t n_pixels = dims[1] * dims[2];
    const double *const x = call->in[0].data;
    double *const y = call->out[0].data;

    for (int64_t k = 0; k < dims[0] * dims[3]; k++) {
        double sum = 0.0;
        for (int64_t p = 0; p < n_pixels; p++) {
            sum += x[(k / dims[3] * n_pixels + p) * dims[3] + k % dims[3]];
        }
        y[k] = sum / (double)n_pixels;
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const int64_t *const dims = call->in[0].shape.dims;
    const int64_t n_pixels = dims[1] * dims[2];
    const double *const dy = call->grad_out[0].data;

    for (int64_t i = 0; i < dims[0] * n_pixels * dims[3]; i++) {
        const int64_t k = i / (n_pixels * dims[3]) * dims[3] + i % dims[3];
        ref_put(call->grad_in[0].data, i, dy[k] / (double)n_pixels, call->grad_add[0]);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_global_avg_pool = {.forward = forward, .backward = backward};
