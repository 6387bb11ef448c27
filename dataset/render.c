#include "dataset/render.h"

#include "dataset/augment_more.h"
#include "dataset/augment_private.h"
#include "dataset/codec.h"
#include "dataset/normalise.h"
#include "dataset/render_rows.h"
#include "dataset/resize.h"
#include "dataset/rotate.h"
#include "engine/base/alloc.h"

#include <math.h>
#include <string.h>

struct pr_renderer {
    pr_augment_options options;
    int max_width, max_height, out_px;
    pr_resizer *resizer;
    pr__row_renderer *rows; /* of training views */
    pr__normaliser normaliser;
    uint8_t *crop;    /* decoded, up to max_width x max_height x 3 */
    uint8_t *sampled; /* the planes of a training view's crop, as they are coded */
    uint8_t *other;   /* as large, where a perturbation needs a second image */
    uint8_t *plane;   /* [3][out_px][out_px] */
    uint8_t *jpeg;    /* room to encode, where something does */
    size_t jpeg_bytes;
    pr__more more;
    pr__more_draws drawn; /* of the view in the making */
};

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The side of what stands between a random window and its view; 0: nothing ever does. */
static int between_px(const pr_augment_options *o)
{
    return o->enabled ? (int)o->crop_px : 0;
}

static bool may_encode(const pr_augment_options *o)
{
    return (o->enabled && o->jpeg_prob > 0.0) || o->perturb == PR_PERTURB_JPEG;
}

/* Each buffer that the options need; false where one is missing. */
static bool make_buffers(pr_renderer *r)
{
    const size_t out_px = (size_t)r->out_px;
    const size_t px = (size_t)between_px(&r->options);
    const size_t crop_bytes =
        larger((size_t)r->max_width * (size_t)r->max_height, larger(out_px * out_px, px * px)) * 3;
    r->crop = pr_calloc((int64_t)crop_bytes, 1);
    r->plane = pr_calloc((int64_t)(out_px * out_px), 3);
    bool whole = r->crop != NULL && r->plane != NULL;
    if (r->options.enabled) {
        const size_t n_bytes = larger(pr_image_planes_bound(r->max_width, r->max_height),
                                      pr_image_planes_bound((int)px, (int)px));
        r->sampled = pr_calloc((int64_t)n_bytes, 1);
        whole = whole && r->sampled != NULL;
    }
    if (may_encode(&r->options)) {
        r->jpeg_bytes = larger(pr_image_encode_bound(PR_CODEC_JPEG, r->max_width, r->max_height, 3),
                               pr_image_encode_bound(PR_CODEC_JPEG, r->out_px, r->out_px, 3));
        r->jpeg = pr_calloc((int64_t)r->jpeg_bytes, 1);
        whole = whole && r->jpeg != NULL;
    }
    if (r->options.perturb == PR_PERTURB_SCALE || r->options.rotate_prob > 0.0 || px > 0) {
        r->other = pr_calloc((int64_t)crop_bytes, 1);
        whole = whole && r->other != NULL;
    }
    return whole;
}

pr_status pr_renderer_create(const pr_augment_options *options, int max_width, int max_height,
                             int out_px, pr_renderer **out)
{
    PR_TRY(pr_augment_check(options));
    PR_REQUIRE(out_px >= 1 && out_px <= PR_IMAGE_MAX_PX, PR_ERR_INVALID,
               "render: views of %d px, must be 1 to %d", out_px, PR_IMAGE_MAX_PX);
    PR_REQUIRE(max_width >= 1 && max_width <= PR_IMAGE_MAX_PX && max_height >= 1 &&
                   max_height <= PR_IMAGE_MAX_PX,
               PR_ERR_INVALID, "render: crops of %d x %d px, a side must be 1 to %d", max_width,
               max_height, PR_IMAGE_MAX_PX);
    pr_renderer *r = pr_calloc(1, sizeof *r);
    PR_REQUIRE(r != NULL, PR_ERR_NOMEM, "render: no memory");
    r->options = *options;
    pr__normaliser_make(options->mean, options->std, &r->normaliser);
    r->max_width = max_width;
    r->max_height = max_height;
    r->out_px = out_px;
    const int longer = max_width > max_height ? max_width : max_height;
    const int side = longer > between_px(options) ? longer : between_px(options);
    pr_status status = pr_resizer_create(side > out_px ? side : out_px,
                                         side > out_px ? side : out_px, &r->resizer);
    if (status == PR_OK && options->enabled) {
        const double sigma = options->blur_prob > 0.0 ? options->blur_sigma_max : 0.0;
        status = pr__row_renderer_create(side, out_px, sigma, &r->rows);
    }
    if (status == PR_OK) {
        status = pr__more_make(options, out_px, &r->more);
    }
    if (status == PR_OK && !make_buffers(r)) {
        status = PR_FAIL(PR_ERR_NOMEM, "render: no memory for crops of %d x %d px", max_width,
                         max_height);
    }
    if (status != PR_OK) {
        pr_renderer_destroy(&r);
        return status;
    }
    *out = r;
    return PR_OK;
}

