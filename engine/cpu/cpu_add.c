#include "engine/cpu/cpu.h"

#include <string.h>

static pr_status forward(const pr_call *call)
{
    const pr_add_attr *const attr = call->attr;
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    loops->sum_of_two(pr_shape_n(&call->in[0].shape), pr__f32(&call->in[0]), pr__f32(&call->in[1]),
                      pr__f32(&call->out[0]), attr->act == PR_ACT_RELU);
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const pr_add_attr *const attr = call->attr;
    const int64_t n = pr_shape_n(&call->out[0].shape);
    const float *const dy = pr__f32(&call->grad_out[0]);
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    for (int i = 0; i < 2; i++) {
        float *const dx = pr__f32(&call->grad_in[i]);
        if (dx == NULL) {
            continue;
        }
        if (attr->act == PR_ACT_RELU) {
            loops->relu_grad(n, pr__f32(&call->out[0]), dy, dx, call->grad_add[i]);
        } else if (call->grad_add[i]) {
            loops->add_to(n, dy, dx);
        } else {
            memcpy(dx, dy, (size_t)n * sizeof *dx);
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_add = {.forward = forward, .backward = backward};
