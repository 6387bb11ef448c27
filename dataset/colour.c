#include "dataset/colour.h"

#include "dataset/simd.h"

#include <math.h>

/*
 * Arithmetic is in 16 bits, since loops then run in the narrowest lanes that products allow: the upper
 * half of a product of 16-bit numbers is one instruction. A factor is in 1/8192. Every step has a
 * variable: compilers widen longer expressions.
 */
enum { ONE = 8192, WHITE = PR_LEVEL_WHITE };

static inline int16_t max_16(int16_t a, int16_t b)
{
    return (int16_t)(a > b ? a : b);
}

static inline int16_t min_16(int16_t a, int16_t b)
{
    return (int16_t)(a < b ? a : b);
}

static inline uint16_t min_u16(uint16_t a, uint16_t b)
{
    return (uint16_t)(a < b ? a : b);
}

static inline uint16_t high(uint16_t a, uint16_t b)
{
    return (uint16_t)(((uint32_t)a * (uint32_t)b) >> 16);
}

/* Rounds down, also below zero. */
static inline int16_t signed_high(int16_t a, int16_t b)
{
    return (int16_t)(((int32_t)a * (int32_t)b) >> 16);
}

static inline uint16_t cut(int16_t v, int16_t most)
{
    return (uint16_t)min_16(max_16(v, 0), most);
}

static uint16_t fixed(double factor)
{
    const double steps = floor(factor * (double)ONE + 0.5);
    return (uint16_t)(steps < 32767.0 ? steps : 32767.0);
}

/* The largest intermediate is luma + 2 chroma = 32704. */
PR__BODY from_ycc_body(uint16_t *restrict first, uint16_t *restrict second,
                       uint16_t *restrict third, int n)
{
    const int16_t neutral = 128 * PR_LEVEL_ONE;
    for (int i = 0; i < n; i++) {
        const int16_t y = (int16_t)first[i];
        const int16_t cb = (int16_t)((int16_t)second[i] - neutral);
        const int16_t cr = (int16_t)((int16_t)third[i] - neutral);
        const int16_t cb2 = (int16_t)(2 * cb);
        const int16_t cr2 = (int16_t)(2 * cr);
        const int16_t red = signed_high(cr2, 13173);         /* 0.402 */
        const int16_t green_of_cb = signed_high(cb2, 11277); /* 0.344136 */
        const int16_t green_of_cr = signed_high(cr2, 23401); /* 0.714136 */
        const int16_t blue = signed_high(cb2, 7471);         /* 2 - 1.772 */
        const int16_t r = (int16_t)(y + cr);
        const int16_t g = (int16_t)(y - green_of_cb);
        const int16_t b = (int16_t)(y + cb2);
        first[i] = cut((int16_t)(r + red), WHITE);
        second[i] = cut((int16_t)(g - green_of_cr), WHITE);
        third[i] = cut((int16_t)(b - blue), WHITE);
    }
}
PR__KERNEL(from_ycc,
           (uint16_t *restrict first, uint16_t *restrict second, uint16_t *restrict third, int n),
           (first, second, third, n))

void pr_colour_from_ycc(const pr_levels *levels)
{
    const int n = levels->n;
    from_ycc(levels->level, levels->level + n, levels->level + 2 * (size_t)n, n);
}

/* The product is in 1/32 grey level, and so is ADD. */
PR__BODY scale_body(uint16_t *restrict p, int n, uint16_t factor, int16_t add)
{
    for (int i = 0; i < n; i++) {
        const uint16_t level = (uint16_t)(p[i] << 2);
        const int16_t product = (int16_t)high(level, factor);
        const uint16_t sum = cut((int16_t)(product + add), WHITE / 2);
        p[i] = (uint16_t)(sum << 1);
    }
}
PR__KERNEL(scale, (uint16_t *restrict p, int n, uint16_t factor, int16_t add), (p, n, factor, add))

void pr_colour_brightness(const pr_levels *levels, double factor)
{
    scale(levels->level, 3 * levels->n, fixed(factor), 0);
}

/* In 1/256 grey level, of levels in 1/64. */
static inline uint16_t grey_of(uint16_t r, uint16_t g, uint16_t b)
{
    const uint16_t red = high((uint16_t)(r << 2), 19595);
    const uint16_t green = high((uint16_t)(g << 2), 38470);
    const uint16_t blue = high((uint16_t)(b << 2), 7471);
    return (uint16_t)(red + green + blue);
}

double pr_colour_grey_mean(const pr_levels *levels)
{
    const size_t n = (size_t)levels->n;
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += grey_of(levels->level[i], levels->level[n + i], levels->level[2 * n + i]);
    }
    return (double)sum / (256.0 * (double)n);
}

void pr_colour_contrast(const pr_levels *levels, double factor, double mean)
{
    const uint16_t f = fixed(factor);
    const double part = ((double)ONE - (double)f) / (double)ONE;
    scale(levels->level, 3 * levels->n, f, (int16_t)floor(part * mean * 32.0 + 0.5));
}

/* Grey and factor (level - grey), both in 1/16 grey level. */
static inline uint16_t saturated(uint16_t level, int16_t grey, int16_t factor)
{
    const int16_t away = (int16_t)((int16_t)level - (int16_t)(grey << 2));
    const int16_t more = signed_high((int16_t)(2 * away), factor);
    return (uint16_t)(cut((int16_t)(grey + more), WHITE / 4) << 2);
}

