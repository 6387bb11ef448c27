/**
 * Images in memory, and the geometry of crops.
 *
 * Coordinates: the centre of the pixel in column i is x = i, that of row j is y = j, as landmarks
 * have it. A map is a row-major 2x3 matrix: (x, y) goes to (m0 x + m1 y + m2, m3 x + m4 y + m5).
 */
#ifndef PR_DATASET_IMAGE_H
#define PR_DATASET_IMAGE_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** No image of the project is wider or higher: what stops a decompression bomb. */
enum { PR_IMAGE_MAX_PX = 16384 };

/** Bytes, rows packed: sample c of pixel (x, y) is data[(y * width + x) * channels + c]. */
typedef struct pr_image_u8 {
    int width, height;
    int channels; /* 3 is RGB, 1 is grey */
    uint8_t *data;
} pr_image_u8;

/** Columns x .. x + width - 1 and rows y .. y + height - 1. */
typedef struct pr_rect {
    int x, y, width, height;
} pr_rect;

/**
 * A zeroed image; pr_image_destroy frees it.
 *
 * Errors: PR_ERR_INVALID for a side outside 1 .. PR_IMAGE_MAX_PX or channels other than 1 and 3;
 * PR_ERR_NOMEM.
 */
pr_status pr_image_create(int width, int height, int channels, pr_image_u8 *out);

/** Frees the pixels and zeroes IMAGE, which may be NULL. */
void pr_image_destroy(pr_image_u8 *image);

/** Bytes of pixels. */
size_t pr_image_bytes(const pr_image_u8 *image);

/** Whether RECT has an area and lies inside an image of WIDTH x HEIGHT. */
bool pr_rect_is_inside(const pr_rect *rect, int width, int height);

/** *X, *Y become the image of the point under MAP. */
void pr_map_apply(const double map[6], double *x, double *y);

/** OUT = first INNER, then OUTER. OUT may be either of them. */
void pr_map_compose(const double outer[6], const double inner[6], double out[6]);

/** Errors: PR_ERR_INVALID where MAP has no inverse. OUT may be MAP. */
pr_status pr_map_invert(const double map[6], double out[6]);

/**
 * The similarity (rotation, scale, shift; no reflection) that takes the N >= 2 points FROM nearest
 * to the points TO in least squares; points are (x, y) pairs.
 *
 * Errors: PR_ERR_INVALID where all points FROM are one point.
 */
pr_status pr_map_fit_similarity(const float *from, const float *to, int n, double map[6]);

#endif
