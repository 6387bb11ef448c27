/* The rows of masks and mix-ups. A default, once released, never changes. */
#include "dataset/generate.h"

static const char *const source_words[] = {"file", "diff", "ones", NULL};
static const char *const missing_words[] = {"stop", "ones", NULL};

/* clang-format off */
#define ROW(member, key, kind, def, min, max, words, doc)                                          \
    {key, kind, def, min, max, words, offsetof(pr_generate_options, member), PR_CONFIG_IDENTITY, doc}

static const pr_config_row rows[] = {
    ROW(mask, "data.mask", PR_CONFIG_CHOICE, "diff", 0, 0, source_words,
        "a fake's mask: its own file, its difference from its aligned real, or all of it (C8)"),
    ROW(mask_missing, "data.mask_missing", PR_CONFIG_CHOICE, "stop", 0, 0, missing_words,
        "a fake without what data.mask needs: stop the run, or all of it is forged"),
    ROW(mask_threshold, "data.mask_threshold", PR_CONFIG_REAL, "0.1", 0, 1, NULL,
        "diff: forged above this mean difference, as a share of 255; then opened by 3 x 3"),
    ROW(mixup_min, "data.mixup_min", PR_CONFIG_REAL, "0.5", 0, 1, NULL,
        "least share of the fake in a mix-up (C9)"),
    ROW(mixup_max, "data.mixup_max", PR_CONFIG_REAL, "1", 0, 1, NULL,
        "largest share of the fake in a mix-up"),
};
/* clang-format on */

pr_status pr_generate_check(const pr_generate_options *o)
{
    PR_REQUIRE(o->mask_threshold >= 0.0 && o->mask_threshold <= 1.0, PR_ERR_INVALID,
               "data.mask_threshold is %g, must be in [0, 1]", o->mask_threshold);
    PR_REQUIRE(o->mixup_min >= 0.0 && o->mixup_max <= 1.0 && o->mixup_min <= o->mixup_max,
               PR_ERR_INVALID, "data.mixup_min %g and mixup_max %g must lie in order in [0, 1]",
               o->mixup_min, o->mixup_max);
    return PR_OK;
}

pr_config_module pr_generate_config(pr_generate_options *target)
{
    return (pr_config_module){
        .title = "Masks and mix-ups",
        .rows = rows,
        .n_rows = (int64_t)(sizeof(rows) / sizeof(rows[0])),
        .target = target,
    };
}
