/** What codec.c dispatches to: one set of functions a codec. Inside the module only. */
#ifndef PR_DATASET_CODEC_PRIVATE_H
#define PR_DATASET_CODEC_PRIVATE_H

#include "dataset/codec.h"

enum { PR__ROW_BYTES = 3 * PR_IMAGE_MAX_PX }; /* the widest row, as RGB */

pr_status pr__jpeg_probe(const uint8_t *bytes, size_t n_bytes, int *width, int *height);
pr_status pr__jpeg_decode(const uint8_t *bytes, size_t n_bytes, const pr_rect *rect,
                          const pr_image_u8 *out);

/** Luma and chroma into MEMORY as pr_image_decode_planes says; *DONE is false, and nothing is decoded,
 *  where the file has something else. */
pr_status pr__jpeg_decode_planes(const uint8_t *bytes, size_t n_bytes, const pr_rect *rect,
                                 uint8_t *memory, pr_image_planes *planes, bool *done);

pr_status pr__png_probe(const uint8_t *bytes, size_t n_bytes, int *width, int *height);
pr_status pr__png_decode(const uint8_t *bytes, size_t n_bytes, const pr_rect *rect,
                         const pr_image_u8 *out);

/** Errors: PR_ERR_FORMAT naming CODEC unless WIDTH x HEIGHT has pixels and is not above the limit. */
pr_status pr__codec_check_size(const char *codec, int64_t width, int64_t height);

/** RECT = NULL asks for the whole image, of OUT's size; otherwise RECT must lie inside. */
pr_status pr__codec_check_rect(const char *codec, int width, int height, const pr_rect *rect,
                               const pr_image_u8 *out, pr_rect *wanted);

#endif
