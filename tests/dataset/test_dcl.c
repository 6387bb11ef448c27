/* DCL's views, each by itself; with arguments, the driver of dcl_parity.py (bytes in, bytes out). */
#include "dataset/augment_more.h"
#include "dataset/mask.h"
#include "dataset/mixup.h"
#include "dataset/noise.h"
#include "dataset/rotate.h"
#include "dataset/simd.h"
#include "dataset/srm.h"
#include "dataset/tone.h"
#include "tests/dataset/pixels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the driver ---- */

static void take(void *to, size_t n_bytes)
{
    CHECK(fread(to, 1, n_bytes, stdin) == n_bytes, "stdin is short of %zu bytes", n_bytes);
}

static void give(const void *from, size_t n_bytes)
{
    CHECK(fwrite(from, 1, n_bytes, stdout) == n_bytes, "stdout takes no more");
}

static pr_image_u8 take_image(int width, int height, int channels)
{
    pr_image_u8 image = {0, 0, 0, NULL};
    CHECK_OK(pr_image_create(width, height, channels, &image));
    take(image.data, pr_image_bytes(&image));
    return image;
}

static void drive_patch(int px, int k, bool stay)
{
    int64_t order[PR_PATCH_MAX_K * PR_PATCH_MAX_K];
    int32_t *from = pr_calloc((int64_t)px * px, sizeof(*from));
    int32_t *scratch = pr_calloc((int64_t)pr_patch_scratch(px, k), sizeof(*scratch));
    take(order, (size_t)k * (size_t)k * sizeof(order[0]));
    pr_patch_map(px, k, stay, order, from, scratch);
    give(from, (size_t)px * (size_t)px * sizeof(*from));
    pr_free(from);
    pr_free(scratch);
}

static void drive_srm(int px)
{
    const size_t n = (size_t)px * (size_t)px * 3;
    float *image = pr_calloc((int64_t)n, sizeof(*image));
    float *scratch = pr_calloc((int64_t)pr_srm_scratch(px), sizeof(*scratch));
    take(image, n * sizeof(*image));
    pr_srm_add(px, image, scratch);
    give(image, n * sizeof(*image));
    pr_free(image);
    pr_free(scratch);
}

static void drive_two(const char *what, int width, int height, double value)
{
    const bool is_mask = strcmp(what, "mask") == 0;
    pr_image_u8 fake = take_image(width, height, 3);
    pr_image_u8 real = take_image(width, height, 3);
    pr_image_u8 out = {0, 0, 0, NULL};
    CHECK_OK(pr_image_create(width, height, is_mask ? 1 : 3, &out));
    if (is_mask) {
        uint8_t *scratch = pr_calloc((int64_t)width * height, 1);
        CHECK_OK(pr_mask_difference(&fake, &real, value, &out, scratch));
        pr_free(scratch);
    } else {
        CHECK_OK(pr_mixup(&fake, &real, value, &out));
    }
    give(out.data, pr_image_bytes(&out));
    pr_image_destroy(&fake);
    pr_image_destroy(&real);
    pr_image_destroy(&out);
}

static void drive_one(const char *what, int width, int height, const double v[4])
{
    pr_image_u8 image = take_image(width, height, 3);
    if (strcmp(what, "rotate") == 0) {
        const pr_rect all = {0, 0, width, height};
        pr_image_u8 out = {0, 0, 0, NULL};
        CHECK_OK(pr_image_create(width, height, 3, &out));
        CHECK_OK(pr_rotate_window(&image, v[0], &all, &out));
        pr_image_destroy(&image);
        image = out;
    } else if (strcmp(what, "linear") == 0) {
        pr_tone_brightness_contrast(&image, v[0], v[1]);
    } else if (strcmp(what, "pca") == 0) {
        pr_tone_pca(&image, v);
    } else {
        pr_tone_hsv(&image, v[0], v[1], v[2]);
    }
    give(image.data, pr_image_bytes(&image));
    pr_image_destroy(&image);
}

static int drive(int argc, char **argv)
{
    const char *const what = argv[1];
    int size[2] = {0, 0};
    double v[4] = {0.0, 0.0, 0.0, 0.0};
    for (int i = 2; i < argc && i < 8; i++) {
        const double number = strtod(argv[i], NULL);
        if (i < 4) {
            size[i - 2] = (int)number;
        } else {
            v[i - 4] = number;
        }
    }
    if (strcmp(what, "patch") == 0) {
        drive_patch(size[0], size[1], v[0] != 0.0);
    } else if (strcmp(what, "srm") == 0) {
        drive_srm(size[0]);
    } else if (strcmp(what, "mask") == 0 || strcmp(what, "mixup") == 0) {
        drive_two(what, size[0], size[1], v[0]);
    } else {
        drive_one(what, size[0], size[1], v);
    }
    return check_exit_code();
}

