#include "dataset/addg.h"

#include "dataset/addg_private.h"
#include "dataset/blur.h"
#include "dataset/forge_canvas.h"
#include "dataset/warp.h"
#include "engine/base/alloc.h"
#include "engine/base/math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static pr_status check_range(const char *name, double low, double high, double least, double most)
{
    PR_REQUIRE(low >= least && high <= most && low <= high, PR_ERR_INVALID,
               "addg.%s from %g to %g, must lie in order within %g to %g", name, low, high, least,
               most);
    return PR_OK;
}

static pr_status check(const pr_addg_options *o)
{
    PR_REQUIRE(o->blur_min % 2 == 1 && o->blur_max % 2 == 1 && o->fwa_blur % 2 == 1, PR_ERR_INVALID,
               "addg: blurs of %lld to %lld and FWA's of %lld, each must be odd",
               (long long)o->blur_min, (long long)o->blur_max, (long long)o->fwa_blur);
    PR_TRY(check_range("blur", (double)o->blur_min, (double)o->blur_max, 1, PR__ADDG_MAX_BLUR));
    PR_TRY(check_range("fwa_blur", (double)o->fwa_blur, (double)o->fwa_blur, 1, PR__ADDG_MAX_BLUR));
    PR_TRY(check_range("scale", o->scale_min, o->scale_max, 0.01, 1));
    PR_TRY(check_range("iso_shift", o->iso_shift_min, o->iso_shift_max, 0, 1));
    PR_TRY(check_range("iso_intensity", o->iso_intensity_min, o->iso_intensity_max, 0, 1));
    PR_TRY(check_range("rotation", o->rotation_min, o->rotation_max, 0, 180));
    PR_TRY(check_range("deform", o->deform, o->deform, 0, 0.5));
    PR_TRY(check_range("soft", o->soft_min, o->soft_max, 0.1, PR_BLUR_MAX_SIGMA));
    PR_TRY(check_range("fwa_scale", o->fwa_scale_min, o->fwa_scale_max, 0.01, 1));
    return check_range("fwa_brightness", o->fwa_brightness, o->fwa_brightness, 0, 0.99);
}

/* "17-26+30": ranges of landmarks. */
static bool parse_landmarks(const char *word, pr__polygon *out)
{
    bool taken[PR_N_LANDMARKS] = {false};
    const char *at = word;
    for (;;) {
        char *end = NULL;
        const long first = strtol(at, &end, 10);
        long last = first;
        if (end == at) {
            return false;
        }
        if (*end == '-') {
            at = end + 1;
            last = strtol(at, &end, 10);
        }
        if (end == at || first < 0 || last < first || last >= PR_N_LANDMARKS) {
            return false;
        }
        for (long i = first; i <= last; i++) {
            taken[i] = true;
        }
        if (*end != '+') {
            at = end;
            break;
        }
        at = end + 1;
    }
    out->n = 0;
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        if (taken[i]) {
            out->landmarks[out->n++] = i;
        }
    }
    return *at == '\0' && out->n >= 3;
}

static pr_status parse_masks(pr_addg *addg)
{
    const pr_config_words *const words = &addg->options.masks;
    PR_REQUIRE(words->n >= 1 && words->n <= PR_ADDG_MAX_MASKS, PR_ERR_INVALID,
               "addg.masks has %lld masks, must be 1 to %d", (long long)words->n,
               PR_ADDG_MAX_MASKS);
    for (int64_t i = 0; i < words->n; i++) {
        pr__polygon *const mask = &addg->masks[addg->n_masks++];
        for (int kind = 0; kind < PR_MASK_KINDS; kind++) {
            if (strcmp(words->at[i], PR_MASK_WORDS[kind]) == 0) {
                mask->n = pr_mask_landmarks((pr_mask_kind)kind, mask->landmarks);
            }
        }
        PR_REQUIRE(mask->n > 0 || parse_landmarks(words->at[i], mask), PR_ERR_INVALID,
                   "addg.masks: '%s' is no mask: want face, lower, mouth, centre, inner, or three "
                   "or more landmarks of 0 to %d as 17-26+30+31-35",
                   words->at[i], PR_N_LANDMARKS - 1);
    }
    pr__polygon *const whole = &addg->masks[addg->n_masks];
    whole->n = pr_mask_landmarks(PR_MASK_FACE, whole->landmarks);
    return PR_OK;
}

