#include "engine/cpu/cpu.h"

static pr_status forward(const pr_call *call)
{
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    loops->gelu(pr_shape_n(&call->in[0].shape), pr__f32(&call->in[0]), pr__f32(&call->out[0]),
                pr__f32(&call->saved[0]));
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    loops->product(pr_shape_n(&call->out[0].shape), pr__f32(&call->saved[0]),
                   pr__f32(&call->grad_out[0]), pr__f32(&call->grad_in[0]), call->grad_add[0]);
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_gelu = {.forward = forward, .backward = backward};
