#include "engine/core/op_attr.h"
#include "engine/ref/ref_loops.h"

#include <math.h>

enum { X, GAMMA, BETA, RUNNING_MEAN, RUNNING_VAR };
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

/* The mean of channel c and the sum of squared differences from it. */
static void moments(const ref_map *map, const double *x, int64_t c, double *mean, double *squares)
{
    double sum = 0.0;
    for (int64_t row = 0; row < map->n_rows; row++) {
        sum += x[row * map->n_cols + c];
    }
    *mean = sum / (double)map->n_rows;
    *squares = 0.0;
    for (int64_t row = 0; row < map->n_rows; row++) {
        const double off = x[row * map->n_cols + c] - *mean;
        *squares += off * off;
    }
}

static pr_status forward(const pr_call *call)
{
    const pr_batch_norm_attr *const attr = call->attr;
    const ref_norm norm = norm_of(call);
    const double *const running_mean = call->in[RUNNING_MEAN].data;
    const double *const running_var = call->in[RUNNING_VAR].data;
    double *const mean = call->saved[MEAN].data;
    double *const inv_std = call->saved[INV_STD].data;

    PR_REQUIRE(call->mode == PR_MODE_EVAL || norm.map.n_rows > 1, PR_ERR_INVALID,
               "%lld value a channel, training needs at least 2", (long long)norm.map.n_rows);
    for (int64_t c = 0; c < norm.map.n_cols; c++) {
        double var = running_var[c];
        mean[c] = running_mean[c];
        if (call->mode != PR_MODE_EVAL) {
            double squares = 0.0;
            moments(&norm.map, norm.x, c, &mean[c], &squares);
            var = squares / (double)norm.map.n_rows;
            if (call->stat[0].data != NULL) {
                double *const stat_mean = call->stat[0].data;
                double *const stat_var = call->stat[1].data;
                stat_mean[c] = pr_stat_after(attr, stat_mean[c], mean[c]);
                stat_var[c] =
                    pr_stat_after(attr, stat_var[c], squares / (double)(norm.map.n_rows - 1));
            }
        }
        inv_std[c] = 1.0 / sqrt(var + attr->eps);
    }
    ref_norm_apply(&norm, call->out[0].data);
    return PR_OK;
}

/* dx of channel c; SUM_G and SUM_GX are its sums of g and g x'. */
static void data_grad(const pr_call *call, const ref_norm *norm, int64_t c, double sum_g,
                      double sum_gx)
{
    double *const dx = call->grad_in[X].data;
    const double *const dy = call->grad_out[0].data;
    const double n = (double)norm->map.n_rows;
    const bool is_constant = call->mode == PR_MODE_EVAL;

    for (int64_t row = 0; row < norm->map.n_rows; row++) {
        const int64_t i = row * norm->map.n_cols + c;
        const double x_hat = (norm->x[i] - norm->mean[c]) * norm->inv_std[c];
        double g = ref_norm_pass(norm, dy, row, c);
        if (!is_constant) {
            g -= sum_g / n + x_hat * sum_gx / n;
        }
        ref_put(dx, i, norm->gamma[c] * norm->inv_std[c] * g, call->grad_add[X]);
    }
}

static pr_status backward(const pr_call *call)
{
    const ref_norm norm = norm_of(call);
    double *const dgamma = call->grad_in[GAMMA].data;
    double *const dbeta = call->grad_in[BETA].data;

    for (int64_t c = 0; c < norm.map.n_cols; c++) {
        double sum_g = 0.0;
        double sum_gx = 0.0;
        ref_norm_sums(&norm, call->grad_out[0].data, c, &sum_g, &sum_gx);
        if (dgamma != NULL) {
            ref_put(dgamma, c, sum_gx, call->grad_add[GAMMA]);
        }
        if (dbeta != NULL) {
            ref_put(dbeta, c, sum_g, call->grad_add[BETA]);
        }
        if (call->grad_in[X].data != NULL) {
            data_grad(call, &norm, c, sum_g, sum_gx);
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_batch_norm = {.forward = forward, .backward = backward};