void pr_renderer_destroy(pr_renderer **renderer)
{
    pr_renderer *r = *renderer;
    if (r == NULL) {
        return;
    }
    pr_resizer_destroy(&r->resizer);
    pr__row_renderer_destroy(&r->rows);
    pr__more_free(&r->more);
    pr_free(r->crop);
    pr_free(r->other);
    pr_free(r->sampled);
    pr_free(r->plane);
    pr_free(r->jpeg);
    pr_free(r);
    *renderer = NULL;
}

/* IMAGE goes through JPEG and back. */
static pr_status re_encode(pr_renderer *r, const pr_image_u8 *image, int quality)
{
    size_t n_bytes = 0;
    PR_TRY(pr_image_encode_jpeg(image, quality, PR_CHROMA_420, r->jpeg, r->jpeg_bytes, &n_bytes));
    return pr_image_decode_rgb(r->jpeg, n_bytes, image);
}

static int scaled(int px, double factor)
{
    const int n = (int)floor((double)px * factor + 0.5);
    return n > 1 ? n : 1;
}

static pr_status perturb(pr_renderer *r, const pr_image_u8 *image)
{
    const double value = r->options.perturb_value;
    if (r->options.perturb == PR_PERTURB_JPEG) {
        return re_encode(r, image, (int)value);
    }
    if (r->options.perturb == PR_PERTURB_SCALE) {
        const pr_image_u8 small = {scaled(image->width, value), scaled(image->height, value), 3,
                                   r->other};
        PR_TRY(pr_resize(r->resizer, image, false, &small));
        return pr_resize(r->resizer, &small, false, image);
    }
    return PR_OK;
}

/* Where a view's pixels are: encoded, or in memory. */
typedef struct source {
    int width, height;
    const uint8_t *bytes;
    size_t n_bytes;
    const pr_image_u8 *pixels; /* NULL: BYTES are to be decoded */
} source;

/* The window RECT of the turned crop. */
static pr_status turn_window(pr_renderer *r, const source *from, const pr_rect *rect,
                             const pr_image_u8 *out)
{
    if (from->pixels != NULL) {
        return pr_rotate_window(from->pixels, r->drawn.angle, rect, out);
    }
    const pr_rect all = {0, 0, from->width, from->height};
    const pr_image_u8 whole = {from->width, from->height, out->channels, r->other};
    PR_TRY(pr_image_decode_region(from->bytes, from->n_bytes, &all, &whole));
    return pr_rotate_window(&whole, r->drawn.angle, rect, out);
}

/* The crop window of SOURCE, as OUT->channels says, into r->crop. */
static pr_status take_window(pr_renderer *r, const pr__augment_draws *draws, const source *from,
                             int channels, pr_image_u8 *out)
{
    const pr_rect *const rect = &draws->crop;
    *out = (pr_image_u8){rect->width, rect->height, channels, r->crop};
    if (r->drawn.angle != 0.0) {
        return turn_window(r, from, rect, out);
    }
    if (from->pixels == NULL) {
        return pr_image_decode_region(from->bytes, from->n_bytes, rect, out);
    }
    const size_t row_bytes = (size_t)rect->width * (size_t)channels;
    const size_t step_bytes = (size_t)from->width * (size_t)channels;
    const uint8_t *const first =
        from->pixels->data + (size_t)rect->y * step_bytes + (size_t)rect->x * (size_t)channels;
    for (int y = 0; y < rect->height; y++) {
        memcpy(out->data + (size_t)y * row_bytes, first + (size_t)y * step_bytes, row_bytes);
    }
    return PR_OK;
}

