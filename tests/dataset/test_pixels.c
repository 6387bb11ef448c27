/* Resize, warp and blur against what their headers say, in double. */
#include "dataset/blur.h"
#include "dataset/resize.h"
#include "dataset/simd.h"
#include "dataset/warp.h"
#include "tests/dataset/pixels.h"

#include <math.h>

/* The value of output (x, y), channel c, from the definition in resize.h. */
static double resized(const pr_image_u8 *in, int width, int height, int x, int y, int c)
{
    const double sx = (double)in->width / width;
    const double sy = (double)in->height / height;
    double sum = 0.0;
    double weights = 0.0;
    for (int j = 0; j < in->height; j++) {
        const double wy = pixels_triangle((j + 0.5 - (y + 0.5) * sy) / fmax(sy, 1.0));
        for (int i = 0; i < in->width && wy > 0.0; i++) {
            const double w = wy * pixels_triangle((i + 0.5 - (x + 0.5) * sx) / fmax(sx, 1.0));
            sum += w * in->data[(j * in->width + i) * in->channels + c];
            weights += w;
        }
    }
    return sum / weights;
}

static void check_resize(int in_w, int in_h, int out_w, int out_h, int channels)
{
    pr_resizer *resizer = NULL;
    pr_image_u8 in = pixels_make(in_w, in_h, channels, 2);
    pr_image_u8 out;
    pr_image_u8 flipped;
    CHECK_OK(pr_image_create(out_w, out_h, channels, &out));
    CHECK_OK(pr_image_create(out_w, out_h, channels, &flipped));
    CHECK_OK(pr_resizer_create(320, 320, &resizer));
    CHECK_OK(pr_resize(resizer, &in, false, &out));
    CHECK_OK(pr_resize(resizer, &in, true, &flipped));
    double most = 0.0;
    int n_unlike = 0;
    for (int y = 0; y < out_h; y++) {
        for (int x = 0; x < out_w; x++) {
            for (int c = 0; c < channels; c++) {
                const int v = out.data[(y * out_w + x) * channels + c];
                const int mirrored = flipped.data[(y * out_w + out_w - 1 - x) * channels + c];
                most = fmax(most, fabs(v - resized(&in, out_w, out_h, x, y, c)));
                n_unlike += v != mirrored ? 1 : 0;
            }
        }
    }
    CHECK(most <= 0.5001, "%d x %d to %d x %d: off by %g grey levels", in_w, in_h, out_w, out_h,
          most);
    CHECK(n_unlike == 0, "%d values of the flipped image are not the mirrored ones", n_unlike);
    pr_resizer_destroy(&resizer);
    pr_image_destroy(&in);
    pr_image_destroy(&out);
    pr_image_destroy(&flipped);
}

static void test_resize(void)
{
    check_resize(37, 29, 64, 64, 3);
    check_resize(61, 40, 20, 15, 3);
    check_resize(50, 50, 50, 50, 3);
    check_resize(1, 1, 9, 9, 3);
    check_resize(2, 70, 33, 1, 1);
    check_resize(33, 21, 70, 9, 1);
    check_resize(300, 3, 1, 5, 3);
    pr_resizer *resizer = NULL;
    pr_image_u8 in = pixels_make(20, 10, 3, 2);
    pr_image_u8 grey = pixels_make(5, 5, 1, 2);
    CHECK_OK(pr_resizer_create(16, 8, &resizer));
    CHECK_FAILS(pr_resize(resizer, &in, false, &grey), PR_ERR_INVALID, "3 channels to 1");
    CHECK_FAILS(pr_resize(resizer, &in, false, &in), PR_ERR_INVALID, "20 x 10 px, a side");
    CHECK_FAILS(pr_resizer_create(0, 8, &resizer), PR_ERR_INVALID, "0 to 8");
    pr_resizer_destroy(&resizer);
    for (long n = 0; n < 8; n++) {
        pr_alloc_fail_on(n);
        CHECK_FAILS(pr_resizer_create(16, 8, &resizer), PR_ERR_NOMEM, "no memory");
    }
    pr_alloc_fail_on(-1);
    pr_image_destroy(&in);
    pr_image_destroy(&grey);
}

static void test_warp(void)
{
    pr_image_u8 in = pixels_make(31, 23, 3, 4);
    pr_image_u8 out = pixels_make(31, 23, 3, 5);
    const double same[6] = {1, 0, 0, 0, 1, 0};
    CHECK_OK(pr_warp(&in, same, PR_BORDER_BLACK, &out));
    CHECK(memcmp(in.data, out.data, pr_image_bytes(&in)) == 0, "the identity changes pixels");
    /* A quarter of a pixel to the right, and far below: nearest repeats the last row. */
    const double shift[6] = {1, 0, 0.25, 0, 1, 1e9};
    CHECK_OK(pr_warp(&in, shift, PR_BORDER_NEAREST, &out));
    const uint8_t *last = in.data + (size_t)22 * 31 * 3;
    const int want = (last[3] * 3 + last[6] + 2) / 4;
    CHECK(out.data[3] == want, "got %d, want %d", out.data[3], want);
    CHECK_OK(pr_warp(&in, shift, PR_BORDER_BLACK, &out));
    CHECK(out.data[3] == 0, "outside is %d, must be black", out.data[3]);
    const double broken[6] = {1, 0, NAN, 0, 1, 0};
    CHECK_FAILS(pr_warp(&in, broken, PR_BORDER_BLACK, &out), PR_ERR_INVALID, "element 2");

    const float from[6] = {0, 0, 10, 0, 3, 7};
    float to[6];
    const double turn[6] = {0.8, -0.6, 4.0, 0.6, 0.8, -2.0};
    for (size_t i = 0; i < 3; i++) {
        double x = (double)from[2 * i];
        double y = (double)from[2 * i + 1];
        pr_map_apply(turn, &x, &y);
        to[2 * i] = (float)x;
        to[2 * i + 1] = (float)y;
    }
    double map[6];
    double unit[6];
    CHECK_OK(pr_map_fit_similarity(from, to, 3, map));
    CHECK_OK(pr_map_invert(map, unit));
    pr_map_compose(unit, turn, unit);
    for (int i = 0; i < 6; i++) {
        CHECK(fabs(unit[i] - same[i]) < 1e-5, "element %d of inverse times map is %g", i, unit[i]);
    }
    const double flat[6] = {1, 2, 0, 2, 4, 0};
    CHECK_FAILS(pr_map_invert(flat, unit), PR_ERR_INVALID, "has no inverse");
    CHECK_FAILS(pr_map_fit_similarity(from, to, 1, map), PR_ERR_INVALID, "needs 2");
    pr_image_destroy(&in);
    pr_image_destroy(&out);
}

