#include "engine/ref/ref_loops.h"

enum { X, W, B };

static pr_status forward(const pr_call *call)
{
    const double *const x = call->in[X].data;
    const double *const w = call->in[W].data;
    const double *const b = call->n_in > B ? call->in[B].data : NULL;
    double *const y = call->out[0].data;
    const int64_t n_in = call->in[W].shape.dims[1];
    const int64_t n_rows = pr_shape_n(&call->in[X].shape) / n_in;
    const int64_t n_out = call->in[W].shape.dims[0];

    for (int64_t row = 0; row < n_rows; row++) {
        for (int64_t o = 0; o < n_out; o++) {
            double sum = 0.0;
            for (int64_t c = 0; c < n_in; c++) {
                sum += w[o * n_in + c] * x[row * n_in + c];
            }
            y[row * n_out + o] = sum + (b == NULL ? 0.0 : b[o]);
        }
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const double *const x = call->in[X].data;
    const double *const w = call->in[W].data;
    const double *const dy = call->grad_out[0].data;
    double *const dx = call->grad_in[X].data;
    double *const dw = call->grad_in[W].data;
    double *const db = call->n_in > B ? call->grad_in[B].data : NULL;
    const int64_t n_in = call->in[W].shape.dims[1];
    const int64_t n_rows = pr_shape_n(&call->in[X].shape) / n_in;
    const int64_t n_out = call->in[W].shape.dims[0];

    for (int i = 0; i < call->n_in; i++) {
        ref_clear(&call->grad_in[i], call->grad_add[i]);
    }
    for (int64_t k = 0; k < n_rows * n_out; k++) {
        const int64_t row = k / n_out;
        const int64_t o = k % n_out;
        for (int64_t c = 0; dx != NULL && c < n_in; c++) {
            dx[row * n_in + c] += w[o * n_in + c] * dy[k];
        }
        for (int64_t c = 0; dw != NULL && c < n_in; c++) {
            dw[o * n_in + c] += x[row * n_in + c] * dy[k];
        }
        if (db != NULL) {
            db[o] += dy[k];
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_linear = {.forward = forward, .backward = backward};