/* Whether a view's window, as a random one, is resized in between. */
static bool is_between(const pr_renderer *r)
{
    return between_px(&r->options) > 0 && !r->drawn.whole;
}

static pr_status resize_between(pr_renderer *r, pr_image_u8 *crop)
{
    const int px = between_px(&r->options);
    const pr_image_u8 small = {px, px, crop->channels, r->other};
    PR_TRY(pr_resize(r->resizer, crop, false, &small));
    *crop = small;
    return PR_OK;
}

/* Into *PLANES what a training view is made of; DRAWS->crop becomes its window in them. */
static pr_status take_planes(pr_renderer *r, pr__augment_draws *draws, const source *from,
                             pr_image_planes *planes)
{
    if (from->pixels == NULL && r->drawn.angle == 0.0 && !is_between(r)) {
        return pr_image_decode_planes(from->bytes, from->n_bytes, &draws->crop, r->sampled, planes);
    }
    pr_image_u8 crop;
    PR_TRY(take_window(r, draws, from, 3, &crop));
    if (is_between(r)) {
        PR_TRY(resize_between(r, &crop));
        draws->crop = (pr_rect){0, 0, crop.width, crop.height};
    }
    pr_image_split(&crop, r->sampled, planes);
    planes->x = draws->crop.x;
    planes->y = draws->crop.y;
    return PR_OK;
}

/* Whether something is drawn that acts on the view as a whole, and not row by row. */
static bool acts_on_whole(const pr_renderer *r, const pr__augment_draws *draws)
{
    return draws->jpeg_quality > 0 || pr__more_has_bytes(&r->drawn);
}

/* What that does to the planes of the view. */
static pr_status augment(pr_renderer *r, const pr__augment_draws *draws, const pr_planes *planes)
{
    if (acts_on_whole(r, draws)) {
        const pr_image_u8 image = {r->out_px, r->out_px, 3, r->crop};
        pr_colour_join(planes, image.data);
        pr__more_bytes(&r->more, &r->drawn, &image);
        PR_TRY(draws->jpeg_quality > 0 ? re_encode(r, &image, draws->jpeg_quality) : PR_OK);
        pr_colour_split(image.data, planes);
    }
    return PR_OK;
}

static pr_status render_image(pr_renderer *r, const pr__augment_draws *drawn, const source *from,
                              float *image)
{
    pr__augment_draws own = *drawn;
    pr__augment_draws *const draws = &own;
    const int64_t n = (int64_t)r->out_px * r->out_px;
    const pr_planes view = {r->plane, r->plane + n, r->plane + 2 * n, n};
    uint8_t *const plane[3] = {view.r, view.g, view.b};
    if (r->options.enabled) {
        pr_image_planes planes;
        PR_TRY(take_planes(r, draws, from, &planes));
        if (!acts_on_whole(r, draws)) {
            pr__row_render(r->rows, &planes, draws, &r->normaliser, image, NULL);
            return PR_OK;
        }
        pr__row_render(r->rows, &planes, draws, NULL, NULL, &view);
    } else {
        pr_image_u8 crop;
        PR_TRY(take_window(r, draws, from, 3, &crop));
        PR_TRY(perturb(r, &crop));
        PR_TRY(pr_resize_to_planes(r->resizer, &crop, draws->flip, r->out_px, plane));
    }
    PR_TRY(augment(r, draws, &view));
    pr__normalise(&r->normaliser, &view, image);
    return PR_OK;
}

static pr_status render_mask(pr_renderer *r, const pr__augment_draws *draws, const source *from,
                             float *mask)
{
    const int64_t n = (int64_t)r->out_px * r->out_px;
    const pr_image_u8 view = {r->out_px, r->out_px, 1, r->plane};
    pr_image_u8 crop;
    PR_TRY(take_window(r, draws, from, 1, &crop));
    PR_TRY(is_between(r) ? resize_between(r, &crop) : PR_OK);
    PR_TRY(pr_resize(r->resizer, &crop, draws->flip, &view));
    for (int64_t i = 0; i < n; i++) {
        mask[i] = (float)view.data[i] / 255.0F;
    }
    return PR_OK;
}

