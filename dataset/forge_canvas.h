/**
 * Pictures in f32 while they are forged, so that light, noise and blending round once, at the end;
 * and resampling that shrinks without aliasing. Coordinates and maps as in image.h.
 */
#ifndef PR_DATASET_FORGE_CANVAS_H
#define PR_DATASET_FORGE_CANVAS_H

#include "dataset/image.h"

/** RGB, 0 .. 255, rows packed: data[(y * width + x) * 3 + c]. */
typedef struct pr_canvas {
    int width, height;
    float *data;
} pr_canvas;

/** Where each pixel of an output lies in its input: data[(y * width + x) * 2] is x, then y. */
typedef struct pr_field {
    int width, height;
    float *data;
} pr_field;

/** Zeroed. Errors: PR_ERR_INVALID for a side outside 1 .. PR_IMAGE_MAX_PX, PR_ERR_NOMEM. */
pr_status pr_canvas_create(int width, int height, pr_canvas *out);
void pr_canvas_destroy(pr_canvas *canvas);
pr_status pr_field_create(int width, int height, pr_field *out);
void pr_field_destroy(pr_field *field);

/**
 * OUT(x, y) = the mean of IN over the pixel's area at OUT_TO_IN (x, y): n x n bilinear samples,
 * where n is the map's scale rounded up, at most 16. Outside IN stands the nearest pixel of its edge.
 * Channels are IN's; OUT is floats [height, width, channels].
 *
 * Errors: PR_ERR_INVALID where the map is not finite.
 */
pr_status pr_canvas_shrink(const pr_image_u8 *in, const double out_to_in[6], int width, int height,
                           float *out);

/** The same into bytes, rounded to the nearest. */
pr_status pr_image_shrink(const pr_image_u8 *in, const double out_to_in[6], const pr_image_u8 *out);

/** The field of a map, inside RECT: every pixel's place is OUT_TO_IN of it. */
void pr_field_from_map(const double out_to_in[6], const pr_rect *rect, const pr_field *out);

/**
 * OUT = IN at FIELD, by cubic convolution (Keys 1981, a = -1/2: it keeps more of the fine detail
 * than bilinear sampling does), cut to 0 .. 255; inside RECT, and is left alone outside. OUT has
 * FIELD's size.
 */
void pr_canvas_sample(const pr_canvas *in, const pr_field *field, const pr_rect *rect,
                      const pr_canvas *out);

#endif
