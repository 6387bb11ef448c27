#include "engine/core/op_attr.h"
#include "engine/ref/ref_loops.h"

static pr_status forward(const pr_call *call)
{
    const pr_add_attr *const attr = call->attr;
    const double *const a = call->in[0].data;
    const double *const b = call->in[1].data;
    double *const y = call->out[0].data;
    const int64_t n = pr_shape_n(&call->in[0].shape);

    for (int64_t i = 0; i < n; i++) {
        const double sum = a[i] + b[i];
        y[i] = attr->act == PR_ACT_RELU && !(sum > 0.0) ? 0.0 : sum;
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const pr_add_attr *const attr = call->attr;
    const double *const y = call->out[0].data;
    const double *const dy = call->grad_out[0].data;
    const int64_t n = pr_shape_n(&call->in[0].shape);

    for (int k = 0; k < 2; k++) {
        double *const grad = call->grad_in[k].data;
        for (int64_t i = 0; grad != NULL && i < n; i++) {
            const bool is_stopped = attr->act == PR_ACT_RELU && !(y[i] > 0.0);
            ref_put(grad, i, is_stopped ? 0.0 : dy[i], call->grad_add[k]);
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_add = {.forward = forward, .backward = backward};
