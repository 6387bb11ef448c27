#include "dataset/image.h"

#include "engine/base/alloc.h"

#include <math.h>

pr_status pr_image_create(int width, int height, int channels, pr_image_u8 *out)
{
    PR_REQUIRE(width >= 1 && height >= 1 && width <= PR_IMAGE_MAX_PX && height <= PR_IMAGE_MAX_PX,
               PR_ERR_INVALID, "image: %d x %d px, a side must be 1 to %d", width, height,
               PR_IMAGE_MAX_PX);
    PR_REQUIRE(channels == 1 || channels == 3, PR_ERR_INVALID, "image: %d channels, must be 1 or 3",
               channels);
    pr_image_u8 image = {width, height, channels, NULL};
    image.data = pr_calloc((int64_t)pr_image_bytes(&image), 1);
    PR_REQUIRE(image.data != NULL, PR_ERR_NOMEM, "image: no memory for %d x %d x %d bytes", width,
               height, channels);
    *out = image;
    return PR_OK;
}

void pr_image_destroy(pr_image_u8 *image)
{
    if (image != NULL) {
        pr_free(image->data);
        *image = (pr_image_u8){0, 0, 0, NULL};
    }
}

size_t pr_image_bytes(const pr_image_u8 *image)
{
    return (size_t)image->width * (size_t)image->height * (size_t)image->channels;
}

bool pr_rect_is_inside(const pr_rect *rect, int width, int height)
{
    return rect->x >= 0 && rect->y >= 0 && rect->width > 0 && rect->height > 0 &&
           rect->width <= width && rect->height <= height && rect->x <= width - rect->width &&
           rect->y <= height - rect->height;
}

void pr_map_apply(const double map[6], double *x, double *y)
{
    const double x0 = *x;
    const double y0 = *y;
    *x = map[0] * x0 + map[1] * y0 + map[2];
    *y = map[3] * x0 + map[4] * y0 + map[5];
}

void pr_map_compose(const double outer[6], const double inner[6], double out[6])
{
    const double m[6] = {outer[0] * inner[0] + outer[1] * inner[3],
                         outer[0] * inner[1] + outer[1] * inner[4],
                         outer[0] * inner[2] + outer[1] * inner[5] + outer[2],
                         outer[3] * inner[0] + outer[4] * inner[3],
                         outer[3] * inner[1] + outer[4] * inner[4],
                         outer[3] * inner[2] + outer[4] * inner[5] + outer[5]};
    for (int i = 0; i < 6; i++) {
        out[i] = m[i];
    }
}

pr_status pr_map_invert(const double map[6], double out[6])
{
    const double a = map[0];
    const double b = map[1];
    const double c = map[3];
    const double d = map[4];
    const double det = a * d - b * c;
    const double size = fabs(a) + fabs(b) + fabs(c) + fabs(d);
    PR_REQUIRE(isfinite(det) && fabs(det) > 1e-12 * size * size, PR_ERR_INVALID,
               "map: the determinant %g of (%g %g; %g %g) has no inverse", det, a, b, c, d);
    const double tx = map[2];
    const double ty = map[5];
    out[0] = d / det;
    out[1] = -b / det;
    out[3] = -c / det;
    out[4] = a / det;
    out[2] = -(out[0] * tx + out[1] * ty);
    out[5] = -(out[3] * tx + out[4] * ty);
    return PR_OK;
}

/*
 * With the points as complex numbers about their means, p and q, the best z in q = z p is
 * sum(conj(p) q) / sum |p|^2.
 */
pr_status pr_map_fit_similarity(const float *from, const float *to, int n, double map[6])
{
    PR_REQUIRE(n >= 2, PR_ERR_INVALID, "map: %d points, a similarity needs 2", n);
    double mean[4] = {0.0, 0.0, 0.0, 0.0};
    for (size_t i = 0; i < (size_t)n; i++) {
        mean[0] += (double)from[2 * i];
        mean[1] += (double)from[2 * i + 1];
        mean[2] += (double)to[2 * i];
        mean[3] += (double)to[2 * i + 1];
    }
    for (int k = 0; k < 4; k++) {
        mean[k] /= n;
    }
    double re = 0.0;
    double im = 0.0;
    double norm = 0.0;
    for (size_t i = 0; i < (size_t)n; i++) {
        const double px = (double)from[2 * i] - mean[0];
        const double py = (double)from[2 * i + 1] - mean[1];
        const double qx = (double)to[2 * i] - mean[2];
        const double qy = (double)to[2 * i + 1] - mean[3];
        re += px * qx + py * qy;
        im += px * qy - py * qx;
        norm += px * px + py * py;
    }
    PR_REQUIRE(norm > 0.0 && isfinite(norm), PR_ERR_INVALID,
               "map: the %d points do not differ (or are not finite)", n);
    const double a = re / norm;
    const double b = im / norm;
    map[0] = a;
    map[1] = -b;
    map[2] = mean[2] - (a * mean[0] - b * mean[1]);
    map[3] = b;
    map[4] = a;
    map[5] = mean[3] - (b * mean[0] + a * mean[1]);
    return PR_OK;
}
