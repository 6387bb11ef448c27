#include "engine/cpu/dense.h"

#include "engine/cpu/cpu.h"
#include "engine/cpu/thread.h"

#include <string.h>

enum { X, W, B, N_IN };

/*
 * The library's 1x1 weight gradient over NHWC maps writes out of bounds where there are fewer
 * channels than a block of it has, on either side; such small ones are ours.
 */
enum { BLOCK = 16 };

/*
 * From this many weights on, the weight gradient of a 1x1 filter is a matrix product: on two kinds
 * of Zen it reached 100 to 112 GF/s where the convolution gave 60 to 90 (728 -> 728 channels on
 * 19x19 and above), and up to a tenth less on smaller filters. A rule of the shape, not a timing:
 * a choice by timing would change bits.
 */
enum { MIN_PRODUCT_WEIGHTS = 32768 };

typedef enum weight_way { WEIGHT_LIBRARY, WEIGHT_PRODUCT, WEIGHT_OWN } weight_way;

typedef struct pr__dense {
    pr_dnnl_conv_shape shape;
    const pr__loops *loops;
    pr_dnnl_conv *forward, *data, *weight;
    weight_way way;
    size_t workspace_bytes;
} pr__dense;

static int64_t n_pixels_out(const pr_dnnl_conv_shape *s)
{
    return s->n * s->h_out * s->w_out;
}

static bool reads_every_pixel(const pr_dnnl_conv_shape *s)
{
    return s->kernel == 1 && s->stride == 1 && (s->pad == 0 || s->pad == PR_PAD_SAME);
}

/*
 * The library's weight gradient of dilated filters between few channels adds up all pixels in one
 * f32 number: five times PyTorch's error on Meso's inception layers (4 channels, 128x128 pixels).
 */
static bool adds_badly(const pr_dnnl_conv_shape *s)
{
    return s->dilation > 1 && s->kernel > 1 && s->c_in < BLOCK && s->c_out < BLOCK;
}

static weight_way weight_way_of(const pr_dnnl_conv_shape *s)
{
    if (adds_badly(s)) {
        return WEIGHT_OWN;
    }
    if (s->kernel == 1 && (s->c_in < BLOCK || s->c_out < BLOCK)) {
        return WEIGHT_OWN;
    }
    const bool is_large = s->c_in * s->c_out >= MIN_PRODUCT_WEIGHTS;
    return reads_every_pixel(s) && is_large ? WEIGHT_PRODUCT : WEIGHT_LIBRARY;
}

static void need(pr__dense *d, size_t n_bytes)
{
    if (n_bytes > d->workspace_bytes) {
        d->workspace_bytes = n_bytes;
    }
}

static size_t n_weights(const pr_dnnl_conv_shape *s)
{
    return (size_t)(s->c_out * s->c_in * s->kernel * s->kernel);
}

/* A gradient that is to be added goes through the workspace, since the library overwrites. */
static pr_status prepare_gradients(pr__dense *d, const bool *wants_grad, int n_in)
{
    const pr_dnnl_conv_shape *const s = &d->shape;
    if (wants_grad[X]) {
        PR_TRY(pr_dnnl_conv_create(PR_DNNL_DATA_GRAD, s, &d->data));
        need(d, pr__aligned((size_t)(s->n * s->h * s->w * s->c_in) * sizeof(float)) +
                    pr_dnnl_conv_workspace(d->data));
    }
    if (wants_grad[W]) {
        d->way = weight_way_of(s);
        if (d->way == WEIGHT_OWN) {
            need(d, pr__aligned(n_weights(s) * sizeof(double)) +
                        pr__aligned((size_t)(s->c_out * s->c_in) * sizeof(double)) +
                        pr__aligned((size_t)(n_pixels_out(s) * s->c_in) * sizeof(float)));
        } else if (d->way == WEIGHT_LIBRARY) {
            PR_TRY(pr_dnnl_conv_create(PR_DNNL_WEIGHT_GRAD, s, &d->weight));
            need(d, pr__aligned(n_weights(s) * sizeof(float)) + pr_dnnl_conv_workspace(d->weight));
        }
    }
    if (n_in > B && wants_grad[B]) {
        need(d, pr__aligned((size_t)s->c_out * sizeof(double)));
    }
    return PR_OK;
}

pr_status pr__dense_prepare(const pr_dnnl_conv_shape *shape, const bool *wants_grad, int n_in,
                            void **state, size_t *workspace_bytes)
{
    pr__dense *d = pr_calloc(1, sizeof *d);
    PR_REQUIRE(d != NULL, PR_ERR_NOMEM, "no memory for a convolution's state");
    d->shape = *shape;
    pr_status status = pr__loops_get(&d->loops);
    if (status == PR_OK) {
        status = pr_dnnl_conv_create(PR_DNNL_FORWARD, shape, &d->forward);
    }
    if (status == PR_OK) {
        need(d, pr_dnnl_conv_workspace(d->forward));
        status = prepare_gradients(d, wants_grad, n_in);
    }
    if (status != PR_OK) {
        pr__dense_release(d);
        return status;
    }
    *state = d;
    *workspace_bytes = d->workspace_bytes;
    return PR_OK;
}

void pr__dense_release(void *state)
{
    pr__dense *const d = state;
    if (d == NULL) {
        return;
    }
    pr_dnnl_conv_destroy(&d->forward);
    pr_dnnl_conv_destroy(&d->data);
    pr_dnnl_conv_destroy(&d->weight);
    pr_free(d);
}

