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

/*
 * A map is worked through in tiles of a few rows and columns, each for all its channels before the
 * next: sixteen channels of a whole row are one cache line in many, which the processor fetches
 * ahead badly, while a tile's lines lie side by side. A grid is the map that tiles are cut from.
 */
enum { DW_TILE_ROWS = 4, DW_TILE_COLS = 24, DW_NEAR_ELEMENTS = 262144 };

typedef struct dw_grid {
    int64_t n, h, w, c;
} dw_grid;

static dw_grid dw_grid_in(const pr__dw_shape *s)
{
    return (dw_grid){s->n, s->h, s->w, s->c};
}

/* Rows [y0, y1) and columns [x0, x1) of an image. */
typedef struct dw_tile {
    int64_t image, y0, y1, x0, x1;
} dw_tile;

static bool dw_is_3x3(const pr__dw_shape *s)
{
    return s->kernel == 3 && s->stride == 1 && s->pad_y == 1 && s->pad_x == 1 && s->dilation == 1 &&
           s->h_out == s->h && s->w_out == s->w;
}

static int64_t dw_tile_cols(int64_t w)
{
    const int64_t n_tiles = (w + DW_TILE_COLS - 1) / DW_TILE_COLS;
    return (w + n_tiles - 1) / n_tiles;
}

static int64_t dw_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Tile number I of all images; past the last, one without rows. */
static dw_tile dw_tile_at(const dw_grid *s, int64_t i)
{
    const int64_t n_cols = dw_tile_cols(s->w);
    const int64_t n_across = (s->w + n_cols - 1) / n_cols;
    const int64_t n_down = (s->h + DW_TILE_ROWS - 1) / DW_TILE_ROWS;
    if (i >= s->n * n_down * n_across) {
        return (dw_tile){0, 0, 0, 0, 0};
    }
    const int64_t y0 = i / n_across % n_down * DW_TILE_ROWS;
    const int64_t x0 = i % n_across * n_cols;
    return (dw_tile){i / (n_across * n_down), y0, dw_min(y0 + DW_TILE_ROWS, s->h), x0,
                     dw_min(x0 + n_cols, s->w)};
}

/* Whether a map is too large to be in the second cache anyway, so that fetching ahead pays. */
static bool dw_is_far(const dw_grid *s)
{
    return s->n * s->h * s->w * s->c > DW_NEAR_ELEMENTS;
}

static int64_t dw_n_tiles(const dw_grid *s)
{
    const int64_t n_cols = dw_tile_cols(s->w);
    return s->n * ((s->h + DW_TILE_ROWS - 1) / DW_TILE_ROWS) * ((s->w + n_cols - 1) / n_cols);
}

/*
 * Fetches the share of channels from C on of AREA of MAP: line by line in the order of addresses,
 * while sixteen channels of the tile before are computed. Twice as fast on maps that are in no
 * cache.
 */
PR_INLINE void dw_fetch_area(const dw_grid *s, const float *map, const dw_tile *tile, int64_t c,
                             int writes)
{
    const int64_t n_row = (tile->x1 - tile->x0) * s->c;
    const int64_t n_parts = (s->c + PR_LANES - 1) / PR_LANES;
    const int64_t n_share = (n_row / n_parts + PR_LANES) / PR_LANES * PR_LANES;
    const int64_t first = c / PR_LANES * n_share;
    const int64_t last = dw_min(first + n_share, n_row);
    for (int64_t y = tile->y0; y < tile->y1; y++) {
        const float *const row = map + ((tile->image * s->h + y) * s->w + tile->x0) * s->c;
        for (int64_t i = first; i < last; i += PR_LANES) {
            if (writes) {
                __builtin_prefetch(row + i, 1, 2);
            } else {
                __builtin_prefetch(row + i, 0, 2);
            }
        }
    }
}

/* What TILE, the next one, reads of MAP and its predecessors did not; BELOW: how many rows under
 * the tile are read. */
