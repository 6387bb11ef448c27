/*
 * queue_nce: the inter-instance loss of DCL (Sun et al. 2022, equation 3; readings C2, C5, 4.6): each
 * query against its own key and the queue of the other label.
 *
 *     q     [R, D] real      queries of the whole global batch, of unit length
 *     k     [R, D] real      their keys, of unit length, without gradient
 *     label [R] i32          0 real, 1 fake
 *     range [2] i64          the rows [first, last) to be computed here
 *     queue [2, K, D] real   keys of reals, then of fakes
 *     count [2] i64          how many slots of each count: the first ones
 *     loss  [R] f64          in nats; rows outside of the range are 0
 *
 *     loss_r = 1/n (log(exp(q.k / tau) + sum over x of the queue of exp(q.x / tau)) - q.k / tau)
 *
 * n is the number of rows of the whole batch whose queue is not empty; a row with an empty queue has
 * loss 0. With attr.starts_full every slot counts, and is divided by its length.
 *
 * A queue is read in tiles of 64 slots, in slot order, with a running log-sum-exp: beside the result
 * there is never more than a tile. The gradient of a row is made on the way and saved, since the
 * queue takes in the batch before backward comes; it is the row's own and needs no other rank.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { Q, KEY, LABEL, RANGE, QUEUE, COUNT, N_IN };

static pr_status infer(pr_op_sig *sig)
{
    const pr_queue_nce_attr *const attr = sig->attr;
    PR_TRY(pr__expect_n(sig, N_IN, N_IN));
    PR_TRY(pr__expect_real(sig, Q, 2));
    PR_TRY(pr__expect_real(sig, QUEUE, 3));
    PR_REQUIRE(attr->tau > 0.0, PR_ERR_INVALID, "tau = %g, must be > 0", attr->tau);
    const int64_t n_rows = sig->in[Q].shape.dims[0];
    const int64_t n_cols = sig->in[Q].shape.dims[1];
    const pr_desc label = pr_desc_1(PR_I32, n_rows);
    const pr_desc two = pr_desc_1(PR_I64, 2);
    const pr_desc queue = pr_desc_3(sig->in[Q].dtype, 2, sig->in[QUEUE].shape.dims[1], n_cols);
    PR_TRY(pr__expect(sig, KEY, &sig->in[Q]));
    PR_TRY(pr__expect(sig, LABEL, &label));
    PR_TRY(pr__expect(sig, RANGE, &two));
    PR_TRY(pr__expect(sig, QUEUE, &queue));
    PR_TRY(pr__expect(sig, COUNT, &two));
    pr__give(sig, 0, pr_desc_1(PR_F64, n_rows));
    sig->n_saved = 1;
    sig->saved[0] = pr_desc_2(PR_F64, n_rows, n_cols);
    return PR_OK;
}

const pr_op_info pr_op_info_queue_nce = {.name = "queue_nce",
                                         .attr_bytes = sizeof(pr_queue_nce_attr),
                                         .infer = infer,
                                         .diff_in = 1U << Q,
                                         .back_in = 1U << RANGE};
