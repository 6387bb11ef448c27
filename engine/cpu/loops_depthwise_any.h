/*
 * Depthwise convolution of any kernel, stride, padding and dilation: taps outside, channels inside.
 */
#ifndef PR_ENGINE_CPU_LOOPS_DEPTHWISE_ANY_H
#define PR_ENGINE_CPU_LOOPS_DEPTHWISE_ANY_H

#include "engine/cpu/loops.h"
#include "engine/cpu/loops_depthwise.h"
#include "engine/cpu/simd.h"

#include <stddef.h>

/* Where tap (ky, kx) of output pixel number I reads, as a pixel number; -1 outside the map. */
static int64_t dw_source(const pr__dw_shape *s, int64_t i, int ky, int kx)
{
    const int64_t y = i / s->w_out % s->h_out * s->stride - s->pad + (int64_t)ky * s->dilation;
    const int64_t x = i % s->w_out * s->stride - s->pad + (int64_t)kx * s->dilation;
    if (y < 0 || y >= s->h || x < 0 || x >= s->w) {
        return -1;
    }
    return (i / (s->w_out * s->h_out) * s->h + y) * s->w + x;
}

static void dw_forward_any(const pr__dw_shape *s, const float *x, const float *taps, float *y)
{
    for (int64_t i = 0; i < s->n * s->h_out * s->w_out; i++) {
        float *restrict out = y + i * s->c;
        for (int64_t c = 0; c < s->c; c++) {
            out[c] = 0.0F;
        }
        for (int k = 0; k < s->kernel * s->kernel; k++) {
            const int64_t from = dw_source(s, i, k / s->kernel, k % s->kernel);
            if (from < 0) {
                continue;
            }
            const float *restrict in = x + from * s->c;
            const float *restrict tap = taps + k * s->c;
            for (int64_t c = 0; c < s->c; c++) {
                const float v = s->relu && !(in[c] > 0.0F) ? 0.0F : in[c];
                out[c] += tap[c] * v;
            }
        }
    }
}

static void dw_backward_tap(const pr__dw_shape *s, const float *restrict in,
                            const float *restrict tap, const float *restrict grad,
                            float *restrict dx, double *restrict d_tap)
{
    if (dx != NULL) {
        for (int64_t c = 0; c < s->c; c++) {
            dx[c] += s->relu && !(in[c] > 0.0F) ? 0.0F : tap[c] * grad[c];
        }
    }
    if (d_tap != NULL) {
        for (int64_t c = 0; c < s->c; c++) {
            const float v = s->relu && !(in[c] > 0.0F) ? 0.0F : in[c];
            d_tap[c] += (double)v * (double)grad[c];
        }
    }
}

static void dw_backward_any(const pr__dw_shape *s, const float *x, const float *taps,
                            const float *dy, float *dx, bool add, double *d_taps)
{
    if (dx != NULL && !add) {
        memset(dx, 0, (size_t)(s->n * s->h * s->w * s->c) * sizeof *dx);
    }
    for (int64_t i = 0; i < s->n * s->h_out * s->w_out; i++) {
        for (int k = 0; k < s->kernel * s->kernel; k++) {
            const int64_t from = dw_source(s, i, k / s->kernel, k % s->kernel);
            if (from < 0) {
                continue;
            }
            dw_backward_tap(s, x + from * s->c, taps + k * s->c, dy + i * s->c,
                            dx == NULL ? NULL : dx + from * s->c,
                            d_taps == NULL ? NULL : d_taps + k * s->c);
        }
    }
}

static void dw_forward(const pr__dw_shape *s, const float *x, const float *taps, float *y)
{
    if (dw_is_3x3(s)) {
        dw_forward_3x3(s, x, taps, y);
    } else {
        dw_forward_any(s, x, taps, y);
    }
}

static void dw_backward(const pr__dw_shape *s, const float *x, const float *taps, const float *dy,
                        float *dx, bool add, double *d_taps)
{
    if (dw_is_3x3(s)) {
        dw_backward_3x3(s, x, taps, dy, dx, add, d_taps);
    } else {
        dw_backward_any(s, x, taps, dy, dx, add, d_taps);
    }
}

#endif