PR_INLINE void dw_fetch(const dw_grid *s, const float *map, const dw_tile *tile, int64_t below,
                        int64_t c, int writes)
{
    dw_tile area = *tile;
    area.y0 = tile->y0 == 0 ? 0 : dw_min(tile->y0 + below, s->h);
    area.y1 = dw_min(tile->y1 + below, s->h);
    dw_fetch_area(s, map, &area, c, writes);
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

/* Column X of ROW, zeros beside the map of W columns. */
PR_INLINE pr_f32x16 dw_read(const dw_row *row, int64_t x, int64_t w, int n, bool with_relu)
{
    if (x < 0 || x >= w) {
        return (pr_f32x16){0};
    }
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
PR_INLINE void dw_forward_rows(const dw_row r[4], const pr_f32x16 t[9], const dw_tile *tile,
                               int64_t w, int64_t c, int n, bool act, float *y0, float *y1)
{
    pr_f32x16 a0 = dw_read(&r[0], tile->x0 - 1, w, n, act);
    pr_f32x16 b0 = dw_read(&r[1], tile->x0 - 1, w, n, act);
    pr_f32x16 d0 = dw_read(&r[2], tile->x0 - 1, w, n, act);
    pr_f32x16 e0 = dw_read(&r[3], tile->x0 - 1, w, n, act);
    pr_f32x16 a1 = dw_read(&r[0], tile->x0, w, n, act);
    pr_f32x16 b1 = dw_read(&r[1], tile->x0, w, n, act);
    pr_f32x16 d1 = dw_read(&r[2], tile->x0, w, n, act);
    pr_f32x16 e1 = dw_read(&r[3], tile->x0, w, n, act);
    for (int64_t x = tile->x0; x < tile->x1; x++) {
        const pr_f32x16 a2 = dw_read(&r[0], x + 1, w, n, act);
        const pr_f32x16 b2 = dw_read(&r[1], x + 1, w, n, act);
        const pr_f32x16 d2 = dw_read(&r[2], x + 1, w, n, act);
        const pr_f32x16 e2 = dw_read(&r[3], x + 1, w, n, act);
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

/* X, TAPS and Y begin at the first of N channels of one image. */
PR_INLINE void dw_forward_tile(const pr__dw_shape *s, const float *x, const float *taps,
                               const dw_tile *tile, int n, float *y)
{
    pr_f32x16 tap[9];
    dw_load_taps(taps, s->c, n, tap);
    for (int64_t oy = tile->y0; oy < tile->y1; oy += 2) {
        const dw_row rows[4] = {
            dw_row_at(x, oy - 1, s->h, s->w, s->c), dw_row_at(x, oy, s->h, s->w, s->c),
            dw_row_at(x, oy + 1, s->h, s->w, s->c), dw_row_at(x, oy + 2, s->h, s->w, s->c)};
        float *y0 = y + oy * s->w * s->c;
        float *y1 = oy + 1 < tile->y1 ? y0 + s->w * s->c : NULL;
        if (s->relu) {
            dw_forward_rows(rows, tap, tile, s->w, s->c, n, true, y0, y1);
        } else {
            dw_forward_rows(rows, tap, tile, s->w, s->c, n, false, y0, y1);
        }
    }
}

static void dw_forward_3x3(const pr__dw_shape *s, const float *x, const float *taps, float *y)
{
    const dw_grid grid = dw_grid_in(s);
    const bool is_far = dw_is_far(&grid);
    for (int64_t i = 0; i < dw_n_tiles(&grid); i++) {
        const dw_tile tile = dw_tile_at(&grid, i);
        const dw_tile next = dw_tile_at(&grid, i + 1);
        for (int64_t c = 0; c < s->c; c += PR_LANES) {
            const int64_t at = tile.image * s->h * s->w * s->c + c;
            if (is_far) {
                dw_fetch(&grid, x, &next, 1, c, 0);
                dw_fetch(&grid, y, &next, 0, c, 1);
            }
            if (c + PR_LANES <= s->c) {
                dw_forward_tile(s, x + at, taps + c, &tile, PR_LANES, y + at);
            } else {
                dw_forward_tile(s, x + at, taps + c, &tile, (int)(s->c - c), y + at);
            }
        }
    }
}

/* The sums of one tile's filter gradient, by tap. */
typedef struct dw_sums {
    pr_f32x16 t00, t01, t02, t10, t11, t12, t20, t21, t22;
} dw_sums;

/*
 * One row of the data gradient and its share of the filter's. Both are sums over the same window of
 * dy: output pixel (y + 1 - ky, x + 1 - kx) read input pixel (y, x) through tap (ky, kx). R holds
 * the rows y - 1, y, y + 1 of dy. DX may be NULL.
 */
PR_INLINE void dw_backward_row(const dw_row r[3], const pr_f32x16 tap[9], const float *in,
                               const dw_tile *tile, int64_t w, int64_t c, int n, bool act, bool add,
                               float *dx, dw_sums *sums)
{
    dw_sums t = *sums;
    pr_f32x16 a0 = dw_read(&r[0], tile->x0 - 1, w, n, false);
    pr_f32x16 b0 = dw_read(&r[1], tile->x0 - 1, w, n, false);
    pr_f32x16 d0 = dw_read(&r[2], tile->x0 - 1, w, n, false);
    pr_f32x16 a1 = dw_read(&r[0], tile->x0, w, n, false);
    pr_f32x16 b1 = dw_read(&r[1], tile->x0, w, n, false);
    pr_f32x16 d1 = dw_read(&r[2], tile->x0, w, n, false);
    for (int64_t x = tile->x0; x < tile->x1; x++) {
        const pr_f32x16 a2 = dw_read(&r[0], x + 1, w, n, false);
        const pr_f32x16 b2 = dw_read(&r[1], x + 1, w, n, false);
        const pr_f32x16 d2 = dw_read(&r[2], x + 1, w, n, false);
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
    if (n == PR_LANES) {
        pr_add_f64(d_taps, pr_widen_low(sum), pr_widen_high(sum));
        return;
    }
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

/* X, TAPS, DY, DX and D_TAPS begin at the first of N channels of one image. */
PR_INLINE void dw_backward_tile(const pr__dw_shape *s, const float *x, const float *taps,
                                const float *dy, const dw_tile *tile, int n, bool add, float *dx,
                                double *d_taps)
{
    pr_f32x16 tap[9];
    dw_load_taps(taps, s->c, n, tap);
    dw_sums sums = {0};
    for (int64_t y = tile->y0; y < tile->y1; y++) {
        const dw_row rows[3] = {dw_row_at(dy, y - 1, s->h, s->w, s->c),
                                dw_row_at(dy, y, s->h, s->w, s->c),
                                dw_row_at(dy, y + 1, s->h, s->w, s->c)};
        const float *in = x + y * s->w * s->c;
        float *out = dx == NULL ? NULL : dx + y * s->w * s->c;
        if (s->relu && add) {
            dw_backward_row(rows, tap, in, tile, s->w, s->c, n, true, true, out, &sums);
        } else if (s->relu) {
            dw_backward_row(rows, tap, in, tile, s->w, s->c, n, true, false, out, &sums);
        } else if (add) {
            dw_backward_row(rows, tap, in, tile, s->w, s->c, n, false, true, out, &sums);
        } else {
            dw_backward_row(rows, tap, in, tile, s->w, s->c, n, false, false, out, &sums);
        }
    }
    if (d_taps != NULL) {
        dw_flush_all(d_taps, &sums, s->c, n);
    }
}

static void dw_backward_3x3(const pr__dw_shape *s, const float *x, const float *taps,
                            const float *dy, float *dx, bool add, double *d_taps)
{
    const dw_grid grid = dw_grid_in(s);
    const bool is_far = dw_is_far(&grid);
    for (int64_t i = 0; i < dw_n_tiles(&grid); i++) {
        const dw_tile tile = dw_tile_at(&grid, i);
        const dw_tile next = dw_tile_at(&grid, i + 1);
        for (int64_t c = 0; c < s->c; c += PR_LANES) {
            const int64_t at = tile.image * s->h * s->w * s->c + c;
            float *const to = dx == NULL ? NULL : dx + at;
            double *const d = d_taps == NULL ? NULL : d_taps + c;
            if (is_far) {
                dw_fetch(&grid, x, &next, 0, c, 0);
                dw_fetch(&grid, dy, &next, 1, c, 0);
            }
            if (is_far && dx != NULL) {
                dw_fetch(&grid, dx, &next, 0, c, 1);
            }
            if (c + PR_LANES <= s->c) {
                dw_backward_tile(s, x + at, taps + c, dy + at, &tile, PR_LANES, add, to, d);
            } else {
                dw_backward_tile(s, x + at, taps + c, dy + at, &tile, (int)(s->c - c), add, to, d);
            }
        }
    }
}

#endif
