#include "engine/cpu/cpu.h"

#include <string.h>

static pr__pool_shape shape_of(const pr_call *call)
{
    const pr_pool_attr *const attr = call->attr;
    const int64_t *const x = call->in[0].shape.dims;
    const int64_t *const y = call->out[0].shape.dims;
    return (pr__pool_shape){.n = x[0],
                            .h = x[1],
                            .w = x[2],
                            .c = x[3],
                            .h_out = y[1],
                            .w_out = y[2],
                            .window = attr->window,
                            .stride = attr->stride,
                            .pad = attr->pad};
}

static pr_status forward(const pr_call *call)
{
    const pr__pool_shape shape = shape_of(call);
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    loops->max_pool(&shape, pr__f32(&call->in[0]), pr__f32(&call->out[0]), call->saved[0].data);
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const pr__pool_shape shape = shape_of(call);
    float *const dx = pr__f32(&call->grad_in[0]);
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    if (!call->grad_add[0]) {
        memset(dx, 0, (size_t)pr_shape_n(&call->in[0].shape) * sizeof *dx);
    }
    loops->max_pool_grad(&shape, call->saved[0].data, pr__f32(&call->grad_out[0]), dx);
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_max_pool = {.forward = forward, .backward = backward};
