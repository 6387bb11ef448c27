/**
 * Which elements a dropout keeps: the same on every backend, and again when a step is recomputed.
 */
#ifndef PR_ENGINE_CORE_KEEP_H
#define PR_ENGINE_CORE_KEEP_H

#include "engine/core/op.h"
#include "engine/core/op_attr.h"

/**
 * Fills KEEP [n_rows, n_cols] with 1 for what is kept and 0 for what is dropped. Element c of a row
 * is dropped where a 32-bit draw, keyed by the row's place and view in the epoch's plan, the number
 * of the dropout and c, is below rate 2^32.
 *
 * Errors: PR_ERR_INVALID where ROWS is NULL or not of N_ROWS.
 */
pr_status pr_keep_draw(const pr_dropout_attr *attr, const pr_rows *rows, int64_t n_rows,
                       int64_t n_cols, uint8_t *keep);

#endif
