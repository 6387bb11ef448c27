/*
 * Squeeze-excite: sums over the pixels of one image in f64, four rows at a time, small products of
 * matrix and vector, and a map times its gates.
 */
#ifndef PR_ENGINE_CPU_LOOPS_GATE_H
#define PR_ENGINE_CPU_LOOPS_GATE_H

#include "engine/cpu/loops.h"
#include "engine/cpu/loops_norm.h"
#include "engine/cpu/simd.h"

/* N channels of N_ROWS <= NORM_ROWS rows; B may be NULL: the sum of a. */
PR_INLINE void gate_sums_16(int n_rows, int64_t n_cols, int n, const float *a, const float *b,
                            int64_t ahead, double *sum)
{
    pr_f64x8 low = {0};
    pr_f64x8 high = {0};
    for (int r = 0; r < n_rows; r++) {
        const pr_f32x16 v = pr_load_n(a + r * n_cols, n);
        __builtin_prefetch(a + r * n_cols + ahead);
        if (b == NULL) {
            low += pr_widen_low(v);
            high += pr_widen_high(v);
        } else {
            const pr_f32x16 u = pr_load_n(b + r * n_cols, n);
            __builtin_prefetch(b + r * n_cols + ahead);
            low += pr_widen_low(v) * pr_widen_low(u);
            high += pr_widen_high(v) * pr_widen_high(u);
        }
    }
    pr_add_f64(sum, low, high);
}

PR_INLINE void gate_sums_rows(int n_rows, int64_t n_cols, const float *a, const float *b,
                              int64_t ahead, double *sum, double *tail)
{
    int64_t c = 0;
    for (; c + PR_LANES <= n_cols; c += PR_LANES) {
        gate_sums_16(n_rows, n_cols, PR_LANES, a + c, b == NULL ? NULL : b + c, ahead, sum + c);
    }
    if (c < n_cols) {
        gate_sums_16(n_rows, n_cols, (int)(n_cols - c), a + c, b == NULL ? NULL : b + c, ahead,
                     tail);
    }
}

static void gate_sums(int64_t n_rows, int64_t n_cols, const float *a, const float *b, double *sum)
{
    const int64_t n_whole = n_cols / PR_LANES * PR_LANES;
    const int64_t ahead = norm_ahead(n_cols);
    double tail[PR_LANES] = {0.0};
    memset(sum, 0, (size_t)n_cols * sizeof(double));
    int64_t r = 0;
    for (; r + NORM_ROWS <= n_rows; r += NORM_ROWS) {
        const float *const with = b == NULL ? NULL : b + r * n_cols;
        gate_sums_rows(NORM_ROWS, n_cols, a + r * n_cols, with, ahead, sum, tail);
    }
    if (r < n_rows) {
        const float *const with = b == NULL ? NULL : b + r * n_cols;
        gate_sums_rows((int)(n_rows - r), n_cols, a + r * n_cols, with, ahead, sum, tail);
    }
    memcpy(sum + n_whole, tail, (size_t)(n_cols - n_whole) * sizeof(double));
}

static void gate_apply(int64_t n_rows, int64_t n_cols, const float *x, const float *gate,
                       const float *shift, float *y, bool add)
{
    for (int64_t r = 0; r < n_rows; r++) {
        const float *const in = x + r * n_cols;
        float *const out = y + r * n_cols;
        for (int64_t c = 0; c < n_cols; c += PR_LANES) {
            const int n = n_cols - c < PR_LANES ? (int)(n_cols - c) : PR_LANES;
            pr_f32x16 v = pr_load_n(in + c, n) * pr_load_n(gate + c, n);
            if (shift != NULL) {
                v += pr_load_n(shift + c, n);
            }
            pr_store_n(out + c, add ? pr_load_n(out + c, n) + v : v, n);
        }
    }
}

/* Sixteen lanes side by side, then halves onto halves. */
static void rows_times(int64_t n_out, int64_t n_in, const float *w, const double *x, double *y)
{
    for (int64_t o = 0; o < n_out; o++) {
        double lane[PR_LANES] = {0.0};
        for (int64_t i = 0; i < n_in; i++) {
            lane[i % PR_LANES] += (double)w[o * n_in + i] * x[i];
        }
        for (int half = PR_LANES / 2; half > 0; half /= 2) {
            for (int i = 0; i < half; i++) {
                lane[i] += lane[i + half];
            }
        }
        y[o] = lane[0];
    }
}

static void times_rows(int64_t n_out, int64_t n_in, const float *restrict w,
                       const double *restrict y, double *restrict x)
{
    for (int64_t i = 0; i < n_in; i++) {
        x[i] = 0.0;
    }
    for (int64_t o = 0; o < n_out; o++) {
        for (int64_t i = 0; i < n_in; i++) {
            x[i] += y[o] * (double)w[o * n_in + i];
        }
    }
}

#endif
