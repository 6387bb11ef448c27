#include "engine/core/keep.h"
#include "engine/cpu/cpu.h"

static float scale_of(const pr_call *call)
{
    const pr_dropout_attr *const attr = call->attr;
    return call->mode == PR_MODE_EVAL ? 1.0F : (float)(1.0 / (1.0 - attr->rate));
}

static pr_status forward(const pr_call *call)
{
    const int64_t n = pr_shape_n(&call->in[0].shape);
    const int64_t n_rows = call->in[0].shape.dims[0];
    const float *const x = call->in[0].data;
    float *const y = call->out[0].data;
    uint8_t *const keep = call->saved[0].data;
    const float scale = scale_of(call);
    const bool is_all = call->mode == PR_MODE_EVAL;
    if (!is_all) {
        PR_TRY(pr_keep_draw(call->attr, call->rows, n_rows, n / n_rows, keep));
    }
    for (int64_t i = 0; i < n; i++) {
        y[i] = is_all || keep[i] != 0 ? scale * x[i] : 0.0F;
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const int64_t n = pr_shape_n(&call->in[0].shape);
    const float *const dy = call->grad_out[0].data;
    float *const dx = call->grad_in[0].data;
    const uint8_t *const keep = call->saved[0].data;
    const float scale = scale_of(call);
    const bool is_all = call->mode == PR_MODE_EVAL;
    for (int64_t i = 0; i < n; i++) {
        const float g = is_all || keep[i] != 0 ? scale * dy[i] : 0.0F;
        dx[i] = call->grad_add[0] ? dx[i] + g : g;
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_dropout = {.forward = forward, .backward = backward};
