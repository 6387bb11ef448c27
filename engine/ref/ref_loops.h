/**
 * What the reference kernels share. They are plain loops in double and nobody optimises them.
 */
#ifndef PR_ENGINE_REF_REF_LOOPS_H
#define PR_ENGINE_REF_REF_LOOPS_H

#include "engine/core/op.h"
#include "engine/core/op_attr.h"

#include <stdbool.h>
#include <stdint.h>

/** Adds to, or overwrites, one element of a gradient. */
static inline void ref_put(double *grad, int64_t i, double value, bool add)
{
    grad[i] = add ? grad[i] + value : value;
}

/** A map [rows, channels]: every pixel of every image is a row. */
typedef struct ref_map {
    int64_t n_rows, n_cols;
} ref_map;

static inline ref_map ref_map_of(const pr_tensor *x)
{
    const int64_t n_cols = x->shape.dims[x->shape.n_dims - 1];
    return (ref_map){pr_shape_n(&x->shape) / n_cols, n_cols};
}

/** A window over a map, whose taps outside of the map do not exist. */
typedef struct ref_window {
    int64_t n, h, w, h_out, w_out; /* of the maps x and y */
    int64_t size;                  /* taps in each direction */
    int stride, pad_y, pad_x, dilation;
} ref_window;

static inline ref_window ref_window_of(const pr_tensor *x, const pr_tensor *y, int64_t size)
{
    return (ref_window){.n = x->shape.dims[0],
                        .h = x->shape.dims[1],
                        .w = x->shape.dims[2],
                        .h_out = y->shape.dims[1],
                        .w_out = y->shape.dims[2],
                        .size = size,
                        .stride = 1,
                        .dilation = 1};
}

/** Sets how the window moves; PAD may be PR_PAD_SAME. */
static inline void ref_window_slide(ref_window *win, int stride, int pad, int dilation)
{
    win->stride = stride;
    win->dilation = dilation;
    win->pad_y = pr_pad_before(pad, win->h, win->size, stride, dilation);
    win->pad_x = pr_pad_before(pad, win->w, win->size, stride, dilation);
}

/** The pixel (of n h w) that tap (U, V) of output pixel (IMAGE, I, J) reads, or -1. */
static inline int64_t ref_window_pixel(const ref_window *win, int64_t image, int64_t i, int64_t j,
                                       int64_t u, int64_t v)
{
    const int64_t y = i * win->stride - win->pad_y + u * win->dilation;
    const int64_t x = j * win->stride - win->pad_x + v * win->dilation;
    const bool inside = y >= 0 && y < win->h && x >= 0 && x < win->w;
    return inside ? (image * win->h + y) * win->w + x : -1;
}

/** Sets GRAD to zero unless it is to be added to, or is not wanted. */
void ref_clear(const pr_tensor *grad, bool add);

double ref_sigmoid(double v);
/** The activation of V, and its derivative there. */
double ref_act(pr_act act, double v);
double ref_act_slope(pr_act act, double v);

/** Batch norm, given the mean and inv_std that forward saved; x' = (x - mean) inv_std. */
typedef struct ref_norm {
    ref_map map;
    pr_act act;
    const double *x, *gamma, *beta, *mean, *inv_std;
} ref_norm;

void ref_norm_apply(const ref_norm *norm, double *y);
/** g of element (row, c): dy times the activation's slope there. */
double ref_norm_pass(const ref_norm *norm, const double *dy, int64_t row, int64_t c);
/** The sums of g and of g x' over channel C. */
void ref_norm_sums(const ref_norm *norm, const double *dy, int64_t c, double *sum_g,
                   double *sum_gx);

#endif
