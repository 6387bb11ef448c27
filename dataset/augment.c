#include "dataset/augment_more.h"
#include "dataset/augment_private.h"
#include "dataset/blur.h"
#include "dataset/render.h"
#include "engine/base/math.h"

#include <math.h>

/* The numbers of the draws: never changed, they are part of a run's bits. */
enum {
    DRAW_FLIP = 1,
    DRAW_JITTER = 2,
    DRAW_ORDER = 3,
    DRAW_STRENGTH = 4, /* brightness, contrast, saturation, hue: 4 to 7 */
    DRAW_GREY = 8,
    DRAW_BLUR = 9,
    DRAW_SIGMA = 10,
    DRAW_JPEG = 11,
    DRAW_QUALITY = 12,
    DRAW_CROP = 16,
    CROP_ATTEMPTS = 10
};

/* An option, or a range of two, and the bounds within which it makes sense. */
typedef struct bound {
    const char *name;
    double low, high; /* equal where the option is one value */
    double least, most;
} bound;

static pr_status check_bounds(const bound *bounds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const bound *b = &bounds[i];
        PR_REQUIRE(b->low >= b->least && b->high <= b->most && b->low <= b->high, PR_ERR_INVALID,
                   "augment: %s from %g to %g, must lie in order within %g to %g", b->name, b->low,
                   b->high, b->least, b->most);
    }
    return PR_OK;
}

static pr_status check_perturb(const pr_augment_options *o)
{
    const double v = o->perturb_value;
    const bound quality = {"perturb jpeg quality", v, v, 1.0, 100.0};
    const bound factor = {"perturb scale factor", v, v, 1.0 / 64.0, 1.0};
    if (o->perturb == PR_PERTURB_NONE) {
        return PR_OK;
    }
    PR_REQUIRE(!o->enabled, PR_ERR_INVALID,
               "augment: a perturbation is for evaluation, where augmentation is off");
    if (o->perturb == PR_PERTURB_SCALE) {
        return check_bounds(&factor, 1);
    }
    PR_REQUIRE(v == floor(v), PR_ERR_INVALID,
               "augment: perturb jpeg quality %g, must be a whole number", v);
    return check_bounds(&quality, 1);
}

pr_status pr_augment_check(const pr_augment_options *o)
{
    for (int c = 0; c < 3; c++) {
        PR_REQUIRE(isfinite(o->mean[c]) && isfinite(o->std[c]) && o->std[c] > 0.0, PR_ERR_INVALID,
                   "augment: mean %g and std %g of channel %d, std must be above 0", o->mean[c],
                   o->std[c], c);
    }
    PR_TRY(check_perturb(o));
    PR_TRY(o->enabled ? pr__more_check(o) : PR_OK);
    const double strength = PR_COLOUR_MAX_FACTOR - 1.0;
    const bool blurs = o->blur_prob > 0.0;
    const bool encodes = o->jpeg_prob > 0.0;
    const bound bounds[] = {
        {"crop scale", o->crop_scale_min, o->crop_scale_max, 1e-4, 1.0},
        {"crop ratio", o->crop_ratio_min, o->crop_ratio_max, 0.01, 100.0},
        {"flip_prob", o->flip_prob, o->flip_prob, 0.0, 1.0},
        {"jitter_prob", o->jitter_prob, o->jitter_prob, 0.0, 1.0},
        {"brightness", o->brightness, o->brightness, 0.0, strength},
        {"contrast", o->contrast, o->contrast, 0.0, strength},
        {"saturation", o->saturation, o->saturation, 0.0, strength},
        {"hue", o->hue, o->hue, 0.0, 0.5},
        {"grey_prob", o->grey_prob, o->grey_prob, 0.0, 1.0},
        {"blur_prob", o->blur_prob, o->blur_prob, 0.0, 1.0},
        {"jpeg_prob", o->jpeg_prob, o->jpeg_prob, 0.0, 1.0},
        {"blur sigma", blurs ? o->blur_sigma_min : 1.0, blurs ? o->blur_sigma_max : 1.0, 1e-3,
         PR_BLUR_MAX_SIGMA},
        {"jpeg quality", encodes ? (double)o->jpeg_quality_min : 1.0,
         encodes ? (double)o->jpeg_quality_max : 1.0, 1.0, 100.0},
    };
    return o->enabled ? check_bounds(bounds, sizeof bounds / sizeof bounds[0]) : PR_OK;
}

static int round_px(double v)
{
    return (int)floor(v + 0.5);
}

/* The largest centred crop whose ratio is permitted. */
static pr_rect centred(const pr_augment_options *o, int width, int height)
{
    const double ratio = (double)width / (double)height;
    int w = width;
    int h = height;
    if (ratio < o->crop_ratio_min) {
        h = round_px((double)width / o->crop_ratio_min);
    } else if (ratio > o->crop_ratio_max) {
        w = round_px((double)height * o->crop_ratio_max);
    }
    w = w < 1 ? 1 : (w > width ? width : w);
    h = h < 1 ? 1 : (h > height ? height : h);
    return (pr_rect){(width - w) / 2, (height - h) / 2, w, h};
}

