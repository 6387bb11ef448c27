#include "engine/cpu/cpu.h"

#include <string.h>

enum { X, W };

/* The filter as the loops read it, tap by tap, and the f64 sums of its gradient behind it. */
typedef struct depthwise_state {
    const pr__loops *loops;
    pr__dw_shape shape;
    size_t taps_bytes;
} depthwise_state;

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    const pr_depthwise_attr *const attr = sig->attr;
    const int64_t *const x = sig->in[X].shape.dims;
    const int64_t *const y = sig->out[0].shape.dims;
    const int64_t kernel = sig->in[W].shape.dims[2];
    const pr__loops *loops = NULL;
    PR_TRY(pr__loops_get(&loops));
    depthwise_state *const d = pr_calloc(1, sizeof *d);
    PR_REQUIRE(d != NULL, PR_ERR_NOMEM, "no memory for a depthwise convolution's state");
    d->loops = loops;
    d->shape = (pr__dw_shape){
        .n = x[0],
        .h = x[1],
        .w = x[2],
        .c = x[3],
        .h_out = y[1],
        .w_out = y[2],
        .kernel = kernel,
        .stride = attr->stride,
        .pad_y = pr_pad_before(attr->pad, x[1], kernel, attr->stride, attr->dilation),
        .pad_x = pr_pad_before(attr->pad, x[2], kernel, attr->stride, attr->dilation),
        .dilation = attr->dilation,
        .relu = attr->act_in == PR_ACT_RELU};
    const size_t n = (size_t)pr_shape_n(&sig->in[W].shape);
    d->taps_bytes = pr__aligned(n * sizeof(float));
    *workspace_bytes = d->taps_bytes + (wants_grad[W] ? n * sizeof(double) : 0);
    *state = d;
    return PR_OK;
}

/* [c, taps] to [taps, c] */
static const float *filter_by_tap(const depthwise_state *d, const pr_call *call)
{
    const int64_t n_taps = (int64_t)d->shape.kernel * d->shape.kernel;
    const float *const w = pr__f32(&call->in[W]);
    float *const taps = call->workspace;
    for (int64_t k = 0; k < n_taps; k++) {
        for (int64_t c = 0; c < d->shape.c; c++) {
            taps[k * d->shape.c + c] = w[c * n_taps + k];
        }
    }
    return taps;
}

static pr_status forward(const pr_call *call)
{
    const depthwise_state *const d = call->state;
    d->loops->dw_forward(&d->shape, pr__f32(&call->in[X]), filter_by_tap(d, call),
                         pr__f32(&call->out[0]));
    return PR_OK;
}

static pr_status backward(const pr_call *call)
{
    const depthwise_state *const d = call->state;
    const int64_t n_taps = (int64_t)d->shape.kernel * d->shape.kernel;
    float *const dw = pr__f32(&call->grad_in[W]);
    double *sums = NULL;
    if (dw != NULL) {
        sums = (double *)((char *)call->workspace + d->taps_bytes);
        memset(sums, 0, (size_t)(n_taps * d->shape.c) * sizeof *sums);
    }
    d->loops->dw_backward(&d->shape, pr__f32(&call->in[X]), filter_by_tap(d, call),
                          pr__f32(&call->grad_out[0]), pr__f32(&call->grad_in[X]),
                          call->grad_add[X], sums);
    if (dw == NULL) {
        return PR_OK;
    }
    for (int64_t c = 0; c < d->shape.c; c++) {
        for (int64_t k = 0; k < n_taps; k++) {
            const float v = (float)sums[k * d->shape.c + c];
            dw[c * n_taps + k] = call->grad_add[W] ? dw[c * n_taps + k] + v : v;
        }
    }
    return PR_OK;
}

const pr_kernel pr_kernel_cpu_depthwise = {
    .prepare = prepare, .release = pr__release_plain, .forward = forward, .backward = backward};
