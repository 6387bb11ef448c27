#include "engine/cpu/cut.h"

#include <string.h>

static size_t n_bytes_of(const pr_tensor *tensor)
{
    return (size_t)pr_shape_n(&tensor->shape) * pr_dtype_bytes(tensor->dtype);
}

pr_status pr__cut_forward(const pr_call *call)
{
    memcpy(call->out[0].data, call->in[0].data, n_bytes_of(&call->in[0]));
    return PR_OK;
}

pr_status pr__cut_backward(const pr_call *call)
{
    const pr_tensor *const dy = &call->grad_out[0];
    pr_tensor *const dx = &call->grad_in[0];
    if (!call->grad_add[0]) {
        memcpy(dx->data, dy->data, n_bytes_of(dx));
        return PR_OK;
    }
    const int64_t n = pr_shape_n(&dx->shape);
    if (dx->dtype == PR_F64) {
        double *const to = dx->data;
        const double *const from = dy->data;
        for (int64_t i = 0; i < n; i++) {
            to[i] += from[i];
        }
        return PR_OK;
    }
    float *const to = dx->data;
    const float *const from = dy->data;
    for (int64_t i = 0; i < n; i++) {
        to[i] += from[i];
    }
    return PR_OK;
}
