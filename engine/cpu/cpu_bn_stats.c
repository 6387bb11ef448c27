#include "engine/cpu/cpu.h"

enum { X };

static pr_status forward(const pr_call *call)
{
    const int64_t n_cols = pr__n_cols(&call->in[X].shape);
    double *const sums = call->out[0].data;
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    loops->norm_sums(pr__n_rows(&call->in[X].shape), n_cols, pr__f32(&call->in[X]), sums,
                     sums + n_cols);
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const int64_t n_cols = pr__n_cols(&call->in[X].shape);
    const int64_t n_rows = pr__n_rows(&call->in[X].shape);
    const double *const d_sum = call->grad_out[0].data;
    const double *const d_square = d_sum + n_cols;
    const float *const x = pr__f32(&call->in[X]);
    float *const dx = pr__f32(&call->grad_in[X]);
    for (int64_t r = 0; r < n_rows; r++) {
        for (int64_t c = 0; c < n_cols; c++) {
            const int64_t i = r * n_cols + c;
            const float g = (float)(d_sum[c] + 2.0 * (double)x[i] * d_square[c]);
            dx[i] = call->grad_add[X] ? dx[i] + g : g;
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_bn_stats = {.forward = forward, .backward = backward};
