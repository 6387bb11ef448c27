#include "tests/dataset/pixels.h"

#include <stdbool.h>

#include <jpeglib.h>
#include <spng.h>

typedef struct coded {
    uint8_t *bytes;
    size_t n_bytes;
} coded;

/* Kinds of file that pr_image_encode_jpeg never makes but labs have. */
typedef struct jpeg_kind {
    const char *name;
    int h, v; /* sampling factors of the luminance */
    bool progressive;
    int restart_rows;
    J_COLOR_SPACE space;
} jpeg_kind;

static coded encode_kind(const pr_image_u8 *image, int quality, const jpeg_kind *kind)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long n_bytes = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &n_bytes);
    jpeg.image_width = (JDIMENSION)image->width;
    jpeg.image_height = (JDIMENSION)image->height;
    jpeg.input_components = image->channels;
    jpeg.in_color_space = image->channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg_set_colorspace(&jpeg, kind->space);
    jpeg_set_quality(&jpeg, quality, TRUE);
    jpeg.comp_info[0].h_samp_factor = kind->h;
    jpeg.comp_info[0].v_samp_factor = kind->v;
    jpeg.restart_in_rows = kind->restart_rows;
    if (kind->progressive) {
        jpeg_simple_progression(&jpeg);
    }
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = image->data +
                       (size_t)jpeg.next_scanline * (size_t)image->width * (size_t)image->channels;
        (void)jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    coded out = {pr_calloc((int64_t)n_bytes, 1), n_bytes};
    memcpy(out.bytes, bytes, n_bytes);
    free(bytes);
    return out;
}

/* Random rectangles of a file, each equal to the whole decode's, in RGB and in grey. */
static void check_regions(const coded *file, int width, int height, int n_rects, const char *name)
{
    uint32_t state = (uint32_t)(width * 977 + height);
    for (int channels = 1; channels <= 3; channels += 2) {
        pr_image_u8 whole;
        pr_image_u8 part;
        CHECK_OK(pr_image_create(width, height, channels, &whole));
        CHECK_OK(pr_image_create(width, height, channels, &part));
        CHECK_OK(channels == 3 ? pr_image_decode_rgb(file->bytes, file->n_bytes, &whole)
                               : pr_image_decode_grey(file->bytes, file->n_bytes, &whole));
        int n_wrong = 0;
        for (int k = 0; k < n_rects; k++) {
            const int w = 1 + pixels_below(&state, width);
            const int h = 1 + pixels_below(&state, height);
            const pr_rect rect = {pixels_below(&state, width - w + 1),
                                  pixels_below(&state, height - h + 1), w, h};
            const pr_image_u8 out = {w, h, channels, part.data};
            CHECK_OK(pr_image_decode_region(file->bytes, file->n_bytes, &rect, &out));
            const size_t n_row = (size_t)w * (size_t)channels;
            for (int y = 0; y < h; y++) {
                const uint8_t *from =
                    whole.data +
                    (size_t)((int64_t)(rect.y + y) * width + rect.x) * (size_t)channels;
                n_wrong += memcmp(from, part.data + (size_t)y * n_row, n_row) != 0 ? 1 : 0;
            }
        }
        CHECK(n_wrong == 0, "%s %d x %d, %d channels: %d rows differ from the whole decode", name,
              width, height, channels, n_wrong);
        pr_image_destroy(&whole);
        pr_image_destroy(&part);
    }
}

/* Rows in RECT of plane C that differ between two decodes. */
static int unlike_rows(const pr_image_planes *a, const pr_image_planes *b, const pr_rect *rect,
                       int c)
{
    const int sx = a->shrink_x[c];
    const int sy = a->shrink_y[c];
    const int n = (rect->x + rect->width - 1) / sx - rect->x / sx + 1;
    int n_unlike = 0;
    for (int y = rect->y / sy; y <= (rect->y + rect->height - 1) / sy; y++) {
        const uint8_t *in_a = a->data[c] + (ptrdiff_t)(y - a->y / sy) * a->stride[c];
        const uint8_t *in_b = b->data[c] + (ptrdiff_t)(y - b->y / sy) * b->stride[c];
        const uint8_t *there = in_b + (rect->x - b->x) / sx;
        n_unlike += memcmp(in_a + (rect->x - a->x) / sx, there, (size_t)n) != 0 ? 1 : 0;
    }
    return n_unlike;
}

