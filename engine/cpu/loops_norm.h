/*
 * Batch norm over a map of rows by channels. Statistics are f64: values are widened as they are
 * read, four rows are added one after the other, and the fours likewise.
 */
#ifndef PR_ENGINE_CPU_LOOPS_NORM_H
#define PR_ENGINE_CPU_LOOPS_NORM_H

#include "engine/cpu/loops.h"
#include "engine/cpu/simd.h"

enum { NORM_ROWS = 4, NORM_AHEAD_BYTES = 8192 };

/* How many elements ahead of a group of rows to fetch: small maps' rows follow each other too
 * closely for the processor's own prefetching. */
static int64_t norm_ahead(int64_t n_cols)
{
    const int64_t n_group = NORM_ROWS * n_cols;
    const int64_t n_groups = NORM_AHEAD_BYTES / (n_group * (int64_t)sizeof(float));
    return n_groups < 1 ? n_group : n_groups * n_group;
}

/* The last channels of a map: their sums are moved to whole vectors and back. */
typedef struct norm_tail {
    double a[PR_LANES], b[PR_LANES];
} norm_tail;

static void norm_tail_store(const norm_tail *tail, int n, double *a, double *b)
{
    memcpy(a, tail->a, (size_t)n * sizeof(double));
    memcpy(b, tail->b, (size_t)n * sizeof(double));
}

/* N_ROWS <= NORM_ROWS rows of N channels into the sums at SUM and SQUARE. */
PR_INLINE void norm_sums_16(int n_rows, int64_t n_cols, int n, const float *x, int64_t ahead,
                            double *sum, double *square)
{
    pr_f64x8 s_low = {0};
    pr_f64x8 s_high = {0};
    pr_f64x8 q_low = {0};
    pr_f64x8 q_high = {0};
    for (int r = 0; r < n_rows; r++) {
        const pr_f32x16 v = pr_load_n(x + r * n_cols, n);
        __builtin_prefetch(x + r * n_cols + ahead);
        const pr_f64x8 low = pr_widen_low(v);
        const pr_f64x8 high = pr_widen_high(v);
        s_low += low;
        s_high += high;
        q_low += low * low;
        q_high += high * high;
    }
    pr_add_f64(sum, s_low, s_high);
    pr_add_f64(square, q_low, q_high);
}

PR_INLINE void norm_sums_rows(int n_rows, int64_t n_cols, const float *x, int64_t ahead,
                              double *sum, double *square, norm_tail *tail)
{
    int64_t c = 0;
    for (; c + PR_LANES <= n_cols; c += PR_LANES) {
        norm_sums_16(n_rows, n_cols, PR_LANES, x + c, ahead, sum + c, square + c);
    }
    if (c < n_cols) {
        norm_sums_16(n_rows, n_cols, (int)(n_cols - c), x + c, ahead, tail->a, tail->b);
    }
}

static void norm_sums(int64_t n_rows, int64_t n_cols, const float *x, double *sum, double *square)
{
    const int64_t n_whole = n_cols / PR_LANES * PR_LANES;
    const int64_t ahead = norm_ahead(n_cols);
    norm_tail tail = {{0.0}, {0.0}};
    memset(sum, 0, (size_t)n_cols * sizeof(double));
    memset(square, 0, (size_t)n_cols * sizeof(double));
    int64_t r = 0;
    for (; r + NORM_ROWS <= n_rows; r += NORM_ROWS) {
        norm_sums_rows(NORM_ROWS, n_cols, x + r * n_cols, ahead, sum, square, &tail);
    }
    if (r < n_rows) {
        norm_sums_rows((int)(n_rows - r), n_cols, x + r * n_cols, ahead, sum, square, &tail);
    }
    norm_tail_store(&tail, (int)(n_cols - n_whole), sum + n_whole, square + n_whole);
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
PR_INLINE float norm_passed(bool act, float x, float scale, float shift, float dy)
{
    const float y = x * scale + shift;
    if (act) {
        return y > 0.0F ? dy : 0.0F;
    }
    return dy;
}

PR_INLINE void norm_grad_sums_16(int n_rows, int64_t n_cols, int n, bool act, const float *scale,
                                 const float *shift, const float *x, const float *dy, int64_t ahead,
                                 double *sum_g, double *sum_gx)
{
    const pr_f32x16 s = pr_load_n(scale, n);
    const pr_f32x16 t = pr_load_n(shift, n);
    pr_f64x8 g_low = {0};
    pr_f64x8 g_high = {0};
    pr_f64x8 p_low = {0};
    pr_f64x8 p_high = {0};
    for (int r = 0; r < n_rows; r++) {
        const pr_f32x16 v = pr_load_n(x + r * n_cols, n);
        __builtin_prefetch(x + r * n_cols + ahead);
        pr_f32x16 g = pr_load_n(dy + r * n_cols, n);
        __builtin_prefetch(dy + r * n_cols + ahead);
        if (act) {
            g = pr_keep(v * s + t > (pr_f32x16){0}, g);
        }
        const pr_f64x8 low = pr_widen_low(g);
        const pr_f64x8 high = pr_widen_high(g);
        g_low += low;
        g_high += high;
        p_low += low * pr_widen_low(v);
        p_high += high * pr_widen_high(v);
    }
    pr_add_f64(sum_g, g_low, g_high);
    pr_add_f64(sum_gx, p_low, p_high);
}

PR_INLINE void norm_grad_sums_rows(int n_rows, int64_t n_cols, bool act, const float *scale,
                                   const float *shift, const float *x, const float *dy,
                                   int64_t ahead, double *sum_g, double *sum_gx, norm_tail *tail)
{
    int64_t c = 0;
    for (; c + PR_LANES <= n_cols; c += PR_LANES) {
        norm_grad_sums_16(n_rows, n_cols, PR_LANES, act, scale + c, shift + c, x + c, dy + c, ahead,
                          sum_g + c, sum_gx + c);
    }
    if (c < n_cols) {
        norm_grad_sums_16(n_rows, n_cols, (int)(n_cols - c), act, scale + c, shift + c, x + c,
                          dy + c, ahead, tail->a, tail->b);
    }
}

PR_INLINE void norm_grad_sums_as(int64_t n_rows, int64_t n_cols, bool act, const float *scale,
                                 const float *shift, const float *x, const float *dy, double *sum_g,
                                 double *sum_gx)
{
    const int64_t n_whole = n_cols / PR_LANES * PR_LANES;
    const int64_t ahead = norm_ahead(n_cols);
    norm_tail tail = {{0.0}, {0.0}};
    memset(sum_g, 0, (size_t)n_cols * sizeof(double));
    memset(sum_gx, 0, (size_t)n_cols * sizeof(double));
    int64_t r = 0;
    for (; r + NORM_ROWS <= n_rows; r += NORM_ROWS) {
        norm_grad_sums_rows(NORM_ROWS, n_cols, act, scale, shift, x + r * n_cols, dy + r * n_cols,
                            ahead, sum_g, sum_gx, &tail);
    }
    if (r < n_rows) {
        norm_grad_sums_rows((int)(n_rows - r), n_cols, act, scale, shift, x + r * n_cols,
                            dy + r * n_cols, ahead, sum_g, sum_gx, &tail);
    }
    norm_tail_store(&tail, (int)(n_cols - n_whole), sum_g + n_whole, sum_gx + n_whole);
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

PR_INLINE void norm_grad_apply_as(int64_t n_rows, int64_t n_cols, bool act, bool add,
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
            const float g = norm_passed(act, in[c], scale[c], shift[c], grad[c]);
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
