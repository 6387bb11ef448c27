#include "engine/cpu/cpu.h"

/* Where element I of x stands in y. */
static int64_t place(const pr_call *call, int64_t i)
{
    const pr_flatten_attr *const attr = call->attr;
    const int64_t *const x = call->in[0].shape.dims;
    const int64_t n_pixels = x[1] * x[2];
    if (!attr->channels_first) {
        return i;
    }
    const int64_t pixel = i / x[3] % n_pixels;
    return i / (n_pixels * x[3]) * (n_pixels * x[3]) + i % x[3] * n_pixels + pixel;
}

static pr_status forward(const pr_call *call)
{
    const float *const x = call->in[0].data;
    float *const y = call->out[0].data;
    const int64_t n = pr_shape_n(&call->in[0].shape);
    for (int64_t i = 0; i < n; i++) {
        y[place(call, i)] = x[i];
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const float *const dy = call->grad_out[0].data;
    float *const dx = call->grad_in[0].data;
    const int64_t n = pr_shape_n(&call->in[0].shape);
    for (int64_t i = 0; i < n; i++) {
        const float g = dy[place(call, i)];
        dx[i] = call->grad_add[0] ? dx[i] + g : g;
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_flatten = {.forward = forward, .backward = backward};
