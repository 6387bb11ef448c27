#include "engine/core/op_attr.h"
#include "engine/ref/ref_loops.h"

#include <math.h>

static ref_window window_of(const pr_call *call, const pr_tensor *y)
{
    const pr_pool_attr *const attr = call->attr;
    ref_window win = ref_window_of(&call->in[0], y, attr->window);
    win.stride = attr->stride;
    win.pad_y = attr->pad;
    win.pad_x = attr->pad;
    return win;
}

/* Which tap of output element K wins. */
static int64_t winner(const ref_window *win, const double *x, int64_t n_cols, int64_t k)
{
    const int64_t place = k / n_cols;
    const int64_t image = place / (win->h_out * win->w_out);
    const int64_t i = place / win->w_out % win->h_out;
    const int64_t j = place % win->w_out;
    double best = 0.0;
    int64_t best_tap = -1;

    for (int64_t tap = 0; tap < win->size * win->size; tap++) {
        const int64_t at = ref_window_pixel(win, image, i, j, tap / win->size, tap % win->size);
        if (at < 0) {
            continue;
        }
        const double value = x[at * n_cols + k % n_cols];
        if (best_tap < 0 || value > best || (isnan(value) && !isnan(best))) {
            best = value;
            best_tap = tap;
        }
    }
    return best_tap;
}

/* The element of x that tap TAP of output element K reads. */
static int64_t element(const ref_window *win, int64_t n_cols, int64_t k, int64_t tap)
{
    const int64_t place = k / n_cols;
    const int64_t at =
        ref_window_pixel(win, place / (win->h_out * win->w_out), place / win->w_out % win->h_out,
                         place % win->w_out, tap / win->size, tap % win->size);
    return at * n_cols + k % n_cols;
}

static pr_status forward(const pr_call *call)
{
    const ref_window win = window_of(call, &call->out[0]);
    const double *const x = call->in[0].data;
    double *const y = call->out[0].data;
    uint8_t *const taps = call->saved[0].data;
    const int64_t n_cols = call->in[0].shape.dims[3];
    const int64_t n = pr_shape_n(&call->out[0].shape);

    for (int64_t k = 0; k < n; k++) {
        const int64_t tap = winner(&win, x, n_cols, k);
        taps[k] = (uint8_t)tap;
        y[k] = x[element(&win, n_cols, k, tap)];
    }
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const ref_window win = window_of(call, &call->grad_out[0]);
    const double *const dy = call->grad_out[0].data;
    const uint8_t *const taps = call->saved[0].data;
    double *const dx = call->grad_in[0].data;
    const int64_t n_cols = call->in[0].shape.dims[3];
    const int64_t n = pr_shape_n(&call->grad_out[0].shape);

    ref_clear(&call->grad_in[0], call->grad_add[0]);
    for (int64_t k = 0; k < n; k++) {
        dx[element(&win, n_cols, k, taps[k])] += dy[k];
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_max_pool = {.forward = forward, .backward = backward};
