/* What a training view's rows go through, against what the headers say, in double. */
#include "dataset/blur_rows.h"
#include "dataset/normalise.h"
#include "dataset/resize_rows.h"
#include "dataset/simd.h"
#include "tests/dataset/pixels.h"

#include <math.h>

enum { N_COLOURS = 17 * 17 * 17 };

/* A grid of colours from black to white. */
static pr_levels grid(uint16_t *memory)
{
    const pr_levels levels = {memory, N_COLOURS};
    for (int i = 0; i < N_COLOURS; i++) {
        memory[i] = (uint16_t)(i / 289 * 255 / 16 * PR_LEVEL_ONE);
        memory[N_COLOURS + i] = (uint16_t)(i / 17 % 17 * 255 / 16 * PR_LEVEL_ONE);
        memory[2 * N_COLOURS + i] = (uint16_t)(i % 17 * 255 / 16 * PR_LEVEL_ONE);
    }
    return levels;
}

static double level_at(const pr_levels *levels, int c, int i)
{
    return (double)levels->level[c * levels->n + i] / PR_LEVEL_ONE;
}

static double luma(const double rgb[3])
{
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
}

static double cut(double v)
{
    return v < 0.0 ? 0.0 : (v > 255.0 ? 255.0 : v);
}

/* HSV and back, with the hue turned: the textbook's formulas. */
static void hue_turned(const double in[3], double shift, double out[3])
{
    const double v = fmax(in[0], fmax(in[1], in[2]));
    const double c = v - fmin(in[0], fmin(in[1], in[2]));
    double h = 0.0;
    if (c > 0.0) {
        h = v == in[0] ? (in[1] - in[2]) / c
                       : (v == in[1] ? 2.0 + (in[2] - in[0]) / c : 4.0 + (in[0] - in[1]) / c);
    }
    h += 6.0 * shift;
    const double n[3] = {5.0, 3.0, 1.0};
    for (int i = 0; i < 3; i++) {
        double k = fmod(n[i] + h, 6.0);
        k = k < 0.0 ? k + 6.0 : k;
        out[i] = v - c * fmax(0.0, fmin(fmin(k, 4.0 - k), 1.0));
    }
}

typedef enum colour_op { BRIGHTNESS, CONTRAST, SATURATION, HUE, FROM_YCC, N_OPS } colour_op;

static void colour_want(colour_op op, double amount, double mean, const double in[3], double out[3])
{
    if (op == HUE) {
        hue_turned(in, amount, out);
        return;
    }
    if (op == FROM_YCC) {
        out[0] = cut(in[0] + 1.402 * (in[2] - 128.0));
        out[1] = cut(in[0] - 0.344136 * (in[1] - 128.0) - 0.714136 * (in[2] - 128.0));
        out[2] = cut(in[0] + 1.772 * (in[1] - 128.0));
        return;
    }
    const double base = op == BRIGHTNESS ? 0.0 : (op == CONTRAST ? mean : luma(in));
    for (int c = 0; c < 3; c++) {
        out[c] = cut(amount * in[c] + (1.0 - amount) * base);
    }
}

static void colour_do(colour_op op, double amount, const pr_levels *levels)
{
    if (op == BRIGHTNESS) {
        pr_colour_brightness(levels, amount);
    } else if (op == CONTRAST) {
        pr_colour_contrast(levels, amount, pr_colour_grey_mean(levels));
    } else if (op == SATURATION) {
        pr_colour_saturation(levels, amount);
    } else if (op == HUE) {
        pr_colour_hue(levels, amount);
    } else {
        pr_colour_from_ycc(levels);
    }
}