/* Planes of random rectangles are the whole image's; the first is libjpeg's grey, or red. */
static void check_planes(const coded *file, int width, int height, const char *name)
{
    uint32_t state = (uint32_t)(width * 31 + height);
    const size_t room = pr_image_planes_bound(width, height);
    uint8_t *memory = pr_calloc((int64_t)room, 2);
    pr_image_u8 grey = pixels_make(width, height, 1, 0), rgb = pixels_make(width, height, 3, 0);
    pr_image_planes whole, part;
    CHECK_OK(pr_image_decode_grey(file->bytes, file->n_bytes, &grey));
    CHECK_OK(pr_image_decode_rgb(file->bytes, file->n_bytes, &rgb));
    CHECK_OK(pr_image_decode_planes(file->bytes, file->n_bytes, &(pr_rect){0, 0, width, height},
                                    memory, &whole));
    int n_wrong = 0;
    for (int i = 0; i < width * height; i++) {
        const int v =
            whole.data[0][(size_t)(i / width) * (size_t)whole.stride[0] + (size_t)(i % width)];
        n_wrong += v != (whole.is_ycc ? grey.data[i] : rgb.data[3 * (size_t)i]) ? 1 : 0;
    }
    for (int k = 0; k < 12; k++) {
        const int w = 1 + pixels_below(&state, width);
        const int h = 1 + pixels_below(&state, height);
        const pr_rect rect = {pixels_below(&state, width - w + 1),
                              pixels_below(&state, height - h + 1), w, h};
        CHECK_OK(pr_image_decode_planes(file->bytes, file->n_bytes, &rect, memory + room, &part));
        for (int c = 0; c < 3; c++) {
            n_wrong += unlike_rows(&whole, &part, &rect, c);
        }
    }
    CHECK(n_wrong == 0, "%s %d x %d: %d rows", name, width, height, n_wrong);
    pr_image_destroy(&grey);
    pr_image_destroy(&rgb);
    pr_free(memory);
}

static void test_jpeg_regions(void)
{
    static const jpeg_kind kinds[] = {
        {"4:4:4", 1, 1, false, 0, JCS_YCbCr},
        {"4:2:2", 2, 1, false, 0, JCS_YCbCr},
        {"4:2:0", 2, 2, false, 0, JCS_YCbCr},
        {"4:4:0", 1, 2, false, 0, JCS_YCbCr},
        {"4:1:1", 4, 1, false, 0, JCS_YCbCr},
        {"progressive 4:2:0", 2, 2, true, 0, JCS_YCbCr},
        {"restarts 4:2:0", 2, 2, false, 1, JCS_YCbCr},
        {"RGB", 1, 1, false, 0, JCS_RGB},
        {"progressive 4:4:4", 1, 1, true, 0, JCS_YCbCr},
    };
    static const int sizes[][2] = {{299, 299}, {317, 203}, {64, 48}, {33, 17}, {5, 130}, {1, 1}};
    static const int qualities[] = {25, 75, 90, 100};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        pr_image_u8 image = pixels_make(sizes[s][0], sizes[s][1], 3, (uint32_t)s);
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            for (size_t q = 0; q < sizeof qualities / sizeof qualities[0]; q++) {
                coded file = encode_kind(&image, qualities[q], &kinds[k]);
                check_regions(&file, image.width, image.height, 12, kinds[k].name);
                check_planes(&file, image.width, image.height, kinds[k].name);
                pr_free(file.bytes);
            }
        }
        pr_image_destroy(&image);
    }
}