/* ---- the tests ---- */

/* Every pixel once, whatever the size; a tile that is as large as its place is moved whole. */
static void test_patch(void)
{
    enum { MOST = 70 };
    static int32_t from[MOST * MOST];
    static int32_t scratch[PR_PATCH_MAX_K * (2 * MOST + PR_PATCH_MAX_K)];
    static bool taken[MOST * MOST];
    for (int px = 2; px <= MOST; px++) {
        for (int k = 2; k <= 8 && k <= px; k++) {
            const pr_draw_key key = {1, (uint32_t)px, (uint32_t)k, 0, PR_FOR_PATCH};
            int64_t order[64];
            pr_draw_permutation(&key, (int64_t)k * k, order);
            pr_patch_map(px, k, false, order, from, scratch);
            memset(taken, 0, sizeof taken);
            int64_t n_twice = 0;
            for (int i = 0; i < px * px; i++) {
                const bool inside = from[i] >= 0 && from[i] < px * px;
                n_twice += !inside || taken[inside ? from[i] : 0];
                taken[inside ? from[i] : 0] = true;
            }
            CHECK(n_twice == 0, "%d px, k %d: %lld pixels are not one of the image's", px, k,
                  (long long)n_twice);
            /* The first pixel of place 0 is the first of the tile that goes there. */
            const int row = (int)(order[0] / k) * px / k;
            const int column = (int)(order[0] % k) * px / k;
            CHECK(from[0] == row * px + column, "%d px, k %d: place 0 takes %d", px, k, from[0]);
        }
    }
}

/* The bits do not depend on the instruction set. */
static void test_srm_plain(void)
{
    enum { PX = 37 };
    static float image[2][PX * PX * 3];
    static float scratch[(PX + 4) * (PX + 4)];
    for (int i = 0; i < PX * PX * 3; i++) {
        image[0][i] = (float)(pixels_noise((uint32_t)i) % 256U) / 127.5F - 1.0F;
        image[1][i] = image[0][i];
    }
    pr_srm_add(PX, image[0], scratch);
    pr__simd_force_plain(true);
    pr_srm_add(PX, image[1], scratch);
    pr__simd_force_plain(false);
    CHECK(pixels_equal(image[0], image[1], sizeof image[0]), "SRM's bits depend on AVX2");
}

/* No turn is the window; a window of the turned crop is that of the whole turned crop; two
   images of one size move alike. */
static void test_rotate(void)
{
    pr_image_u8 image = pixels_make(61, 47, 3, 5);
    pr_image_u8 grey = pixels_make(61, 47, 1, 5);
    pr_image_u8 all = pixels_make(61, 47, 3, 1);
    pr_image_u8 all_grey = pixels_make(61, 47, 1, 1);
    pr_image_u8 part = pixels_make(20, 31, 3, 1);
    const pr_rect whole = {0, 0, 61, 47};
    const pr_rect window = {17, 9, 20, 31};
    for (int i = 0; i < 61 * 47; i++) {
        grey.data[i] = image.data[3 * i + 1];
    }
    CHECK_OK(pr_rotate_window(&image, 0.0, &whole, &all));
    CHECK(memcmp(all.data, image.data, pr_image_bytes(&all)) == 0, "no turn is not the crop");
    for (int turn = -2; turn < 11; turn++) {
        const double angle = 0.37 * turn + 0.1;
        CHECK_OK(pr_rotate_window(&image, angle, &whole, &all));
        CHECK_OK(pr_rotate_window(&grey, angle, &whole, &all_grey));
        CHECK_OK(pr_rotate_window(&image, angle, &window, &part));
        int n_other = 0;
        for (int i = 0; i < 61 * 47; i++) {
            n_other += all.data[3 * i + 1] != all_grey.data[i];
        }
        CHECK(n_other == 0, "angle %g: %d pixels of the mask are not the image's", angle, n_other);
        int most = 0;
        for (int y = 0; y < 31; y++) {
            for (int x = 0; x < 60; x++) {
                const int got = part.data[y * 60 + x];
                const int want = all.data[((y + 9) * 61 + 17) * 3 + x];
                most = abs(got - want) > most ? abs(got - want) : most;
            }
        }
        CHECK(most <= 1, "angle %g: the window is off by %d levels", angle, most);
    }
    CHECK_FAILS(pr_rotate_window(&image, 0.1, &window, &all), PR_ERR_INVALID, "20 x 31");
    CHECK_FAILS(pr_rotate_window(&image, 0.1, &whole, &all_grey), PR_ERR_INVALID, "channels");
    pr_image_destroy(&image);
    pr_image_destroy(&grey);
    pr_image_destroy(&all);
    pr_image_destroy(&all_grey);
    pr_image_destroy(&part);
}

