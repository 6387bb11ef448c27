/**
 * A training view from decoded planes, a few rows at a time: resize, colour, blur and the last pass
 * follow each other on rows that stay in the first cache, and the view's floats are written once.
 * Inside the module only.
 */
#ifndef PR_DATASET_RENDER_ROWS_H
#define PR_DATASET_RENDER_ROWS_H

#include "dataset/augment_private.h"
#include "dataset/codec.h"
#include "dataset/normalise.h"

typedef struct pr__row_renderer pr__row_renderer;

/**
 * For regions of up to MAX_IN_PX a side, views of OUT_PX x OUT_PX, blurred by up to MAX_SIGMA (0: never).
 *
 * Errors: PR_ERR_INVALID, PR_ERR_NOMEM.
 */
pr_status pr__row_renderer_create(int max_in_px, int out_px, double max_sigma,
                                  pr__row_renderer **out);
void pr__row_renderer_destroy(pr__row_renderer **renderer);

/** All that DRAWS say but what acts on whole views (JPEG re-encoding), as floats in IMAGE [out_px, out_px, 3],
 *  or (IMAGE = NULL) as the nearest bytes in VIEW. */
void pr__row_render(pr__row_renderer *renderer, const pr_image_planes *planes,
                    const pr__augment_draws *draws, const pr__normaliser *normaliser, float *image,
                    const pr_planes *view);

#endif
