#include "dataset/normalise.h"

#include "dataset/simd.h"

#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

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

static void write_past_caches(const float *from, int n, float *to)
{
#if defined(__x86_64__)
    const int n_head = (int)((16U - (uintptr_t)to % 16U) % 16U / sizeof(float));
    int k = n_head < n ? n_head : n;
    memcpy(to, from, (size_t)k * sizeof(float));
    for (; k + 4 <= n; k += 4) {
        _mm_stream_ps(to + k, _mm_loadu_ps(from + k));
    }
    memcpy(to + k, from + k, (size_t)(n - k) * sizeof(float));
#else
    memcpy(to, from, (size_t)n * sizeof(float));
#endif
}

void pr__normalise(const pr__normaliser *normaliser, const pr_planes *planes, float *image)
{
    uint8_t rgb[3 * PR__NORMALISE_PX];
    float floats[3 * PR__NORMALISE_PX];
    for (int64_t i = 0; i < planes->n; i += PR__NORMALISE_PX) {
        const int64_t left = planes->n - i;
        const int n = left < PR__NORMALISE_PX ? (int)left : PR__NORMALISE_PX;
        join(planes->r + i, planes->g + i, planes->b + i, n, rgb);
        to_floats(rgb, normaliser->scale, normaliser->shift, 3 * n, floats);
        write_past_caches(floats, 3 * n, image + 3 * i);
    }
#if defined(__x86_64__)
    _mm_sfence(); /* such writes are not ordered with the lock that hands the view over */
#endif
}
