#include "dataset/augment_more.h"

#include "dataset/noise.h"
#include "dataset/srm.h"
#include "dataset/tone.h"
#include "engine/base/alloc.h"

#include <math.h>

/* The numbers of the draws: never changed, they are part of a run's bits. */
enum {
    DRAW_WHOLE = 64,
    DRAW_ROTATE = 65,
    DRAW_ANGLE = 66,
    DRAW_CUTOUT = 67,
    DRAW_CUTOUT_PLACE = 68, /* x, y */
    DRAW_NOISE = 70,
    DRAW_VARIANCE = 71,
    DRAW_TONE = 72,
    DRAW_WHICH_TONE = 73,
    DRAW_AMOUNT = 74, /* 74 to 76 */
    DRAW_SRM = 77,
    DRAW_PATCH = 78,
    DRAW_ORDER = 79,
    DRAW_PIXELS = 65536
};

static const double DEGREE = 3.14159265358979323846 / 180.0;

typedef struct bound {
    const char *name;
    double value, least, most;
} bound;

static pr_status check_orders(const pr_augment_options *o)
{
    int64_t order[PR_PATCH_MAX_K * PR_PATCH_MAX_K];
    const int64_t n_tiles = o->patch_k * o->patch_k;
    for (int64_t i = 0; i < o->patch_orders.n; i++) {
        PR_REQUIRE(pr_patch_parse(o->patch_orders.at[i], n_tiles, order), PR_ERR_INVALID,
                   "augment: patch_orders: '%s' is no permutation of 0 to %lld, joined by -",
                   o->patch_orders.at[i], (long long)n_tiles - 1);
    }
    return PR_OK;
}

pr_status pr__more_check(const pr_augment_options *o)
{
    const bound bounds[] = {
        {"whole_prob", o->whole_prob, 0.0, 1.0},
        {"rotate_prob", o->rotate_prob, 0.0, 1.0},
        {"rotate_deg", o->rotate_deg, 0.0, 180.0},
        {"cutout_prob", o->cutout_prob, 0.0, 1.0},
        {"cutout_px", (double)o->cutout_px, o->cutout_prob > 0.0 ? 1.0 : 0.0, PR_IMAGE_MAX_PX},
        {"noise_prob", o->noise_prob, 0.0, 1.0},
        {"noise_var_min", o->noise_var_min, 0.0, o->noise_var_max},
        {"noise_var_max", o->noise_var_max, 0.0, 65025.0},
        {"tone_prob", o->tone_prob, 0.0, 1.0},
        {"tone_brightness", o->tone_brightness, 0.0, 1.0},
        {"tone_contrast", o->tone_contrast, 0.0, 1.0},
        {"tone_pca", o->tone_pca, 0.0, 10.0},
        {"tone_hue", o->tone_hue, 0.0, 0.5},
        {"tone_saturation", o->tone_saturation, 0.0, 1.0},
        {"tone_value", o->tone_value, 0.0, 1.0},
        {"srm_prob", o->srm_prob, 0.0, 1.0},
        {"patch_prob", o->patch_prob, 0.0, 1.0},
        {"patch_k", (double)o->patch_k, o->patch_prob > 0.0 ? 2.0 : 0.0, PR_PATCH_MAX_K},
    };
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        const bound *const b = &bounds[i];
        PR_REQUIRE(b->value >= b->least && b->value <= b->most, PR_ERR_INVALID,
                   "augment: %s is %g, must be within %g to %g", b->name, b->value, b->least,
                   b->most);
    }
    return o->patch_prob > 0.0 ? check_orders(o) : PR_OK;
}