static pr_status allocate(pr_addg *addg)
{
    const int w = addg->max_width;
    const int h = addg->max_height;
    const int side = w > h ? w : h;
    const int64_t n = (int64_t)w * h;
    addg->perturbed = pr_calloc(n, 3);
    addg->small = pr_calloc(n, 3);
    addg->edge = pr_calloc(n, 1);
    addg->rows = pr_calloc(n, 3 * sizeof(float));
    addg->line = pr_calloc(side + (int64_t)2 * PR__ADDG_MAX_BLUR, 3 * sizeof(float));
    addg->hls = pr_calloc(n, 3 * sizeof(float));
    addg->canvas[0] = pr_calloc(n, 3 * sizeof(float));
    addg->canvas[1] = pr_calloc(n, 3 * sizeof(float));
    addg->blur = pr_calloc((int64_t)pr_blur_scratch(w, h), sizeof(uint16_t));
    PR_REQUIRE(addg->perturbed != NULL && addg->small != NULL && addg->edge != NULL &&
                   addg->rows != NULL && addg->line != NULL && addg->hls != NULL &&
                   addg->canvas[0] != NULL && addg->canvas[1] != NULL && addg->blur != NULL,
               PR_ERR_NOMEM, "addg: no memory for crops of %d x %d px", w, h);
    return pr_resizer_create(side, side, &addg->resizer);
}

pr_status pr_addg_create(const pr_addg_options *options, int max_width, int max_height,
                         pr_addg **out)
{
    PR_TRY(check(options));
    PR_REQUIRE(max_width >= 1 && max_width <= PR_IMAGE_MAX_PX && max_height >= 1 &&
                   max_height <= PR_IMAGE_MAX_PX,
               PR_ERR_INVALID, "addg: crops of %d x %d px, a side must be 1 to %d", max_width,
               max_height, PR_IMAGE_MAX_PX);
    pr_addg *addg = pr_calloc(1, sizeof(*addg));
    PR_REQUIRE(addg != NULL, PR_ERR_NOMEM, "addg: no memory");
    addg->options = *options;
    addg->max_width = max_width;
    addg->max_height = max_height;
    pr_status status = parse_masks(addg);
    if (status == PR_OK) {
        status = allocate(addg);
    }
    if (status != PR_OK) {
        pr_addg_destroy(&addg);
        return status;
    }
    *out = addg;
    return PR_OK;
}

void pr_addg_destroy(pr_addg **addg)
{
    pr_addg *const a = *addg;
    if (a == NULL) {
        return;
    }
    pr_resizer_destroy(&a->resizer);
    pr_free(a->perturbed);
    pr_free(a->small);
    pr_free(a->edge);
    pr_free(a->rows);
    pr_free(a->line);
    pr_free(a->hls);
    pr_free(a->canvas[0]);
    pr_free(a->canvas[1]);
    pr_free(a->blur);
    pr_free(a);
    *addg = NULL;
}

int pr_addg_n_masks(const pr_addg *addg)
{
    return addg->n_masks;
}

int pr_addg_mask_landmarks(const pr_addg *addg, int mask, int indices[PR_N_LANDMARKS])
{
    const pr__polygon *const polygon = &addg->masks[mask];
    memcpy(indices, polygon->landmarks, (size_t)polygon->n * sizeof(*indices));
    return polygon->n;
}

