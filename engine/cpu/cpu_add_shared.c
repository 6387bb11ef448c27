#include "engine/cpu/cpu.h"

#include <string.h>

enum { X, P };

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = (size_t)pr_shape_n(&sig->in[P].shape) * sizeof(double);
    return PR_OK;
}

static pr_status forward(const pr_call *call)
{
    const int64_t n_shared = pr_shape_n(&call->in[P].shape);
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    for (int64_t n = 0; n < call->in[X].shape.dims[0]; n++) {
        loops->sum_of_two(n_shared, pr__f32(&call->in[X]) + n * n_shared, pr__f32(&call->in[P]),
                          pr__f32(&call->out[0]) + n * n_shared, false);
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const int64_t n_images = call->in[X].shape.dims[0];
    const int64_t n_shared = pr_shape_n(&call->in[P].shape);
    const float *const dy = pr__f32(&call->grad_out[0]);
    float *const dx = pr__f32(&call->grad_in[X]);
    float *const dp = pr__f32(&call->grad_in[P]);
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    if (dx != NULL && call->grad_add[X]) {
        loops->add_to(n_images * n_shared, dy, dx);
    } else if (dx != NULL) {
        memcpy(dx, dy, (size_t)(n_images * n_shared) * sizeof *dx);
    }
    if (dp != NULL) {
        loops->column_sums(n_images, n_shared, dy, call->workspace);
        pr__give_f64(n_shared, call->workspace, dp, call->grad_add[P]);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_add_shared = {
    .prepare = prepare, .forward = forward, .backward = backward};
