/** Gaussian blur: as SimCLR's augmentation, and to feather the edge of a mask. */
#ifndef PR_DATASET_BLUR_H
#define PR_DATASET_BLUR_H

#include "dataset/image.h"

/** Sigma above this is refused: the kernel's radius is ceil(3 sigma). */
#define PR_BLUR_MAX_SIGMA 32.0

/** uint16 values that pr_blur_plane needs as scratch. */
size_t pr_blur_scratch(int width, int height);

/**
 * Blurs one plane [height, width] in place: the weights exp(-k^2 / 2 sigma^2) for |k| <= ceil(3
 * sigma), normalised, along x and then y, the image mirrored at its edges without repeating the edge
 * pixel (torchvision's "reflect"). Fixed point, within one grey level of the exact value.
 *
 * Errors: PR_ERR_INVALID unless 0 < sigma <= PR_BLUR_MAX_SIGMA.
 */
pr_status pr_blur_plane(uint8_t *plane, int width, int height, double sigma, uint16_t *scratch);

/**
 * The same for every channel of IMAGE; allocates its scratch.
 *
 * Errors: also PR_ERR_NOMEM.
 */
pr_status pr_blur_image(const pr_image_u8 *image, double sigma);

#endif
