/*
 * What token mixers and attention need of each element: GELU and softmax, sixteen lanes at a time,
 * of + - * / alone.
 */
#ifndef PR_ENGINE_CPU_LOOPS_TOKENS_H
#define PR_ENGINE_CPU_LOOPS_TOKENS_H

#include "engine/cpu/simd.h"
#include "engine/cpu/simd_math.h"

#include <stdbool.h>

/*
 * erf within 5e-7: x P(x^2) / Q(x^2) with |x| at most 4, where erf is 1 within half an ulp (the
 * coefficients are those of Eigen's perf).
 */
PR_INLINE pr_f32x16 erf_16(pr_f32x16 x)
{
    const pr_f32x16 most = pr_splat(4.0F);
    x = pr_select(x > most, most, x);
    x = pr_select(x < -most, -most, x);
    const pr_f32x16 z = x * x;
    pr_f32x16 p = z * -2.72614225801306e-10F + 2.77068142495902e-08F;
    p = p * z + -2.10102402082508e-06F;
    p = p * z + -5.69250639462346e-05F;
    p = p * z + -7.34990630326855e-04F;
    p = p * z + -2.95459980854025e-03F;
    p = p * z + -1.60960333262415e-02F;
    pr_f32x16 q = z * -1.45660718464996e-05F + -2.13374055278905e-04F;
    q = q * z + -1.68282697438203e-03F;
    q = q * z + -7.37332916720468e-03F;
    q = q * z + -1.42647390514189e-02F;
    return x * p / q;
}

PR_INLINE void gelu_16(const float *x, int n, float *y, float *slope)
{
    const pr_f32x16 v = pr_load_n(x, n);
    const pr_f32x16 below = (erf_16(v * 0.70710678118654752F) + 1.0F) * 0.5F;
    const pr_f32x16 density = pr_exp16(v * v * -0.5F) * 0.39894228040143268F;
    pr_store_n(y, v * below, n);
    pr_store_n(slope, below + v * density, n);
}

static void gelu(int64_t n, const float *x, float *y, float *slope)
{
    int64_t i = 0;
    for (; i + PR_LANES <= n; i += PR_LANES) {
        gelu_16(x + i, PR_LANES, y + i, slope + i);
    }
    if (i < n) {
        gelu_16(x + i, (int)(n - i), y + i, slope + i);
    }
}

static void product(int64_t n, const float *restrict a, const float *restrict b, float *restrict y,
                    bool add)
{
    if (add) {
        for (int64_t i = 0; i < n; i++) {
            y[i] += a[i] * b[i];
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        y[i] = a[i] * b[i];
    }
}

PR_INLINE float lanes_sum(pr_f32x16 v)
{
    float lane[PR_LANES];
    pr_store_n(lane, v, PR_LANES);
    for (int half = PR_LANES / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) {
            lane[l] += lane[l + half];
        }
    }
    return lane[0];
}

static float largest_of(int64_t n, const float *x)
{
    float most = x[0];
    for (int64_t i = 1; i < n; i++) {
        most = x[i] > most ? x[i] : most;
    }
    return most;
}

static void softmax(int64_t n, float *x)
{
    const float most = largest_of(n, x);
    pr_f32x16 sum = {0};
    for (int64_t i = 0; i < n; i += PR_LANES) {
        const int m = n - i < PR_LANES ? (int)(n - i) : PR_LANES;
        pr_store_n(x + i, pr_exp16(pr_load_n(x + i, m) - most), m);
        sum += pr_load_n(x + i, m); /* lanes past the end are zero */
    }
    const float all = lanes_sum(sum);
    for (int64_t i = 0; i < n; i++) {
        x[i] /= all;
    }
}

static void softmax_grad(int64_t n, const float *prob, float *grad)
{
    pr_f32x16 sum = {0};
    for (int64_t i = 0; i < n; i += PR_LANES) {
        const int m = n - i < PR_LANES ? (int)(n - i) : PR_LANES;
        sum += pr_load_n(prob + i, m) * pr_load_n(grad + i, m);
    }
    const float along = lanes_sum(sum);
    for (int64_t i = 0; i < n; i++) {
        grad[i] = prob[i] * (grad[i] - along);
    }
}

#endif
