/**
 * Colour operations on planes of bytes, with torchvision's meaning, each within 0.7 grey level of the
 * exact value and cut to 0 .. 255: integers throughout, so that bits depend on nothing but the
 * arguments.
 *
 * Grey is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, as in Pillow).
 */
#ifndef PR_DATASET_COLOUR_H
#define PR_DATASET_COLOUR_H

#include "dataset/image.h"

/** Three planes of N pixels. */
typedef struct pr_planes {
    uint8_t *r, *g, *b;
    int64_t n;
} pr_planes;

/** Factors are within 0 .. this (and just below 4 in truth: 32767 / 8192). */
#define PR_COLOUR_MAX_FACTOR 4.0

/** p -> factor p. */
void pr_colour_brightness(const pr_planes *planes, double factor);

/** The sum of the pixels' grey in 1/128 level: what pr_colour_contrast needs, exact in any order. */
int64_t pr_colour_grey_sum(const pr_planes *planes);

/** p -> factor p + (1 - factor) mean, where the mean is that of the whole image's grey. */
void pr_colour_contrast(const pr_planes *planes, double factor, int64_t grey_total,
                        int64_t n_pixels);

/** p -> factor p + (1 - factor) grey of the pixel; 0 makes the image grey. */
void pr_colour_saturation(const pr_planes *planes, double factor);

/**
 * Turns the hue in HSV by SHIFT, in turns, within -0.5 .. 0.5; value and saturation stay. Computed
 * without division, in steps of 1/8 grey level.
 */
void pr_colour_hue(const pr_planes *planes, double shift);

/** RGB pixels to planes and back. */
void pr_colour_split(const uint8_t *rgb, const pr_planes *planes);
void pr_colour_join(const pr_planes *planes, uint8_t *rgb);

#endif
