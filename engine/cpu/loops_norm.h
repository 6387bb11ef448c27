/*
 * Batch norm over a map of rows by channels. Statistics are f64: values are widened as they are
 * read, four rows are added one after the other, and the fours likewise.
 */
#ifndef PR_ENGINE_CPU_LOOPS_NORM_H
#define PR_ENGINE_CPU_LOOPS_NORM_H

#include "engine/cpu/loops.h"
#include "engine/cpu/simd.h"
#include "engine/cpu/simd_math.h"

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

PR_INLINE void norm_apply_as(int64_t n_rows, int64_t n_cols, pr_act act, const pr__norm_coef *coef,
                             const float *x, float *y)
{
    for (int64_t r = 0; r < n_rows; r++) {
        const float *const in = x + r * n_cols;
        float *const out = y + r * n_cols;
        int64_t c = 0;
        for (; c + PR_LANES <= n_cols; c += PR_LANES) {
            const pr_f32x16 v = pr_load_n(in + c, PR_LANES);
            const pr_f32x16 z =
                v * pr_load_n(coef->scale + c, PR_LANES) + pr_load_n(coef->shift + c, PR_LANES);
            pr_store_n(out + c, pr_act16(act, z), PR_LANES);
        }
        if (c < n_cols) {
            const int n = (int)(n_cols - c);
            const pr_f32x16 z = pr_load_n(in + c, n) * pr_load_n(coef->scale + c, n) +
                                pr_load_n(coef->shift + c, n);
            pr_store_n(out + c, pr_act16(act, z), n);
        }
    }
}

static void norm_apply(int64_t n_rows, int64_t n_cols, const pr__norm_coef *coef, const float *x,
                       float *y)
{
    if (coef->act == PR_ACT_RELU) {
        norm_apply_as(n_rows, n_cols, PR_ACT_RELU, coef, x, y);
    } else if (coef->act == PR_ACT_SILU) {
        norm_apply_as(n_rows, n_cols, PR_ACT_SILU, coef, x, y);
    } else {
        norm_apply_as(n_rows, n_cols, PR_ACT_NONE, coef, x, y);
    }
}

/*
 * What of dy passes back through the activation is found again from x by the forward's own
 * arithmetic, which saves reading y.
 */
PR_INLINE void norm_grad_sums_16(int n_rows, int64_t n_cols, int n, pr_act act, const float *scale,
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
        g = pr_act_grad16(act, v * s + t, g);
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

PR_INLINE void norm_grad_sums_rows(int n_rows, int64_t n_cols, pr_act act, const float *scale,
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

PR_INLINE void norm_grad_sums_as(int64_t n_rows, int64_t n_cols, pr_act act, const float *scale,
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
    if (coef->act == PR_ACT_RELU) {
        norm_grad_sums_as(n_rows, n_cols, PR_ACT_RELU, coef->scale, coef->shift, x, dy, sum_g,
                          sum_gx);
    } else if (coef->act == PR_ACT_SILU) {
        norm_grad_sums_as(n_rows, n_cols, PR_ACT_SILU, coef->scale, coef->shift, x, dy, sum_g,
                          sum_gx);
    } else {
        norm_grad_sums_as(n_rows, n_cols, PR_ACT_NONE, coef->scale, coef->shift, x, dy, sum_g,
                          sum_gx);
    }
}

/* N channels of one row. */
PR_INLINE void norm_grad_apply_16(int n, pr_act act, bool add, const pr__norm_coef *coef, int64_t c,
                                  const float *x, const float *dy, float *dx)
{
    const pr_f32x16 v = pr_load_n(x, n);
    const pr_f32x16 z = v * pr_load_n(coef->scale + c, n) + pr_load_n(coef->shift + c, n);
    const pr_f32x16 g = pr_act_grad16(act, z, pr_load_n(dy, n));
    const pr_f32x16 d =
        pr_load_n(coef->a + c, n) * g + (pr_load_n(coef->b + c, n) * v + pr_load_n(coef->k + c, n));
    pr_store_n(dx, add ? pr_load_n(dx, n) + d : d, n);
}

PR_INLINE void norm_grad_apply_as(int64_t n_rows, int64_t n_cols, pr_act act, bool add,
                                  const pr__norm_coef *coef, const float *x, const float *dy,
                                  float *dx)
{
    for (int64_t r = 0; r < n_rows; r++) {
        const int64_t at = r * n_cols;
        int64_t c = 0;
        for (; c + PR_LANES <= n_cols; c += PR_LANES) {
            norm_grad_apply_16(PR_LANES, act, add, coef, c, x + at + c, dy + at + c, dx + at + c);
        }
        if (c < n_cols) {
            norm_grad_apply_16((int)(n_cols - c), act, add, coef, c, x + at + c, dy + at + c,
                               dx + at + c);
        }
    }
}

PR_INLINE void norm_grad_apply_act(int64_t n_rows, int64_t n_cols, pr_act act,
                                   const pr__norm_coef *coef, const float *x, const float *dy,
                                   float *dx, bool add)
{
    if (add) {
        norm_grad_apply_as(n_rows, n_cols, act, true, coef, x, dy, dx);
    } else {
        norm_grad_apply_as(n_rows, n_cols, act, false, coef, x, dy, dx);
    }
}

static void norm_grad_apply(int64_t n_rows, int64_t n_cols, const pr__norm_coef *coef,
                            const float *x, const float *dy, float *dx, bool add)
{
    if (coef->act == PR_ACT_RELU) {
        norm_grad_apply_act(n_rows, n_cols, PR_ACT_RELU, coef, x, dy, dx, add);
    } else if (coef->act == PR_ACT_SILU) {
        norm_grad_apply_act(n_rows, n_cols, PR_ACT_SILU, coef, x, dy, dx, add);
    } else {
        norm_grad_apply_act(n_rows, n_cols, PR_ACT_NONE, coef, x, dy, dx, add);
    }
}

#endif