static void test_blur(void)
{
    static const double sigmas[] = {0.1, 0.5, 1.0, 2.0, 7.3, 32.0};
    static const int sizes[][2] = {{40, 30}, {3, 50}, {1, 1}};
    for (size_t k = 0; k < 6; k++) {
        for (size_t s = 0; s < 3; s++) {
            pr_image_u8 in = pixels_make(sizes[s][0], sizes[s][1], 1, 7);
            pr_image_u8 out = pixels_make(sizes[s][0], sizes[s][1], 1, 7);
            CHECK_OK(pr_blur_image(&out, sigmas[k]));
            double most = 0.0;
            for (int y = 0; y < in.height; y += 3) {
                for (int x = 0; x < in.width; x++) {
                    const double want = pixels_blurred(&in, sigmas[k], x, y);
                    most = fmax(most, fabs(out.data[y * in.width + x] - want));
                }
            }
            CHECK(most <= 1.0, "sigma %g: off by %g grey levels", sigmas[k], most);
            memset(in.data, 255, pr_image_bytes(&in));
            CHECK_OK(pr_blur_image(&in, sigmas[k]));
            CHECK(in.data[0] == 255, "sigma %g: white became %d", sigmas[k], in.data[0]);
            pr_image_destroy(&in);
            pr_image_destroy(&out);
        }
    }
    pr_image_u8 image = pixels_make(4, 4, 3, 7);
    CHECK_FAILS(pr_blur_image(&image, 0.0), PR_ERR_INVALID, "sigma = 0 px");
    CHECK_FAILS(pr_blur_image(&image, 33.0), PR_ERR_INVALID, "sigma = 33 px");
    for (long n = 0; n < 2; n++) {
        pr_alloc_fail_on(n);
        CHECK_FAILS(pr_blur_image(&image, 1.0), PR_ERR_NOMEM, "4 x 4 px");
    }
    pr_alloc_fail_on(-1);
    pr_image_destroy(&image);
}

static uint64_t hash_images(int width)
{
    pr_resizer *resizer = NULL;
    pr_image_u8 in = pixels_make(width, 7, 3, 1);
    pr_image_u8 out = pixels_make(201 - width, 9, 3, 1);
    CHECK_OK(pr_resizer_create(200, 200, &resizer));
    CHECK_OK(pr_resize(resizer, &in, false, &out));
    CHECK_OK(pr_blur_image(&out, 1.7));
    const uint64_t hash = pixels_hash(1, out.data, pr_image_bytes(&out));
    pr_resizer_destroy(&resizer);
    pr_image_destroy(&in);
    pr_image_destroy(&out);
    return hash;
}

/* Images depend neither on the instruction set nor on what follows a row. */
static void test_simd(void)
{
    enum { MAX_LENGTH = 200 };
    int n_wrong = 0;
    for (int length = 1; length <= MAX_LENGTH; length++) {
        pr__simd_force_plain(false);
        const uint64_t wide = hash_images(length);
        pr__simd_force_plain(true);
        n_wrong += hash_images(length) != wide ? 1 : 0;
    }
    pr__simd_force_plain(false);
    CHECK(n_wrong == 0, "%d of %d images differ without AVX2", n_wrong, MAX_LENGTH);
}

/* For resize_parity.py: raw RGB of W x H from stdin, OUT x OUT to stdout. */
static void resize_stream(int width, int height, int out_px)
{
    pr_resizer *resizer = NULL;
    pr_image_u8 in;
    pr_image_u8 out;
    CHECK_OK(pr_image_create(width, height, 3, &in));
    CHECK_OK(pr_image_create(out_px, out_px, 3, &out));
    CHECK_OK(pr_resizer_create(width > height ? width : height, out_px, &resizer));
    CHECK(fread(in.data, 1, pr_image_bytes(&in), stdin) == pr_image_bytes(&in), "short input");
    CHECK_OK(pr_resize(resizer, &in, false, &out));
    CHECK(fwrite(out.data, 1, pr_image_bytes(&out), stdout) == pr_image_bytes(&out), "no output");
    pr_resizer_destroy(&resizer);
    pr_image_destroy(&in);
    pr_image_destroy(&out);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "resize") == 0) {
        resize_stream((int)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10),
                      (int)strtol(argv[4], NULL, 10));
        return check_exit_code();
    }
    test_resize();
    test_warp();
    test_blur();
    test_simd();
    return check_exit_code();
}
