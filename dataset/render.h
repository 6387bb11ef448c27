/**
 * One view: from the bytes of a crop to normalised NHWC floats. The loader's workers and `predict`
 * call the same code.
 *
 * Order: region decode of the random crop (or perturb, on the whole crop), resize with the flip,
 * colour jitter in its drawn order, grey, blur; cut-out, noise, tone and JPEG re-encoding; normalisation,
 * high frequencies (SRM), RandomPatch. Evaluation's steps between decode and normalisation are on
 * bytes, training's in 1/64 grey level (augment.h), to the nearest bytes where any of cut-out to JPEG
 * is drawn. A crop that is turned is decoded whole and turned before its window is taken. A mask goes
 * through turn, window, resize, flip and RandomPatch. With crop_px a random window is first resized to
 * so many pixels a side, in bytes, and that is what the view is resampled from.
 *
 * Draws are of purpose PR_FOR_AUGMENT, numbered:
 *    0  crop: attempt a (0 .. 9) takes 16 + 4 a: area, 17 + 4 a: log of the ratio, 18 + 4 a: x,
 *       19 + 4 a: y; after ten the largest centred crop of a permitted ratio
 *    1  flip        2  whether jitter      3  the order of its four operations, 0 .. 23
 *    4  brightness  5  contrast            6  saturation   7  hue
 *    8  whether grey                       9  whether blur 10 its sigma
 *   11  whether JPEG                       12 its quality
 *   64  whether the whole crop             65 whether turned     66 the angle
 *   67  whether a cut-out                  68, 69 its place
 *   70  whether noise                      71 its variance       65536 and on: its bytes
 *   72  whether a tone                     73 which              74 to 76 its strengths
 *   77  whether SRM (of view 0 where it is shared)               78 whether RandomPatch
 *   79  which of the given orders of tiles
 * Where none are given the order of RandomPatch's tiles is a permutation of purpose PR_FOR_PATCH.
 */
#ifndef PR_DATASET_RENDER_H
#define PR_DATASET_RENDER_H

#include "dataset/augment.h"
#include "dataset/image.h"
#include "engine/base/draw.h"

/** Scratch of one thread. */
typedef struct pr_renderer pr_renderer;

/**
 * For crops of up to MAX_WIDTH x MAX_HEIGHT, to images of OUT_PX x OUT_PX; OPTIONS are copied.
 *
 * Errors: PR_ERR_INVALID for options that make no sense (pr_augment_check), PR_ERR_NOMEM.
 */
pr_status pr_renderer_create(const pr_augment_options *options, int max_width, int max_height,
                             int out_px, pr_renderer **out);
void pr_renderer_destroy(pr_renderer **renderer);

/**
 * IMAGE [out_px, out_px, 3] becomes the view of the encoded BYTES that KEY draws (its purpose is set
 * here); MASK [out_px, out_px] in [0, 1], unless NULL, becomes that of MASK_BYTES through the same
 * geometry, or zero where there are none (N_MASK_BYTES = 0: nothing is forged). Allocates nothing of
 * the project's memory unless a PNG is interlaced. KEY is not used where the options draw nothing.
 *
 * Errors: PR_ERR_FORMAT for bytes that do not decode, a crop larger than the renderer's, a mask whose
 * size is not the crop's. Outputs are then undefined.
 */
pr_status pr_render(pr_renderer *renderer, const pr_draw_key *key, const uint8_t *bytes,
                    size_t n_bytes, const uint8_t *mask_bytes, size_t n_mask_bytes, float *image,
                    float *mask);

/**
 * The same view of a crop that is in memory: what pr_render makes of CROP (RGB) and CROP_MASK (of its
 * size, grey, used where MASK is not NULL), had they been its bytes.
 *
 * Errors: PR_ERR_INVALID for a crop larger than the renderer's, a mask whose size is not the crop's.
 */
pr_status pr_render_pixels(pr_renderer *renderer, const pr_draw_key *key, const pr_image_u8 *crop,
                           const pr_image_u8 *crop_mask, float *image, float *mask);

/** Errors: PR_ERR_INVALID naming the option, its value and its range. */
pr_status pr_augment_check(const pr_augment_options *options);

/**
 * One image as evaluation sees it (OPTIONS with enabled = false: resize and normalise), for single
 * files: allocates what it needs. IMAGE [out_px, out_px, 3].
 */
pr_status pr_view_from_bytes(const pr_augment_options *options, const uint8_t *bytes,
                             size_t n_bytes, int out_px, float *image);

#endif
