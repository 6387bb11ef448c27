#include "engine/base/math.h"
#include "engine/ref/ref_loops.h"

#include <math.h>

static pr_status forward(const pr_call *call)
{
    const double *const x = call->in[0].data;
    double *const y = call->out[0].data;
    double *const slope = call->saved[0].data;
    const int64_t n = pr_shape_n(&call->in[0].shape);
    for (int64_t i = 0; i < n; i++) {
        const double below = 0.5 * (1.0 + pr_erf(x[i] / sqrt(2.0)));
        const double density = pr_exp(-0.5 * x[i] * x[i]) / sqrt(2.0 * PR_PI);
        y[i] = x[i] * below;
        slope[i] = below + x[i] * density;
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const double *const dy = call->grad_out[0].data;
    const double *const slope = call->saved[0].data;
    const int64_t n = pr_shape_n(&call->in[0].shape);
    for (int64_t i = 0; i < n; i++) {
        ref_put(call->grad_in[0].data, i, dy[i] * slope[i], call->grad_add[0]);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_gelu = {.forward = forward, .backward = backward};
