#include "engine/core/op_attr.h"
#include "engine/ref/ref_loops.h"

#include <math.h>

enum { X, SUMS, GAMMA, BETA, RUNNING_MEAN, RUNNING_VAR };
enum { MEAN, INV_STD };

static ref_norm norm_of(const pr_call *call)
{
    const pr_batch_norm_attr *const attr = call->attr;
    return (ref_norm){.map = ref_map_of(&call->in[X]),
                      .act = attr->act,
                      .x = call->in[X].data,
                      .gamma = call->in[GAMMA].data,
                      .beta = call->in[BETA].data,
                      .mean = call->saved[MEAN].data,
                      .inv_std = call->saved[INV_STD].data};
}

static pr_status forward(const pr_call *call)
{
    const pr_batch_norm_attr *const attr = call->attr;
    const ref_norm norm = norm_of(call);
    const double *const sums = call->in[SUMS].data;
    const double *const running_mean = call->in[RUNNING_MEAN].data;
    const double *const running_var = call->in[RUNNING_VAR].data;
    double *const mean = call->saved[MEAN].data;
    double *const inv_std = call->saved[INV_STD].data;
    const double n = (double)attr->n_samples;

    for (int64_t c = 0; c < norm.map.n_cols; c++) {
        double var = running_var[c];
        mean[c] = running_mean[c];
        if (call->mode != PR_MODE_EVAL) {
            mean[c] = sums[c] / n;
            var = fmax(sums[norm.map.n_cols + c] / n - mean[c] * mean[c], 0.0);
            if (call->stat[0].data != NULL) {
                double *const stat_mean = call->stat[0].data;
                double *const stat_var = call->stat[1].data;
                stat_mean[c] = pr_stat_after(attr, stat_mean[c], mean[c]);
                stat_var[c] = pr_stat_after(attr, stat_var[c], var * (n / (n - 1.0)));
            }
        }
        inv_std[c] = 1.0 / sqrt(var + attr->eps);
    }
    ref_norm_apply(&norm, call->out[0].data);
    return PR_OK;
}

/* What channel c gives to the sums; SUM_G and SUM_GX are its sums of g and g x'. */
static void sums_grad(const pr_call *call, const ref_norm *norm, int64_t c, double sum_g,
                      double sum_gx)
{
    const pr_batch_norm_attr *const attr = call->attr;
    double *const d_sums = call->grad_in[SUMS].data;
    const double n = (double)attr->n_samples;
    const double k = norm->gamma[c] * norm->inv_std[c];
    /* Where the variance was raised to zero it is a constant. */
    const bool is_raised = norm->inv_std[c] == 1.0 / sqrt(attr->eps);
    const bool is_constant = call->mode == PR_MODE_EVAL;
    const double d_squares = is_raised ? 0.0 : -k * norm->inv_std[c] * sum_gx / (2.0 * n);
    const double d_sum = -k * sum_g / n - 2.0 * norm->mean[c] * d_squares;

    ref_put(d_sums, c, is_constant ? 0.0 : d_sum, call->grad_add[SUMS]);
    ref_put(d_sums, norm->map.n_cols + c, is_constant ? 0.0 : d_squares, call->grad_add[SUMS]);
}

static pr_status backward(const pr_call *call)
{
    const ref_norm norm = norm_of(call);
    const double *const dy = call->grad_out[0].data;
    double *const dx = call->grad_in[X].data;
    double *const dgamma = call->grad_in[GAMMA].data;
    double *const dbeta = call->grad_in[BETA].data;

    for (int64_t c = 0; c < norm.map.n_cols; c++) {
        double sum_g = 0.0;
        double sum_gx = 0.0;
        ref_norm_sums(&norm, dy, c, &sum_g, &sum_gx);
        if (dgamma != NULL) {
            ref_put(dgamma, c, sum_gx, call->grad_add[GAMMA]);
        }
        if (dbeta != NULL) {
            ref_put(dbeta, c, sum_g, call->grad_add[BETA]);
        }
        if (call->grad_in[SUMS].data != NULL) {
            sums_grad(call, &norm, c, sum_g, sum_gx);
        }
        for (int64_t row = 0; dx != NULL && row < norm.map.n_rows; row++) {
            ref_put(dx, row * norm.map.n_cols + c,
                    norm.gamma[c] * norm.inv_std[c] * ref_norm_pass(&norm, dy, row, c),
                    call->grad_add[X]);
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_bn_apply = {.forward = forward, .backward = backward};
