/*
 * The rows data.augment.*. Defaults are SimCLR's transforms (Chen et al. 2020, appendix A) at the
 * strength 0.5 that supervised contrastive learning uses.
 */
#include "dataset/augment.h"

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
