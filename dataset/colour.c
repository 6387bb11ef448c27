#include "dataset/colour.h"

#include "dataset/simd.h"

#include <math.h>

enum { ONE = 65536 }; /* a factor of 1; factors of up to 64 keep 255 f within 31 bits */

static int32_t fixed(double factor)
{
    return (int32_t)floor(factor * (double)ONE + 0.5);
}

/* V is in 1/65536 grey level, with the half for rounding added already. */
static inline uint8_t to_byte(int32_t v)
{
    const int32_t level = (v > 0 ? v : 0) >> 16;
    return (uint8_t)(level < 255 ? level : 255);
}

static inline int32_t grey_of(uint8_t r, uint8_t g, uint8_t b)
{
    return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
}

PR__BODY scale_body(uint8_t *restrict p, int64_t n, int32_t factor, int32_t add)
{
    for (int64_t i = 0; i < n; i++) {
        p[i] = to_byte(p[i] * factor + add);
    }
}
PR__KERNEL(scale, (uint8_t *restrict p, int64_t n, int32_t factor, int32_t add),
           (p, n, factor, add))

static void scale_all(const pr_planes *planes, int32_t factor, int32_t add)
{
    scale(planes->r, planes->n, factor, add);
    scale(planes->g, planes->n, factor, add);
    scale(planes->b, planes->n, factor, add);
}

void pr_colour_brightness(const pr_planes *planes, double factor)
{
    scale_all(planes, fixed(factor), ONE / 2);
}

/* A block's sum stays within 32 bits, so that lanes are as narrow as that. */
enum { BLOCK = 1 << 16 };

PR__BODY grey_sum_body(const uint8_t *restrict r, const uint8_t *restrict g,
                       const uint8_t *restrict b, int64_t n, uint32_t *sum)
{
    uint32_t s = 0;
    for (int64_t i = 0; i < n; i++) {
        s += (uint32_t)grey_of(r[i], g[i], b[i]);
    }
    *sum = s;
}
PR__KERNEL(grey_sum,
           (const uint8_t *restrict r, const uint8_t *restrict g, const uint8_t *restrict b,
            int64_t n, uint32_t *sum),
           (r, g, b, n, sum))

int64_t pr_colour_grey_sum(const pr_planes *planes)
{
    int64_t total = 0;
    for (int64_t i = 0; i < planes->n; i += BLOCK) {
        const int64_t n = planes->n - i < BLOCK ? planes->n - i : BLOCK;
        uint32_t sum = 0;
        grey_sum(planes->r + i, planes->g + i, planes->b + i, n, &sum);
        total += (int64_t)sum;
    }
    return total;
}

void pr_colour_contrast(const pr_planes *planes, double factor, int64_t total, int64_t n_pixels)
{
    const int32_t f = fixed(factor);
    /* (1 - f) mean, rounded to 1/65536 grey level. */
    const double mean = (double)total / (double)n_pixels;
    const int32_t add = (int32_t)floor((double)(ONE - f) * mean + 0.5);
    scale_all(planes, f, add + ONE / 2);
}

PR__BODY saturate_body(uint8_t *restrict r, uint8_t *restrict g, uint8_t *restrict b, int64_t n,
                       int32_t factor)
{
    for (int64_t i = 0; i < n; i++) {
        const int32_t add = grey_of(r[i], g[i], b[i]) * (ONE - factor) + ONE / 2;
        r[i] = to_byte(r[i] * factor + add);
        g[i] = to_byte(g[i] * factor + add);
        b[i] = to_byte(b[i] * factor + add);
    }
}
PR__KERNEL(saturate,
           (uint8_t *restrict r, uint8_t *restrict g, uint8_t *restrict b, int64_t n,
            int32_t factor),
           (r, g, b, n, factor))

void pr_colour_saturation(const pr_planes *planes, double factor)
{
    saturate(planes->r, planes->g, planes->b, planes->n, fixed(factor));
}

static inline int16_t max_16(int16_t a, int16_t b)
{
    return a > b ? a : b;
}

static inline int16_t min_16(int16_t a, int16_t b)
{
    return a < b ? a : b;
}

/* Channel N of HSV's inverse: value - max(0, min(k, 4 c - k, c)), k = (n c + hue) mod 6 c. */
static inline uint8_t from_hue(int16_t n, int16_t hue, int16_t chroma, int16_t value)
{
    const int16_t turn = (int16_t)(6 * chroma);
    int16_t k = (int16_t)(n * chroma + hue);
    k = (int16_t)(k >= turn ? k - turn : k);
    const int16_t down = min_16(min_16(k, (int16_t)(4 * chroma - k)), chroma);
    return (uint8_t)((value - max_16(down, 0) + 4) >> 3);
}

/*
 * All of it is in 1/8 grey level and the hue is multiplied by the chroma: then there is no division,
 * the largest number is 11 chroma = 22440, and 16-bit lanes are enough. SHIFT is in 1/4096 of a
 * sixth turn, within 0 .. 6.
 */
PR__BODY turn_hue_body(uint8_t *restrict red, uint8_t *restrict green, uint8_t *restrict blue,
                       int64_t n, int16_t shift)
{
    for (int64_t i = 0; i < n; i++) {
        const int16_t r = (int16_t)(red[i] << 3);
        const int16_t g = (int16_t)(green[i] << 3);
        const int16_t b = (int16_t)(blue[i] << 3);
        const int16_t value = max_16(max_16(r, g), b);
        const int16_t chroma = (int16_t)(value - min_16(min_16(r, g), b));
        const int16_t turn = (int16_t)(6 * chroma);
        const int16_t of_red = (int16_t)(g - b + (g < b ? turn : 0));
        const int16_t of_green = (int16_t)(b - r + 2 * chroma);
        const int16_t of_blue = (int16_t)(r - g + 4 * chroma);
        int16_t hue = value == r ? of_red : (value == g ? of_green : of_blue);
        hue = (int16_t)(hue + (int16_t)(((int32_t)(int16_t)(chroma << 4) * shift) >> 16));
        hue = (int16_t)(hue >= turn ? hue - turn : hue);
        red[i] = from_hue(5, hue, chroma, value);
        green[i] = from_hue(3, hue, chroma, value);
        blue[i] = from_hue(1, hue, chroma, value);
    }
}
PR__KERNEL(turn_hue,
           (uint8_t *restrict red, uint8_t *restrict green, uint8_t *restrict blue, int64_t n,
            int16_t shift),
           (red, green, blue, n, shift))

void pr_colour_hue(const pr_planes *planes, double shift)
{
    const double turn = shift - floor(shift);
    const double steps = floor(turn * 6.0 * 4096.0 + 0.5);
    turn_hue(planes->r, planes->g, planes->b, planes->n, (int16_t)steps);
}

void pr_colour_split(const uint8_t *rgb, const pr_planes *planes)
{
    for (int64_t i = 0; i < planes->n; i++) {
        planes->r[i] = rgb[3 * i];
        planes->g[i] = rgb[3 * i + 1];
        planes->b[i] = rgb[3 * i + 2];
    }
}

void pr_colour_join(const pr_planes *planes, uint8_t *rgb)
{
    for (int64_t i = 0; i < planes->n; i++) {
        rgb[3 * i] = planes->r[i];
        rgb[3 * i + 1] = planes->g[i];
        rgb[3 * i + 2] = planes->b[i];
    }
}
