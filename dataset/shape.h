/** The shape of a face: its landmarks without their place and size. */
#ifndef PR_DATASET_SHAPE_H
#define PR_DATASET_SHAPE_H

#include "dataset/landmarks.h"

enum { PR_SHAPE_N = 2 * PR_N_LANDMARKS };

/**
 * SHAPE becomes the PR_N_LANDMARKS points (x, y pairs, iBUG order) less their mean, scaled so that
 * the sum of squares is 1; a turned head stays turned. All zero where the points are one point.
 */
void pr_shape_of(const float *points, float shape[PR_SHAPE_N]);

/**
 * The distance of two shapes, between 0 and 2: the square root of a sum over four written-out lanes,
 * equal on every machine.
 */
double pr_shape_distance(const float *a, const float *b);

#endif
