/**
 * The backend's own inner loops, one table for each instruction set. All take contiguous f32 and
 * give the same bits at every level; what they overwrite must not overlap what they read.
 *
 * A map is n_rows rows (pixels of all images) of n_cols channels.
 */
#ifndef PR_ENGINE_CPU_LOOPS_H
#define PR_ENGINE_CPU_LOOPS_H

#include "engine/base/status.h"
#include "engine/core/act.h"

#include <stdbool.h>
#include <stdint.h>

/** A depthwise convolution: x [n, h, w, c], y [n, h_out, w_out, c], square kernels. */
typedef struct pr__dw_shape {
    int64_t n, h, w, c, h_out, w_out;
    int64_t kernel, stride, pad_y, pad_x, dilation;
    bool relu; /* of x as it is read */
} pr__dw_shape;

typedef struct pr__pool_shape {
    int64_t n, h, w, c, h_out, w_out;
    int window, stride, pad;
} pr__pool_shape;

/**
 * Batch norm's affine form by channel, y = act(scale x + shift), and in the gradient
 * dx = a g + b x + k, where g is dy times the activation's slope.
 */
typedef struct pr__norm_coef {
    const float *scale, *shift;
    const float *a, *b, *k;
    pr_act act;
} pr__norm_coef;

typedef struct pr__loops {
    /** y = x where x > 0, else 0. */
    void (*relu)(int64_t n, const float *x, float *y);
    /** dx (+)= dy where X_OR_Y > 0. */
    void (*relu_grad)(int64_t n, const float *x_or_y, const float *dy, float *dx, bool add);
    /** y = a + b, with optional ReLU. */
    void (*sum_of_two)(int64_t n, const float *a, const float *b, float *y, bool relu);
    /** y += x. */
    void (*add_to)(int64_t n, const float *x, float *y);
    /** y = x Phi(x) and its slope. */
    void (*gelu)(int64_t n, const float *x, float *y, float *slope);
    /** y (+)= a b. */
    void (*product)(int64_t n, const float *a, const float *b, float *y, bool add);
    /** x becomes exp(x_i) / sum of them. */
    void (*softmax)(int64_t n, float *x);
    /** GRAD, of the probabilities, becomes that of what softmax was given. */
    void (*softmax_grad)(int64_t n, const float *prob, float *grad);

    /** sum[c] over the rows. */
    void (*column_sums)(int64_t n_rows, int64_t n_cols, const float *x, double *sum);
    /** sum[c] and square[c] (of x^2) over the rows. */
    void (*norm_sums)(int64_t n_rows, int64_t n_cols, const float *x, double *sum, double *square);
    void (*norm_apply)(int64_t n_rows, int64_t n_cols, const pr__norm_coef *coef, const float *x,
                       float *y);
    /** sum_g[c] = sum of g, sum_gx[c] = sum of g x. */
    void (*norm_grad_sums)(int64_t n_rows, int64_t n_cols, const pr__norm_coef *coef,
                           const float *x, const float *dy, double *sum_g, double *sum_gx);
    void (*norm_grad_apply)(int64_t n_rows, int64_t n_cols, const pr__norm_coef *coef,
                            const float *x, const float *dy, float *dx, bool add);

    /** TAPS is the filter as [kernel * kernel, c]. */
    void (*dw_forward)(const pr__dw_shape *s, const float *x, const float *taps, float *y);
    /** DX or D_TAPS (f64 [kernel * kernel, c], added to) may be NULL where not wanted. */
    void (*dw_backward)(const pr__dw_shape *s, const float *x, const float *taps, const float *dy,
                        float *dx, bool add, double *d_taps);

    /** The window's first greatest value; ARG is its number in the window, row by row. */
    void (*max_pool)(const pr__pool_shape *s, const float *x, float *y, uint8_t *arg);
    /** dx += dy at the winners. */
    void (*max_pool_grad)(const pr__pool_shape *s, const uint8_t *arg, const float *dy, float *dx);

    /** dw [n_out, n_in] (overwritten) = sum over rows r of dy[r][o] x[r][i], rows in order. */
    void (*outer_sums)(int64_t n_rows, int64_t n_out, int64_t n_in, const float *dy, const float *x,
                       double *dw);

    /** sum[c] over the rows of a b, or of a where B is NULL. */
    void (*gate_sums)(int64_t n_rows, int64_t n_cols, const float *a, const float *b, double *sum);
    /** y (+)= gate[c] x + shift[c]; SHIFT may be NULL. */
    void (*gate_apply)(int64_t n_rows, int64_t n_cols, const float *x, const float *gate,
                       const float *shift, float *y, bool add);
    /** y [n_out] = w x, and x [n_in] = w' y, with w [n_out, n_in]. */
    void (*rows_times)(int64_t n_out, int64_t n_in, const float *w, const double *x, double *y);
    void (*times_rows)(int64_t n_out, int64_t n_in, const float *w, const double *y, double *x);
} pr__loops;

extern const pr__loops pr__loops_baseline, pr__loops_avx2, pr__loops_avx512;

/** The table of the level in use. Errors: those of pr_cpu_isa_get. */
pr_status pr__loops_get(const pr__loops **out);

#endif