/* Mean and variance of the noise, and that its bytes are uncorrelated with their neighbours. */
static void test_noise(void)
{
    static float table[PR_NOISE_LEVELS];
    pr_image_u8 image = pixels_make(200, 150, 3, 1);
    const pr_draw_key key = {3, 1, 2, 1, PR_FOR_AUGMENT};
    const size_t n = pr_image_bytes(&image);
    double sum = 0.0;
    double square = 0.0;
    double next = 0.0;
    pr_noise_table(table);
    CHECK(fabs((double)table[PR_NOISE_LEVELS * 3 / 4] - 0.67487) < 1e-3, "upper quartile %g",
          (double)table[PR_NOISE_LEVELS * 3 / 4]);
    memset(image.data, 128, n);
    pr_noise_add(&image, 5.0, table, &key, 1000);
    for (size_t i = 0; i < n; i++) {
        const double v = (double)image.data[i] - 128.0;
        sum += v;
        square += v * v;
        next += i > 0 ? v * ((double)image.data[i - 1] - 128.0) : 0.0;
    }
    const double count = (double)n;
    /* Four standard errors of 90000 draws, and 1/12 for the rounding. */
    CHECK(fabs(sum / count) < 4.0 * 5.0 / sqrt(count), "mean %g", sum / count);
    CHECK(fabs(square / count - 25.0 - 1.0 / 12.0) < 4.0 * 25.0 * sqrt(2.0 / count) + 0.1,
          "variance %g", square / count);
    CHECK(fabs(next / count) < 4.0 * 25.0 / sqrt(count), "neighbours' covariance %g", next / count);
    pr_image_destroy(&image);
}

static pr_augment_options all_options(void)
{
    return (pr_augment_options){.enabled = true,
                                .whole_prob = 0.5,
                                .rotate_prob = 0.5,
                                .rotate_deg = 30,
                                .cutout_prob = 0.1,
                                .cutout_px = 25,
                                .noise_prob = 0.1,
                                .noise_var_min = 10,
                                .noise_var_max = 50,
                                .tone_prob = 0.7,
                                .tone_brightness = 0.2,
                                .tone_contrast = 0.2,
                                .tone_pca = 0.1,
                                .tone_hue = 0.1,
                                .tone_saturation = 0.1,
                                .tone_value = 0.1,
                                .srm_prob = 0.5,
                                .patch_prob = 0.5,
                                .patch_k = 3};
}

/* How often each is drawn, and within which bounds. */
static void test_draws(void)
{
    enum { N = 20000, PX = 64 };
    const pr_augment_options o = all_options();
    int n_of[7] = {0};
    int n_tone[4] = {0};
    pr_rect hull = {PX, PX, 0, 0};
    double most_angle = 0.0;
    for (uint32_t place = 0; place < N; place++) {
        const pr_draw_key key = {5, 0, place, 0, PR_FOR_AUGMENT};
        pr__more_draws d;
        pr__more_draw(&o, &key, PX, &d);
        n_of[0] += d.whole;
        n_of[1] += d.angle != 0.0;
        n_of[2] += d.cutout.width > 0;
        n_of[3] += d.noise_sigma > 0.0;
        n_of[4] += d.tone != PR__TONE_NONE;
        n_of[5] += d.srm;
        n_of[6] += d.patch_k == 3;
        n_tone[d.tone]++;
        most_angle = fmax(most_angle, fabs(d.angle));
        const bool fits = d.noise_sigma == 0.0 || (d.noise_sigma * d.noise_sigma >= 10.0 - 1e-9 &&
                                                   d.noise_sigma * d.noise_sigma <= 50.0 + 1e-9);
        CHECK(fits, "sigma %g", d.noise_sigma);
        if (d.cutout.width > 0) {
            CHECK(pr_rect_is_inside(&d.cutout, PX, PX) && d.cutout.width <= 25 &&
                      d.cutout.width >= 13,
                  "cut-out %d + %d", d.cutout.x, d.cutout.width);
            hull.x = d.cutout.x < hull.x ? d.cutout.x : hull.x;
            hull.width =
                d.cutout.x + d.cutout.width > hull.width ? d.cutout.x + d.cutout.width : hull.width;
        }
    }
    const double want[7] = {0.5, 0.5, 0.1, 0.1, 0.7, 0.5, 0.5};
    for (int i = 0; i < 7; i++) {
        const double share = (double)n_of[i] / N;
        CHECK(fabs(share - want[i]) < 5.0 * sqrt(want[i] * (1.0 - want[i]) / N),
              "draw %d happens in %g of the views, want %g", i, share, want[i]);
    }
    for (int t = PR__TONE_LINEAR; t <= PR__TONE_HSV; t++) {
        CHECK(abs(n_tone[t] * 3 - n_of[4]) < 600, "tone %d: %d of %d", t, n_tone[t], n_of[4]);
    }
    CHECK(hull.x == 0 && hull.width == PX, "cut-outs cover columns %d to %d", hull.x, hull.width);
    CHECK(most_angle > 0.52 && most_angle <= 0.5236, "the largest angle is %g", most_angle);
}

