#include "engine/core/keep.h"
#include "engine/ref/ref_loops.h"

static double scale_of(const pr_call *call)
{
    const pr_dropout_attr *const attr = call->attr;
    return call->mode == PR_MODE_EVAL ? 1.0 : (1.0 / (1.0 - attr->rate));
}

static pr_status forward(const pr_call *call)
{
    const int64_t n = pr_shape_n(&call->in[0].shape);
    const int64_t n_rows = call->in[0].shape.dims[0];
    const double *const x = call->in[0].data;
    double *const y = call->out[0].data;
    uint8_t *const keep = call->saved[0].data;
    const double scale = scale_of(call);
    const bool is_all = call->mode == PR_MODE_EVAL;
    if (!is_all) {
        PR_TRY(pr_keep_draw(call->attr, call->rows, n_rows, n / n_rows, keep));
    }
    for (int64_t i = 0; i < n; i++) {
        y[i] = is_all || keep[i] != 0 ? scale * x[i] : 0.0;
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const int64_t n = pr_shape_n(&call->in[0].shape);
    const double *const dy = call->grad_out[0].data;
    double *const dx = call->grad_in[0].data;
    const uint8_t *const keep = call->saved[0].data;
    const double scale = scale_of(call);
    const bool is_all = call->mode == PR_MODE_EVAL;
    for (int64_t i = 0; i < n; i++) {
        ref_put(dx, i, is_all || keep[i] != 0 ? scale * dy[i] : 0.0, call->grad_add[0]);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_dropout = {.forward = forward, .backward = backward};
