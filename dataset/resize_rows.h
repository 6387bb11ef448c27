/**
 * The resize of training views: one output row at a time from three planes of bytes, of which two
 * (chroma) may be smaller than the picture. Integers throughout. Inside the module only.
 *
 * Geometry is resize.h's: bilinear, half-pixel centres, antialiased when shrinking. A plane that is
 * 1/f of the picture has its samples' centres at f (j + 1/2) in picture coordinates, as JPEG's
 * centred chroma has, and is resampled from there to the output at once, without a stop at the
 * picture's own size. Samples that lie outside the region do not count, as in a crop that is cut out first.
 *
 * Against the exact value an output is off by less than 1/16 grey level.
 */
#ifndef PR_DATASET_RESIZE_ROWS_H
#define PR_DATASET_RESIZE_ROWS_H

#include "dataset/codec.h"

/** Rows are this many values longer than the output at most, and the bytes of planes are followed by
 *  as many that may be read. */
enum { PR__ROW_PAD = 64 };

/** Values that a row of N pixels takes: whole vectors. */
int pr__row_stride(int n);

typedef struct pr__row_resizer pr__row_resizer;

/**
 * For regions of up to MAX_IN_PX a side; rows have OUT_PX pixels, views OUT_PX rows.
 *
 * Errors: PR_ERR_INVALID, PR_ERR_NOMEM.
 */
pr_status pr__row_resizer_create(int max_in_px, int out_px, pr__row_resizer **out);
void pr__row_resizer_destroy(pr__row_resizer **resizer);

/** Begins a view: RECT of the picture that PLANES hold, mirrored left and right under FLIP. PLANES must
 *  stay until the last row. */
void pr__row_resizer_begin(pr__row_resizer *resizer, const pr_image_planes *planes,
                           const pr_rect *rect, bool flip);

/** Row Y of each plane in 1/64 grey level, pr__row_stride(OUT_PX) values each; rows are asked for from 0 on. */
void pr__row_resizer_next(pr__row_resizer *resizer, int y, uint16_t *const out[3]);

#endif
