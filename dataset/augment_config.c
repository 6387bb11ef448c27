/*
 * The rows data.augment.*. Defaults are SimCLR's transforms (Chen et al. 2020, appendix A) at the
 * strength 0.5 that supervised contrastive learning uses.
 */
#include "dataset/augment.h"

static const char *const patch_words[] = {"all", "first", NULL};
static const char *const edge_words[] = {"spread", "stay", NULL};

/* clang-format off */
#define REAL(member, key, def, min, max, doc)                                                      \
    {"data.augment." key, PR_CONFIG_REAL, def, min, max, NULL,                                     \
     offsetof(pr_augment_options, member), PR_CONFIG_IDENTITY, doc}

static const pr_config_row rows[] = {
    {"data.augment.enabled", PR_CONFIG_BOOL, "true", 0, 0, NULL,
     offsetof(pr_augment_options, enabled), PR_CONFIG_IDENTITY,
     "false: training sees what evaluation sees"},
    REAL(crop_scale_min, "crop_scale_min", "0.2", 0.01, 1, "least share of the crop's area kept"),
    REAL(crop_scale_max, "crop_scale_max", "1", 0.01, 1, "largest share of the crop's area kept"),
    REAL(crop_ratio_min, "crop_ratio_min", "0.75", 0.1, 10, "least width / height of what is kept"),
    REAL(crop_ratio_max, "crop_ratio_max", "1.3333333333333333", 0.1, 10,
         "largest width / height of what is kept"),
    REAL(flip_prob, "flip_prob", "0.5", 0, 1, "probability of a horizontal flip"),
    REAL(jitter_prob, "jitter_prob", "0.8", 0, 1, "probability of the colour jitter"),
    REAL(brightness, "brightness", "0.4", 0, 1, "brightness factor within 1 +- this"),
    REAL(contrast, "contrast", "0.4", 0, 1, "contrast factor within 1 +- this"),
    REAL(saturation, "saturation", "0.4", 0, 1, "saturation factor within 1 +- this"),
    REAL(hue, "hue", "0.1", 0, 0.5, "hue turned by up to this part of the circle"),
    REAL(grey_prob, "grey_prob", "0.2", 0, 1, "probability of grey"),
    REAL(blur_prob, "blur_prob", "0.5", 0, 1, "probability of Gaussian blur"),
    REAL(blur_sigma_min, "blur_sigma_min", "0.1", 0.01, 20, "least sigma, pixels of the output"),
    REAL(blur_sigma_max, "blur_sigma_max", "2", 0.01, 20, "largest sigma, pixels of the output"),
    REAL(jpeg_prob, "jpeg_prob", "0", 0, 1, "probability of coding as JPEG once more"),
    {"data.augment.jpeg_quality_min", PR_CONFIG_INT, "60", 1, 100, NULL,
     offsetof(pr_augment_options, jpeg_quality_min), PR_CONFIG_IDENTITY, "least JPEG quality"},
    {"data.augment.jpeg_quality_max", PR_CONFIG_INT, "100", 1, 100, NULL,
     offsetof(pr_augment_options, jpeg_quality_max), PR_CONFIG_IDENTITY, "largest JPEG quality"},
    REAL(whole_prob, "whole_prob", "0", 0, 1, "probability of the whole crop, not a random one"),
    {"data.augment.crop_px", PR_CONFIG_INT, "0", 0, 4096, NULL,
     offsetof(pr_augment_options, crop_px), PR_CONFIG_IDENTITY,
     "pixels a side that a random crop is resized to before model.px; 0: at once; 256 in DCL's "
     "public code"},
    REAL(rotate_prob, "rotate_prob", "0", 0, 1, "probability of turning the crop about its middle"),
    REAL(rotate_deg, "rotate_deg", "30", 0, 180, "turned within +- this, degrees; edges mirrored"),
    REAL(cutout_prob, "cutout_prob", "0", 0, 1, "probability of a black square"),
    {"data.augment.cutout_px", PR_CONFIG_INT, "25", 1, 16384, NULL,
     offsetof(pr_augment_options, cutout_px), PR_CONFIG_IDENTITY,
     "the square's side, pixels of the output"},
    REAL(noise_prob, "noise_prob", "0", 0, 1, "probability of Gaussian noise on every byte"),
    REAL(noise_var_min, "noise_var_min", "10", 0, 65025, "least variance, grey levels squared"),
    REAL(noise_var_max, "noise_var_max", "50", 0, 65025, "largest variance"),
    REAL(tone_prob, "tone_prob", "0", 0, 1,
         "probability of one of: brightness and contrast; principal components; HSV"),
    REAL(tone_brightness, "tone_brightness", "0.2", 0, 1, "brightness within +- this, of 255"),
    REAL(tone_contrast, "tone_contrast", "0.2", 0, 1, "contrast factor within 1 +- this"),
    REAL(tone_pca, "tone_pca", "0.1", 0, 10,
         "standard deviation of the weights of the principal components (FancyPCA)"),
    REAL(tone_hue, "tone_hue", "0.1111111111111111", 0, 0.5,
         "hue turned by up to this part of the circle"),
    REAL(tone_saturation, "tone_saturation", "0.11764705882352941", 0, 1,
         "saturation within +- this"),
    REAL(tone_value, "tone_value", "0.0784313725490196", 0, 1, "value within +- this"),
    REAL(srm_prob, "srm_prob", "0", 0, 1,
         "probability of adding high frequencies (SRM) to the normalised image"),
    {"data.augment.srm_shared", PR_CONFIG_BOOL, "false", 0, 0, NULL,
     offsetof(pr_augment_options, srm_shared), PR_CONFIG_IDENTITY,
     "all views of an item get high frequencies, or none of them"},
    REAL(patch_prob, "patch_prob", "0", 0, 1, "probability of RandomPatch: tiles change places"),
    {"data.augment.patch_k", PR_CONFIG_INT, "3", 2, 32, NULL,
     offsetof(pr_augment_options, patch_k), PR_CONFIG_IDENTITY, "tiles along a side (C9)"},
    {"data.augment.patch_views", PR_CONFIG_CHOICE, "all", 0, 0, patch_words,
     offsetof(pr_augment_options, patch_views), PR_CONFIG_IDENTITY,
     "which views of an item: all, or the first alone, as DCL's public code has it"},
    {"data.augment.patch_edge", PR_CONFIG_CHOICE, "spread", 0, 0, edge_words,
     offsetof(pr_augment_options, patch_edge), PR_CONFIG_IDENTITY,
     "pixels beyond whole tiles: tiles share them, or they stay where they are, as in the public "
     "code"},
    {"data.augment.patch_orders", PR_CONFIG_WORDS, "", 0, 0, NULL,
     offsetof(pr_augment_options, patch_orders), PR_CONFIG_IDENTITY,
     "permutations of the tiles to draw from, as 8-7-6-5-4-3-2-1-0; empty: any; the public code has "
     "a list of 40"},
    REAL(mean[0], "mean_red", "0.5", 0, 1, "taken off red in [0, 1]"),
    REAL(mean[1], "mean_green", "0.5", 0, 1, "taken off green"),
    REAL(mean[2], "mean_blue", "0.5", 0, 1, "taken off blue"),
    REAL(std[0], "std_red", "0.5", 0.001, 10, "divides red after that"),
    REAL(std[1], "std_green", "0.5", 0.001, 10, "divides green"),
    REAL(std[2], "std_blue", "0.5", 0.001, 10, "divides blue"),
};
/* clang-format on */

pr_config_module pr_augment_config(pr_augment_options *target)
{
    return (pr_config_module){
        .title = "Augmentation",
        .rows = rows,
        .n_rows = (int64_t)(sizeof(rows) / sizeof(rows[0])),
        .target = target,
    };
}
