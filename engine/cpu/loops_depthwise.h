/*
 * Depthwise convolution, sixteen channels at a time. 3x3 filters of stride 1 that keep the map's
 * size (Xception's) slide along a row with the window in named registers: an array of accumulators
 * indexed in a loop was ten times slower, the compiler spills it. All others take the general way.
 */
#ifndef PR_ENGINE_CPU_LOOPS_DEPTHWISE_H
#define PR_ENGINE_CPU_LOOPS_DEPTHWISE_H

#include "engine/cpu/loops.h"
#include "engine/cpu/simd.h"

#include <stddef.h>

/* Rows are worked through in bands that stay in the second cache for all channels of the band. */
enum { DW_BAND_BYTES = 262144 };

static bool dw_is_3x3(const pr__dw_shape *s)
{
    return s->kernel == 3 && s->stride == 1 && s->pad == 1 && s->dilation == 1;
}

static int64_t dw_band_rows(const pr__dw_shape *s)
{
    const int64_t rows = DW_BAND_BYTES / (s->w * s->c * (int64_t)sizeof(float));
    return rows < 2 ? 2 : rows / 2 * 2;
}

/* A row of sixteen channels of a map. Rows outside the map read zeros at a step of none. */
typedef struct dw_row {
    const float *at;
    int64_t step;
} dw_row;

static const float dw_zeros[PR_LANES];

static dw_row dw_row_at(const float *image, int64_t y, int64_t h, int64_t w, int64_t c)
{
    if (y < 0 || y >= h) {
        return (dw_row){dw_zeros, 0};
    }
    return (dw_row){image + y * w * c, c};
}

PR_INLINE pr_f32x16 dw_read(const dw_row *row, int64_t x, int n, bool with_relu)
{
    const pr_f32x16 v = pr_load_n(row->at + x * row->step, n);
    return with_relu ? pr_relu(v) : v;
}

PR_INLINE void dw_load_taps(const float *taps, int64_t c, int n, pr_f32x16 tap[9])
{
    for (int k = 0; k < 9; k++) {
        tap[k] = pr_load_n(taps + k * c, n);
    }
}

/* Two output rows from four input rows: each pixel read serves both. Y1 may be NULL. */
PR_INLINE void dw_forward_rows(const dw_row r[4], const pr_f32x16 t[9], int64_t w, int64_t c, int n,
                               bool act, float *y0, float *y1)
{
    pr_f32x16 a0 = {0};
    pr_f32x16 b0 = {0};
    pr_f32x16 d0 = {0};
    pr_f32x16 e0 = {0};
    pr_f32x16 a1 = dw_read(&r[0], 0, n, act);
    pr_f32x16 b1 = dw_read(&r[1], 0, n, act);
    pr_f32x16 d1 = dw_read(&r[2], 0, n, act);
    pr_f32x16 e1 = dw_read(&r[3], 0, n, act);
    for (int64_t x = 0; x < w; x++) {
        pr_f32x16 a2 = {0};
        pr_f32x16 b2 = {0};
        pr_f32x16 d2 = {0};
        pr_f32x16 e2 = {0};
        if (x + 1 < w) {
            a2 = dw_read(&r[0], x + 1, n, act);
            b2 = dw_read(&r[1], x + 1, n, act);
            d2 = dw_read(&r[2], x + 1, n, act);
            e2 = dw_read(&r[3], x + 1, n, act);
        }
        const pr_f32x16 s0 =
            ((t[0] * a0 + t[1] * a1) + t[2] * a2) +
            (((t[3] * b0 + t[4] * b1) + t[5] * b2) + ((t[6] * d0 + t[7] * d1) + t[8] * d2));
        pr_store_n(y0 + x * c, s0, n);
        if (y1 != NULL) {
            const pr_f32x16 s1 =
                ((t[0] * b0 + t[1] * b1) + t[2] * b2) +
                (((t[3] * d0 + t[4] * d1) + t[5] * d2) + ((t[6] * e0 + t[7] * e1) + t[8] * e2));
            pr_store_n(y1 + x * c, s1, n);
        }
        a0 = a1;
        a1 = a2;
        b0 = b1;
        b1 = b2;
        d0 = d1;
        d1 = d2;
        e0 = e1;
        e1 = e2;
    }
}