static int largest_difference(const pr_image_u8 *a, const pr_image_u8 *b)
{
    int most = 0;
    for (size_t i = 0; i < pr_image_bytes(a); i++) {
        const int d = abs((int)a->data[i] - (int)b->data[i]);
        most = d > most ? d : most;
    }
    return most;
}

static void test_round_trips(void)
{
    for (int channels = 1; channels <= 3; channels += 2) {
        pr_image_u8 image = pixels_make(91, 57, channels, 3);
        pr_image_u8 back = pixels_make(91, 57, channels, 4);
        coded png = {NULL, 0};
        png.bytes = pixels_encode(&image, 0, PR_CHROMA_444, &png.n_bytes);
        CHECK_OK(channels == 3 ? pr_image_decode_rgb(png.bytes, png.n_bytes, &back)
                               : pr_image_decode_grey(png.bytes, png.n_bytes, &back));
        CHECK(largest_difference(&image, &back) == 0, "PNG of %d channels lost something",
              channels);
        check_regions(&png, 91, 57, 40, "PNG");
        check_planes(&png, 91, 57, "PNG");
        coded jpeg = {NULL, 0};
        jpeg.bytes = pixels_encode(&image, 100, PR_CHROMA_444, &jpeg.n_bytes);
        CHECK_OK(channels == 3 ? pr_image_decode_rgb(jpeg.bytes, jpeg.n_bytes, &back)
                               : pr_image_decode_grey(jpeg.bytes, jpeg.n_bytes, &back));
        CHECK(largest_difference(&image, &back) <= 4, "JPEG q100 of %d channels is off by %d",
              channels, largest_difference(&image, &back));
        pr_codec codec = PR_CODEC_PNG;
        int width = 0;
        int height = 0;
        CHECK_OK(pr_image_probe(jpeg.bytes, jpeg.n_bytes, &codec, &width, &height));
        CHECK(codec == PR_CODEC_JPEG && width == 91 && height == 57, "probe: %s of %d x %d",
              pr_codec_name(codec), width, height);
        pr_free(png.bytes);
        pr_free(jpeg.bytes);
        pr_image_destroy(&image);
        pr_image_destroy(&back);
    }
}

