/* The parts of a forgery: shrinking, placing, masks, colours, blending. */
#include "dataset/forge_swap.h"
#include "dataset/procedural.h"
#include "tests/check.h"

#include <math.h>

enum { SIDE = 160 };

static pr_face face_of(int person, int video)
{
    pr_face face;
    const pr_procedural what = {.seed = 3, .identity = person, .video = video, .size_px = SIDE};
    pr_procedural_face(&what, &face);
    return face;
}

/* A picture that is linear in x and y comes out linear, whatever the map; both ways agree. */
static void check_shrink(void)
{
    pr_image_u8 in = {0};
    CHECK_OK(pr_image_create(64, 48, 3, &in));
    for (int i = 0; i < 64 * 48; i++) {
        in.data[(ptrdiff_t)3 * i] = (uint8_t)(2 * (i % 64));
        in.data[3 * i + 1] = (uint8_t)(3 * (i / 64));
        in.data[3 * i + 2] = (uint8_t)((i * 37) % 251);
    }
    const double straight[6] = {2.6, 0, 5.3, 0, 2.2, 4.1};
    const double turned[6] = {2.6, 1e-12, 5.3, -1e-12, 2.2, 4.1}; /* takes the general way */
    float a[16 * 12 * 3];
    float b[16 * 12 * 3];
    CHECK_OK(pr_canvas_shrink(&in, straight, 16, 12, a));
    CHECK_OK(pr_canvas_shrink(&in, turned, 16, 12, b));
    for (int y = 0; y < 12; y++) {
        for (int x = 0; x < 16; x++) {
            const float *const p = a + (ptrdiff_t)(y * 16 + x) * 3;
            CHECK(fabs(p[0] - 2 * (2.6 * x + 5.3)) < 1e-3, "x: %g at %d", (double)p[0], x);
            CHECK(fabs(p[1] - 3 * (2.2 * y + 4.1)) < 1e-3, "y: %g at %d", (double)p[1], y);
            CHECK(fabsf(p[2] - b[(y * 16 + x) * 3 + 2]) < 1e-2F, "%g and %g", (double)p[2],
                  (double)b[(y * 16 + x) * 3 + 2]);
        }
    }
    /* Beyond the edges stands the edge. */
    const double outside[6] = {1, 0, -1e9, 0, 1, 1e9};
    CHECK_OK(pr_canvas_shrink(&in, outside, 1, 1, a));
    CHECK(a[0] == 0 && a[1] == 141, "the corner is %g %g", (double)a[0], (double)a[1]);
    const double bad[6] = {NAN, 0, 0, 0, 1, 0};
    CHECK_FAILS(pr_canvas_shrink(&in, bad, 1, 1, a), PR_ERR_INVALID, "nan");
    pr_image_destroy(&in);
}

/* The field at a point between pixels. */
static void field_at(const pr_field *field, double x, double y, double out[2])
{
    const ptrdiff_t row = (ptrdiff_t)2 * field->width;
    const int x0 = (int)x;
    const int y0 = (int)y;
    const double fx = x - x0;
    const double fy = y - y0;
    for (int c = 0; c < 2; c++) {
        const float *const p = field->data + (ptrdiff_t)2 * (y0 * field->width + x0) + c;
        out[c] =
            (1 - fy) * ((1 - fx) * p[0] + fx * p[2]) + fy * ((1 - fx) * p[row] + fx * p[row + 2]);
    }
}

