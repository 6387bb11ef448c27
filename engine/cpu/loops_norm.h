/*
 * Batch norm over a map of rows by channels. Statistics are f64: a row's values are widened as they
 * are read, eight rows are added in a fixed tree, and the eights one after the other. All loops run
 * over channels inside, which the compiler makes vectors of in the written order.
 */
#ifndef PR_ENGINE_CPU_LOOPS_NORM_H
#define PR_ENGINE_CPU_LOOPS_NORM_H

#include "engine/cpu/loops.h"

enum { NORM_ROWS = 8 };

static void norm_sums_of_8(int64_t n_cols, const float *restrict x, double *restrict sum,
                           double *restrict square)
{
    for (int64_t c = 0; c < n_cols; c++) {
        const double a = (double)x[c];
        const double b = (double)x[n_cols + c];
        const double d = (double)x[2 * n_cols + c];
        const double e = (double)x[3 * n_cols + c];
        const double f = (double)x[4 * n_cols + c];
        const double g = (double)x[5 * n_cols + c];
        const double h = (double)x[6 * n_cols + c];
        const double i = (double)x[7 * n_cols + c];
        sum[c] += ((a + b) + (d + e)) + ((f + g) + (h + i));
        square[c] += ((a * a + b * b) + (d * d + e * e)) + ((f * f + g * g) + (h * h + i * i));
    }
}

static void norm_sums(int64_t n_rows, int64_t n_cols, const float *restrict x, double *restrict sum,
                      double *restrict square)
{
    for (int64_t c = 0; c < n_cols; c++) {
        sum[c] = 0.0;
        square[c] = 0.0;
    }
    int64_t r = 0;
    for (; r + NORM_ROWS <= n_rows; r += NORM_ROWS) {
        norm_sums_of_8(n_cols, x + r * n_cols, sum, square);
    }
    for (; r < n_rows; r++) {
        for (int64_t c = 0; c < n_cols; c++) {
            const double v = (double)x[r * n_cols + c];
            sum[c] += v;
            square[c] += v * v;
        }
    }
}

static void norm_apply(int64_t n_rows, int64_t n_cols, const pr__norm_coef *coef,
                       const float *restrict x, float *restrict y)
{
    const float *restrict scale = coef->scale;
    const float *restrict shift = coef->shift;
    for (int64_t r = 0; r < n_rows; r++) {
        const float *restrict in = x + r * n_cols;
        float *restrict out = y + r * n_cols;
        if (coef->relu) {
            for (int64_t c = 0; c < n_cols; c++) {
                const float v = in[c] * scale[c] + shift[c];
                out[c] = v > 0.0F ? v : 0.0F;
            }
        } else {
            for (int64_t c = 0; c < n_cols; c++) {
                out[c] = in[c] * scale[c] + shift[c];
            }
        }
    }
}

/* What of dy passes back through the activation. It is found again from x by the forward's own
 * arithmetic, which saves reading y. */
static inline float norm_passed(bool relu, float x, float scale, float shift, float dy)
{
    return !relu || x * scale + shift > 0.0F ? dy : 0.0F;
}

static inline void norm_grad_sums_of_4(int64_t n_cols, bool relu, const float *restrict scale,
                                       const float *restrict shift, const float *restrict x,
                                       const float *restrict dy, double *restrict sum_g,
                                       double *restrict sum_gx)
{
    const int64_t n = n_cols;
    for (int64_t c = 0; c < n; c++) {
        const float s = scale[c];
        const float t = shift[c];
        const double a = (double)norm_passed(relu, x[c], s, t, dy[c]);
        const double b = (double)norm_passed(relu, x[n + c], s, t, dy[n + c]);
        const double d = (double)norm_passed(relu, x[2 * n + c], s, t, dy[2 * n + c]);
        const double e = (double)norm_passed(relu, x[3 * n + c], s, t, dy[3 * n + c]);
        sum_g[c] += (a + b) + (d + e);
        sum_gx[c] += (a * (double)x[c] + b * (double)x[n + c]) +
                     (d * (double)x[2 * n + c] + e * (double)x[3 * n + c]);
    }
}

static inline void norm_grad_sums_as(int64_t n_rows, int64_t n_cols, bool relu,
                                     const float *restrict scale, const float *restrict shift,
                                     const float *restrict x, const float *restrict dy,
                                     double *restrict sum_g, double *restrict sum_gx)
{
    for (int64_t c = 0; c < n_cols; c++) {
        sum_g[c] = 0.0;
        sum_gx[c] = 0.0;
    }
    int64_t r = 0;
    for (; r + 4 <= n_rows; r += 4) {
        norm_grad_sums_of_4(n_cols, relu, scale, shift, x + r * n_cols, dy + r * n_cols, sum_g,
                            sum_gx);
    }
    for (; r < n_rows; r++) {
        for (int64_t c = 0; c < n_cols; c++) {
            const float v = x[r * n_cols + c];
            const double g = (double)norm_passed(relu, v, scale[c], shift[c], dy[r * n_cols + c]);
            sum_g[c] += g;
            sum_gx[c] += g * (double)v;
        }
    }
}

static void norm_grad_sums(int64_t n_rows, int64_t n_cols, const pr__norm_coef *coef,
                           const float *x, const float *dy, double *sum_g, double *sum_gx)
{
    if (coef->relu) {
        norm_grad_sums_as(n_rows, n_cols, true, coef->scale, coef->shift, x, dy, sum_g, sum_gx);
    } else {
        norm_grad_sums_as(n_rows, n_cols, false, coef->scale, coef->shift, x, dy, sum_g, sum_gx);
    }
}

static inline void norm_grad_apply_as(int64_t n_rows, int64_t n_cols, bool relu, bool add,
                                      const pr__norm_coef *coef, const float *restrict x,
                                      const float *restrict dy, float *restrict dx)
{
    const float *restrict scale = coef->scale;
    const float *restrict shift = coef->shift;
    const float *restrict a = coef->a;
    const float *restrict b = coef->b;
    const float *restrict k = coef->k;
    for (int64_t r = 0; r < n_rows; r++) {
        const float *restrict in = x + r * n_cols;
        const float *restrict grad = dy + r * n_cols;
        float *restrict out = dx + r * n_cols;
        for (int64_t c = 0; c < n_cols; c++) {
            const float g = norm_passed(relu, in[c], scale[c], shift[c], grad[c]);
            const float v = a[c] * g + (b[c] * in[c] + k[c]);
            out[c] = add ? out[c] + v : v;
        }
    }
}

static void norm_grad_apply(int64_t n_rows, int64_t n_cols, const pr__norm_coef *coef,
                            const float *x, const float *dy, float *dx, bool add)
{
    if (coef->relu && add) {
        norm_grad_apply_as(n_rows, n_cols, true, true, coef, x, dy, dx);
    } else if (coef->relu) {
        norm_grad_apply_as(n_rows, n_cols, true, false, coef, x, dy, dx);
    } else if (add) {
        norm_grad_apply_as(n_rows, n_cols, false, true, coef, x, dy, dx);
    } else {
        norm_grad_apply_as(n_rows, n_cols, false, false, coef, x, dy, dx);
    }
}

#endif