static void middle_of(const double points[PR_N_LANDMARKS][2], double out[2])
{
    out[0] = 0;
    out[1] = 0;
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        out[0] += points[i][0] / PR_N_LANDMARKS;
        out[1] += points[i][1] / PR_N_LANDMARKS;
    }
}

static pr_status make_mask(pr_addg *addg, const pr_addg_draws *draws, const pr_addg_face *target,
                           const pr_image_u8 *mask)
{
    const pr__polygon *const polygon = &addg->masks[draws->mask];
    const double width = pr_face_width(target->points);
    double m[2];
    double moved[PR_N_LANDMARKS][2];
    middle_of(target->points, m);
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        const double x = target->points[i][0] - m[0];
        const double y = target->points[i][1] - m[1];
        for (int c = 0; c < 2; c++) {
            moved[i][c] = target->points[i][c] + draws->matrix[c][0] * x + draws->matrix[c][1] * y +
                          (draws->move[c] + draws->wiggle[i][c]) * width;
        }
    }
    PR_TRY(pr_mask_fill((const double(*)[2])moved, polygon->landmarks, polygon->n, 0, mask));
    if (draws->sigma > 0) {
        PR_TRY(pr_blur_plane(mask->data, mask->width, mask->height, draws->sigma, addg->blur));
    }
    const int64_t n = (int64_t)mask->width * mask->height;
    for (int64_t i = 0; draws->outer && i < n; i++) {
        mask->data[i] = (uint8_t)(255 - mask->data[i]);
    }
    return PR_OK;
}

static void to_canvas(const pr_image_u8 *image, const pr_canvas *canvas)
{
    const int64_t n = (int64_t)image->width * image->height * 3;
    for (int64_t i = 0; i < n; i++) {
        canvas->data[i] = image->data[i];
    }
}

/* X_P gets the target's colours, as they are inside the mask. */
static void match_colour(pr_addg *addg, double strength, const pr_image_u8 *target,
                         const pr_image_u8 *mask, const pr_image_u8 *out)
{
    const pr_canvas to = {target->width, target->height, addg->canvas[0]};
    const pr_canvas from = {target->width, target->height, addg->canvas[1]};
    const pr_rect whole = {0, 0, target->width, target->height};
    const int64_t n = (int64_t)target->width * target->height * 3;
    to_canvas(target, &to);
    to_canvas(out, &from);
    pr_swap_match_colour(&to, mask, &whole, strength, &from);
    for (int64_t i = 0; i < n; i++) {
        const float v = from.data[i];
        out->data[i] = (uint8_t)(v < 0 ? 0.0F : (v > 254.5F ? 255.0F : v + 0.5F));
    }
}

static pr_status swap(pr_addg *addg, const pr_addg_draws *draws, const pr_addg_face *target,
                      const pr_addg_face *donor, const pr_image_u8 *mask, const pr_image_u8 *out)
{
    PR_REQUIRE(donor != NULL, PR_ERR_INVALID, "addg: a swap without a donor");
    if (draws->align) {
        float from[2 * PR_N_LANDMARKS];
        float to[2 * PR_N_LANDMARKS];
        double map[6];
        for (int i = 0; i < 2 * PR_N_LANDMARKS; i++) {
            from[i] = (float)target->points[i / 2][i % 2];
            to[i] = (float)donor->points[i / 2][i % 2];
        }
        PR_TRY(pr_map_fit_similarity(from, to, PR_N_LANDMARKS, map));
        PR_TRY(pr_warp(&donor->image, map, PR_BORDER_MIRROR, out));
    } else {
        PR_TRY(pr_resize(addg->resizer, &donor->image, false, out));
    }
    if (draws->colour > 0) {
        match_colour(addg, draws->colour, &target->image, mask, out);
    }
    return PR_OK;
}

