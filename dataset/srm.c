#include "dataset/srm.h"

#include "dataset/simd.h"

#include <string.h>

enum { PAD = 2, PADS = 4 };

size_t pr_srm_scratch(int px)
{
    const size_t side = (size_t)px + PADS;
    return side * side;
}

PR__BODY sum_body(const float *restrict rgb, int n, float *restrict sum)
{
    for (size_t i = 0; i < (size_t)n; i++) {
        sum[i] = rgb[3 * i] + rgb[3 * i + 1] + rgb[3 * i + 2];
    }
}
PR__KERNEL(sum, (const float *restrict rgb, int n, float *restrict sum), (rgb, n, sum))

/*
 * One row: S is the padded plane at the row's first pixel, STEP floats a row. With a, b, c the sums
 * over columns +-2, +-1, 0 and 2, 1, 0 those over rows, the largest filter is
 *    -1  2 -2  2 -1
 *     2 -6  8 -6  2
 *    -2  8 -12 8 -2   and so on, symmetric.
 */
PR__BODY filter_body(const float *restrict s, size_t step, int n, float *restrict rgb)
{
    for (size_t i = 0; i < (size_t)n; i++) {
        const float *const p = s + i;
        const float a0 = p[-2] + p[2];
        const float b0 = p[-1] + p[1];
        const float c0 = p[0];
        const float *const up = p - step;
        const float *const down = p + step;
        const float a1 = (up[-2] + up[2]) + (down[-2] + down[2]);
        const float b1 = (up[-1] + up[1]) + (down[-1] + down[1]);
        const float c1 = up[0] + down[0];
        const float *const top = up - step;
        const float *const low = down + step;
        const float a2 = (top[-2] + top[2]) + (low[-2] + low[2]);
        const float b2 = (top[-1] + top[1]) + (low[-1] + low[1]);
        const float c2 = top[0] + low[0];
        const float across = b0 - 2.0F * c0;
        const float square = 2.0F * (b0 + c1) - b1 - 4.0F * c0;
        const float large = (2.0F * b2 - a2 - 2.0F * c2) + (2.0F * a1 - 6.0F * b1 + 8.0F * c1) +
                            (8.0F * b0 - 2.0F * a0 - 12.0F * c0);
        rgb[3 * i] += across * 0.5F;
        rgb[3 * i + 1] += square * 0.25F;
        rgb[3 * i + 2] += large / 12.0F;
    }
}
PR__KERNEL(filter, (const float *restrict s, size_t step, int n, float *restrict rgb),
           (s, step, n, rgb))

void pr_srm_add(int px, float *image, float *scratch)
{
    const size_t step = (size_t)px + PADS;
    memset(scratch, 0, step * step * sizeof(*scratch));
    float *const first = scratch + PAD * step + PAD;
    for (int y = 0; y < px; y++) {
        sum(image + (size_t)y * (size_t)px * 3, px, first + (size_t)y * step);
    }
    for (int y = 0; y < px; y++) {
        filter(first + (size_t)y * step, step, px, image + (size_t)y * (size_t)px * 3);
    }
}
