#include "engine/core/op_attr.h"
#include "engine/ref/ref_loops.h"

#include <math.h>

enum { X, GAMMA, BETA };

static pr_status forward(const pr_call *call)
{
    const pr_layer_norm_attr *const attr = call->attr;
    const ref_map map = ref_map_of(&call->in[X]);
    const double *const gamma = call->in[GAMMA].data;
    const double *const beta = call->in[BETA].data;
    double *const mean = call->saved[0].data;
    double *const inv_std = call->saved[1].data;

    for (int64_t r = 0; r < map.n_rows; r++) {
        const double *const x = (const double *)call->in[X].data + r * map.n_cols;
        double *const y = (double *)call->out[0].data + r * map.n_cols;
        double sum = 0.0;
        double squares = 0.0;
        for (int64_t c = 0; c < map.n_cols; c++) {
            sum += x[c];
        }
        mean[r] = sum / (double)map.n_cols;
        for (int64_t c = 0; c < map.n_cols; c++) {
            squares += (x[c] - mean[r]) * (x[c] - mean[r]);
        }
        inv_std[r] = 1.0 / sqrt(squares / (double)map.n_cols + attr->eps);
        for (int64_t c = 0; c < map.n_cols; c++) {
            y[c] = (x[c] - mean[r]) * inv_std[r] * gamma[c] + beta[c];
        }
    }
    return PR_OK;
}

static void backward_row(const pr_call *call, int64_t r, int64_t n_cols)
{
    const double mean = ((const double *)call->saved[0].data)[r];
    const double inv_std = ((const double *)call->saved[1].data)[r];
    const double *const x = (const double *)call->in[X].data + r * n_cols;
    const double *const dy = (const double *)call->grad_out[0].data + r * n_cols;
    const double *const gamma = call->in[GAMMA].data;
    double sum_g = 0.0;
    double sum_gx = 0.0;
    for (int64_t c = 0; c < n_cols; c++) {
        sum_g += dy[c] * gamma[c];
        sum_gx += dy[c] * gamma[c] * (x[c] - mean) * inv_std;
    }
    for (int64_t c = 0; c < n_cols; c++) {
        const double away = (x[c] - mean) * inv_std;
        const double g = dy[c] * gamma[c] - (sum_g + away * sum_gx) / (double)n_cols;
        ref_put(call->grad_in[X].data, r * n_cols + c, inv_std * g, call->grad_add[X]);
    }
}

static pr_status backward(const pr_call *call)
{
    const ref_map map = ref_map_of(&call->in[X]);
    const double *const x = call->in[X].data;
    const double *const dy = call->grad_out[0].data;
    const double *const mean = call->saved[0].data;
    const double *const inv_std = call->saved[1].data;
    double *const d_gamma = call->grad_in[GAMMA].data;
    double *const d_beta = call->grad_in[BETA].data;

    ref_clear(&call->grad_in[GAMMA], call->grad_add[GAMMA]);
    ref_clear(&call->grad_in[BETA], call->grad_add[BETA]);
    for (int64_t i = 0; i < map.n_rows * map.n_cols; i++) {
        const int64_t r = i / map.n_cols;
        const int64_t c = i % map.n_cols;
        if (d_gamma != NULL) {
            d_gamma[c] += dy[i] * (x[i] - mean[r]) * inv_std[r];
        }
        if (d_beta != NULL) {
            d_beta[c] += dy[i];
        }
    }
    for (int64_t r = 0; call->grad_in[X].data != NULL && r < map.n_rows; r++) {
        backward_row(call, r, map.n_cols);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_layer_norm = {.forward = forward, .backward = backward};