static void check_place(void)
{
    const pr_face target = face_of(1, 0);
    const pr_face donor = face_of(2, 1);
    const pr_rect whole = {.width = SIDE, .height = SIDE};
    const pr_nudge still = {.scale = 1};
    pr_field field = {0};
    CHECK_OK(pr_field_create(SIDE, SIDE, &field));

    /* A face laid onto itself stays. */
    CHECK_OK(
        pr_swap_place(PR_PLACE_SIMILARITY, target.points, target.points, &still, &whole, &field));
    double at[2];
    field_at(&field, 40, 100, at);
    CHECK(fabs(at[0] - 40) < 1e-2 && fabs(at[1] - 100) < 1e-2, "%g %g", at[0], at[1]);

    /* Piecewise, landmarks meet (the field is read between pixels, where its corners are round). */
    double mean[2] = {0, 0};
    for (int kind = 0; kind < PR_PLACE_KINDS; kind++) {
        CHECK_OK(pr_swap_place((pr_place_kind)kind, target.points, donor.points, &still, &whole,
                               &field));
        for (int i = 0; i < PR_N_LANDMARKS; i++) {
            field_at(&field, target.points[i][0], target.points[i][1], at);
            const double dx = at[0] - donor.points[i][0];
            const double dy = at[1] - donor.points[i][1];
            mean[kind] += sqrt(dx * dx + dy * dy) / PR_N_LANDMARKS;
        }
    }
    CHECK(mean[PR_PLACE_PIECEWISE] < 0.15, "landmarks are off by %g pixels",
          mean[PR_PLACE_PIECEWISE]);
    CHECK(mean[PR_PLACE_SIMILARITY] > 1, "these faces differ in more than a similarity: %g",
          mean[PR_PLACE_SIMILARITY]);

    /* A nudge moves the place by its share of the eye distance. */
    const pr_nudge nudge = {.x = 0.1, .scale = 1};
    CHECK_OK(
        pr_swap_place(PR_PLACE_SIMILARITY, target.points, target.points, &nudge, &whole, &field));
    field_at(&field, 40, 100, at);
    const double want = 40 - 0.1 * pr_eye_distance(target.points);
    CHECK(fabs(at[0] - want) < 1e-2, "%g, wanted %g", at[0], want);
    pr_field_destroy(&field);

    double one_point[PR_N_LANDMARKS][2] = {{0, 0}};
    pr_field none = {0};
    CHECK_FAILS(pr_swap_place(PR_PLACE_SIMILARITY, (const double(*)[2])one_point, donor.points,
                              &still, &whole, &none),
                PR_ERR_INVALID, "");
}

static double area_of(const pr_image_u8 *mask)
{
    double sum = 0;
    for (int i = 0; i < mask->width * mask->height; i++) {
        sum += mask->data[i] / 255.0;
    }
    return sum;
}

static int at_point(const pr_image_u8 *mask, const double *p)
{
    return mask->data[(int)(p[1] + 0.5) * mask->width + (int)(p[0] + 0.5)];
}

static void check_masks(void)
{
    const pr_face face = face_of(4, 0);
    pr_swap_style style = pr_swap_style_default();
    style.shrink = 0;
    style.softness = 0;
    pr_image_u8 mask = {0};
    double area[PR_MASK_KINDS];
    CHECK_OK(pr_image_create(SIDE, SIDE, 1, &mask));
    for (int kind = 0; kind < PR_MASK_KINDS; kind++) {
        style.mask = (pr_mask_kind)kind;
        CHECK_OK(pr_swap_mask(&style, face.points, &mask));
        area[kind] = area_of(&mask);
        /* The mouth's middle is in each of them; no eye in lower and mouth; no cheek in inner. */
        CHECK(at_point(&mask, face.points[62]) == 255, "%s without mouth", PR_MASK_WORDS[kind]);
        const bool no_eye = kind == PR_MASK_LOWER || kind == PR_MASK_MOUTH;
        CHECK((at_point(&mask, face.points[37]) == 0) == no_eye, "%s and eyes",
              PR_MASK_WORDS[kind]);
        CHECK(kind == PR_MASK_FACE || at_point(&mask, face.points[1]) == 0, "%s and cheeks",
              PR_MASK_WORDS[kind]);
    }
    CHECK(area[PR_MASK_FACE] > area[PR_MASK_INNER] && area[PR_MASK_INNER] > area[PR_MASK_CENTRE] &&
              area[PR_MASK_CENTRE] > area[PR_MASK_MOUTH] &&
              area[PR_MASK_FACE] > area[PR_MASK_LOWER],
          "areas %g %g %g %g %g", area[0], area[1], area[2], area[3], area[4]);

    /* Shrinking by s leaves (1 - s)^2 of the area; the blur leaves the area; outer is the rest. */
    style.mask = PR_MASK_FACE;
    style.shrink = 0.2;
    CHECK_OK(pr_swap_mask(&style, face.points, &mask));
    CHECK(fabs(area_of(&mask) / area[0] - 0.64) < 0.005, "%g", area_of(&mask) / area[0]);
    const double shrunk = area_of(&mask);
    style.softness = 0.05;
    CHECK_OK(pr_swap_mask(&style, face.points, &mask));
    CHECK(fabs(area_of(&mask) / shrunk - 1) < 0.01, "%g", area_of(&mask) / shrunk);
    pr_rect rect;
    bool any = false;
    pr_swap_mask_bounds(&mask, &rect, &any);
    CHECK(any && pr_rect_is_inside(&rect, SIDE, SIDE) && rect.width < SIDE, "bounds %d + %d",
          rect.x, rect.width);
    style.outer = true;
    CHECK_OK(pr_swap_mask(&style, face.points, &mask));
    CHECK(fabs(area_of(&mask) + shrunk - SIDE * SIDE) < 0.01 * shrunk, "outer %g", area_of(&mask));
    double line[PR_N_LANDMARKS][2];
    for (int i = 0; i < PR_N_LANDMARKS; i++) {
        line[i][0] = i;
        line[i][1] = 2 * i;
    }
    CHECK_FAILS(pr_swap_mask(&style, (const double(*)[2])line, &mask), PR_ERR_INVALID, "hull of 2");
    pr_image_destroy(&mask);
}

