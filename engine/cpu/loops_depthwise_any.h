/*
 * Depthwise convolution of any kernel, stride, padding and dilation, in the tiles of
 * loops_depthwise.h. Four output pixels that read neighbouring columns are summed at once, in named
 * registers; a pixel at the border alone. The order of a pixel's sum is that of the taps inside the
 * map, whoever is beside it.
 */
#ifndef PR_ENGINE_CPU_LOOPS_DEPTHWISE_ANY_H
#define PR_ENGINE_CPU_LOOPS_DEPTHWISE_ANY_H

#include "engine/cpu/loops.h"
#include "engine/cpu/loops_depthwise.h"
#include "engine/cpu/simd.h"

#include <stddef.h>

enum { DW_AT_ONCE = 4, DW_WIDEST_ROW = 5 };

/* The map that is written. */
static dw_grid dw_grid_out(const pr__dw_shape *s)
{
    return (dw_grid){s->n, s->h_out, s->w_out, s->c};
}

PR_INLINE pr_f32x16 dw_value(const float *p, int n, bool with_relu)
{
    const pr_f32x16 v = pr_load_n(p, n);
    return with_relu ? pr_relu(v) : v;
}

static int64_t dw_row_read(const pr__dw_shape *s, int64_t out_y, int64_t ky)
{
    return out_y * s->stride - s->pad_y + ky * s->dilation;
}

static int64_t dw_col_read(const pr__dw_shape *s, int64_t out_x, int64_t kx)
{
    return out_x * s->stride - s->pad_x + kx * s->dilation;
}

/* One output pixel; columns outside the map are left out. IN: sixteen channels of an image. */
PR_INLINE pr_f32x16 dw_any_one(const pr__dw_shape *s, const float *in, const float *taps,
                               int64_t out_y, int64_t out_x, int64_t k, int n, bool act)
{
    pr_f32x16 sum = {0};
    for (int64_t ky = 0; ky < k; ky++) {
        const int64_t y = dw_row_read(s, out_y, ky);
        if (y < 0 || y >= s->h) {
            continue;
        }
        for (int64_t kx = 0; kx < k; kx++) {
            const int64_t x = dw_col_read(s, out_x, kx);
            if (x >= 0 && x < s->w) {
                sum += pr_load_n(taps + (ky * k + kx) * s->c, n) *
                       dw_value(in + (y * s->w + x) * s->c, n, act);
            }
        }
    }
    return sum;
}

/* Four output pixels from OUT_X on, all of whose columns are inside the map. */
PR_INLINE void dw_any_four(const pr__dw_shape *s, const float *in, const float *taps, int64_t out_y,
                           int64_t out_x, int64_t k, int n, bool act, float *y_out)
{
    pr_f32x16 a0 = {0};
    pr_f32x16 a1 = {0};
    pr_f32x16 a2 = {0};
    pr_f32x16 a3 = {0};
    const int64_t step = s->stride * s->c;
    for (int64_t ky = 0; ky < k; ky++) {
        const int64_t y = dw_row_read(s, out_y, ky);
        if (y < 0 || y >= s->h) {
            continue;
        }
        const float *p = in + (y * s->w + dw_col_read(s, out_x, 0)) * s->c;
        for (int64_t kx = 0; kx < k; kx++) {
            const pr_f32x16 tap = pr_load_n(taps + (ky * k + kx) * s->c, n);
            a0 += tap * dw_value(p, n, act);
            a1 += tap * dw_value(p + step, n, act);
            a2 += tap * dw_value(p + 2 * step, n, act);
            a3 += tap * dw_value(p + 3 * step, n, act);
            p += s->dilation * s->c;
        }
    }
    pr_store_n(y_out, a0, n);
    pr_store_n(y_out + s->c, a1, n);
    pr_store_n(y_out + 2 * s->c, a2, n);
    pr_store_n(y_out + 3 * s->c, a3, n);
}

PR_INLINE void dw_any_tile(const pr__dw_shape *s, const float *in, const float *taps,
                           const dw_tile *tile, int64_t k, int n, bool act, float *out)
{
    for (int64_t y = tile->y0; y < tile->y1; y++) {
        float *const row = out + y * s->w_out * s->c;
        for (int64_t x = tile->x0; x < tile->x1;) {
            const bool inside = x + DW_AT_ONCE <= tile->x1 && dw_col_read(s, x, 0) >= 0 &&
                                dw_col_read(s, x + DW_AT_ONCE - 1, k - 1) < s->w;
            if (inside) {
                dw_any_four(s, in, taps, y, x, k, n, act, row + x * s->c);
                x += DW_AT_ONCE;
            } else {
                pr_store_n(row + x * s->c, dw_any_one(s, in, taps, y, x, k, n, act), n);
                x++;
            }
        }
    }
}

