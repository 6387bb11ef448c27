#include "engine/cpu/cpu.h"
#include "engine/cpu/norm.h"

enum { X, GAMMA, BETA, RUNNING_MEAN, RUNNING_VAR };
enum { MEAN, INV_STD };

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    (void)wants_grad;
    const int64_t c = pr__n_cols(&sig->in[X].shape);
    *state = NULL;
    *workspace_bytes = pr__norm_bytes(c);
    return PR_OK;
}

static pr_status forward(const pr_call *call)
{
    const pr_batch_norm_attr *const attr = call->attr;
    const int64_t n_rows = pr__n_rows(&call->in[X].shape);
    const float *const x = pr__f32(&call->in[X]);
    double *const mean = call->saved[MEAN].data;
    double *const inv_std = call->saved[INV_STD].data;
    pr__norm_space space = pr__norm_space_at(call->workspace, pr__n_cols(&call->in[X].shape));
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    if (call->mode == PR_MODE_EVAL) {
        pr__norm_running(space.c, pr__f32(&call->in[RUNNING_MEAN]), pr__f32(&call->in[RUNNING_VAR]),
                         attr->eps, mean, inv_std);
    } else {
        PR_REQUIRE(n_rows > 1, PR_ERR_INVALID,
                   "batch_norm in training has %lld value a channel, must have at least 2",
                   (long long)n_rows);
        loops->norm_sums(n_rows, space.c, x, space.sum, space.other);
        pr__norm_statistics(space.c, n_rows, space.sum, space.other, attr, mean, inv_std,
                            pr__f32(&call->stat[0]), pr__f32(&call->stat[1]));
    }
    pr__norm_scale(&space, mean, inv_std, pr__f32(&call->in[GAMMA]), pr__f32(&call->in[BETA]));
    const pr__norm_coef coef = pr__norm_coef_of(&space, attr->act);
    loops->norm_apply(n_rows, space.c, &coef, x, pr__f32(&call->out[0]));
    return PR_OK;
}

/* dx = a g + b x + k: what the op's formula is when x' = (x - mean) inv_std is written out. */
static void fill_coefficients(const pr_call *call, pr__norm_space *space, int64_t n)
{
    const double *const mean = call->saved[MEAN].data;
    const double *const inv_std = call->saved[INV_STD].data;
    const float *const gamma = pr__f32(&call->in[GAMMA]);
    for (int64_t c = 0; c < space->c; c++) {
        const double a = (double)gamma[c] * inv_std[c];
        double b = 0.0;
        double k = 0.0;
        if (call->mode != PR_MODE_EVAL) {
            b = -a * inv_std[c] * (space->other[c] / (double)n);
            k = -a * (space->sum[c] / (double)n) - b * mean[c];
        }
        space->a[c] = (float)a;
        space->b[c] = (float)b;
        space->k[c] = (float)k;
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
        fill_coefficients(call, &space, n_rows);
        const pr__norm_coef coef = pr__norm_coef_of(&space, attr->act);
        loops->norm_grad_apply(n_rows, space.c, &coef, x, dy, pr__f32(&call->grad_in[X]),
                               call->grad_add[X]);
    }
    if (call->grad_in[GAMMA].data != NULL) {
        pr__give_f64(space.c, space.other, pr__f32(&call->grad_in[GAMMA]), call->grad_add[GAMMA]);
    }
    if (call->grad_in[BETA].data != NULL) {
        pr__give_f64(space.c, space.sum, pr__f32(&call->grad_in[BETA]), call->grad_add[BETA]);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_batch_norm = {
    .prepare = prepare, .forward = forward, .backward = backward};
