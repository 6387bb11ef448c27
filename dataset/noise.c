#include "dataset/noise.h"

#include "engine/base/math.h"

#include <math.h>
#include <string.h>

enum { BISECTIONS = 48 };

/* z of P(normal < z) = share, for 0 < share < 1/2. */
static double quantile(double share)
{
    double low = -8.0;
    double high = 0.0;
    for (int i = 0; i < BISECTIONS; i++) {
        const double middle = 0.5 * (low + high);
        const double below = 0.5 * (1.0 + pr_erf(middle / sqrt(2.0)));
        if (below < share) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return 0.5 * (low + high);
}

void pr_noise_table(float *table)
{
    for (int i = 0; i < PR_NOISE_LEVELS / 2; i++) {
        table[i] = (float)quantile(((double)i + 0.5) / PR_NOISE_LEVELS);
        table[PR_NOISE_LEVELS - 1 - i] = -table[i];
    }
}

static uint8_t disturbed(uint8_t v, float by)
{
    const float up = (float)v + by + 0.5F;
    return up <= 0.0F ? 0 : (up >= 255.0F ? 255 : (uint8_t)up);
}

void pr_noise_add(const pr_image_u8 *rgb, double sigma, const float *table, const pr_draw_key *key,
                  uint32_t number)
{
    const size_t n = pr_image_bytes(rgb);
    uint32_t bits[4] = {0, 0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        const size_t at = i % 8;
        if (at == 0) {
            pr_draw_bits(key, number + (uint32_t)(i / 8), bits);
        }
        const uint32_t half = bits[at / 2] >> (16 * (at % 2)) & 0xffffU;
        rgb->data[i] = disturbed(rgb->data[i], (float)sigma * table[half >> 4]);
    }
}

void pr_cut_out(const pr_image_u8 *image, const pr_rect *rect)
{
    const size_t pixel = (size_t)image->channels;
    for (int y = rect->y; y < rect->y + rect->height; y++) {
        const size_t at = (size_t)y * (size_t)image->width + (size_t)rect->x;
        memset(image->data + at * pixel, 0, (size_t)rect->width * pixel);
    }
}