/* FORGED = NULL: no pixel is. */
static pr_status render(pr_renderer *r, const pr_draw_key *key, const source *from,
                        const source *forged, float *image, float *mask)
{
    pr_draw_key own = *key;
    own.purpose = PR_FOR_AUGMENT;
    pr__augment_draws draws;
    pr__augment_draw(&r->options, &own, from->width, from->height, &draws);
    pr__more_draw(&r->options, &own, r->out_px, &r->drawn);
    if (r->drawn.whole) {
        draws.crop = (pr_rect){0, 0, from->width, from->height};
    }
    PR_TRY(render_image(r, &draws, from, image));
    pr__more_floats(&r->more, &r->drawn, image);
    if (mask != NULL && forged == NULL) {
        memset(mask, 0, (size_t)r->out_px * (size_t)r->out_px * sizeof *mask);
    } else if (mask != NULL) {
        PR_REQUIRE(forged->width == from->width && forged->height == from->height, PR_ERR_FORMAT,
                   "mask: %d x %d px, its crop has %d x %d", forged->width, forged->height,
                   from->width, from->height);
        PR_TRY(render_mask(r, &draws, forged, mask));
        pr__more_mask(&r->more, &r->drawn, mask);
    }
    return PR_OK;
}

pr_status pr_render(pr_renderer *renderer, const pr_draw_key *key, const uint8_t *bytes,
                    size_t n_bytes, const uint8_t *mask_bytes, size_t n_mask_bytes, float *image,
                    float *mask)
{
    source from = {.bytes = bytes, .n_bytes = n_bytes};
    source forged = {.bytes = mask_bytes, .n_bytes = n_mask_bytes};
    PR_TRY(pr_image_probe(bytes, n_bytes, NULL, &from.width, &from.height));
    PR_REQUIRE(from.width <= renderer->max_width && from.height <= renderer->max_height,
               PR_ERR_FORMAT, "image: %d x %d px, its index says at most %d x %d", from.width,
               from.height, renderer->max_width, renderer->max_height);
    const bool has_mask = mask != NULL && n_mask_bytes > 0;
    if (has_mask) {
        PR_TRY(pr_image_probe(mask_bytes, n_mask_bytes, NULL, &forged.width, &forged.height));
    }
    return render(renderer, key, &from, has_mask ? &forged : NULL, image, mask);
}

pr_status pr_render_pixels(pr_renderer *renderer, const pr_draw_key *key, const pr_image_u8 *crop,
                           const pr_image_u8 *crop_mask, float *image, float *mask)
{
    PR_REQUIRE(crop->channels == 3 && crop->width <= renderer->max_width &&
                   crop->height <= renderer->max_height,
               PR_ERR_INVALID, "render: a crop of %d x %d px, %d channels; at most %d x %d and 3",
               crop->width, crop->height, crop->channels, renderer->max_width,
               renderer->max_height);
    const source from = {.width = crop->width, .height = crop->height, .pixels = crop};
    if (mask == NULL) {
        return render(renderer, key, &from, NULL, image, NULL);
    }
    PR_REQUIRE(crop_mask != NULL && crop_mask->channels == 1, PR_ERR_INVALID,
               "render: a mask is wanted and none of one channel is given");
    const source forged = {
        .width = crop_mask->width, .height = crop_mask->height, .pixels = crop_mask};
    return render(renderer, key, &from, &forged, image, mask);
}

pr_status pr_view_from_bytes(const pr_augment_options *options, const uint8_t *bytes,
                             size_t n_bytes, int out_px, float *image)
{
    PR_REQUIRE(!options->enabled, PR_ERR_INVALID,
               "view: a single file is seen as in evaluation, augmentation must be off");
    int width = 0;
    int height = 0;
    PR_TRY(pr_image_probe(bytes, n_bytes, NULL, &width, &height));
    pr_renderer *renderer = NULL;
    PR_TRY(pr_renderer_create(options, width, height, out_px, &renderer));
    const pr_draw_key none = {0, 0, 0, 0, PR_FOR_AUGMENT};
    const pr_status status = pr_render(renderer, &none, bytes, n_bytes, NULL, 0, image, NULL);
    pr_renderer_destroy(&renderer);
    return status;
}
