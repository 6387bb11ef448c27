/** Rotation of a crop about its middle, of which a window is kept. */
#ifndef PR_DATASET_ROTATE_H
#define PR_DATASET_ROTATE_H

#include "dataset/image.h"

/**
 * OUT becomes the window RECT of IN turned by ANGLE about its middle: counter-clockwise as one sees it,
 * in radians, bilinear. Beyond its edges IN is mirrored without repeating the edge pixel. OUT has
 * the window's size and IN's channels (1 or 3). Coordinates are in 1/2048 of a pixel, so that bits
 * do not depend on the machine, and two images of one size and angle stay aligned.
 *
 * Errors: PR_ERR_INVALID where channels or sizes do not fit, or the window is not inside.
 */
pr_status pr_rotate_window(const pr_image_u8 *in, double angle, const pr_rect *rect,
                           const pr_image_u8 *out);

#endif