pr_status pr__dense_forward(const pr_call *call)
{
    const pr__dense *const d = call->state;
    return pr_dnnl_conv_run(d->forward, call->in[X].data, call->in[W].data,
                            call->n_in > B ? call->in[B].data : NULL, call->out[0].data,
                            call->workspace);
}

static pr_status data_gradient(const pr__dense *d, const pr_call *call)
{
    const pr_dnnl_conv_shape *const s = &d->shape;
    const int64_t n = s->n * s->h * s->w * s->c_in;
    float *const dx = pr__f32(&call->grad_in[X]);
    if (!call->grad_add[X]) {
        return pr_dnnl_conv_run(d->data, dx, call->in[W].data, NULL, call->grad_out[0].data,
                                call->workspace);
    }
    float *const made = call->workspace;
    char *const rest = (char *)call->workspace + pr__aligned((size_t)n * sizeof(float));
    PR_TRY(pr_dnnl_conv_run(d->data, made, call->in[W].data, NULL, call->grad_out[0].data, rest));
    d->loops->add_to(n, made, dx);
    return PR_OK;
}

/* The pixels of x that tap (KY, KX) reads, one after the other, zeros for those in the padding. */
static void collect_pixels(const pr_dnnl_conv_shape *s, const float *x, int64_t ky, int64_t kx,
                           float *to)
{
    const size_t n_bytes = (size_t)s->c_in * sizeof(float);
    const int64_t pad_y = pr_pad_before(s->pad, s->h, s->kernel, s->stride, s->dilation);
    const int64_t pad_x = pr_pad_before(s->pad, s->w, s->kernel, s->stride, s->dilation);
    for (int64_t i = 0; i < n_pixels_out(s); i++) {
        const int64_t y_in = i / s->w_out % s->h_out * s->stride - pad_y + ky * s->dilation;
        const int64_t x_in = i % s->w_out * s->stride - pad_x + kx * s->dilation;
        const int64_t image = i / (s->w_out * s->h_out);
        if (y_in < 0 || y_in >= s->h || x_in < 0 || x_in >= s->w) {
            memset(to + i * s->c_in, 0, n_bytes);
        } else {
            memcpy(to + i * s->c_in, x + ((image * s->h + y_in) * s->w + x_in) * s->c_in, n_bytes);
        }
    }
}

/* A tap of the filter after the other, each a product of two matrices, in f64. */
static void own_weight_gradient(const pr__dense *d, const pr_call *call)
{
    const pr_dnnl_conv_shape *const s = &d->shape;
    const int64_t n_pairs = s->c_out * s->c_in;
    const int64_t n_taps = s->kernel * s->kernel;
    double *const sums = call->workspace;
    double *const of_tap = (double *)((char *)sums + pr__aligned(n_weights(s) * sizeof(double)));
    float *const pixels = (float *)((char *)of_tap + pr__aligned((size_t)n_pairs * sizeof(double)));
    for (int64_t tap = 0; tap < n_taps; tap++) {
        const float *x = pr__f32(&call->in[X]);
        if (!reads_every_pixel(s)) {
            collect_pixels(s, x, tap / s->kernel, tap % s->kernel, pixels);
            x = pixels;
        }
        d->loops->outer_sums(n_pixels_out(s), s->c_out, s->c_in, pr__f32(&call->grad_out[0]), x,
                             of_tap);
        for (int64_t i = 0; i < n_pairs; i++) {
            sums[i * n_taps + tap] = of_tap[i];
        }
    }
    pr__give_f64((int64_t)n_weights(s), sums, pr__f32(&call->grad_in[W]), call->grad_add[W]);
}

static pr_status weight_gradient(const pr__dense *d, const pr_call *call)
{
    const pr_dnnl_conv_shape *const s = &d->shape;
    const size_t n = n_weights(s);
    float *const dw = pr__f32(&call->grad_in[W]);
    if (d->way == WEIGHT_OWN) {
        own_weight_gradient(d, call);
        return PR_OK;
    }
    if (d->way == WEIGHT_PRODUCT) {
        return pr_dnnl_outer(n_pixels_out(s), s->c_out, s->c_in, pr__f32(&call->grad_out[0]),
                             pr__f32(&call->in[X]), dw, call->grad_add[W]);
    }
    if (!call->grad_add[W]) {
        return pr_dnnl_conv_run(d->weight, call->in[X].data, dw, NULL, call->grad_out[0].data,
                                call->workspace);
    }
    float *const made = call->workspace;
    char *const rest = (char *)call->workspace + pr__aligned(n * sizeof(float));
    PR_TRY(pr_dnnl_conv_run(d->weight, call->in[X].data, made, NULL, call->grad_out[0].data, rest));
    d->loops->add_to((int64_t)n, made, dw);
    return PR_OK;
}

pr_status pr__dense_backward(const pr_call *call)
{
    const pr__dense *const d = call->state;
    const pr_dnnl_conv_shape *const s = &d->shape;
    if (call->grad_in[X].data != NULL) {
        PR_TRY(data_gradient(d, call));
    }
    if (call->grad_in[W].data != NULL) {
        PR_TRY(weight_gradient(d, call));
    }
    if (call->n_in > B && call->grad_in[B].data != NULL) {
        double *const sums = call->workspace;
        d->loops->column_sums(n_pixels_out(s), s->c_out, pr__f32(&call->grad_out[0]), sums);
        pr__give_f64(s->c_out, sums, pr__f32(&call->grad_in[B]), call->grad_add[B]);
    }
    return PR_OK;
}
