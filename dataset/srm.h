/** High frequencies as steganalysis sees them, added to the image (DCL, 3.2). */
#ifndef PR_DATASET_SRM_H
#define PR_DATASET_SRM_H

#include <stddef.h>

/** floats that pr_srm_add needs as scratch. */
size_t pr_srm_scratch(int px);

/**
 * IMAGE [px, px, 3] += three filters of the rich models (Fridrich and Kodovsky 2012), each of the sum
 * of the image's channels, zero beyond its edges, nothing cut off: channel 0 gets the second
 * difference along x, / 2; channel 1 the 3 x 3 one, / 4; channel 2 the 5 x 5 one, / 12. DCL's public
 * code does this to the normalised tensor.
 */
void pr_srm_add(int px, float *image, float *scratch);

#endif