/* One tile's sixteen channels, with what is constant in a network as constants. */
static void dw_any_forward_part(const pr__dw_shape *s, const float *in, const float *taps,
                                const dw_tile *tile, int n, float *out)
{
    if (n == PR_LANES && !s->relu && s->kernel == 5) {
        dw_any_tile(s, in, taps, tile, 5, PR_LANES, false, out);
    } else if (n == PR_LANES && !s->relu && s->kernel == 3) {
        dw_any_tile(s, in, taps, tile, 3, PR_LANES, false, out);
    } else {
        dw_any_tile(s, in, taps, tile, s->kernel, n, s->relu, out);
    }
}

/* What TILE of the output, the next one, reads of the input and its predecessors did not. */
static dw_tile dw_any_area(const pr__dw_shape *s, const dw_tile *tile)
{
    dw_tile area = *tile;
    if (tile->y1 == 0) {
        return area;
    }
    const int64_t last = s->kernel - 1;
    area.y0 = tile->y0 == 0 ? 0 : dw_min(dw_row_read(s, tile->y0 - 1, last) + 1, s->h);
    area.y1 = dw_min(dw_row_read(s, tile->y1 - 1, last) + 1, s->h);
    area.x0 = dw_min(tile->x0 * s->stride, s->w);
    area.x1 = dw_min(tile->x1 * s->stride, s->w);
    return area;
}

static void dw_forward_any(const pr__dw_shape *s, const float *x, const float *taps, float *y)
{
    const dw_grid from = dw_grid_in(s);
    const dw_grid grid = dw_grid_out(s);
    const bool is_far = dw_is_far(&from);
    for (int64_t i = 0; i < dw_n_tiles(&grid); i++) {
        const dw_tile tile = dw_tile_at(&grid, i);
        const dw_tile next = dw_tile_at(&grid, i + 1);
        const dw_tile area = dw_any_area(s, &next);
        const float *const in = x + tile.image * s->h * s->w * s->c;
        float *const out = y + tile.image * s->h_out * s->w_out * s->c;
        for (int64_t c = 0; c < s->c; c += PR_LANES) {
            if (is_far) {
                dw_fetch_area(&from, x, &area, c, 0);
                dw_fetch_area(&grid, y, &next, c, 1);
            }
            dw_any_forward_part(s, in + c, taps + c, &tile, (int)dw_min(PR_LANES, s->c - c),
                                out + c);
        }
    }
}

/*
 * The output pixel that reads COL (of the input, or row) through tap number K, or -1: where that
 * tap of no window stands on it.
 */
static int64_t dw_reader(int64_t col, int64_t pad, int64_t k, const pr__dw_shape *s, int64_t n_out)
{
    const int64_t at = col + pad - k * s->dilation;
    return at >= 0 && at % s->stride == 0 && at / s->stride < n_out ? at / s->stride : -1;
}

/* The data gradient of one input pixel. */
PR_INLINE pr_f32x16 dw_any_grad_one(const pr__dw_shape *s, const float *dy, const float *taps,
                                    int64_t y, int64_t x, int64_t k, int n)
{
    pr_f32x16 sum = {0};
    for (int64_t ky = 0; ky < k; ky++) {
        const int64_t out_y = dw_reader(y, s->pad_y, ky, s, s->h_out);
        for (int64_t kx = 0; out_y >= 0 && kx < k; kx++) {
            const int64_t out_x = dw_reader(x, s->pad_x, kx, s, s->w_out);
            if (out_x >= 0) {
                sum += pr_load_n(taps + (ky * k + kx) * s->c, n) *
                       pr_load_n(dy + (out_y * s->w_out + out_x) * s->c, n);
            }
        }
    }
    return sum;
}

/* Of four input pixels X, X + stride, ..., whose readers are neighbours and all inside. */
PR_INLINE void dw_any_grad_four(const pr__dw_shape *s, const float *dy, const float *taps,
                                int64_t y, int64_t x, int64_t k, int n, pr_f32x16 sum[DW_AT_ONCE])
{
    pr_f32x16 a0 = {0};
    pr_f32x16 a1 = {0};
    pr_f32x16 a2 = {0};
    pr_f32x16 a3 = {0};
    const int64_t first = (x + s->pad_x) % s->stride;
    for (int64_t ky = 0; ky < k; ky++) {
        const int64_t out_y = dw_reader(y, s->pad_y, ky, s, s->h_out);
        if (out_y < 0) {
            continue;
        }
        const float *p = dy + (out_y * s->w_out + (x + s->pad_x - first) / s->stride) * s->c;
        for (int64_t kx = first; kx < k; kx += s->stride) {
            const pr_f32x16 tap = pr_load_n(taps + (ky * k + kx) * s->c, n);
            a0 += tap * pr_load_n(p, n);
            a1 += tap * pr_load_n(p + s->c, n);
            a2 += tap * pr_load_n(p + 2 * s->c, n);
            a3 += tap * pr_load_n(p + 3 * s->c, n);
            p -= s->c;
        }
    }
    sum[0] = a0;
    sum[1] = a1;
    sum[2] = a2;
    sum[3] = a3;
}