static void test_colour(void)
{
    static const double amounts[N_OPS][5] = {{0.0, 0.6, 1.0, 1.4, 3.9},
                                             {0.0, 0.6, 1.0, 1.4, 3.9},
                                             {0.0, 0.6, 1.0, 1.4, 3.9},
                                             {-0.5, -0.07, 0.0, 0.1, 0.5},
                                             {0.0, 0.0, 0.0, 0.0, 0.0}};
    uint16_t *memory = pr_calloc(N_COLOURS, 6 * sizeof *memory);
    for (int op = 0; op < N_OPS; op++) {
        for (int a = 0; a < 5; a++) {
            const pr_levels was = grid(memory + (size_t)3 * N_COLOURS);
            const pr_levels is = grid(memory);
            const double mean = pr_colour_grey_mean(&was);
            double exact_mean = 0.0;
            colour_do((colour_op)op, amounts[op][a], &is);
            double most = 0.0;
            for (int i = 0; i < N_COLOURS; i++) {
                const double in[3] = {level_at(&was, 0, i), level_at(&was, 1, i),
                                      level_at(&was, 2, i)};
                double want[3];
                colour_want((colour_op)op, amounts[op][a], mean, in, want);
                exact_mean += luma(in) / N_COLOURS;
                for (int c = 0; c < 3; c++) {
                    most = fmax(most, fabs(level_at(&is, c, i) - want[c]));
                }
            }
            CHECK(most <= 0.25, "operation %d by %g: off by %g", op, amounts[op][a], most);
            CHECK(fabs(mean - exact_mean) < 0.01, "mean %g, is %g", mean, exact_mean);
        }
    }
    pr_free(memory);
}

enum { MAX_LENGTH = 200, N_OFFSETS = 64, ROOM = MAX_LENGTH + N_OFFSETS };

/* Everything that kernels do to a row of LENGTH pixels that begins at OFFSET, as one hash. */
static uint64_t hash_rows(uint16_t *memory, int length, int offset)
{
    static uint8_t bytes[3 * MAX_LENGTH];
    static float image[3 * MAX_LENGTH];
    static const double mean[3] = {0.485, 0.456, 0.406};
    static const double std[3] = {0.229, 0.224, 0.225};
    pr__normaliser normaliser;
    for (int i = 0; i < 3 * ROOM; i++) {
        memory[i] = (uint16_t)(pixels_noise((uint32_t)(i + length * 977)) % (PR_LEVEL_WHITE + 1));
    }
    const pr_levels levels = {memory + offset, length};
    const pr_planes planes = {bytes, bytes + MAX_LENGTH, bytes + (size_t)2 * MAX_LENGTH, length};
    uint64_t hash = 1;
    for (int op = 0; op < N_OPS; op++) {
        colour_do((colour_op)op, op == HUE ? 0.13 : 1.3, &levels);
        hash = pixels_hash(hash, memory, (size_t)3 * ROOM * sizeof *memory);
    }
    pr__normaliser_make(mean, std, &normaliser);
    pr__normalise_levels(&normaliser, &levels, length, image);
    hash = pixels_hash(hash, image, (size_t)length * 3 * sizeof *image);
    pr_colour_to_bytes(&levels, length, &planes, 0);
    pr__normalise(&normaliser, &planes, image);
    hash = pixels_hash(hash, image, (size_t)length * 3 * sizeof *image);
    return pixels_hash(hash, bytes, sizeof bytes);
}

/* Rows of a resize from planes of 1/SHRINK, then blurred. */
static uint64_t hash_views(int span, int out_px, int shrink)
{
    static uint16_t rows[3 * 256];
    static uint16_t blurred[3 * 256];
    pr__row_resizer *resizer = NULL;
    pr__row_blur *blur = NULL;
    pr_image_planes planes;
    const int stride = pr__row_stride(out_px);
    uint16_t *const out[3] = {rows, rows + stride, rows + (ptrdiff_t)2 * stride};
    pr_image_u8 image = pixels_make(span, span, 3, 6);
    uint8_t *memory = pr_calloc((int64_t)pr_image_planes_bound(span, span), 1);
    const pr_rect rect = {span / 5, span / 7, span - span / 5, span - span / 7};
    uint64_t hash = 1;
    pr_image_split(&image, memory, &planes);
    for (int c = 1; c < 3; c++) {
        planes.shrink_x[c] = shrink;
        planes.shrink_y[c] = shrink;
    }
    CHECK_OK(pr__row_resizer_create(span, out_px, &resizer));
    CHECK_OK(pr__row_blur_create(out_px, stride, 3.0, &blur));
    pr__row_resizer_begin(resizer, &planes, &rect, span % 2 == 0);
    pr__row_blur_begin(blur, 0.1 + 0.01 * span);
    for (int y = 0; y < out_px; y++) {
        pr__row_resizer_next(resizer, y, out);
        pr__row_blur_push(blur, rows, stride);
        while (pr__row_blur_pull(blur, blurred)) {
            hash = pixels_hash(hash, blurred, (size_t)out_px * sizeof *blurred);
        }
    }
    pr__row_resizer_destroy(&resizer);
    pr__row_blur_destroy(&blur);
    pr_image_destroy(&image);
    pr_free(memory);
    return hash;
}

