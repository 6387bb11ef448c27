/**
 * Which face is like which: an exact index of shapes (dataset/shape.h), for donors. Shared inside the
 * sampler only.
 *
 * A vantage-point tree (Yianilos 1993): n log n distances to build, 8 bytes a sample and one shape.
 * A question looks at a part of the samples that depends on how alike faces are: less than half in
 * the test, which counts them.
 */
#ifndef PR_SAMPLER_NEAREST_H
#define PR_SAMPLER_NEAREST_H

#include "engine/base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct pr__nearest {
    int64_t n;
    float *shapes;    /* [n, PR_SHAPE_N] in the tree's order */
    int64_t *samples; /* [n] the sample that a row is of */
    double *radius;   /* [n] of the rows that are vantage points: half of their part is nearer */
    int64_t n_looked; /* distances that questions have taken */
} pr__nearest;

/**
 * Over N rows: SHAPES [n, PR_SHAPE_N] of SAMPLES [n]. Both are copied.
 *
 * Errors: PR_ERR_NOMEM, and INDEX may then be half built; give it to pr__nearest_free all the same.
 */
pr_status pr__nearest_build(const float *shapes, const int64_t *samples, int64_t n,
                            pr__nearest *index);
void pr__nearest_free(pr__nearest *index);

/**
 * The sample nearest to SHAPE of those that ALLOWED says yes to, of equally near ones the one with
 * the lowest number; -1 where there is none.
 */
int64_t pr__nearest_find(pr__nearest *index, const float *shape,
                         bool (*allowed)(const void *context, int64_t sample), const void *context);

#endif