/* torchvision's RandomResizedCrop: the area uniform, the ratio log-uniform, the place uniform. */
static pr_rect draw_crop(const pr_augment_options *o, const pr_draw_key *key, int width, int height)
{
    const double area = (double)width * (double)height;
    const double log_min = pr_log(o->crop_ratio_min);
    const double log_max = pr_log(o->crop_ratio_max);
    for (uint32_t a = 0; a < CROP_ATTEMPTS; a++) {
        const uint32_t number = DRAW_CROP + 4 * a;
        const double share = pr_draw_between(key, number, o->crop_scale_min, o->crop_scale_max);
        const double ratio = pr_exp(pr_draw_between(key, number + 1, log_min, log_max));
        const double w = floor(sqrt(area * share * ratio) + 0.5);
        const double h = floor(sqrt(area * share / ratio) + 0.5);
        if (w >= 1.0 && h >= 1.0 && w <= (double)width && h <= (double)height) {
            const int x = (int)pr_draw_below(key, number + 2, width - (int)w + 1);
            const int y = (int)pr_draw_below(key, number + 3, height - (int)h + 1);
            return (pr_rect){x, y, (int)w, (int)h};
        }
    }
    return centred(o, width, height);
}

static bool draw_chance(const pr_draw_key *key, uint32_t number, double prob)
{
    return pr_draw_uniform(key, number) < prob;
}

/* The four operations in one of their 24 orders: ORDER in the factorial number system. */
static void draw_jitter(const pr_augment_options *o, const pr_draw_key *key,
                        pr__augment_draws *draws)
{
    const double strength[4] = {o->brightness, o->contrast, o->saturation, o->hue};
    pr__colour_kind left[4] = {PR__BRIGHTNESS, PR__CONTRAST, PR__SATURATION, PR__HUE};
    int order = (int)pr_draw_below(key, DRAW_ORDER, 24);
    for (int n_left = 4; n_left > 0; n_left--) {
        const int pick = order % n_left;
        order /= n_left;
        const pr__colour_kind kind = left[pick];
        for (int i = pick; i + 1 < n_left; i++) {
            left[i] = left[i + 1];
        }
        const double s = strength[kind];
        const double low = kind == PR__HUE ? -s : (s < 1.0 ? 1.0 - s : 0.0);
        const double high = kind == PR__HUE ? s : 1.0 + s;
        if (s > 0.0) {
            const double amount = pr_draw_between(key, DRAW_STRENGTH + (uint32_t)kind, low, high);
            draws->ops[draws->n_ops++] = (pr__colour_op){kind, amount};
        }
    }
}

void pr__augment_draw(const pr_augment_options *o, const pr_draw_key *key, int width, int height,
                      pr__augment_draws *draws)
{
    *draws = (pr__augment_draws){.crop = {0, 0, width, height}};
    if (!o->enabled) {
        return;
    }
    draws->crop = draw_crop(o, key, width, height);
    draws->flip = draw_chance(key, DRAW_FLIP, o->flip_prob);
    if (draw_chance(key, DRAW_JITTER, o->jitter_prob)) {
        draw_jitter(o, key, draws);
    }
    if (draw_chance(key, DRAW_GREY, o->grey_prob)) {
        draws->ops[draws->n_ops++] = (pr__colour_op){PR__SATURATION, 0.0};
    }
    if (draw_chance(key, DRAW_BLUR, o->blur_prob)) {
        draws->blur_sigma = pr_draw_between(key, DRAW_SIGMA, o->blur_sigma_min, o->blur_sigma_max);
    }
    if (draw_chance(key, DRAW_JPEG, o->jpeg_prob)) {
        const int64_t n = o->jpeg_quality_max - o->jpeg_quality_min + 1;
        draws->jpeg_quality = (int)(o->jpeg_quality_min + pr_draw_below(key, DRAW_QUALITY, n));
    }
}

int pr__augment_find_contrast(const pr__augment_draws *draws)
{
    int i = 0;
    while (i < draws->n_ops && draws->ops[i].kind != PR__CONTRAST) {
        i++;
    }
    return i;
}

void pr__augment_colour(const pr__augment_draws *draws, int from, int n_ops, double mean,
                        const pr_levels *levels)
{
    for (int i = from; i < n_ops; i++) {
        const double amount = draws->ops[i].amount;
        if (draws->ops[i].kind == PR__BRIGHTNESS) {
            pr_colour_brightness(levels, amount);
        } else if (draws->ops[i].kind == PR__CONTRAST) {
            pr_colour_contrast(levels, amount, mean);
        } else if (draws->ops[i].kind == PR__SATURATION) {
            pr_colour_saturation(levels, amount);
        } else {
            pr_colour_hue(levels, amount);
        }
    }
}
