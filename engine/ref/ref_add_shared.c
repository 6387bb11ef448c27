#include "engine/ref/ref_loops.h"

enum { X, P };

static pr_status forward(const pr_call *call)
{
    const double *const x = call->in[X].data;
    const double *const p = call->in[P].data;
    double *const y = call->out[0].data;
    const int64_t n_shared = pr_shape_n(&call->in[P].shape);
    for (int64_t i = 0; i < pr_shape_n(&call->in[X].shape); i++) {
        y[i] = x[i] + p[i % n_shared];
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const double *const dy = call->grad_out[0].data;
    double *const dx = call->grad_in[X].data;
    double *const dp = call->grad_in[P].data;
    const int64_t n_shared = pr_shape_n(&call->in[P].shape);
    ref_clear(&call->grad_in[P], call->grad_add[P]);
    for (int64_t i = 0; i < pr_shape_n(&call->in[X].shape); i++) {
        if (dx != NULL) {
            ref_put(dx, i, dy[i], call->grad_add[X]);
        }
        if (dp != NULL) {
            dp[i % n_shared] += dy[i];
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_add_shared = {.forward = forward, .backward = backward};
