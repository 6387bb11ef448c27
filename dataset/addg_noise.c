/*
 * The noise of a sensor as Albumentations' ISONoise has it: in HLS the hue gets a normal of standard
 * deviation 360 shift intensity degrees, and the luminance L becomes L + n / 255 (1 - L) with n
 * Poisson of mean 255 intensity std(L). It rounds where they cut off: that would darken a view by
 * half a grey level.
 */
#include "dataset/addg_private.h"
#include "engine/base/math.h"

#include <math.h>

enum { DRAW_PIXELS = 65536, GUIDES = 256 };

static void to_hls(const uint8_t *rgb, float *hls)
{
    const double r = rgb[0] / 255.0;
    const double g = rgb[1] / 255.0;
    const double b = rgb[2] / 255.0;
    const double high = fmax(r, fmax(g, b));
    const double low = fmin(r, fmin(g, b));
    const double spread = high - low;
    const double light = (high + low) / 2;
    double hue = 0;
    double saturation = 0;
    if (spread > 0) {
        saturation = light < 0.5 ? spread / (high + low) : spread / (2 - high - low);
        if (high == r) {
            hue = 60 * (g - b) / spread;
        } else if (high == g) {
            hue = 120 + 60 * (b - r) / spread;
        } else {
            hue = 240 + 60 * (r - g) / spread;
        }
        hue = hue < 0 ? hue + 360 : hue;
    }
    hls[0] = (float)hue;
    hls[1] = (float)light;
    hls[2] = (float)saturation;
}

/* Channel of HLS's inverse that lies TURN sixths from the hue. */
static double channel_of(double p, double q, double turn)
{
    turn = turn < 0 ? turn + 6 : (turn >= 6 ? turn - 6 : turn);
    if (turn < 1) {
        return p + (q - p) * turn;
    }
    if (turn < 3) {
        return q;
    }
    return turn < 4 ? p + (q - p) * (4 - turn) : p;
}

static uint8_t to_byte(double v)
{
    return (uint8_t)fmin(255, fmax(0, floor(255 * v + 0.5)));
}

static void to_rgb(double hue, double light, double saturation, uint8_t *rgb)
{
    const double q =
        light <= 0.5 ? light * (1 + saturation) : light + saturation - light * saturation;
    const double p = 2 * light - q;
    const double turn = (hue - 360 * floor(hue / 360)) / 60;
    rgb[0] = to_byte(channel_of(p, q, turn + 2));
    rgb[1] = to_byte(channel_of(p, q, turn));
    rgb[2] = to_byte(channel_of(p, q, turn - 2));
}

/* Cumulative probabilities until one rounds to 1; returns how many. */
static int poisson_table(double mean, double *table)
{
    double p = pr_exp(-mean);
    double sum = 0;
    int n = 0;
    do {
        sum += p;
        table[n++] = sum;
        p *= mean / n;
    } while (n < PR__ADDG_MAX_POISSON && (n < mean || sum < 1 - 0x1p-33));
    table[n - 1] = 1;
    return n;
}

/* The least k whose cumulative probability is above U. */
static int poisson_at(const double *table, const int guide[GUIDES], double u)
{
    int k = guide[(int)(u * GUIDES)];
    while (table[k] <= u) {
        k++;
    }
    return k;
}

static double deviation_of_light(const float *hls, int64_t n)
{
    double mean = 0;
    double square = 0;
    for (int64_t i = 0; i < n; i++) {
        mean += hls[3 * i + 1];
    }
    mean /= (double)n;
    for (int64_t i = 0; i < n; i++) {
        const double d = hls[3 * i + 1] - mean;
        square += d * d;
    }
    return sqrt(square / (double)n);
}

static double unit(uint32_t bits)
{
    return bits * 0x1p-32;
}

void pr__addg_iso(pr_addg *addg, const pr_image_u8 *in, double shift, double intensity,
                  const pr_draw_key *key, const pr_image_u8 *out)
{
    const int64_t n = (int64_t)in->width * in->height;
    int guide[GUIDES];
    for (int64_t i = 0; i < n; i++) {
        to_hls(in->data + 3 * i, addg->hls + 3 * i);
    }
    const double mean = 255 * intensity * deviation_of_light(addg->hls, n);
    (void)poisson_table(mean, addg->poisson);
    for (int i = 0, k = 0; i < GUIDES; i++) {
        while (addg->poisson[k] <= (double)i / GUIDES) {
            k++;
        }
        guide[i] = k;
    }
    const double spread = 360 * shift * intensity;
    for (int64_t i = 0; i < n; i += 2) {
        uint32_t bits[4];
        pr_draw_bits(key, (uint32_t)(DRAW_PIXELS + i / 2), bits);
        const double radius = spread * sqrt(-2 * pr_log(unit(bits[2]) + 0x1p-32));
        const double angle = 2 * PR_PI * unit(bits[3]);
        const double hue[2] = {radius * pr_cos(angle), radius * pr_sin(angle)};
        for (int64_t j = 0; j < 2 && i + j < n; j++) {
            const float *const hls = addg->hls + 3 * (i + j);
            const double grains = poisson_at(addg->poisson, guide, unit(bits[j]));
            to_rgb(hls[0] + hue[j], hls[1] + grains / 255 * (1 - hls[1]), hls[2],
                   out->data + 3 * (i + j));
        }
    }
}
