/**
 * Image codecs: JPEG by libjpeg-turbo, PNG by libspng. No state is kept between calls and any
 * thread may call; only an interlaced PNG allocates from the project's memory.
 *
 * Everything that a file can get wrong is PR_ERR_FORMAT with the codec's own text, and that
 * includes what libjpeg calls a warning (a premature end, bad Huffman codes): a crop is whole or it
 * is bad. Pixels depend on the bytes alone: JPEG is decoded by the islow IDCT with fancy upsampling,
 * which libjpeg-turbo computes alike with and without SIMD.
 */
#ifndef PR_DATASET_CODEC_H
#define PR_DATASET_CODEC_H

#include "dataset/image.h"

typedef enum pr_codec { PR_CODEC_JPEG, PR_CODEC_PNG } pr_codec;

typedef enum pr_subsampling { PR_CHROMA_444, PR_CHROMA_422, PR_CHROMA_420 } pr_subsampling;

/** "jpeg" or "png". */
const char *pr_codec_name(pr_codec codec);

/**
 * What BYTES are, from their header. Outputs may be NULL.
 *
 * Errors: PR_ERR_FORMAT for neither JPEG nor PNG, a broken header, an image without pixels, a side
 * above PR_IMAGE_MAX_PX.
 */
pr_status pr_image_probe(const uint8_t *bytes, size_t n_bytes, pr_codec *codec, int *width,
                         int *height);

/**
 * The whole image as RGB into OUT->data (the caller's, width x height x 3 bytes). OUT says the size
 * that is expected, with channels = 3. Grey becomes three equal channels; alpha is dropped, 16-bit
 * PNG samples are cut to 8.
 *
 * Errors: PR_ERR_FORMAT for content that does not decode, a size other than OUT's, or a colour space
 * that is refused (CMYK, YCCK).
 */
pr_status pr_image_decode_rgb(const uint8_t *bytes, size_t n_bytes, const pr_image_u8 *out);

/** The same as one grey channel (OUT->channels = 1): for masks. */
pr_status pr_image_decode_grey(const uint8_t *bytes, size_t n_bytes, const pr_image_u8 *out);

/**
 * Only RECT of the image, as OUT->channels (1 or 3) says, into OUT->data; OUT has the size of RECT.
 * Equal to the same rectangle of the whole decode, byte for byte: a JPEG is decoded 16 pixels wider
 * on all sides, then cut. What stands below RECT in the file is not looked at.
 *
 * Errors: PR_ERR_FORMAT as above, and where RECT is not inside the image.
 */
pr_status pr_image_decode_region(const uint8_t *bytes, size_t n_bytes, const pr_rect *rect,
                                 const pr_image_u8 *out);

/**
 * An image as three planes of bytes: sample (i, j) of plane c is data[c][j * stride[c] + i] and covers
 * shrink_x[c] x shrink_y[c] pixels from (x + i shrink_x[c], y + j shrink_y[c]) on, its centre in their
 * middle.
 */
typedef struct pr_image_planes {
    int x, y;    /* the pixel at which the planes begin */
    bool is_ycc; /* luma and the two chroma of JFIF; otherwise red, green, blue */
    const uint8_t *data[3];
    int stride[3], shrink_x[3], shrink_y[3]; /* equal for planes 1 and 2 */
} pr_image_planes;

/** Bytes of MEMORY that pr_image_decode_planes takes for an image of this size. */
size_t pr_image_planes_bound(int width, int height);

/**
 * RECT of the image without the two steps that cost most beside entropy decoding: chroma stays as
 * small as it is coded and colours are not converted. What planes hold outside RECT is undefined.
 * A JPEG in YCbCr whose two chroma are sampled alike gives luma and chroma; all else (PNG, grey, RGB)
 * gives red, green and blue. MEMORY is the caller's, as many bytes as the bound says; some behind the
 * last sample may be read.
 *
 * Errors: as pr_image_decode_region.
 */
pr_status pr_image_decode_planes(const uint8_t *bytes, size_t n_bytes, const pr_rect *rect,
                                 uint8_t *memory, pr_image_planes *planes);

/** The planes of the RGB IMAGE, which begin at (0, 0), in MEMORY as above. */
void pr_image_split(const pr_image_u8 *image, uint8_t *memory, pr_image_planes *planes);

/** Bytes that an image of this size can need at most when encoded. */
size_t pr_image_encode_bound(pr_codec codec, int width, int height, int channels);

/**
 * Encodes IMAGE (RGB or grey) into BYTES, CAPACITY bytes of the caller's, of which *N_BYTES are used:
 * baseline, islow DCT, optimised Huffman tables off, no metadata but JFIF.
 *
 * Errors: PR_ERR_INVALID for a quality outside 1 .. 100 or a capacity below
 * pr_image_encode_bound.
 */
pr_status pr_image_encode_jpeg(const pr_image_u8 *image, int quality, pr_subsampling subsampling,
                               uint8_t *bytes, size_t capacity, size_t *n_bytes);

/** The same as PNG, 8 bits a channel; grey for one channel (masks). */
pr_status pr_image_encode_png(const pr_image_u8 *image, uint8_t *bytes, size_t capacity,
                              size_t *n_bytes);

/** "libjpeg-turbo 2.1.5, libspng 0.7.3": for a dataset's provenance. */
const char *pr_codec_versions(void);

#endif
