#include "engine/cpu/cpu.h"

static pr_status forward(const pr_call *call)
{
    const pr_leaky_relu_attr *const attr = call->attr;
    const float *const x = call->in[0].data;
    float *const y = call->out[0].data;
    const int64_t n = pr_shape_n(&call->in[0].shape);
    const float slope = (float)attr->slope;
    for (int64_t i = 0; i < n; i++) {
        y[i] = x[i] > 0.0F ? x[i] : slope * x[i];
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const pr_leaky_relu_attr *const attr = call->attr;
    const float *const y = call->out[0].data;
    const float *const dy = call->grad_out[0].data;
    float *const dx = call->grad_in[0].data;
    const int64_t n = pr_shape_n(&call->in[0].shape);
    const float slope = (float)attr->slope;
    for (int64_t i = 0; i < n; i++) {
        const float g = y[i] > 0.0F ? dy[i] : slope * dy[i];
        dx[i] = call->grad_add[0] ? dx[i] + g : g;
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_leaky_relu = {.forward = forward, .backward = backward};
