#include "dataset/colour.h"

#include "dataset/simd.h"

#include <math.h>

/*
 * Arithmetic is in 16 bits, since loops over bytes then run in the widest lanes: a level is
 * multiplied as level * 128 by a factor * 8192 and the upper half of the product is the result in
 * 1/16 grey level. What is cut off there is less than the 1/16 that the rounding below sees.
 */
enum { ONE = 8192 };

static inline int16_t max_16(int16_t a, int16_t b)
{
    return (int16_t)(a > b ? a : b);
}

static inline int16_t min_16(int16_t a, int16_t b)
{
    return (int16_t)(a < b ? a : b);
}

static inline uint16_t high(uint16_t a, uint16_t b)
{
    return (uint16_t)(((uint32_t)a * (uint32_t)b) >> 16);
}

static uint16_t fixed(double factor)
{
    const double steps = floor(factor * (double)ONE + 0.5);
    return (uint16_t)(steps < 32767.0 ? steps : 32767.0);
}

/* V is in 1/16 grey level. Every step has a variable: compilers widen longer expressions. */
static inline uint8_t to_byte(int16_t v)
{
    const int16_t nearest = (int16_t)(v + 8);
    const int16_t positive = max_16(nearest, 0);
    const int16_t level = (int16_t)((uint16_t)positive >> 4);
    return (uint8_t)min_16(level, 255);
}

static inline int16_t times(uint8_t level, uint16_t factor)
{
    return (int16_t)high((uint16_t)(level << 7), factor);
}

/* In 1/128 grey level: three products, each less than one unit too small. */
static inline uint16_t grey_of(uint8_t r, uint8_t g, uint8_t b)
{
    const uint16_t red = high((uint16_t)(r << 7), 19595);
    const uint16_t green = high((uint16_t)(g << 7), 38470);
    const uint16_t blue = high((uint16_t)(b << 7), 7471);
    return (uint16_t)(red + green + blue);
}

PR__BODY scale_body(uint8_t *restrict p, int64_t n, uint16_t factor, int16_t add)
{
    for (int64_t i = 0; i < n; i++) {
        p[i] = to_byte((int16_t)(times(p[i], factor) + add));
    }
}
PR__KERNEL(scale, (uint8_t *restrict p, int64_t n, uint16_t factor, int16_t add),
           (p, n, factor, add))

static void scale_all(const pr_planes *planes, uint16_t factor, int16_t add)
{
    scale(planes->r, planes->n, factor, add);
    scale(planes->g, planes->n, factor, add);
    scale(planes->b, planes->n, factor, add);
}

void pr_colour_brightness(const pr_planes *planes, double factor)
{
    scale_all(planes, fixed(factor), 0);
}

/* A block's sum stays within 32 bits, so that lanes are as narrow as that. */
enum { BLOCK = 1 << 16 };