PR_INLINE void dw_any_give(const float *in, pr_f32x16 g, int n, bool act, bool add, float *dx)
{
    if (act) {
        g = pr_keep(pr_load_n(in, n) > (pr_f32x16){0}, g);
    }
    pr_store_n(dx, add ? pr_load_n(dx, n) + g : g, n);
}

/* Pixels of one row that leave the same rest when divided by the stride, from X on. */
PR_INLINE void dw_any_grad_row(const pr__dw_shape *s, const float *in, const float *taps,
                               const float *dy, int64_t y, int64_t x, int64_t x1, int64_t k, int n,
                               bool act, bool add, float *dx)
{
    const int64_t first = (x + s->pad_x) % s->stride;
    const int64_t last = (k - 1 - first) / s->stride; /* readers before the first tap's */
    const int64_t reach = (DW_AT_ONCE - 1) * s->stride;
    while (x < x1) {
        const int64_t out_x = (x + s->pad_x - first) / s->stride;
        const int64_t at = (y * s->w + x) * s->c;
        const bool inside = s->dilation == 1 && x + reach < x1 && out_x - last >= 0 &&
                            out_x + DW_AT_ONCE <= s->w_out && first < k;
        if (!inside) {
            dw_any_give(in + at, dw_any_grad_one(s, dy, taps, y, x, k, n), n, act, add, dx + at);
            x += s->stride;
            continue;
        }
        pr_f32x16 sum[DW_AT_ONCE];
        dw_any_grad_four(s, dy, taps, y, x, k, n, sum);
        for (int i = 0; i < DW_AT_ONCE; i++) {
            const int64_t to = at + i * s->stride * s->c;
            dw_any_give(in + to, sum[i], n, act, add, dx + to);
        }
        x += reach + s->stride;
    }
}

PR_INLINE void dw_any_grad_tile(const pr__dw_shape *s, const float *in, const float *taps,
                                const float *dy, const dw_tile *tile, int64_t k, int n, bool act,
                                bool add, float *dx)
{
    for (int64_t y = tile->y0; y < tile->y1; y++) {
        for (int64_t rest = 0; rest < s->stride && tile->x0 + rest < tile->x1; rest++) {
            dw_any_grad_row(s, in, taps, dy, y, tile->x0 + rest, tile->x1, k, n, act, add, dx);
        }
    }
}

static void dw_any_grad_part(const pr__dw_shape *s, const float *in, const float *taps,
                             const float *dy, const dw_tile *tile, int n, bool add, float *dx)
{
    if (n == PR_LANES && !s->relu && !add && s->kernel == 5) {
        dw_any_grad_tile(s, in, taps, dy, tile, 5, PR_LANES, false, false, dx);
    } else if (n == PR_LANES && !s->relu && !add && s->kernel == 3) {
        dw_any_grad_tile(s, in, taps, dy, tile, 3, PR_LANES, false, false, dx);
    } else {
        dw_any_grad_tile(s, in, taps, dy, tile, s->kernel, n, s->relu, add, dx);
    }
}

static void dw_data_grad_any(const pr__dw_shape *s, const float *x, const float *taps,
                             const float *dy, float *dx, bool add)
{
    const dw_grid grid = dw_grid_in(s);
    for (int64_t i = 0; i < dw_n_tiles(&grid); i++) {
        const dw_tile tile = dw_tile_at(&grid, i);
        const int64_t at = tile.image * s->h * s->w * s->c;
        const float *const from = dy + tile.image * s->h_out * s->w_out * s->c;
        for (int64_t c = 0; c < s->c; c += PR_LANES) {
            dw_any_grad_part(s, x + at + c, taps + c, from + c, &tile,
                             (int)dw_min(PR_LANES, s->c - c), add, dx + at + c);
        }
    }
}

/* COL of a row of the input, zeros beside the map. */
PR_INLINE pr_f32x16 dw_any_read(const pr__dw_shape *s, const float *row, int64_t x, int n, bool act)
{
    return x < 0 || x >= s->w ? (pr_f32x16){0} : dw_value(row + x * s->c, n, act);
}