pr_status pr__more_make(const pr_augment_options *o, int out_px, pr__more *more)
{
    *more = (pr__more){.out_px = out_px};
    const int64_t n = (int64_t)out_px * out_px;
    bool whole = true;
    if (o->enabled && o->noise_prob > 0.0) {
        more->noise = pr_calloc(PR_NOISE_LEVELS, sizeof(*more->noise));
        whole = more->noise != NULL;
    }
    if (o->enabled && o->srm_prob > 0.0) {
        more->srm = pr_calloc((int64_t)pr_srm_scratch(out_px), sizeof(*more->srm));
        whole = whole && more->srm != NULL;
    }
    if (o->enabled && o->patch_prob > 0.0) {
        PR_REQUIRE(o->patch_k <= out_px, PR_ERR_INVALID,
                   "augment: patch_k is %lld, views have %d px a side", (long long)o->patch_k,
                   out_px);
        more->copy = pr_calloc(n, 3 * sizeof(*more->copy));
        more->patch = pr_calloc(n, sizeof(*more->patch));
        more->patch_scratch = pr_calloc((int64_t)pr_patch_scratch(out_px, (int)o->patch_k),
                                        sizeof(*more->patch_scratch));
        whole = whole && more->copy != NULL && more->patch != NULL && more->patch_scratch != NULL;
    }
    PR_REQUIRE(whole, PR_ERR_NOMEM, "render: no memory for views of %d px", out_px);
    if (more->noise != NULL) {
        pr_noise_table(more->noise);
    }
    return PR_OK;
}

void pr__more_free(pr__more *more)
{
    pr_free(more->noise);
    pr_free(more->srm);
    pr_free(more->copy);
    pr_free(more->patch);
    pr_free(more->patch_scratch);
    *more = (pr__more){0};
}

static bool chance(const pr_draw_key *key, uint32_t number, double prob)
{
    return prob > 0.0 && pr_draw_uniform(key, number) < prob;
}

static double within(const pr_draw_key *key, uint32_t number, double strength)
{
    return pr_draw_between(key, number, -strength, strength);
}

/* Albumentations' place: a corner half a side before a uniform pixel, moved inside, cut at the end. */
static void draw_cutout(const pr_augment_options *o, const pr_draw_key *key, int px, pr_rect *rect)
{
    int start[2];
    int size[2];
    for (int i = 0; i < 2; i++) {
        const int64_t middle = pr_draw_below(key, DRAW_CUTOUT_PLACE + (uint32_t)i, px);
        const int64_t first = middle - o->cutout_px / 2;
        start[i] = first > 0 ? (int)first : 0;
        const int64_t left = px - start[i];
        size[i] = (int)(left < o->cutout_px ? left : o->cutout_px);
    }
    *rect = (pr_rect){start[0], start[1], size[0], size[1]};
}

static void draw_tone(const pr_augment_options *o, const pr_draw_key *key, pr__more_draws *draws)
{
    const pr__tone tones[] = {PR__TONE_LINEAR, PR__TONE_PCA, PR__TONE_HSV};
    draws->tone = tones[pr_draw_below(key, DRAW_WHICH_TONE, 3)];
    if (draws->tone == PR__TONE_LINEAR) {
        draws->amount[0] = within(key, DRAW_AMOUNT, o->tone_brightness);
        draws->amount[1] = within(key, DRAW_AMOUNT + 1, o->tone_contrast);
    } else if (draws->tone == PR__TONE_PCA) {
        for (uint32_t i = 0; i < 3; i++) {
            draws->amount[i] = o->tone_pca * pr_draw_normal(key, DRAW_AMOUNT + i);
        }
    } else {
        draws->amount[0] = within(key, DRAW_AMOUNT, o->tone_hue);
        draws->amount[1] = within(key, DRAW_AMOUNT + 1, o->tone_saturation);
        draws->amount[2] = within(key, DRAW_AMOUNT + 2, o->tone_value);
    }
}

