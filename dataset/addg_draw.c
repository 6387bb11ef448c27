/* What a forged view leaves to chance: addg.h numbers the draws. */
#include "dataset/addg_private.h"
#include "engine/base/math.h"

/* The numbers of the draws: never changed, they are part of a run's bits. */
enum {
    DRAW_BLUR = 16,
    DRAW_SCALE = 17,
    DRAW_SHIFT = 18,
    DRAW_INTENSITY = 19,
    DRAW_ANGLE = 20,
    DRAW_SIGN = 21,
    DRAW_MASK = 22,
    DRAW_SOFT = 23,
    DRAW_SIGMA = 24,
    DRAW_BRIGHTNESS = 25,
    DRAW_MATRIX = 32,
    DRAW_MOVE = 36,
    DRAW_WIGGLE = 64
};

const char *const PR_ADDG_WORDS[PR_ADDG_N] = {"inner_blur",    "outer_blur",  "inner_scaling",
                                              "outer_scaling", "inner_noise", "outer_noise",
                                              "rotation",      "sb_rand",     "sb_sim"};

static const pr_addg_perturb PERTURB[PR_ADDG_N] = {PR_ADDG_BLUR,   PR_ADDG_BLUR, PR_ADDG_SCALE,
                                                   PR_ADDG_SCALE,  PR_ADDG_ISO,  PR_ADDG_ISO,
                                                   PR_ADDG_ROTATE, PR_ADDG_SWAP, PR_ADDG_SWAP};

bool pr_addg_needs_donor(pr_generator generator, int category)
{
    return generator == PR_GEN_BI ||
           ((generator == PR_GEN_ADDG || generator == PR_GEN_XP) && category >= PR_ADDG_SB_RAND);
}

/*
 * A matrix within +- d / 2, a shift and each landmark's own within +- d / 4 of the face's width: a
 * corner of the mask moves by at most about d of the face's size along an axis.
 */
static void draw_mask(const pr_addg *addg, const pr_draw_key *key, pr_addg_draws *draws)
{
    const pr_addg_options *const o = &addg->options;
    const double half = o->deform / 2;
    const double quarter = o->deform / 4;
    draws->mask = (int)pr_draw_below(key, DRAW_MASK, addg->n_masks);
    if (pr_draw_uniform(key, DRAW_SOFT) < o->soft_prob) {
        draws->sigma = pr_draw_between(key, DRAW_SIGMA, o->soft_min, o->soft_max);
    }
    for (uint32_t i = 0; o->deform > 0 && i < 2; i++) {
        draws->move[i] = pr_draw_between(key, DRAW_MOVE + i, -quarter, quarter);
        for (uint32_t j = 0; j < 2; j++) {
            draws->matrix[i][j] = pr_draw_between(key, DRAW_MATRIX + 2 * i + j, -half, half);
        }
        for (uint32_t k = 0; k < PR_N_LANDMARKS; k++) {
            draws->wiggle[k][i] = pr_draw_between(key, DRAW_WIGGLE + 2 * k + i, -quarter, quarter);
        }
    }
}

static void draw_perturbation(const pr_addg_options *o, const pr_draw_key *key,
                              pr_addg_draws *draws)
{
    const int64_t n_blurs = (o->blur_max - o->blur_min) / 2 + 1;
    switch (draws->perturb) {
    case PR_ADDG_BLUR:
        draws->blur_px = (int)(o->blur_min + 2 * pr_draw_below(key, DRAW_BLUR, n_blurs));
        break;
    case PR_ADDG_SCALE:
        draws->scale = pr_draw_between(key, DRAW_SCALE, o->scale_min, o->scale_max);
        break;
    case PR_ADDG_ISO:
        draws->shift = pr_draw_between(key, DRAW_SHIFT, o->iso_shift_min, o->iso_shift_max);
        draws->intensity =
            pr_draw_between(key, DRAW_INTENSITY, o->iso_intensity_min, o->iso_intensity_max);
        break;
    case PR_ADDG_ROTATE:
        draws->angle = pr_draw_between(key, DRAW_ANGLE, o->rotation_min, o->rotation_max) *
                       (PR_PI / 180) * (pr_draw_below(key, DRAW_SIGN, 2) == 0 ? -1 : 1);
        break;
    case PR_ADDG_WARP:
        draws->scale = pr_draw_between(key, DRAW_SCALE, o->fwa_scale_min, o->fwa_scale_max);
        draws->blur_px = (int)o->fwa_blur;
        break;
    default:
        draws->align = o->sb_align;
        draws->colour = o->sb_colour;
        break;
    }
}

pr_status pr_addg_draw(const pr_addg *addg, const pr_draw_key *key, pr_generator generator,
                       int category, pr_addg_draws *draws)
{
    const pr_addg_options *const o = &addg->options;
    const bool has_category = generator == PR_GEN_ADDG || generator == PR_GEN_XP;
    PR_REQUIRE(has_category || generator == PR_GEN_FWA || generator == PR_GEN_BI, PR_ERR_INVALID,
               "addg: generator %d is none of ADDG (%d), XP (%d), FWA (%d), BI (%d)",
               (int)generator, PR_GEN_ADDG, PR_GEN_XP, PR_GEN_FWA, PR_GEN_BI);
    PR_REQUIRE(!has_category || (category >= 1 && category <= PR_ADDG_N), PR_ERR_INVALID,
               "addg: category %d, must be in 1 .. %d", category, PR_ADDG_N);
    *draws = (pr_addg_draws){.key = *key, .brightness = 1, .masked = generator != PR_GEN_XP};
    draws->key.purpose = PR_FOR_GENERATOR;
    if (has_category) {
        draws->perturb = PERTURB[category - 1];
        draws->outer = category <= PR_ADDG_OUTER_NOISE && category % 2 == 0;
    } else {
        draws->perturb = generator == PR_GEN_FWA ? PR_ADDG_WARP : PR_ADDG_SWAP;
    }
    draw_perturbation(o, &draws->key, draws);
    draw_mask(addg, &draws->key, draws);
    if (generator == PR_GEN_FWA) {
        draws->brightness = pr_draw_between(&draws->key, DRAW_BRIGHTNESS, 1 - o->fwa_brightness,
                                            1 + o->fwa_brightness);
    }
    if (generator == PR_GEN_BI) { /* face X-ray's boundary is always soft, its donor laid on */
        draws->sigma = pr_draw_between(&draws->key, DRAW_SIGMA, o->soft_min, o->soft_max);
        draws->align = true;
        draws->colour = o->bi_colour;
    }
    if (!has_category) { /* both replace the whole face: the hull of all landmarks */
        draws->mask = addg->n_masks;
    }
    return PR_OK;
}