/* What the header of resize_rows.h defines, of plane C at output (X, Y), in grey levels. */
static double stretched(const pr_image_planes *p, const pr_rect *rect, int n, int c, int x, int y)
{
    const int from[2] = {rect->x, rect->y};
    const int span[2] = {rect->width, rect->height};
    const int shrink[2] = {p->shrink_x[c], p->shrink_y[c]};
    const int at[2] = {x, y};
    double w[2][400];
    int low[2];
    int n_in[2];
    for (int d = 0; d < 2; d++) {
        const double scale = (double)span[d] / n / shrink[d];
        const double centre = (double)from[d] / shrink[d] + (at[d] + 0.5) * scale;
        double total = 0.0;
        low[d] = from[d] / shrink[d];
        n_in[d] = (from[d] + span[d] + shrink[d] - 1) / shrink[d] - low[d];
        for (int j = 0; j < n_in[d]; j++) {
            w[d][j] = pixels_triangle((low[d] + j + 0.5 - centre) / fmax(scale, 1.0));
            total += w[d][j];
        }
        for (int j = 0; j < n_in[d]; j++) {
            w[d][j] /= total;
        }
    }
    double sum = 0.0;
    for (int j = 0; j < n_in[1]; j++) {
        for (int i = 0; i < n_in[0]; i++) {
            sum += w[0][i] * w[1][j] * p->data[c][(low[1] + j) * p->stride[c] + low[0] + i];
        }
    }
    return sum;
}

static void check_rows(int side, pr_rect rect, int n, int shrink, bool flip)
{
    pr__row_resizer *resizer = NULL;
    pr_image_planes planes;
    const int stride = pr__row_stride(n);
    uint16_t *rows = pr_calloc(3 * (int64_t)stride, sizeof *rows);
    uint16_t *const out[3] = {rows, rows + stride, rows + (ptrdiff_t)2 * stride};
    pr_image_u8 image = pixels_make(side, side, 3, 8);
    uint8_t *memory = pr_calloc((int64_t)pr_image_planes_bound(side, side), 1);
    double most = 0.0;
    pr_image_split(&image, memory, &planes);
    for (int c = 1; c < 3; c++) {
        planes.shrink_x[c] = shrink;
        planes.shrink_y[c] = shrink;
    }
    CHECK_OK(pr__row_resizer_create(side, n, &resizer));
    pr__row_resizer_begin(resizer, &planes, &rect, flip);
    for (int y = 0; y < n; y++) {
        pr__row_resizer_next(resizer, y, out);
        for (int i = 0; i < 3 * n; i++) {
            const int x = flip ? n - 1 - i % n : i % n;
            const int c = i / n;
            const double want = stretched(&planes, &rect, n, c, x, y);
            most = fmax(most, fabs(out[c][i % n] / 64.0 - want));
        }
    }
    CHECK(most < 1.0 / 16.0, "%d x %d from (%d, %d) to %d, chroma 1/%d: off by %g", rect.width,
          rect.height, rect.x, rect.y, n, shrink, most);
    pr__row_resizer_destroy(&resizer);
    pr_image_destroy(&image);
    pr_free(memory);
    pr_free(rows);
}