static coded encode_png(const struct spng_ihdr *header, const uint8_t *data, size_t n_data)
{
    spng_ctx *png = spng_ctx_new(SPNG_CTX_ENCODER);
    struct spng_ihdr copy = *header;
    int error = spng_set_option(png, SPNG_ENCODE_TO_BUFFER, 1);
    error = error != 0 ? error : spng_set_ihdr(png, &copy);
    error = error != 0 ? error
                       : spng_encode_image(png, data, n_data, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    CHECK(error == 0, "spng: %s", spng_strerror(error));
    coded out = {NULL, 0};
    uint8_t *bytes = spng_get_png_buffer(png, &out.n_bytes, &error);
    out.bytes = pr_calloc((int64_t)out.n_bytes, 1);
    memcpy(out.bytes, bytes, out.n_bytes);
    free(bytes);
    spng_ctx_free(png);
    return out;
}

/* Alpha is dropped, 16 bits are cut to 8, interlaced files decode like any other. */
static void test_png_kinds(void)
{
    pr_image_u8 rgb = pixels_make(40, 30, 3, 9);
    pr_image_u8 back = pixels_make(40, 30, 3, 10);
    const size_t n = (size_t)40 * 30;
    uint8_t *wide = pr_calloc((int64_t)n, 8);
    struct spng_ihdr header = {.width = 40, .height = 30, .bit_depth = 8};
    for (size_t i = 0; i < n; i++) {
        memcpy(wide + 4 * i, rgb.data + 3 * i, 3);
        wide[4 * i + 3] = (uint8_t)(i % 256);
    }
    header.color_type = SPNG_COLOR_TYPE_TRUECOLOR_ALPHA;
    coded file = encode_png(&header, wide, n * 4);
    CHECK_OK(pr_image_decode_rgb(file.bytes, file.n_bytes, &back));
    CHECK(memcmp(rgb.data, back.data, n * 3) == 0, "RGBA: colours changed");
    pr_free(file.bytes);

    for (size_t i = 0; i < n * 3; i++) {
        const uint16_t v = (uint16_t)(rgb.data[i] * 257U);
        memcpy(wide + 2 * i, &v, 2);
    }
    header.color_type = SPNG_COLOR_TYPE_TRUECOLOR;
    header.bit_depth = 16;
    file = encode_png(&header, wide, n * 6);
    CHECK_OK(pr_image_decode_rgb(file.bytes, file.n_bytes, &back));
    CHECK(memcmp(rgb.data, back.data, n * 3) == 0, "16 bits: colours changed");
    pr_free(file.bytes);

    header.bit_depth = 8;
    header.interlace_method = SPNG_INTERLACE_ADAM7;
    file = encode_png(&header, rgb.data, n * 3);
    check_regions(&file, 40, 30, 40, "interlaced PNG");
    CHECK_OK(pr_image_decode_rgb(file.bytes, file.n_bytes, &back));
    CHECK(memcmp(rgb.data, back.data, n * 3) == 0, "interlaced: colours changed");
    CHECK_FAILS(pr_image_decode_rgb(file.bytes, file.n_bytes / 2, &back), PR_ERR_FORMAT, "PNG: ");
    pr_alloc_fail_on(0);
    CHECK_FAILS(pr_image_decode_rgb(file.bytes, file.n_bytes, &back), PR_ERR_NOMEM, "3600 bytes");
    pr_alloc_fail_on(-1);
    pr_free(file.bytes);
    pr_free(wide);
    pr_image_destroy(&rgb);
    pr_image_destroy(&back);
}

static void test_corrupt(void)
{
    pr_image_u8 image = pixels_make(120, 80, 3, 5);
    pr_image_u8 out = pixels_make(120, 80, 3, 6);
    for (int quality = 0; quality <= 90; quality += 90) {
        coded file = {NULL, 0};
        file.bytes = pixels_encode(&image, quality, PR_CHROMA_420, &file.n_bytes);
        const char *codec = quality == 0 ? "PNG: " : "JPEG: ";
        for (size_t cut = 9; cut < file.n_bytes; cut += 211) {
            CHECK_FAILS(pr_image_decode_rgb(file.bytes, cut, &out), PR_ERR_FORMAT, codec);
        }
        /* Without the last marker, or the last chunk, all pixels are there and yet it is cut. */
        const size_t n_last = quality == 0 ? 12 : 2;
        CHECK_FAILS(pr_image_decode_rgb(file.bytes, file.n_bytes - n_last, &out), PR_ERR_FORMAT,
                    codec);
        const pr_image_u8 other = {80, 120, 3, out.data};
        CHECK_FAILS(pr_image_decode_rgb(file.bytes, file.n_bytes, &other), PR_ERR_FORMAT,
                    "120 x 80 px, expected were 80 x 120");
        const pr_rect outside = {100, 0, 21, 10};
        const pr_image_u8 part = {21, 10, 3, out.data};
        CHECK_FAILS(pr_image_decode_region(file.bytes, file.n_bytes, &outside, &part),
                    PR_ERR_FORMAT, "21 x 10 at (100, 0)");
        pr_free(file.bytes);
    }
    size_t n_bytes = 0;
    uint8_t *png = pixels_encode(&image, 0, PR_CHROMA_444, &n_bytes);
    png[n_bytes / 2] ^= 0x10;
    CHECK_FAILS(pr_image_decode_rgb(png, n_bytes, &out), PR_ERR_FORMAT, "PNG: ");
    png[n_bytes / 2] ^= 0x10;
    png[16] = 0x7f; /* the width, before its checksum */
    CHECK_FAILS(pr_image_probe(png, n_bytes, NULL, NULL, NULL), PR_ERR_FORMAT, "PNG: ");
    pr_free(png);

    uint8_t *jpeg = pixels_encode(&image, 90, PR_CHROMA_420, &n_bytes);
    size_t frame = 0;
    while (frame + 9 < n_bytes && !(jpeg[frame] == 0xff && jpeg[frame + 1] == 0xc0)) {
        frame++;
    }
    jpeg[frame + 7] = 0x80; /* the width: 32768 and more */
    CHECK_FAILS(pr_image_probe(jpeg, n_bytes, NULL, NULL, NULL), PR_ERR_FORMAT, "must be 1 to");
    jpeg[frame + 7] = 0;
    jpeg[frame + 8] = 0;
    CHECK_FAILS(pr_image_probe(jpeg, n_bytes, NULL, NULL, NULL), PR_ERR_FORMAT, "JPEG: ");
    pr_free(jpeg);
    CHECK_FAILS(pr_image_probe((const uint8_t *)"", 0, NULL, NULL, NULL), PR_ERR_FORMAT,
                "no bytes");
    CHECK_FAILS(pr_image_decode_rgb((const uint8_t *)"GIF89a....", 10, &out), PR_ERR_FORMAT,
                "neither JPEG");
    pr_image_destroy(&image);
    pr_image_destroy(&out);
}

static void test_refused(void)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long n_bytes = 0;
    uint8_t row[16 * 4] = {0};
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &n_bytes);
    jpeg.image_width = 16;
    jpeg.image_height = 16;
    jpeg.input_components = 4;
    jpeg.in_color_space = JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < 16; y++) {
        JSAMPROW rows[1] = {row};
        (void)jpeg_write_scanlines(&jpeg, rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    pr_image_u8 image = pixels_make(16, 16, 3, 1);
    CHECK_FAILS(pr_image_decode_rgb(bytes, n_bytes, &image), PR_ERR_FORMAT, "CMYK");
    free(bytes);

    uint8_t small[64];
    size_t used = 0;
    CHECK_FAILS(pr_image_encode_jpeg(&image, 90, PR_CHROMA_420, small, sizeof small, &used),
                PR_ERR_INVALID, "room for 64 bytes");
    CHECK_FAILS(pr_image_encode_jpeg(&image, 0, PR_CHROMA_420, small, sizeof small, &used),
                PR_ERR_INVALID, "quality 0");
    CHECK_FAILS(pr_image_encode_png(&image, small, sizeof small, &used), PR_ERR_INVALID,
                "room for 64 bytes");
    pr_image_destroy(&image);
    CHECK_FAILS(pr_image_create(0, 4, 3, &image), PR_ERR_INVALID, "0 x 4");
    CHECK_FAILS(pr_image_create(4, 20000, 3, &image), PR_ERR_INVALID, "4 x 20000");
    CHECK_FAILS(pr_image_create(4, 4, 2, &image), PR_ERR_INVALID, "2 channels");
}

/* What jpeg_without_simd.sh compares: encoded bytes and decoded pixels of many files. */
static void print_hash(void)
{
    uint64_t hash = 14695981039346656037U;
    for (int quality = 20; quality <= 100; quality += 10) {
        for (int s = 0; s < 3; s++) {
            pr_image_u8 image = pixels_make(150 + quality, 140 + s, 3, (uint32_t)quality);
            size_t n_bytes = 0;
            uint8_t *bytes = pixels_encode(&image, quality, (pr_subsampling)s, &n_bytes);
            hash = pixels_hash(hash, bytes, n_bytes);
            CHECK_OK(pr_image_decode_rgb(bytes, n_bytes, &image));
            hash = pixels_hash(hash, image.data, pr_image_bytes(&image));
            pr_free(bytes);
            pr_image_destroy(&image);
        }
    }
    (void)printf("%016llx\n", (unsigned long long)hash);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "hash") == 0) {
        print_hash();
        return check_exit_code();
    }
    test_round_trips();
    test_jpeg_regions();
    test_png_kinds();
    test_corrupt();
    test_refused();
    return check_exit_code();
}