PR__BODY saturate_body(uint16_t *restrict r, uint16_t *restrict g, uint16_t *restrict b, int n,
                       int16_t factor)
{
    for (int i = 0; i < n; i++) {
        const uint16_t exact = grey_of(r[i], g[i], b[i]);
        const int16_t grey = (int16_t)(exact >> 4);
        r[i] = saturated(r[i], grey, factor);
        g[i] = saturated(g[i], grey, factor);
        b[i] = saturated(b[i], grey, factor);
    }
}
PR__KERNEL(saturate,
           (uint16_t *restrict r, uint16_t *restrict g, uint16_t *restrict b, int n,
            int16_t factor),
           (r, g, b, n, factor))

void pr_colour_saturation(const pr_levels *levels, double factor)
{
    const int n = levels->n;
    saturate(levels->level, levels->level + n, levels->level + 2 * (size_t)n, n,
             (int16_t)fixed(factor));
}

/* V in -turn .. 2 turn becomes what is left within 0 .. turn: what lies outside is huge as unsigned. */
static inline uint16_t wrapped_up(int16_t v, uint16_t turn)
{
    return min_u16((uint16_t)v, (uint16_t)((uint16_t)v + turn));
}

static inline uint16_t wrapped_down(uint16_t v, uint16_t turn)
{
    return min_u16(v, (uint16_t)(v - turn));
}

static inline int16_t distance(int16_t a, int16_t b)
{
    const int16_t d = (int16_t)(a - b);
    return max_16(d, (int16_t)-d);
}

/* Least and what the hue adds to it, both in 1/16 grey level, to 1/64. */
static inline uint16_t channel(int16_t least, int16_t rise, int16_t chroma)
{
    const int16_t inside = min_16(max_16(rise, 0), chroma);
    return (uint16_t)((uint16_t)(least + inside) << 2);
}

/*
 * All of it is in 1/16 grey level and the hue is multiplied by the chroma: then there is no division,
 * the largest number is 11 chroma = 44880, and 16 bits are enough. SHIFT is in 1/4096 of a sixth
 * turn, within 0 .. 6.
 */
PR__BODY turn_hue_body(uint16_t *restrict red, uint16_t *restrict green, uint16_t *restrict blue,
                       int n, uint16_t shift)
{
    for (int i = 0; i < n; i++) {
        const int16_t r = (int16_t)(red[i] >> 2);
        const int16_t g = (int16_t)(green[i] >> 2);
        const int16_t b = (int16_t)(blue[i] >> 2);
        const int16_t value = max_16(max_16(r, g), b);
        const int16_t least = min_16(min_16(r, g), b);
        const int16_t chroma = (int16_t)(value - least);
        const int16_t chroma2 = (int16_t)(2 * chroma);
        const int16_t chroma4 = (int16_t)(4 * chroma);
        const uint16_t turn = (uint16_t)(chroma2 + chroma4);
        const int16_t of_red = (int16_t)(g - b);
        const int16_t of_green = (int16_t)((int16_t)(b - r) + chroma2);
        const int16_t of_blue = (int16_t)((int16_t)(r - g) + chroma4);
        const int16_t other = (int16_t)(value == g ? of_green : of_blue);
        const int16_t was = (int16_t)(value == r ? of_red : other);
        const uint16_t add = high((uint16_t)(chroma << 4), shift);
        const uint16_t sum = (uint16_t)(wrapped_up(was, turn) + add);
        const int16_t hue = (int16_t)wrapped_down(sum, turn);
        const int16_t to_red = distance(hue, (int16_t)(chroma2 + chroma));
        red[i] = channel(least, (int16_t)(to_red - chroma), chroma);
        green[i] = channel(least, (int16_t)(chroma2 - distance(hue, chroma2)), chroma);
        blue[i] = channel(least, (int16_t)(chroma2 - distance(hue, chroma4)), chroma);
    }
}
PR__KERNEL(turn_hue,
           (uint16_t *restrict red, uint16_t *restrict green, uint16_t *restrict blue, int n,
            uint16_t shift),
           (red, green, blue, n, shift))

void pr_colour_hue(const pr_levels *levels, double shift)
{
    const int n = levels->n;
    const double turn = shift - floor(shift);
    const double steps = floor(turn * 6.0 * 4096.0 + 0.5);
    turn_hue(levels->level, levels->level + n, levels->level + 2 * (size_t)n, n, (uint16_t)steps);
}

PR__BODY to_bytes_body(const uint16_t *restrict level, int n, uint8_t *restrict bytes)
{
    for (int i = 0; i < n; i++) {
        const uint16_t nearest = (uint16_t)(level[i] + PR_LEVEL_ONE / 2);
        bytes[i] = (uint8_t)(nearest >> 6);
    }
}
PR__KERNEL(to_bytes, (const uint16_t *restrict level, int n, uint8_t *restrict bytes),
           (level, n, bytes))

void pr_colour_to_bytes(const pr_levels *levels, int n_pixels, const pr_planes *planes, int64_t at)
{
    to_bytes(levels->level, n_pixels, planes->r + at);
    to_bytes(levels->level + levels->n, n_pixels, planes->g + at);
    to_bytes(levels->level + 2 * (size_t)levels->n, n_pixels, planes->b + at);
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
