/**
 * How a view's pixels are changed: crop, resize, flip, colour, blur, noise of compression, then
 * normalisation. Each strength is an option; the draws are keyed by (seed, epoch, place, view).
 *
 * The training set of transforms is SimCLR's (Chen et al. 2020, appendix A): random resized crop,
 * horizontal flip, colour jitter, grey, Gaussian blur.
 */
#ifndef PR_DATASET_AUGMENT_H
#define PR_DATASET_AUGMENT_H

#include "engine/base/config.h"

#include <stdbool.h>

typedef enum pr_perturb { PR_PERTURB_NONE, PR_PERTURB_JPEG, PR_PERTURB_SCALE } pr_perturb;

typedef struct pr_augment_options {
    bool enabled; /* false: the evaluation resize only */

    double crop_scale_min, crop_scale_max; /* share of the crop's area that is kept */
    double crop_ratio_min, crop_ratio_max; /* width / height of what is kept */
    double flip_prob;
    double jitter_prob;
    double brightness, contrast, saturation, hue; /* SimCLR: 0.8 s, 0.8 s, 0.8 s, 0.2 s */
    double grey_prob;
    double blur_prob, blur_sigma_min, blur_sigma_max; /* pixels of the output */
    double jpeg_prob;                                 /* re-encode as JPEG */
    int64_t jpeg_quality_min, jpeg_quality_max;

    double mean[3], std[3]; /* of RGB in [0, 1]: image = (pixel / 255 - mean) / std */

    pr_perturb perturb;   /* evaluation only: before the resize */
    double perturb_value; /* JPEG quality, or scale factor (down and up again) */
} pr_augment_options;

/** The rows data.augment.*, to fill TARGET (NULL: the documentation alone). */
pr_config_module pr_augment_config(pr_augment_options *target);

#endif