/* What views of one item share, and which view of it has its tiles moved. */
static void test_views_of_an_item(void)
{
    pr_augment_options o = all_options();
    int n_srm_differs = 0;
    int n_second_moved = 0;
    o.srm_shared = true;
    o.patch_views = PR_PATCH_FIRST;
    for (uint32_t place = 0; place < 500; place++) {
        const pr_draw_key first = {5, 0, place, 0, PR_FOR_AUGMENT};
        const pr_draw_key second = {5, 0, place, 1, PR_FOR_AUGMENT};
        pr__more_draws d[2];
        pr__more_draw(&o, &first, 64, &d[0]);
        pr__more_draw(&o, &second, 64, &d[1]);
        n_srm_differs += d[0].srm != d[1].srm;
        n_second_moved += d[1].patch_k != 0;
    }
    CHECK(n_srm_differs == 0, "%d items have one view with high frequencies", n_srm_differs);
    CHECK(n_second_moved == 0, "%d second views have their tiles moved", n_second_moved);
}

/* Orders that are given are drawn alike often, and no other is. */
static void test_orders(void)
{
    enum { N = 3000 };
    static const char *const words[] = {"3-1-2-0", "0-1-2-3", "2-0-3-1", NULL};
    static const int64_t orders[3][4] = {{3, 1, 2, 0}, {0, 1, 2, 3}, {2, 0, 3, 1}};
    pr_augment_options o = all_options();
    int n_of[3] = {0};
    o.patch_prob = 1.0;
    o.patch_k = 2;
    o.patch_edge = PR_PATCH_STAY;
    o.patch_orders = (pr_config_words){words, 3};
    CHECK_OK(pr__more_check(&o));
    for (uint32_t place = 0; place < N; place++) {
        const pr_draw_key key = {5, 0, place, 0, PR_FOR_AUGMENT};
        pr__more_draws d;
        pr__more_draw(&o, &key, 64, &d);
        CHECK(d.patch_k == 2 && d.patch_stay, "view %u: k %d", place, d.patch_k);
        for (int i = 0; i < 3; i++) {
            n_of[i] += memcmp(d.patch_order, orders[i], sizeof(orders[i])) == 0;
        }
    }
    CHECK(n_of[0] + n_of[1] + n_of[2] == N, "%d + %d + %d of %d orders", n_of[0], n_of[1], n_of[2],
          N);
    for (int i = 0; i < 3; i++) {
        CHECK(abs(n_of[i] - N / 3) < 130, "order %d is drawn %d times of %d", i, n_of[i], N);
    }
    static const char *const bad[] = {"3-1-2",    "3-1-2-2", "3-1-2-4", "3-1-2-0-", "3-1-2-",
                                      "+3-1-2-0", "",        "3 1 2 0", "3--1-2-0"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        o.patch_orders = (pr_config_words){&bad[i], 1};
        CHECK_FAILS(pr__more_check(&o), PR_ERR_INVALID, "is no permutation of 0 to 3");
    }
}

static void test_bounds(void)
{
    pr__more more;
    pr_augment_options o = all_options();
    CHECK_OK(pr__more_check(&o));
    o.rotate_deg = 181;
    CHECK_FAILS(pr__more_check(&o), PR_ERR_INVALID, "rotate_deg is 181, must be within 0 to 180");
    o = all_options();
    o.noise_var_min = 60;
    CHECK_FAILS(pr__more_check(&o), PR_ERR_INVALID, "noise_var_min is 60");
    o = all_options();
    o.patch_k = 33;
    CHECK_FAILS(pr__more_check(&o), PR_ERR_INVALID, "patch_k is 33, must be within 2 to 32");
    o.patch_k = 9;
    CHECK_FAILS(pr__more_make(&o, 8, &more), PR_ERR_INVALID, "patch_k is 9, views have 8 px");
    pr__more_free(&more);
    for (long fail = 0; fail < 5; fail++) {
        pr_alloc_fail_on(fail);
        CHECK_FAILS(pr__more_make(&o, 32, &more), PR_ERR_NOMEM, "no memory");
        pr_alloc_fail_on(-1);
        pr__more_free(&more);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        return drive(argc, argv);
    }
    test_patch();
    test_srm_plain();
    test_rotate();
    test_noise();
    test_draws();
    test_views_of_an_item();
    test_orders();
    test_bounds();
    return check_exit_code();
}
