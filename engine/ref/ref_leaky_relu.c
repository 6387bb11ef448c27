#include "engine/core/op_attr.h"
#include "engine/ref/ref_loops.h"

static pr_status forward(const pr_call *call)
{
    const pr_leaky_relu_attr *const attr = call->attr;
    const double *const x = call->in[0].data;
    double *const y = call->out[0].data;
    const int64_t n = pr_shape_n(&call->in[0].shape);
    for (int64_t i = 0; i < n; i++) {
        y[i] = x[i] > 0.0 ? x[i] : attr->slope * x[i];
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const pr_leaky_relu_attr *const attr = call->attr;
    const double *const y = call->out[0].data;
    const double *const dy = call->grad_out[0].data;
    double *const dx = call->grad_in[0].data;
    const int64_t n = pr_shape_n(&call->in[0].shape);
    for (int64_t i = 0; i < n; i++) {
        ref_put(dx, i, y[i] > 0.0 ? dy[i] : attr->slope * dy[i], call->grad_add[0]);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_leaky_relu = {.forward = forward, .backward = backward};
