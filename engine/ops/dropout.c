/*
 * dropout: elements are dropped at random and the rest made larger, so that the mean stays.
 * Srivastava et al. 2014; whole rows: Huang et al. 2016 (stochastic depth).
 *
 *     x [N, ...] real     y as x     saved: keep [N, ...] u8, 1 or 0
 *
 * Training: y = x keep / (1 - rate), dx = dy keep / (1 - rate); what is kept says engine/core/keep.h.
 * Evaluation: y = x, dx = dy.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { X, MOST_NUMBER = 255, MOST_COLS = 1 << 26 };

static pr_status infer(pr_op_sig *sig)
{
    const pr_dropout_attr *const attr = sig->attr;

    PR_TRY(pr__expect_n(sig, 1, 1));
    PR_TRY(pr__expect_real(sig, X, sig->in[X].shape.n_dims));
    PR_REQUIRE(attr->rate >= 0.0 && attr->rate < 1.0, PR_ERR_INVALID,
               "rate = %g, must be at least 0 and below 1", attr->rate);
    PR_REQUIRE(attr->number >= 0 && attr->number <= MOST_NUMBER, PR_ERR_INVALID,
               "number = %d, must be 0 to %d", attr->number, MOST_NUMBER);
    const int64_t n_cols = pr_shape_n(&sig->in[X].shape) / sig->in[X].shape.dims[0];
    PR_REQUIRE(n_cols <= MOST_COLS, PR_ERR_SHAPE, "rows of %lld elements, at most %d",
               (long long)n_cols, MOST_COLS);
    pr__give(sig, 0, sig->in[X]);
    sig->n_saved = 1;
    sig->saved[0] = (pr_desc){PR_U8, sig->in[X].shape};
    return PR_OK;
}

const pr_op_info pr_op_info_dropout = {
    .name = "dropout", .attr_bytes = sizeof(pr_dropout_attr), .infer = infer, .diff_in = 1U << X};
