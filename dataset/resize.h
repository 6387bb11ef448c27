/**
 * Resampling on a grid: bilinear, half-pixel centres, antialiased when shrinking.
 *
 * Along one axis, of which SPAN pixels become N: scale = SPAN / N, support = max(scale, 1), and
 * output i is the mean of the inputs j with the triangle weights
 * max(0, 1 - |j + 0.5 - (i + 0.5) scale| / support), normalised. This is what torchvision calls
 * antialias=True, and equals it within one grey level. Sums are f32, along y and then along x, each in
 * the order of j, and rounded to the nearest byte once.
 */
#ifndef PR_DATASET_RESIZE_H
#define PR_DATASET_RESIZE_H

#include "dataset/image.h"

typedef struct pr_resizer pr_resizer;

/**
 * Tables and rows for images of up to MAX_IN_PX a side on input and MAX_OUT_PX on output; one thread
 * uses it at a time. pr_resize then allocates nothing.
 *
 * Errors: PR_ERR_INVALID, PR_ERR_NOMEM.
 */
pr_status pr_resizer_create(int max_in_px, int max_out_px, pr_resizer **out);
void pr_resizer_destroy(pr_resizer **resizer);

/**
 * OUT (its size is what is wanted) becomes IN resampled; channels must be equal. FLIP mirrors left
 * and right.
 *
 * Errors: PR_ERR_INVALID for a size beyond the resizer's, or channels that differ.
 */
pr_status pr_resize(pr_resizer *resizer, const pr_image_u8 *in, bool flip, const pr_image_u8 *out);

/**
 * The same into three planes of OUT_PX x OUT_PX bytes each, which is what the colour operations
 * read. IN has three channels.
 */
pr_status pr_resize_to_planes(pr_resizer *resizer, const pr_image_u8 *in, bool flip, int out_px,
                              uint8_t *const planes[3]);

#endif
