/** Resampling through a map: what aligns a donor's face with a target's. */
#ifndef PR_DATASET_WARP_H
#define PR_DATASET_WARP_H

#include "dataset/image.h"

typedef enum pr_border {
    PR_BORDER_BLACK,   /* pixels outside IN are 0 */
    PR_BORDER_NEAREST, /* they are the nearest pixel of the edge */
    PR_BORDER_MIRROR   /* IN goes on mirrored at its edges, without repeating the edge pixel */
} pr_border;

/**
 * OUT(x, y) = IN at OUT_TO_IN (x, y), bilinear, rounded to the nearest byte; OUT has the wanted
 * size and IN's channels. The weights are 1/32768 steps, so that bits do not depend on the machine.
 *
 * Errors: PR_ERR_INVALID where channels differ or the map is not finite.
 */
pr_status pr_warp(const pr_image_u8 *in, const double out_to_in[6], pr_border border,
                  const pr_image_u8 *out);

#endif