/* Sums of one row of taps, from tap KX0 on, over the pixels of one output row: up to five taps. */
PR_INLINE void dw_any_weight_row(const pr__dw_shape *s, const float *row, const float *dy,
                                 int64_t x0, int64_t x1, int64_t kx0, int64_t n_taps, int n,
                                 bool act, pr_f32x16 sums[DW_WIDEST_ROW])
{
    pr_f32x16 t0 = sums[0];
    pr_f32x16 t1 = sums[1];
    pr_f32x16 t2 = sums[2];
    pr_f32x16 t3 = sums[3];
    pr_f32x16 t4 = sums[4];
    for (int64_t x = x0; x < x1; x++) {
        const pr_f32x16 g = pr_load_n(dy + x * s->c, n);
        const int64_t at = dw_col_read(s, x, kx0);
        t0 += g * dw_any_read(s, row, at, n, act);
        if (n_taps > 1) {
            t1 += g * dw_any_read(s, row, at + s->dilation, n, act);
        }
        if (n_taps > 2) {
            t2 += g * dw_any_read(s, row, at + 2 * s->dilation, n, act);
        }
        if (n_taps > 3) {
            t3 += g * dw_any_read(s, row, at + 3 * s->dilation, n, act);
        }
        if (n_taps > 4) {
            t4 += g * dw_any_read(s, row, at + 4 * s->dilation, n, act);
        }
    }
    sums[0] = t0;
    sums[1] = t1;
    sums[2] = t2;
    sums[3] = t3;
    sums[4] = t4;
}

/* TILE is one of the output. */
PR_INLINE void dw_any_weight_tile(const pr__dw_shape *s, const float *in, const float *dy,
                                  const dw_tile *tile, int64_t k, int n, bool act, double *d_taps)
{
    for (int64_t tap = 0; tap<k * k; tap += k> DW_WIDEST_ROW ? 1 : k) {
        const int64_t n_taps = k > DW_WIDEST_ROW ? 1 : k;
        pr_f32x16 sums[DW_WIDEST_ROW] = {{0}};
        for (int64_t out_y = tile->y0; out_y < tile->y1; out_y++) {
            const int64_t y = dw_row_read(s, out_y, tap / k);
            if (y >= 0 && y < s->h) {
                dw_any_weight_row(s, in + y * s->w * s->c, dy + out_y * s->w_out * s->c, tile->x0,
                                  tile->x1, tap % k, n_taps, n, act, sums);
            }
        }
        for (int64_t i = 0; i < n_taps; i++) {
            dw_flush(d_taps + (tap + i) * s->c, sums[i], n);
        }
    }
}

static void dw_any_weight_part(const pr__dw_shape *s, const float *in, const float *dy,
                               const dw_tile *tile, int n, double *d_taps)
{
    if (n == PR_LANES && !s->relu && s->kernel == 5) {
        dw_any_weight_tile(s, in, dy, tile, 5, PR_LANES, false, d_taps);
    } else if (n == PR_LANES && !s->relu && s->kernel == 3) {
        dw_any_weight_tile(s, in, dy, tile, 3, PR_LANES, false, d_taps);
    } else {
        dw_any_weight_tile(s, in, dy, tile, s->kernel, n, s->relu, d_taps);
    }
}

static void dw_weight_grad_any(const pr__dw_shape *s, const float *x, const float *dy,
                               double *d_taps)
{
    const dw_grid from = dw_grid_in(s);
    const dw_grid grid = dw_grid_out(s);
    const bool is_far = dw_is_far(&from);
    for (int64_t i = 0; i < dw_n_tiles(&grid); i++) {
        const dw_tile tile = dw_tile_at(&grid, i);
        const dw_tile next = dw_tile_at(&grid, i + 1);
        const dw_tile area = dw_any_area(s, &next);
        const float *const in = x + tile.image * s->h * s->w * s->c;
        const float *const grad = dy + tile.image * s->h_out * s->w_out * s->c;
        for (int64_t c = 0; c < s->c; c += PR_LANES) {
            if (is_far) {
                dw_fetch_area(&from, x, &area, c, 0);
            }
            dw_any_weight_part(s, in + c, grad + c, &tile, (int)dw_min(PR_LANES, s->c - c),
                               d_taps + c);
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
        return;
    }
    if (dx != NULL) {
        dw_data_grad_any(s, x, taps, dy, dx, add);
    }
    if (d_taps != NULL) {
        dw_weight_grad_any(s, x, dy, d_taps);
    }
}

#endif
