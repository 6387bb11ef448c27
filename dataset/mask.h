/** Masks of what was forged, from pixels (C8). */
#ifndef PR_DATASET_MASK_H
#define PR_DATASET_MASK_H

#include "dataset/image.h"

/**
 * MASK (one channel) becomes 255 where the mean over RGB of |FAKE - REAL| / 255 is above THRESHOLD,
 * and 0 elsewhere; then it is opened by a square of 3 x 3, which removes what is narrower than
 * that (pixels outside the image neither erode nor dilate). SCRATCH is of the mask's size.
 *
 * Errors: PR_ERR_INVALID where sizes or channels differ.
 */
pr_status pr_mask_difference(const pr_image_u8 *fake, const pr_image_u8 *real, double threshold,
                             const pr_image_u8 *mask, uint8_t *scratch);

#endif
