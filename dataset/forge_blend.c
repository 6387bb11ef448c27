#include "dataset/forge_swap.h"

#include <math.h>

/* Rows are the decorrelated channels; the matrix is orthonormal, its inverse is its transpose. */
#define A 0.57735026918962576 /* 1 / sqrt 3 */
#define B 0.40824829046386302 /* 1 / sqrt 6 */
#define C 0.70710678118654752 /* 1 / sqrt 2 */
static const double TO_OPPONENT[3][3] = {{A, A, A}, {B, B, -2 * B}, {C, -C, 0}};

static void opponent(const float *rgb, double out[3])
{
    for (int i = 0; i < 3; i++) {
        out[i] =
            TO_OPPONENT[i][0] * rgb[0] + TO_OPPONENT[i][1] * rgb[1] + TO_OPPONENT[i][2] * rgb[2];
    }
}

typedef struct moments {
    double mean[3], deviation[3];
} moments;

/* Weighted by MASK; false where it is empty. */
static bool moments_of(const pr_canvas *canvas, const pr_image_u8 *mask, const pr_rect *rect,
                       moments *out)
{
    double weight = 0;
    double sum[3] = {0, 0, 0};
    double square[3] = {0, 0, 0};
    for (int y = rect->y; y < rect->y + rect->height; y++) {
        for (int x = rect->x; x < rect->x + rect->width; x++) {
            const ptrdiff_t at = (ptrdiff_t)y * canvas->width + x;
            const double w = mask->data[at];
            double v[3];
            opponent(canvas->data + 3 * at, v);
            weight += w;
            for (int c = 0; c < 3; c++) {
                sum[c] += w * v[c];
                square[c] += w * v[c] * v[c];
            }
        }
    }
    if (!(weight > 0)) {
        return false;
    }
    for (int c = 0; c < 3; c++) {
        out->mean[c] = sum[c] / weight;
        const double variance = square[c] / weight - out->mean[c] * out->mean[c];
        out->deviation[c] = variance > 0 ? sqrt(variance) : 0;
    }
    return true;
}

/* A flat donor must not be blown up to noise, nor a flat target swallow all detail. */
static double ratio_of(double to, double from)
{
    enum { MIN_DEVIATION = 1 };
    const double ratio = (to + MIN_DEVIATION) / (from + MIN_DEVIATION);
    return ratio < 0.5 ? 0.5 : (ratio > 2 ? 2 : ratio);
}

void pr_swap_match_colour(const pr_canvas *target, const pr_image_u8 *mask, const pr_rect *rect,
                          double strength, const pr_canvas *donor)
{
    moments to;
    moments from;
    if (strength <= 0 || !moments_of(target, mask, rect, &to) ||
        !moments_of(donor, mask, rect, &from)) {
        return;
    }
    double scale[3];
    double shift[3];
    for (int c = 0; c < 3; c++) {
        const double ratio = ratio_of(to.deviation[c], from.deviation[c]);
        scale[c] = 1 + strength * (ratio - 1);
        shift[c] = from.mean[c] * (1 - scale[c]) + strength * (to.mean[c] - from.mean[c]);
    }
    for (int y = rect->y; y < rect->y + rect->height; y++) {
        for (int x = rect->x; x < rect->x + rect->width; x++) {
            float *const rgb = donor->data + 3 * ((ptrdiff_t)y * donor->width + x);
            double v[3];
            opponent(rgb, v);
            for (int c = 0; c < 3; c++) {
                v[c] = v[c] * scale[c] + shift[c];
            }
            for (int c = 0; c < 3; c++) {
                rgb[c] = (float)(TO_OPPONENT[0][c] * v[0] + TO_OPPONENT[1][c] * v[1] +
                                 TO_OPPONENT[2][c] * v[2]);
            }
        }
    }
}

void pr_swap_blend(const pr_canvas *target, const pr_canvas *donor, const pr_image_u8 *mask,
                   const pr_rect *rect, double strength, const pr_canvas *out)
{
    const float share = (float)(strength / 255);
    for (int y = rect->y; y < rect->y + rect->height; y++) {
        for (int x = rect->x; x < rect->x + rect->width; x++) {
            const ptrdiff_t at = (ptrdiff_t)y * target->width + x;
            const float m = (float)mask->data[at] * share;
            for (int c = 0; c < 3; c++) {
                const float t = target->data[3 * at + c];
                const float v = t + m * (donor->data[3 * at + c] - t);
                out->data[3 * at + c] = v < 0 ? 0.0F : (v > 255 ? 255.0F : v);
            }
        }
    }
}