PR__BODY grey_sum_body(const uint8_t *restrict r, const uint8_t *restrict g,
                       const uint8_t *restrict b, int64_t n, uint32_t *sum)
{
    uint32_t s = 0;
    for (int64_t i = 0; i < n; i++) {
        s += grey_of(r[i], g[i], b[i]);
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

void pr_colour_contrast(const pr_planes *planes, double factor, int64_t grey_total,
                        int64_t n_pixels)
{
    const uint16_t f = fixed(factor);
    /* (1 - f) mean, rounded to 1/16 grey level. */
    const double mean = (double)grey_total / (128.0 * (double)n_pixels);
    const double part = ((double)ONE - (double)f) / (double)ONE;
    scale_all(planes, f, (int16_t)floor(part * mean * 16.0 + 0.5));
}

/* REST is |1 - factor|, SIGN all ones where 1 - factor is negative and else zero. */
PR__BODY saturate_body(uint8_t *restrict r, uint8_t *restrict g, uint8_t *restrict b, int64_t n,
                       uint16_t factor, uint16_t rest, int16_t sign)
{
    for (int64_t i = 0; i < n; i++) {
        const int16_t part = (int16_t)high(grey_of(r[i], g[i], b[i]), rest);
        const int16_t add = (int16_t)((part ^ sign) - sign);
        r[i] = to_byte((int16_t)(times(r[i], factor) + add));
        g[i] = to_byte((int16_t)(times(g[i], factor) + add));
        b[i] = to_byte((int16_t)(times(b[i], factor) + add));
    }
}
PR__KERNEL(saturate,
           (uint8_t *restrict r, uint8_t *restrict g, uint8_t *restrict b, int64_t n,
            uint16_t factor, uint16_t rest, int16_t sign),
           (r, g, b, n, factor, rest, sign))

void pr_colour_saturation(const pr_planes *planes, double factor)
{
    const uint16_t f = fixed(factor);
    const bool negative = f > ONE;
    const uint16_t rest = (uint16_t)(negative ? f - ONE : ONE - f);
    saturate(planes->r, planes->g, planes->b, planes->n, f, rest, negative ? -1 : 0);
}

/* V less a whole turn, where it is as much. */
static inline int16_t wrapped(int16_t v, int16_t turn)
{
    const int16_t less = (int16_t)(v - turn);
    return (int16_t)(less < 0 ? v : less);
}

/* Channel N of HSV's inverse: value - max(0, min(k, 4 c - k, c)), k = (n c + hue) mod 6 c. */
static inline uint8_t from_hue(int16_t n, int16_t hue, int16_t chroma, int16_t value)
{
    const int16_t turn = (int16_t)(6 * chroma);
    const int16_t k = wrapped((int16_t)(n * chroma + hue), turn);
    const int16_t rise = (int16_t)(4 * chroma - k);
    const int16_t down = max_16(min_16(min_16(k, rise), chroma), 0);
    const uint16_t level = (uint16_t)(value - down + 4);
    return (uint8_t)(level >> 3);
}

/*
 * All of it is in 1/8 grey level and the hue is multiplied by the chroma: then there is no division,
 * the largest number is 11 chroma = 22440, and 16-bit lanes are enough. SHIFT is in 1/4096 of a
 * sixth turn, within 0 .. 6.
 */
PR__BODY turn_hue_body(uint8_t *restrict red, uint8_t *restrict green, uint8_t *restrict blue,
                       int64_t n, uint16_t shift)
{
    for (int64_t i = 0; i < n; i++) {
        const int16_t r = (int16_t)(red[i] << 3);
        const int16_t g = (int16_t)(green[i] << 3);
        const int16_t b = (int16_t)(blue[i] << 3);
        const int16_t value = max_16(max_16(r, g), b);
        const int16_t chroma = (int16_t)(value - min_16(min_16(r, g), b));
        const int16_t turn = (int16_t)(6 * chroma);
        const int16_t lean = (int16_t)(g - b);
        const int16_t of_red = (int16_t)(lean < 0 ? (int16_t)(lean + turn) : lean);
        const int16_t of_green = (int16_t)(b - r + 2 * chroma);
        const int16_t of_blue = (int16_t)(r - g + 4 * chroma);
        const int16_t other = (int16_t)(value == g ? of_green : of_blue);
        const int16_t was = (int16_t)(value == r ? of_red : other);
        const int16_t hue =
            wrapped((int16_t)(was + (int16_t)high((uint16_t)(chroma << 4), shift)), turn);
        red[i] = from_hue(5, hue, chroma, value);
        green[i] = from_hue(3, hue, chroma, value);
        blue[i] = from_hue(1, hue, chroma, value);
    }
}
PR__KERNEL(turn_hue,
           (uint8_t *restrict red, uint8_t *restrict green, uint8_t *restrict blue, int64_t n,
            uint16_t shift),
           (red, green, blue, n, shift))

void pr_colour_hue(const pr_planes *planes, double shift)
{
    const double turn = shift - floor(shift);
    const double steps = floor(turn * 6.0 * 4096.0 + 0.5);
    turn_hue(planes->r, planes->g, planes->b, planes->n, (uint16_t)steps);
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