/* The order of the tiles: any, or one of those that are given. */
static void draw_patch(const pr_augment_options *o, const pr_draw_key *key, pr__more_draws *draws)
{
    const int64_t n_tiles = o->patch_k * o->patch_k;
    draws->patch_k = (int)o->patch_k;
    draws->patch_stay = o->patch_edge == PR_PATCH_STAY;
    if (o->patch_orders.n > 0) {
        const int64_t which = pr_draw_below(key, DRAW_ORDER, o->patch_orders.n);
        (void)pr_patch_parse(o->patch_orders.at[which], n_tiles, draws->patch_order);
        return;
    }
    pr_draw_key order = *key;
    order.purpose = PR_FOR_PATCH;
    pr_draw_permutation(&order, n_tiles, draws->patch_order);
}

void pr__more_draw(const pr_augment_options *o, const pr_draw_key *key, int out_px,
                   pr__more_draws *draws)
{
    draws->whole = false;
    draws->angle = 0.0;
    draws->cutout = (pr_rect){0, 0, 0, 0};
    draws->noise_sigma = 0.0;
    draws->tone = PR__TONE_NONE;
    draws->srm = false;
    draws->patch_k = 0;
    draws->key = *key;
    if (!o->enabled) {
        return;
    }
    pr_draw_key shared = *key;
    shared.view = o->srm_shared ? 0 : key->view;
    draws->whole = chance(key, DRAW_WHOLE, o->whole_prob);
    if (chance(key, DRAW_ROTATE, o->rotate_prob)) {
        draws->angle = DEGREE * within(key, DRAW_ANGLE, o->rotate_deg);
    }
    if (chance(key, DRAW_CUTOUT, o->cutout_prob)) {
        draw_cutout(o, key, out_px, &draws->cutout);
    }
    if (chance(key, DRAW_NOISE, o->noise_prob)) {
        draws->noise_sigma =
            sqrt(pr_draw_between(key, DRAW_VARIANCE, o->noise_var_min, o->noise_var_max));
    }
    if (chance(key, DRAW_TONE, o->tone_prob)) {
        draw_tone(o, key, draws);
    }
    draws->srm = chance(&shared, DRAW_SRM, o->srm_prob);
    if (chance(key, DRAW_PATCH, o->patch_prob) &&
        (o->patch_views == PR_PATCH_ALL || key->view == 0)) {
        draw_patch(o, key, draws);
    }
}

bool pr__more_has_bytes(const pr__more_draws *draws)
{
    return draws->cutout.width > 0 || draws->noise_sigma > 0.0 || draws->tone != PR__TONE_NONE;
}

void pr__more_bytes(const pr__more *more, const pr__more_draws *draws, const pr_image_u8 *view)
{
    if (draws->cutout.width > 0) {
        pr_cut_out(view, &draws->cutout);
    }
    if (draws->noise_sigma > 0.0) {
        pr_noise_add(view, draws->noise_sigma, more->noise, &draws->key, DRAW_PIXELS);
    }
    switch (draws->tone) {
    case PR__TONE_LINEAR:
        pr_tone_brightness_contrast(view, draws->amount[0], draws->amount[1]);
        break;
    case PR__TONE_PCA:
        pr_tone_pca(view, draws->amount);
        break;
    case PR__TONE_HSV:
        pr_tone_hsv(view, draws->amount[0], draws->amount[1], draws->amount[2]);
        break;
    default:
        break;
    }
}

void pr__more_floats(pr__more *more, const pr__more_draws *draws, float *image)
{
    if (draws->srm) {
        pr_srm_add(more->out_px, image, more->srm);
    }
    if (draws->patch_k > 0) {
        pr_patch_map(more->out_px, draws->patch_k, draws->patch_stay, draws->patch_order,
                     more->patch, more->patch_scratch);
        pr_patch_apply(more->patch, more->out_px, 3, image, more->copy);
    }
}

void pr__more_mask(pr__more *more, const pr__more_draws *draws, float *mask)
{
    if (draws->patch_k > 0) {
        pr_patch_apply(more->patch, more->out_px, 1, mask, more->copy);
    }
}