static pr_status rotate(double angle, const pr_addg_face *target, const pr_image_u8 *out)
{
    double m[2];
    middle_of(target->points, m);
    const double c = pr_cos(angle);
    const double s = pr_sin(angle);
    const double map[6] = {c, -s, m[0] - c * m[0] + s * m[1], s, c, m[1] - s * m[0] - c * m[1]};
    return pr_warp(&target->image, map, PR_BORDER_MIRROR, out);
}

static int scaled(int px, double factor)
{
    const int n = (int)floor(px * factor + 0.5);
    return n > 1 ? n : 1;
}

static pr_status scale(pr_addg *addg, const pr_addg_draws *draws, const pr_image_u8 *in,
                       const pr_image_u8 *out)
{
    const pr_image_u8 small = {scaled(in->width, draws->scale), scaled(in->height, draws->scale), 3,
                               addg->small};
    pr__addg_shrink(addg, in, &small);
    if (draws->blur_px > 1) {
        pr__addg_blur(addg, &small, draws->blur_px, &small);
    }
    return pr_resize(addg->resizer, &small, false, out);
}

static pr_status perturb(pr_addg *addg, const pr_addg_draws *draws, const pr_addg_face *target,
                         const pr_addg_face *donor, const pr_image_u8 *mask, const pr_image_u8 *out)
{
    switch (draws->perturb) {
    case PR_ADDG_BLUR:
        pr__addg_blur(addg, &target->image, draws->blur_px, out);
        return PR_OK;
    case PR_ADDG_ISO:
        pr__addg_iso(addg, &target->image, draws->shift, draws->intensity, &draws->key, out);
        return PR_OK;
    case PR_ADDG_ROTATE:
        return rotate(draws->angle, target, out);
    case PR_ADDG_SWAP:
        return swap(addg, draws, target, donor, mask, out);
    default:
        return scale(addg, draws, &target->image, out);
    }
}

/* Equation 1, rounded to the nearest, and FWA's light on all of it. */
static void blend(const pr_image_u8 *x, const pr_image_u8 *x_p, const pr_image_u8 *mask,
                  double brightness, const pr_image_u8 *out)
{
    const int64_t n = (int64_t)x->width * x->height;
    for (int64_t i = 0; i < n; i++) {
        const int m = mask->data[i];
        for (int c = 0; c < 3; c++) {
            const int sum = x_p->data[3 * i + c] * m + x->data[3 * i + c] * (255 - m);
            out->data[3 * i + c] = (uint8_t)((2 * sum + 255) / 510);
        }
    }
    for (int64_t i = 0; brightness != 1 && i < 3 * n; i++) {
        out->data[i] = (uint8_t)fmin(255, floor(brightness * out->data[i] + 0.5));
    }
}

pr_status pr_addg_make(pr_addg *addg, const pr_addg_draws *draws, const pr_addg_face *target,
                       const pr_addg_face *donor, const pr_image_u8 *out, const pr_image_u8 *mask)
{
    const pr_image_u8 *const x = &target->image;
    PR_REQUIRE(x->width <= addg->max_width && x->height <= addg->max_height, PR_ERR_INVALID,
               "addg: a crop of %d x %d px, at most %d x %d", x->width, x->height, addg->max_width,
               addg->max_height);
    PR_REQUIRE(out->width == x->width && out->height == x->height && x->channels == 3 &&
                   out->channels == 3,
               PR_ERR_INVALID, "addg: a view of %d x %d px from a crop of %d x %d", out->width,
               out->height, x->width, x->height);
    const pr_image_u8 edge = {x->width, x->height, 1, mask != NULL ? mask->data : addg->edge};
    const pr_image_u8 x_p = {x->width, x->height, 3, draws->masked ? addg->perturbed : out->data};
    PR_TRY(make_mask(addg, draws, target, &edge));
    PR_TRY(perturb(addg, draws, target, donor, &edge, &x_p));
    if (draws->masked) {
        blend(x, &x_p, &edge, draws->brightness, out);
    } else {
        memset(edge.data, 0, (size_t)x->width * (size_t)x->height);
    }
    return PR_OK;
}
