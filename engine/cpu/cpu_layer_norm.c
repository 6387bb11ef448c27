#include "engine/cpu/cpu.h"

#include <math.h>
#include <string.h>

enum { X, GAMMA, BETA };
enum { LANES = 16 };

static double tree(double lane[LANES])
{
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) {
            lane[l] += lane[l + half];
        }
    }
    return lane[0];
}

/* The sum of (x - MEAN)^2, or of x itself. */
static double sum_of(const float *x, int64_t n, double mean, bool squared)
{
    double lane[LANES] = {0};
    for (int64_t i = 0; i < n; i += LANES) {
        const int m = n - i < LANES ? (int)(n - i) : LANES;
        for (int l = 0; l < m; l++) {
            const double away = (double)x[i + l] - mean;
            lane[l] += squared ? away * away : away;
        }
    }
    return tree(lane);
}

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = 3 * (size_t)pr__n_cols(&sig->in[X].shape) * sizeof(double);
    return PR_OK;
}

static pr_status forward(const pr_call *call)
{
    const pr_layer_norm_attr *const attr = call->attr;
    const int64_t n_cols = pr__n_cols(&call->in[X].shape);
    const float *const gamma = pr__f32(&call->in[GAMMA]);
    const float *const beta = pr__f32(&call->in[BETA]);
    double *const means = call->saved[0].data;
    double *const inv_stds = call->saved[1].data;

    for (int64_t r = 0; r < pr__n_rows(&call->in[X].shape); r++) {
        const float *const x = pr__f32(&call->in[X]) + r * n_cols;
        float *const y = pr__f32(&call->out[0]) + r * n_cols;
        const double mean = sum_of(x, n_cols, 0.0, false) / (double)n_cols;
        const double variance = sum_of(x, n_cols, mean, true) / (double)n_cols;
        const double inv_std = 1.0 / sqrt(variance + attr->eps);
        means[r] = mean;
        inv_stds[r] = inv_std;
        for (int64_t c = 0; c < n_cols; c++) {
            const double away = ((double)x[c] - mean) * inv_std;
            y[c] = (float)(away * (double)gamma[c] + (double)beta[c]);
        }
    }
    return PR_OK;
}

/* What one row needs: x' and g = dy gamma, and their means. */
typedef struct row {
    double mean, inv_std;
    const float *x, *dy, *gamma;
    float *dx;
    double *away; /* [D] scratch */
} row;

static void backward_row(const row *r, int64_t n, bool add)
{
    double lane_g[LANES] = {0};
    double lane_gx[LANES] = {0};
    for (int64_t i = 0; i < n; i += LANES) {
        const int m = n - i < LANES ? (int)(n - i) : LANES;
        for (int l = 0; l < m; l++) {
            const double g = (double)r->dy[i + l] * (double)r->gamma[i + l];
            lane_g[l] += g;
            lane_gx[l] += g * r->away[i + l];
        }
    }
    const double mean_g = tree(lane_g) / (double)n;
    const double mean_gx = tree(lane_gx) / (double)n;
    for (int64_t c = 0; c < n; c++) {
        const double g = (double)r->dy[c] * (double)r->gamma[c];
        const float value = (float)(r->inv_std * (g - mean_g - r->away[c] * mean_gx));
        r->dx[c] = add ? r->dx[c] + value : value;
    }
}

static pr_status backward(const pr_call *call)
{
    const int64_t n_cols = pr__n_cols(&call->in[X].shape);
    const double *const means = call->saved[0].data;
    const double *const inv_stds = call->saved[1].data;
    double *const d_gamma = call->workspace;
    double *const d_beta = d_gamma + n_cols;
    row r = {.gamma = pr__f32(&call->in[GAMMA]), .away = d_beta + n_cols};

    memset(d_gamma, 0, 2 * (size_t)n_cols * sizeof(double));
    for (int64_t i = 0; i < pr__n_rows(&call->in[X].shape); i++) {
        r.mean = means[i];
        r.inv_std = inv_stds[i];
        r.x = pr__f32(&call->in[X]) + i * n_cols;
        r.dy = pr__f32(&call->grad_out[0]) + i * n_cols;
        for (int64_t c = 0; c < n_cols; c++) {
            r.away[c] = ((double)r.x[c] - r.mean) * r.inv_std;
            d_gamma[c] += (double)r.dy[c] * r.away[c];
            d_beta[c] += (double)r.dy[c];
        }
        if (call->grad_in[X].data != NULL) {
            r.dx = pr__f32(&call->grad_in[X]) + i * n_cols;
            backward_row(&r, n_cols, call->grad_add[X]);
        }
    }
    if (call->grad_in[GAMMA].data != NULL) {
        pr__give_f64(n_cols, d_gamma, pr__f32(&call->grad_in[GAMMA]), call->grad_add[GAMMA]);
    }
    if (call->grad_in[BETA].data != NULL) {
        pr__give_f64(n_cols, d_beta, pr__f32(&call->grad_in[BETA]), call->grad_add[BETA]);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_layer_norm = {
    .prepare = prepare, .forward = forward, .backward = backward};