static void test_rows(void)
{
    check_rows(60, (pr_rect){0, 0, 60, 60}, 64, 2, false);
    check_rows(60, (pr_rect){7, 13, 41, 37}, 90, 2, true);
    check_rows(60, (pr_rect){8, 5, 31, 50}, 40, 2, false);
    check_rows(60, (pr_rect){59, 59, 1, 1}, 9, 2, false);
    check_rows(61, (pr_rect){2, 3, 58, 57}, 20, 1, true);
    check_rows(120, (pr_rect){1, 1, 119, 118}, 17, 4, false);
    check_rows(50, (pr_rect){0, 0, 50, 50}, 50, 1, false);
    for (long n = 0; n < 19; n++) {
        pr__row_resizer *resizer = NULL;
        pr_alloc_fail_on(n);
        CHECK_FAILS(pr__row_resizer_create(16, 8, &resizer), PR_ERR_NOMEM, "no memory");
    }
    pr_alloc_fail_on(-1);
    pr__row_resizer *resizer = NULL;
    CHECK_FAILS(pr__row_resizer_create(0, 8, &resizer), PR_ERR_INVALID, "0 to 8");
}

static void check_row_blur(int side, double sigma)
{
    const int stride = pr__row_stride(side);
    uint16_t *rows = pr_calloc(6 * (int64_t)stride, sizeof *rows);
    uint16_t *blurred = rows + (ptrdiff_t)3 * stride;
    pr_image_u8 in = pixels_make(side, side, 1, 7);
    pr__row_blur *blur = NULL;
    int n_rows = 0;
    double most = 0.0;
    CHECK_OK(pr__row_blur_create(side, stride, sigma + 1.0, &blur));
    pr__row_blur_begin(blur, sigma);
    for (int y = 0; y < side; y++) {
        for (int i = 0; i < 3 * side; i++) {
            rows[i / side * stride + i % side] = (uint16_t)(in.data[y * side + i % side] * 64);
        }
        pr__row_blur_push(blur, rows, stride);
        while (pr__row_blur_pull(blur, blurred)) {
            for (int x = 0; x < side; x++) {
                const double want = pixels_blurred(&in, sigma, x, n_rows);
                most = fmax(most, fabs(blurred[2 * stride + x] / 64.0 - want));
            }
            n_rows++;
        }
    }
    CHECK(n_rows == side, "%d of %d rows", n_rows, side);
    CHECK(most < 0.125, "sigma %g of %d px: off by %g", sigma, side, most);
    pr__row_blur_destroy(&blur);
    pr_image_destroy(&in);
    pr_free(rows);
}

static void test_row_blur(void)
{
    check_row_blur(40, 0.1);
    check_row_blur(70, 0.5);
    check_row_blur(40, 2.0);
    check_row_blur(5, 3.0);
    check_row_blur(1, 1.0);
    check_row_blur(30, 20.0);
    pr__row_blur *blur = NULL;
    CHECK_FAILS(pr__row_blur_create(8, 64, 33.0, &blur), PR_ERR_INVALID, "sigma = 33 px");
    for (long n = 0; n < 3; n++) {
        pr_alloc_fail_on(n);
        CHECK_FAILS(pr__row_blur_create(8, 64, 1.0, &blur), PR_ERR_NOMEM, "no memory");
    }
    pr_alloc_fail_on(-1);
}

/* Pixels depend neither on the instruction set, nor on where a row begins, nor on what follows. */
static void test_simd(void)
{
    uint16_t *memory = pr_calloc(ROOM, 3 * sizeof *memory);
    int n_wrong = 0;
    for (int length = 1; length <= MAX_LENGTH; length++) {
        for (int offset = 0; offset < N_OFFSETS; offset++) {
            pr__simd_force_plain(false);
            const uint64_t wide = hash_rows(memory, length, offset);
            pr__simd_force_plain(true);
            n_wrong += hash_rows(memory, length, offset) != wide ? 1 : 0;
        }
        pr__simd_force_plain(false);
        const int out_px = length % 3 == 0 ? 150 : 90; /* rows of 192 and of 128 values */
        const uint64_t wide = hash_views(length, out_px, 1 + length % 2);
        pr__simd_force_plain(true);
        n_wrong += hash_views(length, out_px, 1 + length % 2) != wide ? 1 : 0;
    }
    pr__simd_force_plain(false);
    CHECK(n_wrong == 0, "%d of %d rows and views differ without AVX2", n_wrong,
          MAX_LENGTH * (N_OFFSETS + 1));
    pr_free(memory);
}

int main(void)
{
    test_rows();
    test_row_blur();
    test_colour();
    test_simd();
    return check_exit_code();
}
