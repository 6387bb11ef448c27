#include "dataset/normalise.h"

#include "dataset/simd.h"

void pr__normaliser_make(const double mean[3], const double std[3], pr__normaliser *out)
{
    for (int k = 0; k < 3 * PR__NORMALISE_PX; k++) {
        const int c = k % 3;
        out->scale[k] = (float)(1.0 / (255.0 * std[c]));
        out->shift[k] = (float)(-mean[c] / std[c]);
    }
}

PR__BODY join_body(const uint8_t *restrict r, const uint8_t *restrict g, const uint8_t *restrict b,
                   int n, uint8_t *restrict rgb)
{
    for (size_t i = 0; i < (size_t)n; i++) {
        rgb[3 * i] = r[i];
        rgb[3 * i + 1] = g[i];
        rgb[3 * i + 2] = b[i];
    }
}
PR__KERNEL(join,
           (const uint8_t *restrict r, const uint8_t *restrict g, const uint8_t *restrict b, int n,
            uint8_t *restrict rgb),
           (r, g, b, n, rgb))

PR__BODY to_floats_body(const uint8_t *restrict rgb, const float *restrict scale,
                        const float *restrict shift, int n, float *restrict out)
{
    for (int k = 0; k < n; k++) {
        out[k] = (float)rgb[k] * scale[k] + shift[k];
    }
}
PR__KERNEL(to_floats,
           (const uint8_t *restrict rgb, const float *restrict scale, const float *restrict shift,
            int n, float *restrict out),
           (rgb, scale, shift, n, out))

/* Writing past the caches (movntps) made views 8 to 12 % slower in the loader, and is not done. */
void pr__normalise(const pr__normaliser *normaliser, const pr_planes *planes, float *image)
{
    uint8_t rgb[3 * PR__NORMALISE_PX];
    for (int64_t i = 0; i < planes->n; i += PR__NORMALISE_PX) {
        const int64_t left = planes->n - i;
        const int n = left < PR__NORMALISE_PX ? (int)left : PR__NORMALISE_PX;
        join(planes->r + i, planes->g + i, planes->b + i, n, rgb);
        to_floats(rgb, normaliser->scale, normaliser->shift, 3 * n, image + 3 * i);
    }
}
