#include "dataset/codec_private.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

enum {
    MARGIN_PX = 16,  /* the reach of chroma upsampling: two MCU of 4:2:0, with room */
    MAX_SCANS = 256, /* of a progressive file: more are an attack on the decoder's time */
    MAX_MIB = 768    /* of coefficients that a progressive file may keep in memory */
};

/* How libjpeg's errors come back: it calls a function that must not return. */
typedef struct error_trap {
    struct jpeg_error_mgr base;
    jmp_buf jump;
    char text[JMSG_LENGTH_MAX];
} error_trap;

static void fail_by_jump(j_common_ptr codec)
{
    error_trap *trap = (error_trap *)(void *)codec->err;
    codec->err->format_message(codec, trap->text);
    longjmp(trap->jump, 1);
}

/* A warning (level -1) is corrupt data, and corrupt data are an error; traces say nothing. */
static void fail_on_warning(j_common_ptr codec, int level)
{
    if (level < 0) {
        fail_by_jump(codec);
    }
}

static void print_nothing(j_common_ptr codec)
{
    (void)codec;
}

static struct jpeg_error_mgr *trap_begin(error_trap *trap)
{
    struct jpeg_error_mgr *base = jpeg_std_error(&trap->base);
    base->error_exit = fail_by_jump;
    base->emit_message = fail_on_warning;
    base->output_message = print_nothing;
    trap->text[0] = '\0';
    return base;
}

static void limit_scans(j_common_ptr codec)
{
    if (codec->is_decompressor && ((j_decompress_ptr)codec)->input_scan_number > MAX_SCANS) {
        error_trap *trap = (error_trap *)(void *)codec->err;
        (void)snprintf(trap->text, sizeof trap->text, "more than %d scans", MAX_SCANS);
        longjmp(trap->jump, 1);
    }
}

/* One decode; it lives in the caller's frame, so that nothing here changes between setjmp and
   longjmp in a register. */
typedef struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_progress_mgr progress;
    error_trap trap;
} decoder;

static void decoder_header(decoder *d, const uint8_t *bytes, size_t n_bytes)
{
    jpeg_create_decompress(&d->jpeg);
    d->jpeg.mem->max_memory_to_use = (long)MAX_MIB << 20;
    d->progress.progress_monitor = limit_scans;
    d->jpeg.progress = &d->progress;
    jpeg_mem_src(&d->jpeg, bytes, (unsigned long)n_bytes);
    (void)jpeg_read_header(&d->jpeg, TRUE);
}

pr_status pr__jpeg_probe(const uint8_t *bytes, size_t n_bytes, int *width, int *height)
{
    decoder d;
    memset(&d, 0, sizeof d);
    d.jpeg.err = trap_begin(&d.trap);
    if (setjmp(d.trap.jump) != 0) {
        jpeg_destroy_decompress(&d.jpeg);
        return PR_FAIL(PR_ERR_FORMAT, "JPEG: %s", d.trap.text);
    }
    decoder_header(&d, bytes, n_bytes);
    const int64_t w = (int64_t)d.jpeg.image_width;
    const int64_t h = (int64_t)d.jpeg.image_height;
    jpeg_destroy_decompress(&d.jpeg);
    PR_TRY(pr__codec_check_size("JPEG", w, h));
    *width = (int)w;
    *height = (int)h;
    return PR_OK;
}

/* Checks what the header says before a pixel is decoded. */
static pr_status check_header(const decoder *d, const pr_rect *rect, const pr_image_u8 *out,
                              pr_rect *wanted)
{
    PR_REQUIRE(
        d->jpeg.jpeg_color_space == JCS_GRAYSCALE || d->jpeg.jpeg_color_space == JCS_YCbCr ||
            d->jpeg.jpeg_color_space == JCS_RGB,
        PR_ERR_FORMAT,
        "JPEG: %d components in a colour space that is not grey, YCbCr or RGB (CMYK and YCCK "
        "are refused: convert the file)",
        d->jpeg.num_components);
    PR_TRY(
        pr__codec_check_size("JPEG", (int64_t)d->jpeg.image_width, (int64_t)d->jpeg.image_height));
    return pr__codec_check_rect("JPEG", (int)d->jpeg.image_width, (int)d->jpeg.image_height, rect,
                                out, wanted);
}

