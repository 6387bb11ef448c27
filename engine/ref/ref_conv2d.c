#include "engine/core/op_attr.h"
#include "engine/ref/ref_loops.h"

enum { X, W, B };

static ref_window window_of(const pr_call *call, const pr_tensor *y)
{
    const pr_conv2d_attr *const attr = call->attr;
    ref_window win = ref_window_of(&call->in[X], y, call->in[W].shape.dims[2]);
    ref_window_slide(&win, attr->stride, attr->pad, attr->dilation);
    return win;
}

/* Output pixel (image, i, j) of channel o, without bias. */
static double pixel(const pr_call *call, const ref_window *win, int64_t image, int64_t i, int64_t j,
                    int64_t o)
{
    const double *const x = call->in[X].data;
    const double *const w = call->in[W].data;
    const int64_t n_in = call->in[W].shape.dims[1];
    double sum = 0.0;

    for (int64_t tap = 0; tap < win->size * win->size; tap++) {
        const int64_t at = ref_window_pixel(win, image, i, j, tap / win->size, tap % win->size);
        for (int64_t c = 0; at >= 0 && c < n_in; c++) {
            sum += w[(o * n_in + c) * win->size * win->size + tap] * x[at * n_in + c];
        }
    }
    return sum;
}

static pr_status forward(const pr_call *call)
{
    const ref_window win = window_of(call, &call->out[0]);
    const double *const b = call->n_in > B ? call->in[B].data : NULL;
    const int64_t n_out = call->in[W].shape.dims[0];
    double *y = call->out[0].data;

    for (int64_t image = 0; image < win.n; image++) {
        for (int64_t i = 0; i < win.h_out; i++) {
            for (int64_t j = 0; j < win.w_out; j++) {
                for (int64_t o = 0; o < n_out; o++) {
                    *y++ = pixel(call, &win, image, i, j, o) + (b == NULL ? 0.0 : b[o]);
                }
            }
        }
    }
    return PR_OK;
}

/* What dy at output pixel (image, i, j) of channel o gives to x and w. */
static void spread(const pr_call *call, const ref_window *win, int64_t image, int64_t i, int64_t j,
                   int64_t o, double dy)
{
    const double *const x = call->in[X].data;
    const double *const w = call->in[W].data;
    double *const dx = call->grad_in[X].data;
    double *const dw = call->grad_in[W].data;
    const int64_t n_in = call->in[W].shape.dims[1];

    for (int64_t tap = 0; tap < win->size * win->size; tap++) {
        const int64_t at = ref_window_pixel(win, image, i, j, tap / win->size, tap % win->size);
        for (int64_t c = 0; at >= 0 && c < n_in; c++) {
            const int64_t k = (o * n_in + c) * win->size * win->size + tap;
            if (dx != NULL) {
                dx[at * n_in + c] += w[k] * dy;
            }
            if (dw != NULL) {
                dw[k] += x[at * n_in + c] * dy;
            }
        }
    }
}

static pr_status backward(const pr_call *call)
{
    const ref_window win = window_of(call, &call->grad_out[0]);
    const int64_t n_out = call->in[W].shape.dims[0];
    const double *dy = call->grad_out[0].data;
    double *const db = call->n_in > B ? call->grad_in[B].data : NULL;

    for (int i = 0; i < call->n_in; i++) {
        ref_clear(&call->grad_in[i], call->grad_add[i]);
    }
    for (int64_t image = 0; image < win.n; image++) {
        for (int64_t i = 0; i < win.h_out; i++) {
            for (int64_t j = 0; j < win.w_out; j++) {
                for (int64_t o = 0; o < n_out; o++, dy++) {
                    spread(call, &win, image, i, j, o, *dy);
                    if (db != NULL) {
                        db[o] += *dy;
                    }
                }
            }
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_conv2d = {.forward = forward, .backward = backward};
