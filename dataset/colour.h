/**
 * Colour operations on rows of pixels, with torchvision's meaning: integers throughout, so that bits
 * depend on nothing but the arguments. Levels are in 1/64 grey level, 0 .. PR_LEVEL_WHITE, and are
 * not rounded to bytes between operations: each is within 1/4 grey level of the exact value, cut to
 * black and white.
 *
 * Grey is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, as in Pillow and in JPEG's luma).
 */
#ifndef PR_DATASET_COLOUR_H
#define PR_DATASET_COLOUR_H

#include "dataset/image.h"

/** A view's three planes of N bytes: what acts on the whole of a view reads and writes these. */
typedef struct pr_planes {
    uint8_t *r, *g, *b;
    int64_t n;
} pr_planes;

/** RGB pixels to planes and back. */
void pr_colour_split(const uint8_t *rgb, const pr_planes *planes);
void pr_colour_join(const pr_planes *planes, uint8_t *rgb);

enum { PR_LEVEL_ONE = 64, PR_LEVEL_WHITE = 255 * PR_LEVEL_ONE };

/** Three rows of N pixels, one behind the other: red at LEVEL, green at LEVEL + N, blue at LEVEL + 2 N. */
typedef struct pr_levels {
    uint16_t *level;
    int n;
} pr_levels;

/** Factors are within 0 .. this (and just below 4 in truth: 32767 / 8192). */
#define PR_COLOUR_MAX_FACTOR 4.0

/** Luma and chroma of JFIF (in the places of red, green, blue; full range, chroma about 128) to red,
 *  green and blue. */
void pr_colour_from_ycc(const pr_levels *levels);

/** p -> factor p. */
void pr_colour_brightness(const pr_levels *levels, double factor);

/** The mean of the pixels' grey, in grey levels: what pr_colour_contrast needs. */
double pr_colour_grey_mean(const pr_levels *levels);

/** p -> factor p + (1 - factor) mean. */
void pr_colour_contrast(const pr_levels *levels, double factor, double mean);

/** p -> factor p + (1 - factor) grey of the pixel; 0 makes the image grey. */
void pr_colour_saturation(const pr_levels *levels, double factor);

/**
 * Turns the hue in HSV by SHIFT, in turns, within -0.5 .. 0.5; value and saturation stay. Computed
 * without division, in steps of 1/16 grey level.
 */
void pr_colour_hue(const pr_levels *levels, double shift);

/** The nearest bytes of the first N_PIXELS, from pixel AT of PLANES on. */
void pr_colour_to_bytes(const pr_levels *levels, int n_pixels, const pr_planes *planes, int64_t at);

#endif
