/*
 * Max pooling, sixteen channels at a time. A window's pixels are numbered row by row, pixels
 * outside the map included, so that a winner fits one byte for windows up to 15.
 */
#ifndef PR_ENGINE_CPU_LOOPS_POOL_H
#define PR_ENGINE_CPU_LOOPS_POOL_H

#include "engine/cpu/loops.h"
#include "engine/cpu/simd.h"

/* The part of a window that lies on the map: taps [y0, y1) by [x0, x1) around (top, left). */
typedef struct pool_window {
    int64_t top, left;
    int y0, y1, x0, x1;
} pool_window;

static void pool_clip(int64_t start, int window, int64_t size, int *first, int *last)
{
    *first = start < 0 ? (int)-start : 0;
    *last = start + window > size ? (int)(size - start) : window;
}

static pool_window pool_window_at(const pr__pool_shape *s, int64_t oy, int64_t ox)
{
    pool_window at = {.top = oy * s->stride - s->pad, .left = ox * s->stride - s->pad};
    pool_clip(at.top, s->window, s->h, &at.y0, &at.y1);
    pool_clip(at.left, s->window, s->w, &at.x0, &at.x1);
    return at;
}

PR_INLINE void pool_16(const pr__pool_shape *s, const pool_window *at, const float *image, int n,
                       float *y, uint8_t *arg)
{
    pr_f32x16 best = {0};
    pr_i32x16 winner = {0};
    pr_i32x16 started = {0};
    for (int ky = at->y0; ky < at->y1; ky++) {
        for (int kx = at->x0; kx < at->x1; kx++) {
            const float *p = image + ((at->top + ky) * s->w + at->left + kx) * s->c;
            const pr_f32x16 v = pr_load_n(p, n);
            /* The first value is taken whatever it is; the first NaN must not be lost. */
            const pr_i32x16 better = ~started | (v > best) | (pr_is_nan(v) & ~pr_is_nan(best));
            const pr_i32x16 tap = (pr_i32x16){0} + (ky * s->window + kx);
            best = pr_select(better, v, best);
            winner = pr_select_i(better, tap, winner);
            started = ~(pr_i32x16){0};
        }
    }
    pr_store_n(y, best, n);
    if (arg != NULL) {
        for (int i = 0; i < n; i++) {
            arg[i] = (uint8_t)winner[i];
        }
    }
}

static void max_pool(const pr__pool_shape *s, const float *x, float *y, uint8_t *arg)
{
    for (int64_t i = 0; i < s->n * s->h_out * s->w_out; i++) {
        const int64_t ox = i % s->w_out;
        const int64_t oy = i / s->w_out % s->h_out;
        const float *image = x + i / (s->w_out * s->h_out) * s->h * s->w * s->c;
        const pool_window at = pool_window_at(s, oy, ox);
        int64_t c = 0;
        for (; c + PR_LANES <= s->c; c += PR_LANES) {
            pool_16(s, &at, image + c, PR_LANES, y + i * s->c + c,
                    arg == NULL ? NULL : arg + i * s->c + c);
        }
        if (c < s->c) {
            pool_16(s, &at, image + c, (int)(s->c - c), y + i * s->c + c,
                    arg == NULL ? NULL : arg + i * s->c + c);
        }
    }
}

static void max_pool_grad(const pr__pool_shape *s, const uint8_t *arg, const float *dy, float *dx)
{
    for (int64_t i = 0; i < s->n * s->h_out * s->w_out; i++) {
        const int64_t ox = i % s->w_out;
        const int64_t oy = i / s->w_out % s->h_out;
        float *image = dx + i / (s->w_out * s->h_out) * s->h * s->w * s->c;
        const pool_window at = pool_window_at(s, oy, ox);
        const uint8_t *restrict winner = arg + i * s->c;
        const float *restrict grad = dy + i * s->c;
        for (int ky = at.y0; ky < at.y1; ky++) {
            for (int kx = at.x0; kx < at.x1; kx++) {
                float *restrict to = image + ((at.top + ky) * s->w + at.left + kx) * s->c;
                const uint8_t tap = (uint8_t)(ky * s->window + kx);
                for (int64_t c = 0; c < s->c; c++) {
                    to[c] += winner[c] == tap ? grad[c] : 0.0F;
                }
            }
        }
    }
}

#endif
