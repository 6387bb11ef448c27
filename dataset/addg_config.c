/* The rows addg.*: readings of the paper, which gives no strengths. */
#include "dataset/addg.h"

static const char *const ALL_MASKS[] = {"face", "lower", "mouth", "centre", "inner", NULL};

pr_addg_options pr_addg_options_default(void)
{
    return (pr_addg_options){.blur_min = 3,
                             .blur_max = 9,
                             .scale_min = 0.25,
                             .scale_max = 0.75,
                             .iso_shift_min = 0.01,
                             .iso_shift_max = 0.05,
                             .iso_intensity_min = 0.1,
                             .iso_intensity_max = 0.5,
                             .rotation_min = 2,
                             .rotation_max = 10,
                             .masks = {ALL_MASKS, 5},
                             .deform = 0.05,
                             .soft_prob = 0.5,
                             .soft_min = 2,
                             .soft_max = 7,
                             .sb_align = true,
                             .sb_colour = 0,
                             .fwa_scale_min = 0.25,
                             .fwa_scale_max = 0.75,
                             .fwa_blur = 5,
                             .fwa_brightness = 0.2,
                             .bi_colour = 1};
}

/* clang-format off */
#define ROW(member, key, type, def, min, max, doc)                                                 \
    {"addg." key, type, def, min, max, NULL, offsetof(pr_addg_options, member),                    \
     PR_CONFIG_IDENTITY, doc}
#define REAL(member, key, def, min, max, doc)                                                      \
    ROW(member, key, PR_CONFIG_REAL, def, min, max, doc)

static const pr_config_row rows[] = {
    ROW(blur_min, "blur_min", PR_CONFIG_INT, "3", 1, 31, "least k of the k x k blur, odd"),
    ROW(blur_max, "blur_max", PR_CONFIG_INT, "9", 1, 31, "largest k of the k x k blur, odd"),
    REAL(scale_min, "scale_min", "0.25", 0.01, 1, "least share of its sides that a crop shrinks to"),
    REAL(scale_max, "scale_max", "0.75", 0.01, 1, "largest share of its sides"),
    REAL(iso_shift_min, "iso_shift_min", "0.01", 0, 1, "ISO noise: least spread of the hue, turns"),
    REAL(iso_shift_max, "iso_shift_max", "0.05", 0, 1, "ISO noise: largest spread of the hue"),
    REAL(iso_intensity_min, "iso_intensity_min", "0.1", 0, 1, "ISO noise: least intensity"),
    REAL(iso_intensity_max, "iso_intensity_max", "0.5", 0, 1, "ISO noise: largest intensity"),
    REAL(rotation_min, "rotation_min", "2", 0, 180, "least angle of the rotation, degrees"),
    REAL(rotation_max, "rotation_max", "10", 0, 180, "largest angle of the rotation, degrees"),
    ROW(masks, "masks", PR_CONFIG_WORDS, "face, lower, mouth, centre, inner", 0, 0,
        "parts of the face, one drawn a view: words, or landmarks as 17-26+30+31-35"),
    REAL(deform, "deform", "0.05", 0, 0.5, "random deformation of a mask, share of the face's width"),
    REAL(soft_prob, "soft_prob", "0.5", 0, 1, "probability that a mask's edge is soft"),
    REAL(soft_min, "soft_min", "2", 0.1, 32, "least sigma of a soft edge, pixels of the crop"),
    REAL(soft_max, "soft_max", "7", 0.1, 32, "largest sigma of a soft edge, pixels of the crop"),
    ROW(sb_align, "sb_align", PR_CONFIG_BOOL, "true", 0, 0,
        "SB-Rand, SB-Sim: the donor's landmarks are laid onto the target's"),
    REAL(sb_colour, "sb_colour", "0", 0, 1, "SB-Rand, SB-Sim: how far colours are matched"),
    REAL(fwa_scale_min, "fwa_scale_min", "0.25", 0.01, 1, "FWA: least share of its sides"),
    REAL(fwa_scale_max, "fwa_scale_max", "0.75", 0.01, 1, "FWA: largest share of its sides"),
    ROW(fwa_blur, "fwa_blur", PR_CONFIG_INT, "5", 1, 31, "FWA: k of the k x k blur, odd"),
    REAL(fwa_brightness, "fwa_brightness", "0.2", 0, 0.99,
         "FWA: brightness of the whole view, factor within 1 +- this"),
    REAL(bi_colour, "bi_colour", "1", 0, 1, "BI: how far colours are matched"),
};
/* clang-format on */

pr_config_module pr_addg_config(pr_addg_options *target)
{
    return (pr_config_module){
        .title = "Forged views (ADDG, FWA, BI)",
        .rows = rows,
        .n_rows = (int64_t)(sizeof(rows) / sizeof(rows[0])),
        .target = target,
    };
}
