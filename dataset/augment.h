/**
 * How a view's pixels are changed: crop, resize, flip, colour, blur, noise of compression, then
 * normalisation. Each strength is an option; the draws are keyed by (seed, epoch, place, view).
 *
 * The training set of transforms is SimCLR's (Chen et al. 2020, appendix A): random resized crop,
 * horizontal flip, colour jitter, grey, Gaussian blur. DCL's RandomPatch, high frequencies and the
 * transforms of its public code stand beside them, off by default.
 *
 * Training and evaluation make a view in two ways. Evaluation decodes to RGB as any viewer does
 * (chroma upsampled to the picture's size by libjpeg's triangle filter, then the resize, on bytes).
 * Training resamples luma and the smaller chroma planes of a JPEG to the view at once, converts the
 * colours there, and works in 1/64 grey level until the view is done: it is not rounded to bytes
 * between operations. The two differ where chroma has edges.
 * Contrast turns about the mean grey of a grid of 32 x 32 pixels of the crop, as the operations before
 * it in the drawn order leave them, in place of that of every pixel of the view.
 */
#ifndef PR_DATASET_AUGMENT_H
#define PR_DATASET_AUGMENT_H

#include "engine/base/config.h"

#include <stdbool.h>

typedef enum pr_patch_views { PR_PATCH_ALL, PR_PATCH_FIRST } pr_patch_views;
typedef enum pr_patch_edge { PR_PATCH_SPREAD, PR_PATCH_STAY } pr_patch_edge;

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

    /* What DCL (Sun et al. 2022) and its public code add; all zero: nothing. */
    double whole_prob;              /* the whole crop instead of a random one */
    int64_t crop_px;                /* a random crop is so large before it is the view; 0: none */
    double rotate_prob, rotate_deg; /* about the crop's middle, within +- degrees */
    double cutout_prob;             /* a black square */
    int64_t cutout_px;              /* its side, pixels of the output */
    double noise_prob;              /* a normal for every byte */
    double noise_var_min, noise_var_max; /* its variance, grey levels squared */
    double tone_prob; /* one of: brightness and contrast; principal components; HSV */
    double tone_brightness, tone_contrast, tone_pca, tone_hue, tone_saturation, tone_value;
    double srm_prob; /* high frequencies, added to the normalised image */
    bool srm_shared; /* all views of an item, or none */
    double patch_prob;
    int64_t patch_k; /* RandomPatch: k x k tiles change places */
    int patch_views; /* pr_patch_views */
    int patch_edge;  /* pr_patch_edge, where k does not divide the view's side */
    /* Permutations of tiles, of which one is drawn: "2-0-1-3"; none: any permutation. */
    pr_config_words patch_orders;

    double mean[3], std[3]; /* of RGB in [0, 1]: image = (pixel / 255 - mean) / std */

    pr_perturb perturb;   /* evaluation only: before the resize */
    double perturb_value; /* JPEG quality, or scale factor (down and up again) */
} pr_augment_options;

/** The rows data.augment.*, to fill TARGET (NULL: the documentation alone). */
pr_config_module pr_augment_config(pr_augment_options *target);

#endif
