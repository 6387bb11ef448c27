#include "engine/cpu/cpu.h"

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = (size_t)pr__n_cols(&sig->in[0].shape) * sizeof(double);
    return PR_OK;
}

static pr_status forward(const pr_call *call)
{
    const int64_t n = call->in[0].shape.dims[0];
    const int64_t n_pixels = pr__n_rows(&call->in[0].shape) / n;
    const int64_t n_cols = pr__n_cols(&call->in[0].shape);
    double *const sum = call->workspace;
    float *const y = pr__f32(&call->out[0]);
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    for (int64_t i = 0; i < n; i++) {
        loops->column_sums(n_pixels, n_cols, pr__f32(&call->in[0]) + i * n_pixels * n_cols, sum);
        for (int64_t c = 0; c < n_cols; c++) {
            y[i * n_cols + c] = (float)(sum[c] / (double)n_pixels);
        }
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const int64_t n = call->in[0].shape.dims[0];
    const int64_t n_pixels = pr__n_rows(&call->in[0].shape) / n;
    const int64_t n_cols = pr__n_cols(&call->in[0].shape);
    const float *const dy = pr__f32(&call->grad_out[0]);
    float *const dx = pr__f32(&call->grad_in[0]);
    for (int64_t r = 0; r < n * n_pixels; r++) {
        const float *const grad = dy + r / n_pixels * n_cols;
        float *const to = dx + r * n_cols;
        for (int64_t c = 0; c < n_cols; c++) {
            const float g = grad[c] / (float)n_pixels;
            to[c] = call->grad_add[0] ? to[c] + g : g;
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_global_avg_pool = {
    .prepare = prepare, .forward = forward, .backward = backward};
