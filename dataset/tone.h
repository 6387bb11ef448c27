/** Changes of tone with Albumentations' meaning, on RGB images of bytes. */
#ifndef PR_DATASET_TONE_H
#define PR_DATASET_TONE_H

#include "dataset/image.h"

/** p -> p (1 + CONTRAST) + 255 BRIGHTNESS, rounded and cut to 0 .. 255. */
void pr_tone_brightness_contrast(const pr_image_u8 *rgb, double brightness, double contrast);

/**
 * Krizhevsky et al. 2012, 4.1: every pixel gets sum_i WEIGHTS[i] l_i v_i, where l_i, descending, and
 * v_i are the eigenvalues and unit eigenvectors of the covariance of the image's RGB in [0, 1]. The
 * sign of a v_i is such that its largest component is positive.
 */
void pr_tone_pca(const pr_image_u8 *rgb, const double weights[3]);

/**
 * In HSV, all three in [0, 1]: hue + HUE turned round, saturation + SATURATION and value + VALUE cut to
 * [0, 1]. A grey pixel has hue 0, as in OpenCV.
 */
void pr_tone_hsv(const pr_image_u8 *rgb, double hue, double saturation, double value);

#endif
