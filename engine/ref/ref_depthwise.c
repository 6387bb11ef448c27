#include "engine/core/op_attr.h"
#include "engine/ref/ref_loops.h"

enum { X, W };

static ref_window window_of(const pr_call *call, const pr_tensor *y)
{
    const pr_depthwise_attr *const attr = call->attr;
    ref_window win = ref_window_of(&call->in[X], y, call->in[W].shape.dims[2]);
    ref_window_slide(&win, attr->stride, attr->pad, attr->dilation);
    return win;
}

static bool is_passed(const pr_call *call, double x)
{
    const pr_depthwise_attr *const attr = call->attr;
    return attr->act_in == PR_ACT_NONE || x > 0.0;
}

static double pixel(const pr_call *call, const ref_window *win, int64_t image, int64_t i, int64_t j,
                    int64_t c)
{
    const double *const x = call->in[X].data;
    const double *const w = call->in[W].data;
    const int64_t n_cols = call->in[W].shape.dims[0];
    double sum = 0.0;

    for (int64_t tap = 0; tap < win->size * win->size; tap++) {
        const int64_t at = ref_window_pixel(win, image, i, j, tap / win->size, tap % win->size);
        if (at >= 0 && is_passed(call, x[at * n_cols + c])) {
            sum += w[c * win->size * win->size + tap] * x[at * n_cols + c];
        }
    }
    return sum;
}

static pr_status forward(const pr_call *call)
{
    const ref_window win = window_of(call, &call->out[0]);
    const int64_t n_cols = call->in[W].shape.dims[0];
    double *y = call->out[0].data;

    for (int64_t image = 0; image < win.n; image++) {
        for (int64_t i = 0; i < win.h_out; i++) {
            for (int64_t j = 0; j < win.w_out; j++) {
                for (int64_t c = 0; c < n_cols; c++) {
                    *y++ = pixel(call, &win, image, i, j, c);
                }
            }
        }
    }
    return PR_OK;
}

static void spread(const pr_call *call, const ref_window *win, int64_t image, int64_t i, int64_t j,
                   int64_t c, double dy)
{
    const double *const x = call->in[X].data;
    const double *const w = call->in[W].data;
    double *const dx = call->grad_in[X].data;
    double *const dw = call->grad_in[W].data;
    const int64_t n_cols = call->in[W].shape.dims[0];

    for (int64_t tap = 0; tap < win->size * win->size; tap++) {
        const int64_t at = ref_window_pixel(win, image, i, j, tap / win->size, tap % win->size);
        if (at < 0 || !is_passed(call, x[at * n_cols + c])) {
            continue;
        }
        const int64_t k = c * win->size * win->size + tap;
        if (dx != NULL) {
            dx[at * n_cols + c] += w[k] * dy;
        }
        if (dw != NULL) {
            dw[k] += x[at * n_cols + c] * dy;
        }
    }
}

static pr_status backward(const pr_call *call)
{
    const ref_window win = window_of(call, &call->grad_out[0]);
    const int64_t n_cols = call->in[W].shape.dims[0];
    const double *dy = call->grad_out[0].data;

    ref_clear(&call->grad_in[X], call->grad_add[X]);
    ref_clear(&call->grad_in[W], call->grad_add[W]);
    for (int64_t image = 0; image < win.n; image++) {
        for (int64_t i = 0; i < win.h_out; i++) {
            for (int64_t j = 0; j < win.w_out; j++) {
                for (int64_t c = 0; c < n_cols; c++) {
                    spread(call, &win, image, i, j, c, *dy++);
                }
            }
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_depthwise = {.forward = forward, .backward = backward};
