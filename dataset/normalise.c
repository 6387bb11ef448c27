#include "dataset/normalise.h"

#include "dataset/simd.h"

enum { CHUNK = PR__NORMALISE_PX, N = 16 };

void pr__normaliser_make(const double mean[3], const double std[3], pr__normaliser *out)
{
    for (int k = 0; k < 3 * CHUNK; k++) {
        const int c = k % 3;
        out->of_byte[k] = (float)(1.0 / (255.0 * std[c]));
        out->of_level[k] = (float)(1.0 / (255.0 * PR_LEVEL_ONE * std[c]));
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

void pr__normalise(const pr__normaliser *normaliser, const pr_planes *planes, float *image)
{
    uint8_t rgb[3 * PR__NORMALISE_PX];
    for (int64_t i = 0; i < planes->n; i += PR__NORMALISE_PX) {
        const int64_t left = planes->n - i;
        const int n = left < PR__NORMALISE_PX ? (int)left : PR__NORMALISE_PX;
        join(planes->r + i, planes->g + i, planes->b + i, n, rgb);
        to_floats(rgb, normaliser->of_byte, normaliser->shift, 3 * n, image + 3 * i);
    }
}

static void levels_plain(const pr__normaliser *normaliser, const pr_levels *levels, int n_pixels,
                         float *image)
{
    const size_t n = (size_t)levels->n;
    for (size_t i = 0; i < (size_t)n_pixels; i++) {
        for (size_t c = 0; c < 3; c++) {
            image[3 * i + c] =
                (float)levels->level[c * n + i] * normaliser->of_level[c] + normaliser->shift[c];
        }
    }
}

#if defined(PR__WIDE)
/* Where the eight values of a colour go among 24: no two to the same place of a vector, so that one
   shuffle a colour and then blends interleave them. */
#define PR__PLACES(a, b, c, d, e, f, g, h)                                                         \
    _mm256_setr_epi8(                                                                              \
        2 * (a), 2 * (a) + 1, 2 * (b), 2 * (b) + 1, 2 * (c), 2 * (c) + 1, 2 * (d), 2 * (d) + 1,    \
        2 * (e), 2 * (e) + 1, 2 * (f), 2 * (f) + 1, 2 * (g), 2 * (g) + 1, 2 * (h), 2 * (h) + 1,    \
        2 * (a), 2 * (a) + 1, 2 * (b), 2 * (b) + 1, 2 * (c), 2 * (c) + 1, 2 * (d), 2 * (d) + 1,    \
        2 * (e), 2 * (e) + 1, 2 * (f), 2 * (f) + 1, 2 * (g), 2 * (g) + 1, 2 * (h), 2 * (h) + 1)

PR__WIDE PR__INLINE void eight_floats(__m128i levels, const float *scale, const float *shift,
                                      float *out)
{
    const __m256 level = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(levels));
    const __m256 product = _mm256_mul_ps(level, _mm256_loadu_ps(scale));
    _mm256_storeu_ps(out, _mm256_add_ps(product, _mm256_loadu_ps(shift)));
}

/* 16 pixels: those of the lower halves, then those of the upper halves. */
PR__WIDE PR__INLINE void chunk_wide(const pr__normaliser *normaliser, const uint16_t *level,
                                    size_t n, float *out)
{
    const __m256i r = _mm256_shuffle_epi8(pr__load(level), PR__PLACES(0, 3, 6, 1, 4, 7, 2, 5));
    const __m256i g = _mm256_shuffle_epi8(pr__load(level + n), PR__PLACES(5, 0, 3, 6, 1, 4, 7, 2));
    const __m256i b =
        _mm256_shuffle_epi8(pr__load(level + 2 * n), PR__PLACES(2, 5, 0, 3, 6, 1, 4, 7));
    const __m256i part[3] = {
        _mm256_blend_epi16(_mm256_blend_epi16(r, g, 0x92), b, 0x24),
        _mm256_blend_epi16(_mm256_blend_epi16(r, g, 0x24), b, 0x49),
        _mm256_blend_epi16(_mm256_blend_epi16(r, g, 0x49), b, 0x92),
    };
    const float *scale = normaliser->of_level;
    const float *shift = normaliser->shift;
    for (size_t k = 0; k < 3; k++) {
        eight_floats(_mm256_castsi256_si128(part[k]), scale + 8 * k, shift + 8 * k, out + 8 * k);
    }
    for (size_t k = 0; k < 3; k++) {
        eight_floats(_mm256_extracti128_si256(part[k], 1), scale + 8 * k, shift + 8 * k,
                     out + 24 + 8 * k);
    }
}

/* The last pixels are done with some before them once more. */
PR__WIDE static void levels_wide(const pr__normaliser *normaliser, const pr_levels *levels,
                                 int n_pixels, float *image)
{
    const size_t n = (size_t)levels->n;
    for (int i = 0; i < n_pixels; i += N) {
        const size_t at = (size_t)(i + N <= n_pixels ? i : n_pixels - N);
        chunk_wide(normaliser, levels->level + at, n, image + 3 * at);
    }
}
#endif

void pr__normalise_levels(const pr__normaliser *normaliser, const pr_levels *levels, int n_pixels,
                          float *image)
{
#if defined(PR__WIDE)
    if (n_pixels >= N && pr__simd_is_wide()) {
        levels_wide(normaliser, levels, n_pixels, image);
        return;
    }
#endif
    levels_plain(normaliser, levels, n_pixels, image);
}