PR_INLINE void dw_forward_band(const pr__dw_shape *s, const float *x, const float *taps,
                               int64_t first, int64_t last, int n, float *y)
{
    pr_f32x16 tap[9];
    dw_load_taps(taps, s->c, n, tap);
    for (int64_t oy = first; oy < last; oy += 2) {
        const dw_row rows[4] = {
            dw_row_at(x, oy - 1, s->h, s->w, s->c), dw_row_at(x, oy, s->h, s->w, s->c),
            dw_row_at(x, oy + 1, s->h, s->w, s->c), dw_row_at(x, oy + 2, s->h, s->w, s->c)};
        float *y0 = y + oy * s->w * s->c;
        float *y1 = oy + 1 < last ? y0 + s->w * s->c : NULL;
        if (s->relu) {
            dw_forward_rows(rows, tap, s->w, s->c, n, true, y0, y1);
        } else {
            dw_forward_rows(rows, tap, s->w, s->c, n, false, y0, y1);
        }
    }
}

static void dw_forward_3x3(const pr__dw_shape *s, const float *x, const float *taps, float *y)
{
    const int64_t n_image = s->h * s->w * s->c;
    const int64_t n_band = dw_band_rows(s);
    for (int64_t i = 0; i < s->n; i++) {
        for (int64_t first = 0; first < s->h; first += n_band) {
            const int64_t last = first + n_band < s->h ? first + n_band : s->h;
            int64_t c = 0;
            for (; c + PR_LANES <= s->c; c += PR_LANES) {
                dw_forward_band(s, x + i * n_image + c, taps + c, first, last, PR_LANES,
                                y + i * n_image + c);
            }
            if (c < s->c) {
                dw_forward_band(s, x + i * n_image + c, taps + c, first, last, (int)(s->c - c),
                                y + i * n_image + c);
            }
        }
    }
}

/* The sums of one band's filter gradient, by tap. */
typedef struct dw_sums {
    pr_f32x16 t00, t01, t02, t10, t11, t12, t20, t21, t22;
} dw_sums;

/*
 * One row of the data gradient and its share of the filter's. Both are sums over the same window of
 * dy: output pixel (y + 1 - ky, x + 1 - kx) read input pixel (y, x) through tap (ky, kx). R holds
 * the rows y - 1, y, y + 1 of dy. DX may be NULL.
 */
PR_INLINE void dw_backward_row(const dw_row r[3], const pr_f32x16 tap[9], const float *in,
                               int64_t w, int64_t c, int n, bool act, bool add, float *dx,
                               dw_sums *sums)
{
    dw_sums t = *sums;
    pr_f32x16 a0 = {0};
    pr_f32x16 b0 = {0};
    pr_f32x16 d0 = {0};
    pr_f32x16 a1 = dw_read(&r[0], 0, n, false);
    pr_f32x16 b1 = dw_read(&r[1], 0, n, false);
    pr_f32x16 d1 = dw_read(&r[2], 0, n, false);
    for (int64_t x = 0; x < w; x++) {
        pr_f32x16 a2 = {0};
        pr_f32x16 b2 = {0};
        pr_f32x16 d2 = {0};
        if (x + 1 < w) {
            a2 = dw_read(&r[0], x + 1, n, false);
            b2 = dw_read(&r[1], x + 1, n, false);
            d2 = dw_read(&r[2], x + 1, n, false);
        }
        const pr_f32x16 v = pr_load_n(in + x * c, n);
        const pr_f32x16 read = act ? pr_relu(v) : v;
        t.t22 += read * a0;
        t.t21 += read * a1;
        t.t20 += read * a2;
        t.t12 += read * b0;
        t.t11 += read * b1;
        t.t10 += read * b2;
        t.t02 += read * d0;
        t.t01 += read * d1;
        t.t00 += read * d2;
        if (dx != NULL) {
            pr_f32x16 g = ((tap[8] * a0 + tap[7] * a1) + tap[6] * a2) +
                          (((tap[5] * b0 + tap[4] * b1) + tap[3] * b2) +
                           ((tap[2] * d0 + tap[1] * d1) + tap[0] * d2));
            g = act ? pr_keep(v > (pr_f32x16){0}, g) : g;
            pr_store_n(dx + x * c, add ? pr_load_n(dx + x * c, n) + g : g, n);
        }
        a0 = a1;
        a1 = a2;
        b0 = b1;
        b1 = b2;
        d0 = d1;
        d1 = d2;
    }
    *sums = t;
}

