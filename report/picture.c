#include "report/picture.h"

#include "dataset/codec.h"
#include "engine/base/alloc.h"

#include <math.h>
#include <stdio.h>

enum { QUALITY = 85 };

/* An <img> of IMAGE, encoded as CODEC says. */
static pr_status put_image(pr_page *page, const pr_image_u8 *image, pr_codec codec,
                           const char *style)
{
    const size_t room = pr_image_encode_bound(codec, image->width, image->height, image->channels);
    uint8_t *const bytes = pr_calloc((int64_t)room, 1);
    size_t n_bytes = 0;
    PR_REQUIRE(bytes != NULL, PR_ERR_NOMEM, "no memory for a picture of %d x %d px", image->width,
               image->height);
    const pr_status status =
        codec == PR_CODEC_PNG
            ? pr_image_encode_png(image, bytes, room, &n_bytes)
            : pr_image_encode_jpeg(image, QUALITY, PR_CHROMA_420, bytes, room, &n_bytes);
    if (status == PR_OK) {
        pr_page_put(page, "<img alt=\"\" style=\"%s\" src=\"data:image/%s;base64,", style,
                    pr_codec_name(codec));
        pr_page_base64(page, bytes, n_bytes);
        pr_page_put(page, "\"/>");
    }
    pr_free(bytes);
    return status;
}

static void put_caption(pr_page *page, const char *caption)
{
    pr_page_put(page, "<figcaption>");
    pr_page_html(page, caption);
    pr_page_put(page, "</figcaption></figure>\n");
}

static uint8_t grey_of(const pr__plane *plane, double value)
{
    const double t = (value - plane->low) / (plane->high - plane->low);
    if (!isfinite(t) || t <= 0) {
        return 0;
    }
    return t >= 1 ? 255 : (uint8_t)floor(255 * t + 0.5);
}

void pr__picture_plane(pr_page *page, const pr__plane *plane, const char *name, const char *aspect,
                       const char *caption)
{
    char style[96];
    pr_image_u8 image = {0};
    pr_status status = pr_image_create((int)plane->width, (int)plane->height, 1, &image);
    for (int64_t i = 0; status == PR_OK && i < plane->height * plane->width; i++) {
        image.data[i] = grey_of(plane, plane->values[i]);
    }
    (void)snprintf(style, sizeof(style),
                   "aspect-ratio:%s;object-fit:fill;image-rendering:pixelated", aspect);
    pr_page_put(page, "<figure data-name=\"");
    pr_page_html(page, name);
    pr_page_put(page, "\" data-low=\"%.17g\" data-high=\"%.17g\">", plane->low, plane->high);
    if (status == PR_OK) {
        status = put_image(page, &image, PR_CODEC_PNG, style);
    }
    put_caption(page, caption);
    pr_image_destroy(&image);
    pr_page_take(page, status);
}

pr_status pr__sample_levels(const pr_shown_run *run, const pr_shown *shown, int64_t i,
                            double **levels)
{
    const pr_augment_options *const augment = &run->options->augment;
    const int64_t n = run->options->model.px * run->options->model.px * 3;
    float *const view = pr_calloc(n, sizeof(*view));
    double *const made = pr_calloc(n, sizeof(*made));
    pr_status status = PR_OK;
    if (view == NULL || made == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "no memory for a picture of %lld values", (long long)n);
    } else {
        status = pr_shown_view(run, shown, i, view);
    }
    for (int64_t k = 0; status == PR_OK && k < n; k++) {
        made[k] = ((double)view[k] * augment->std[k % 3] + augment->mean[k % 3]) * 255;
    }
    pr_free(view);
    if (status != PR_OK) {
        pr_free(made);
        return status;
    }
    *levels = made;
    return PR_OK;
}

static pr_status put_sample(pr_page *page, const pr_shown_run *run, const pr_shown *shown,
                            int64_t i)
{
    const int px = (int)run->options->model.px;
    pr_image_u8 image = {0};
    double *levels = NULL;
    PR_TRY(pr__sample_levels(run, shown, i, &levels));
    pr_status status = pr_image_create(px, px, 3, &image);
    for (int64_t k = 0; status == PR_OK && k < (int64_t)px * px * 3; k++) {
        image.data[k] = (uint8_t)fmin(255, fmax(0, floor(levels[k] + 0.5)));
    }
    if (status == PR_OK) {
        status = put_image(page, &image, PR_CODEC_JPEG, "aspect-ratio:1");
    }
    pr_image_destroy(&image);
    pr_free(levels);
    return status;
}

void pr__picture_sample(pr_page *page, const pr_shown_run *run, const pr_shown *shown, int64_t i,
                        const char *caption)
{
    char name[512];
    pr_page_put(page, "<figure title=\"");
    pr_page_html(page, pr_samples_name(shown->samples, i, name, sizeof(name)));
    pr_page_put(page, "\">");
    const pr_status status = put_sample(page, run, shown, i);
    put_caption(page, caption);
    pr_page_take(page, status);
}
