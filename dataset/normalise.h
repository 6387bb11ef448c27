/** The last pass over a view: pixels to normalised NHWC floats. Inside the module only. */
#ifndef PR_DATASET_NORMALISE_H
#define PR_DATASET_NORMALISE_H

#include "dataset/colour.h"

enum { PR__NORMALISE_PX = 256 };

/** Scale and shift of every float of a chunk of pixels: (p / 255 - mean) / std = p scale + shift. */
typedef struct pr__normaliser {
    float of_byte[3 * PR__NORMALISE_PX], of_level[3 * PR__NORMALISE_PX];
    float shift[3 * PR__NORMALISE_PX];
} pr__normaliser;

void pr__normaliser_make(const double mean[3], const double std[3], pr__normaliser *out);

/** IMAGE [planes->n][3]. */
void pr__normalise(const pr__normaliser *normaliser, const pr_planes *planes, float *image);

/** Of the first N_PIXELS of LEVELS. */
void pr__normalise_levels(const pr__normaliser *normaliser, const pr_levels *levels, int n_pixels,
                          float *image);

#endif
