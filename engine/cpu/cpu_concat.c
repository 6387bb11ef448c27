#include "engine/cpu/cpu.h"

static pr_status forward(const pr_call *call)
{
    const int64_t n_all = pr__n_cols(&(&call->out[0])->shape);
    float *to = call->out[0].data;
    for (int i = 0; i < call->n_in; i++) {
        const int64_t n = pr__n_cols(&(&call->in[i])->shape);
        const float *const x = call->in[i].data;
        for (int64_t r = 0; r < pr__n_rows(&(&call->in[i])->shape); r++) {
            for (int64_t c = 0; c < n; c++) {
                to[r * n_all + c] = x[r * n + c];
            }
        }
        to += n;
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const int64_t n_all = pr__n_cols(&(&call->grad_out[0])->shape);
    const float *dy = call->grad_out[0].data;
    for (int i = 0; i < call->n_in; i++) {
        const int64_t n = pr__n_cols(&(&call->in[i])->shape);
        float *const dx = call->grad_in[i].data;
        for (int64_t r = 0; dx != NULL && r < pr__n_rows(&(&call->in[i])->shape); r++) {
            const float *const from = dy + r * n_all;
            for (int64_t c = 0; c < n; c++) {
                dx[r * n + c] = call->grad_add[i] ? dx[r * n + c] + from[c] : from[c];
            }
        }
        dy += n;
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_concat = {.forward = forward, .backward = backward};