static void decode_whole(decoder *d, const pr_image_u8 *out)
{
    const size_t row_bytes = (size_t)out->width * (size_t)out->channels;
    (void)jpeg_start_decompress(&d->jpeg);
    while (d->jpeg.output_scanline < d->jpeg.output_height) {
        JSAMPROW row = out->data + (size_t)d->jpeg.output_scanline * row_bytes;
        (void)jpeg_read_scanlines(&d->jpeg, &row, 1);
    }
    (void)jpeg_finish_decompress(&d->jpeg);
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* ROW has room for the widest row. */
static void decode_rect(decoder *d, const pr_rect *rect, const pr_image_u8 *out, uint8_t *row)
{
    const size_t px_bytes = (size_t)out->channels;
    const int width = (int)d->jpeg.image_width;
    const int x0 = max_int(rect->x - MARGIN_PX, 0);
    const int x1 = min_int(rect->x + rect->width + MARGIN_PX, width);
    JDIMENSION offset = (JDIMENSION)x0;
    JDIMENSION n_columns = (JDIMENSION)(x1 - x0);
    (void)jpeg_start_decompress(&d->jpeg);
    jpeg_crop_scanline(&d->jpeg, &offset, &n_columns);
    if (rect->y > MARGIN_PX) {
        (void)jpeg_skip_scanlines(&d->jpeg, (JDIMENSION)(rect->y - MARGIN_PX));
    }
    const size_t cut_bytes = ((size_t)rect->x - (size_t)offset) * px_bytes;
    const size_t row_bytes = (size_t)rect->width * px_bytes;
    while ((int)d->jpeg.output_scanline < rect->y + rect->height) {
        const int y = (int)d->jpeg.output_scanline - rect->y;
        JSAMPROW rows[1] = {row};
        (void)jpeg_read_scanlines(&d->jpeg, rows, 1);
        if (y >= 0) {
            memcpy(out->data + (size_t)y * row_bytes, row + cut_bytes, row_bytes);
        }
    }
    if (d->jpeg.output_scanline == d->jpeg.output_height) {
        (void)jpeg_finish_decompress(&d->jpeg);
    }
}

pr_status pr__jpeg_decode(const uint8_t *bytes, size_t n_bytes, const pr_rect *rect,
                          const pr_image_u8 *out)
{
    uint8_t row[PR__ROW_BYTES];
    decoder d;
    pr_rect wanted;
    memset(&d, 0, sizeof d);
    d.jpeg.err = trap_begin(&d.trap);
    if (setjmp(d.trap.jump) != 0) {
        jpeg_destroy_decompress(&d.jpeg);
        return PR_FAIL(PR_ERR_FORMAT, "JPEG: %s", d.trap.text);
    }
    decoder_header(&d, bytes, n_bytes);
    const pr_status status = check_header(&d, rect, out, &wanted);
    if (status == PR_OK) {
        d.jpeg.out_color_space = out->channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
        d.jpeg.dct_method = JDCT_ISLOW;
        d.jpeg.do_fancy_upsampling = TRUE;
        /* Smoothing guesses coefficients that a cut-off progressive file lacks, from blocks that a
           region does not decode. */
        d.jpeg.do_block_smoothing = FALSE;
        if (wanted.width == (int)d.jpeg.image_width && wanted.height == (int)d.jpeg.image_height) {
            decode_whole(&d, out);
        } else {
            decode_rect(&d, &wanted, out, row);
        }
    }
    jpeg_destroy_decompress(&d.jpeg);
    return status;
}

/* Whether the file has luma at full size and two chroma that are sampled alike, by whole factors. */
static bool has_planes(const decoder *d)
{
    if (d->jpeg.jpeg_color_space != JCS_YCbCr || d->jpeg.num_components != 3) {
        return false;
    }
    const jpeg_component_info *c = d->jpeg.comp_info;
    return c[0].h_samp_factor == d->jpeg.max_h_samp_factor &&
           c[0].v_samp_factor == d->jpeg.max_v_samp_factor &&
           c[1].h_samp_factor == c[2].h_samp_factor && c[1].v_samp_factor == c[2].v_samp_factor &&
           c[0].h_samp_factor % c[1].h_samp_factor == 0 &&
           c[0].v_samp_factor % c[1].v_samp_factor == 0;
}

/* Planes of whole MCU one after the other in MEMORY. */
static void lay_planes(const decoder *d, uint8_t *memory, pr_image_planes *planes)
{
    uint8_t *at = memory;
    *planes = (pr_image_planes){.is_ycc = true};
    for (int c = 0; c < 3; c++) {
        const jpeg_component_info *info = &d->jpeg.comp_info[c];
        planes->data[c] = at;
        planes->stride[c] = (int)info->width_in_blocks * DCTSIZE;
        planes->shrink_x[c] = d->jpeg.max_h_samp_factor / info->h_samp_factor;
        planes->shrink_y[c] = d->jpeg.max_v_samp_factor / info->v_samp_factor;
        at += (size_t)planes->stride[c] * (size_t)d->jpeg.total_iMCU_rows *
              (size_t)info->v_samp_factor * DCTSIZE;
    }
}

/* Rows of MCU down to the one that RECT ends in. Of those above RECT only the entropy code is read. */
static void decode_planes(decoder *d, const pr_rect *rect, uint8_t *memory, pr_image_planes *planes)
{
    enum { MAX_ROWS = MAX_SAMP_FACTOR * DCTSIZE };
    JSAMPROW rows[3][MAX_ROWS];
    JSAMPARRAY arrays[3] = {rows[0], rows[1], rows[2]};
    const int mcu_px = d->jpeg.max_v_samp_factor * DCTSIZE;
    lay_planes(d, memory, planes);
    (void)jpeg_start_decompress(&d->jpeg);
    for (int m = 0; m * mcu_px < rect->y + rect->height; m++) {
        for (int c = 0; c < 3; c++) {
            jpeg_component_info *info = &d->jpeg.comp_info[c];
            const int n_rows = info->v_samp_factor * DCTSIZE;
            uint8_t *plane = memory + (planes->data[c] - planes->data[0]);
            info->component_needed = (m + 1) * mcu_px > rect->y ? TRUE : FALSE;
            for (int k = 0; k < n_rows; k++) {
                rows[c][k] = plane + (size_t)(m * n_rows + k) * (size_t)planes->stride[c];
            }
        }
        (void)jpeg_read_raw_data(&d->jpeg, arrays, (JDIMENSION)mcu_px);
    }
    if (d->jpeg.output_scanline >= d->jpeg.output_height) {
        (void)jpeg_finish_decompress(&d->jpeg);
    }
}

pr_status pr__jpeg_decode_planes(const uint8_t *bytes, size_t n_bytes, const pr_rect *rect,
                                 uint8_t *memory, pr_image_planes *planes, bool *done)
{
    decoder d;
    pr_rect wanted;
    memset(&d, 0, sizeof d);
    d.jpeg.err = trap_begin(&d.trap);
    if (setjmp(d.trap.jump) != 0) {
        jpeg_destroy_decompress(&d.jpeg);
        return PR_FAIL(PR_ERR_FORMAT, "JPEG: %s", d.trap.text);
    }
    decoder_header(&d, bytes, n_bytes);
    const pr_image_u8 size = {rect->width, rect->height, 3, NULL};
    const pr_status status = check_header(&d, rect, &size, &wanted);
    *done = status == PR_OK && has_planes(&d);
    if (*done) {
        d.jpeg.raw_data_out = TRUE;
        d.jpeg.dct_method = JDCT_ISLOW;
        d.jpeg.do_block_smoothing = FALSE;
        decode_planes(&d, &wanted, memory, planes);
    }
    jpeg_destroy_decompress(&d.jpeg);
    return status;
}

/* Where an encoder writes: the caller's bytes, which are never made larger. */
typedef struct encoder {
    struct jpeg_compress_struct jpeg;
    struct jpeg_destination_mgr sink;
    error_trap trap;
} encoder;

static void sink_begin(j_compress_ptr jpeg)
{
    (void)jpeg;
}

static boolean sink_full(j_compress_ptr jpeg)
{
    ERREXIT(jpeg, JERR_FILE_WRITE);
    return FALSE;
}

static void encode(encoder *e, const pr_image_u8 *image, int quality, pr_subsampling subsampling)
{
    jpeg_create_compress(&e->jpeg);
    e->jpeg.dest = &e->sink;
    e->jpeg.image_width = (JDIMENSION)image->width;
    e->jpeg.image_height = (JDIMENSION)image->height;
    e->jpeg.input_components = image->channels;
    e->jpeg.in_color_space = image->channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(&e->jpeg);
    jpeg_set_quality(&e->jpeg, quality, TRUE);
    e->jpeg.dct_method = JDCT_ISLOW;
    if (image->channels == 3) {
        e->jpeg.comp_info[0].h_samp_factor = subsampling == PR_CHROMA_444 ? 1 : 2;
        e->jpeg.comp_info[0].v_samp_factor = subsampling == PR_CHROMA_420 ? 2 : 1;
    }
    jpeg_start_compress(&e->jpeg, TRUE);
    const size_t row_bytes = (size_t)image->width * (size_t)image->channels;
    while (e->jpeg.next_scanline < e->jpeg.image_height) {
        JSAMPROW row = image->data + (size_t)e->jpeg.next_scanline * row_bytes;
        (void)jpeg_write_scanlines(&e->jpeg, &row, 1);
    }
    jpeg_finish_compress(&e->jpeg);
}

pr_status pr_image_encode_jpeg(const pr_image_u8 *image, int quality, pr_subsampling subsampling,
                               uint8_t *bytes, size_t capacity, size_t *n_bytes)
{
    PR_REQUIRE(quality >= 1 && quality <= 100, PR_ERR_INVALID,
               "encode_jpeg: quality %d, must be 1 to 100", quality);
    const size_t bound =
        pr_image_encode_bound(PR_CODEC_JPEG, image->width, image->height, image->channels);
    PR_REQUIRE(capacity >= bound, PR_ERR_INVALID, "encode_jpeg: room for %zu bytes, needs %zu",
               capacity, bound);
    encoder e;
    memset(&e, 0, sizeof e);
    JOCTET *const first = bytes;
    e.sink = (struct jpeg_destination_mgr){.next_output_byte = first,
                                           .free_in_buffer = capacity,
                                           .init_destination = sink_begin,
                                           .empty_output_buffer = sink_full,
                                           .term_destination = sink_begin};
    e.jpeg.err = trap_begin(&e.trap);
    if (setjmp(e.trap.jump) != 0) {
        jpeg_destroy_compress(&e.jpeg);
        return PR_FAIL(PR_ERR_INVALID, "encode_jpeg: %s", e.trap.text);
    }
    encode(&e, image, quality, subsampling);
    *n_bytes = capacity - e.sink.free_in_buffer;
    jpeg_destroy_compress(&e.jpeg);
    return PR_OK;
}