static double mean_of(const pr_canvas *canvas, int channel, double *deviation)
{
    double sum = 0;
    double square = 0;
    const int n = canvas->width * canvas->height;
    for (int i = 0; i < n; i++) {
        const double v = canvas->data[3 * i + channel];
        sum += v / n;
        square += v * v / n;
    }
    *deviation = sqrt(square - sum * sum);
    return sum;
}

static void check_colours(void)
{
    enum { N = 32 };
    pr_canvas target = {0};
    pr_canvas donor = {0};
    pr_image_u8 mask = {0};
    const pr_rect whole = {.width = N, .height = N};
    CHECK_OK(pr_canvas_create(N, N, &target));
    CHECK_OK(pr_canvas_create(N, N, &donor));
    CHECK_OK(pr_image_create(N, N, 1, &mask));
    memset(mask.data, 255, (size_t)N * N);
    for (int i = 0; i < N * N; i++) {
        const float grey = (float)((i * 29) % 64);
        for (int c = 0; c < 3; c++) {
            donor.data[3 * i + c] = 40.0F + grey + 9.0F * (float)c;
            target.data[3 * i + c] = 120.0F + 0.7F * (float)((i * 53) % 64) - 5.0F * (float)c;
        }
    }
    pr_swap_match_colour(&target, &mask, &whole, 1, &donor);
    for (int c = 0; c < 3; c++) {
        double want_spread = 0;
        double spread = 0;
        const double want = mean_of(&target, c, &want_spread);
        const double mean = mean_of(&donor, c, &spread);
        CHECK(fabs(mean - want) < 0.01, "channel %d: mean %g, wanted %g", c, mean, want);
        /* The spread's ratio has 1 added above and below, so it is near, not equal. */
        CHECK(fabs(spread / want_spread - 1) < 0.03, "spread %g, wanted %g", spread, want_spread);
    }
    /* Blending: nothing at 0, all at 255, half between at strength 1/2. */
    memset(mask.data, 0, (size_t)N * N / 2);
    pr_swap_blend(&target, &donor, &mask, &whole, 0.5, &target);
    const float low = target.data[0];
    CHECK(low == 120.0F, "an empty mask changed %g", (double)low);
    const ptrdiff_t last = (ptrdiff_t)3 * (N * N - 1);
    const double want =
        0.5 * (120.0 + 0.7 * (((N * N - 1) * 53) % 64)) + 0.5 * (double)donor.data[last];
    CHECK(fabs(target.data[last] - want) < 1e-3, "%g, wanted %g", (double)target.data[last], want);
    pr_canvas_destroy(&target);
    pr_canvas_destroy(&donor);
    pr_image_destroy(&mask);
}

int main(void)
{
    check_shrink();
    check_place();
    check_masks();
    check_colours();
    return check_exit_code();
}
