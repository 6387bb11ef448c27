/**
 * Gaussian blur of three planes that come and go row by row: a row is blurred along x when it comes,
 * and along y once the rows below it that count are there. Inside the module only.
 *
 * Weights, radius and edges are blur.h's; levels are in 1/64, and off by less than 1/8 grey level.
 */
#ifndef PR_DATASET_BLUR_ROWS_H
#define PR_DATASET_BLUR_ROWS_H

#include "dataset/blur.h"

typedef struct pr__row_blur pr__row_blur;

/**
 * For views of SIDE x SIDE pixels and sigmas up to MAX_SIGMA; rows are STRIDE values long.
 *
 * Errors: PR_ERR_INVALID for a sigma above PR_BLUR_MAX_SIGMA, PR_ERR_NOMEM.
 */
pr_status pr__row_blur_create(int side, int stride, double max_sigma, pr__row_blur **out);
void pr__row_blur_destroy(pr__row_blur **blur);

/** Begins a view. 0 < SIGMA <= the largest. */
void pr__row_blur_begin(pr__row_blur *blur, double sigma);

/** Takes the next row, of three planes at ROW, ROW + APART and ROW + 2 APART. */
void pr__row_blur_push(pr__row_blur *blur, const uint16_t *row, int apart);

/** Gives the next blurred row as three rows of STRIDE values, one behind the other; false where rows that it needs have not
 *  come yet, or all have gone. */
bool pr__row_blur_pull(pr__row_blur *blur, uint16_t *rows);

#endif
