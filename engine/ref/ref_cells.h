/**
 * The cells of one image as cell_contrast and cell_sums see them: features by direction, their
 * similarities, and the sums over pairs of which engine/ops/cell_contrast.c speaks.
 */
#ifndef PR_ENGINE_REF_REF_CELLS_H
#define PR_ENGINE_REF_REF_CELLS_H

#include "engine/core/op.h"
#include "engine/core/op_attr.h"

typedef struct pr__ref_cells {
    const pr_cell_contrast_attr *attr;
    int64_t n, n_cols; /* cells, channels */
    const double *x;   /* [n, n_cols] */
    const int32_t *cell;
    bool is_fake;
    double *unit;   /* [n, n_cols] */
    double *length; /* [n] at least eps */
    double *s;      /* [n, n], over tau */
    double *spare;  /* [n_cols] */
    /* Of the sums over R x R (all pairs of a real image) and F x R; false: there is no pair. */
    bool has_real, has_mixed;
    double log_real, log_mixed;
} pr__ref_cells;

/** Bytes of workspace for an image of N cells and N_COLS channels. */
size_t pr__ref_cells_bytes(int64_t n, int64_t n_cols);

/** Image NUMBER of CALL, whose inputs begin with x, cell and label, in CALL's workspace. */
pr__ref_cells pr__ref_cells_take(const pr_call *call, int64_t number);

/** Whether the pair (i, j) is one of the real cells, or of a forged cell i and a real cell j. */
bool pr__ref_cells_pair(const pr__ref_cells *im, int64_t i, int64_t j);
bool pr__ref_cells_mixed(const pr__ref_cells *im, int64_t i, int64_t j);

#endif