PR_INLINE void dw_flush(double *d_taps, pr_f32x16 sum, int n)
{
    for (int i = 0; i < n; i++) {
        d_taps[i] += (double)sum[i];
    }
}

PR_INLINE void dw_flush_all(double *d_taps, const dw_sums *t, int64_t c, int n)
{
    dw_flush(d_taps, t->t00, n);
    dw_flush(d_taps + c, t->t01, n);
    dw_flush(d_taps + 2 * c, t->t02, n);
    dw_flush(d_taps + 3 * c, t->t10, n);
    dw_flush(d_taps + 4 * c, t->t11, n);
    dw_flush(d_taps + 5 * c, t->t12, n);
    dw_flush(d_taps + 6 * c, t->t20, n);
    dw_flush(d_taps + 7 * c, t->t21, n);
    dw_flush(d_taps + 8 * c, t->t22, n);
}

/* X, TAPS, DY, DX and D_TAPS begin at the first of N channels; rows [FIRST, LAST) of one image. */
PR_INLINE void dw_backward_band(const pr__dw_shape *s, const float *x, const float *taps,
                                const float *dy, int64_t first, int64_t last, int n, bool add,
                                float *dx, double *d_taps)
{
    pr_f32x16 tap[9];
    dw_load_taps(taps, s->c, n, tap);
    dw_sums sums = {0};
    for (int64_t y = first; y < last; y++) {
        const dw_row rows[3] = {dw_row_at(dy, y - 1, s->h, s->w, s->c),
                                dw_row_at(dy, y, s->h, s->w, s->c),
                                dw_row_at(dy, y + 1, s->h, s->w, s->c)};
        const float *in = x + y * s->w * s->c;
        float *out = dx == NULL ? NULL : dx + y * s->w * s->c;
        if (s->relu && add) {
            dw_backward_row(rows, tap, in, s->w, s->c, n, true, true, out, &sums);
        } else if (s->relu) {
            dw_backward_row(rows, tap, in, s->w, s->c, n, true, false, out, &sums);
        } else if (add) {
            dw_backward_row(rows, tap, in, s->w, s->c, n, false, true, out, &sums);
        } else {
            dw_backward_row(rows, tap, in, s->w, s->c, n, false, false, out, &sums);
        }
    }
    if (d_taps != NULL) {
        dw_flush_all(d_taps, &sums, s->c, n);
    }
}

static void dw_backward_3x3(const pr__dw_shape *s, const float *x, const float *taps,
                            const float *dy, float *dx, bool add, double *d_taps)
{
    const int64_t n_image = s->h * s->w * s->c;
    const int64_t n_band = dw_band_rows(s);
    for (int64_t i = 0; i < s->n; i++) {
        for (int64_t first = 0; first < s->h; first += n_band) {
            const int64_t last = first + n_band < s->h ? first + n_band : s->h;
            for (int64_t c = 0; c < s->c; c += PR_LANES) {
                const int64_t at = i * n_image + c;
                float *to = dx == NULL ? NULL : dx + at;
                double *d = d_taps == NULL ? NULL : d_taps + c;
                if (c + PR_LANES <= s->c) {
                    dw_backward_band(s, x + at, taps + c, dy + at, first, last, PR_LANES, add, to,
                                     d);
                } else {
                    dw_backward_band(s, x + at, taps + c, dy + at, first, last, (int)(s->c - c),
                                     add, to, d);
                }
            }
        }
    }
}

#endif
