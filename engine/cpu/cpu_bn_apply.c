#include "engine/cpu/cpu.h"
#include "engine/cpu/norm.h"

#include <math.h>
#include <string.h>

enum { X, SUMS, GAMMA, BETA, RUNNING_MEAN, RUNNING_VAR };
enum { MEAN, INV_STD };

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = pr__norm_bytes(pr__n_cols(&sig->in[X].shape));
    return PR_OK;
}

static pr_status forward(const pr_call *call)
{
    const pr_batch_norm_attr *const attr = call->attr;
    double *const mean = call->saved[MEAN].data;
    double *const inv_std = call->saved[INV_STD].data;
    pr__norm_space space = pr__norm_space_at(call->workspace, pr__n_cols(&call->in[X].shape));
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    if (call->mode == PR_MODE_EVAL) {
        pr__norm_running(space.c, pr__f32(&call->in[RUNNING_MEAN]), pr__f32(&call->in[RUNNING_VAR]),
                         attr->eps, mean, inv_std);
    } else {
        const double *const sums = call->in[SUMS].data;
        pr__norm_statistics(space.c, attr->n_samples, sums, sums + space.c, attr, mean, inv_std,
                            pr__f32(&call->stat[0]), pr__f32(&call->stat[1]));
    }
    pr__norm_scale(&space, mean, inv_std, pr__f32(&call->in[GAMMA]), pr__f32(&call->in[BETA]));
    const pr__norm_coef coef = pr__norm_coef_of(&space, attr->act);
    loops->norm_apply(pr__n_rows(&call->in[X].shape), space.c, &coef, pr__f32(&call->in[X]),
                      pr__f32(&call->out[0]));
    return PR_OK;
}

/* The gradient of the global sums, from this micro-batch's S = space->sum and T = space->other. */
static void sums_gradient(const pr_call *call, const pr__norm_space *space)
{
    const pr_batch_norm_attr *const attr = call->attr;
    const double *const mean = call->saved[MEAN].data;
    const double *const inv_std = call->saved[INV_STD].data;
    const float *const gamma = pr__f32(&call->in[GAMMA]);
    const double n = (double)attr->n_samples;
    const bool add = call->grad_add[SUMS];
    double *const d_sum = call->grad_in[SUMS].data;
    double *const d_square = d_sum + space->c;
    /* inv_std is as large as it can be exactly where the variance was raised to zero. */
    const double largest = 1.0 / sqrt(attr->eps);
    for (int64_t c = 0; c < space->c; c++) {
        double ds = 0.0;
        double dq = 0.0;
        if (call->mode != PR_MODE_EVAL) {
            const double a = (double)gamma[c] * inv_std[c];
            dq = inv_std[c] < largest ? -a * inv_std[c] * space->other[c] / (2.0 * n) : 0.0;
            ds = -a * space->sum[c] / n - 2.0 * mean[c] * dq;
        }
        d_sum[c] = add ? d_sum[c] + ds : ds;
        d_square[c] = add ? d_square[c] + dq : dq;
    }
}

static pr_status backward(const pr_call *call)
{
    const pr_batch_norm_attr *const attr = call->attr;
    const double *const mean = call->saved[MEAN].data;
    const double *const inv_std = call->saved[INV_STD].data;
    const int64_t n_rows = pr__n_rows(&call->in[X].shape);
    const float *const x = pr__f32(&call->in[X]);
    const float *const dy = pr__f32(&call->grad_out[0]);
    pr__norm_space space = pr__norm_space_at(call->workspace, pr__n_cols(&call->in[X].shape));
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    pr__norm_scale(&space, mean, inv_std, pr__f32(&call->in[GAMMA]), pr__f32(&call->in[BETA]));
    pr__norm_grad_sums(loops, &space, n_rows, attr->act, mean, inv_std, x, dy);
    if (call->grad_in[X].data != NULL) {
        memcpy(space.a, space.scale, (size_t)space.c * sizeof(float));
        memset(space.b, 0, (size_t)space.c * sizeof(float));
        memset(space.k, 0, (size_t)space.c * sizeof(float));
        const pr__norm_coef coef = pr__norm_coef_of(&space, attr->act);
        loops->norm_grad_apply(n_rows, space.c, &coef, x, dy, pr__f32(&call->grad_in[X]),
                               call->grad_add[X]);
    }
    if (call->grad_in[SUMS].data != NULL) {
        sums_gradient(call, &space);
    }
    if (call->grad_in[GAMMA].data != NULL) {
        pr__give_f64(space.c, space.other, pr__f32(&call->grad_in[GAMMA]), call->grad_add[GAMMA]);
    }
    if (call->grad_in[BETA].data != NULL) {
        pr__give_f64(space.c, space.sum, pr__f32(&call->grad_in[BETA]), call->grad_add[BETA]);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_bn_apply = {
    .prepare = prepare, .forward = forward, .backward = backward};
