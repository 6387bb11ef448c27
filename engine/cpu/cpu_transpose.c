#include "engine/cpu/cpu.h"

enum { TILE = 16 };

/* One image: y [n_cols, n_rows] from x [n_rows, n_cols], a tile at a time so that both stay near. */
static void turn(int64_t n_rows, int64_t n_cols, const float *x, float *y, bool add)
{
    for (int64_t r0 = 0; r0 < n_rows; r0 += TILE) {
        const int64_t r1 = r0 + TILE < n_rows ? r0 + TILE : n_rows;
        for (int64_t c = 0; c < n_cols; c++) {
            for (int64_t r = r0; r < r1; r++) {
                const float value = x[r * n_cols + c];
                y[c * n_rows + r] = add ? y[c * n_rows + r] + value : value;
            }
        }
    }
}

static pr_status forward(const pr_call *call)
{
    const int64_t *const dims = call->in[0].shape.dims;
    for (int64_t n = 0; n < dims[0]; n++) {
        const int64_t at = n * dims[1] * dims[2];
        turn(dims[1], dims[2], pr__f32(&call->in[0]) + at, pr__f32(&call->out[0]) + at, false);
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const int64_t *const dims = call->in[0].shape.dims;
    for (int64_t n = 0; n < dims[0]; n++) {
        const int64_t at = n * dims[1] * dims[2];
        turn(dims[2], dims[1], pr__f32(&call->grad_out[0]) + at, pr__f32(&call->grad_in[0]) + at,
             call->grad_add[0]);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_transpose = {.forward = forward, .backward = backward};
