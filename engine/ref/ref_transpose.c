#include "engine/ref/ref_loops.h"

/* Where element I of y stands in x. */
static int64_t place(const pr_call *call, int64_t i)
{
    const int64_t n_tokens = call->in[0].shape.dims[1];
    const int64_t n_cols = call->in[0].shape.dims[2];
    const int64_t image = i / (n_tokens * n_cols);
    return (image * n_tokens + i % n_tokens) * n_cols + i / n_tokens % n_cols;
}

static pr_status forward(const pr_call *call)
{
    const double *const x = call->in[0].data;
    double *const y = call->out[0].data;
    for (int64_t i = 0; i < pr_shape_n(&call->in[0].shape); i++) {
        y[i] = x[place(call, i)];
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const double *const dy = call->grad_out[0].data;
    for (int64_t i = 0; i < pr_shape_n(&call->in[0].shape); i++) {
        ref_put(call->grad_in[0].data, place(call, i), dy[i], call->grad_add[0]);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_transpose = {.forward = forward, .backward = backward};
