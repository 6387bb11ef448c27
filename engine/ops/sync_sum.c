/*
 * sync_sum: a cut where the trainer adds T over all micro-batches of all ranks, in tree order.
 *
 *     t any shape, f32 or f64     sum as t
 *
 * Backward is a cut of the same kind: the gradient of a micro-batch's t is the sum of what all
 * micro-batches have for theirs of the sum.
 *
 * A kernel copies t to sum, and the gradient back: what is right for a single micro-batch. The
 * executor runs it as the last op before the cut, where the trainer then writes over it.
 */
#include "engine/ops/expect.h"

enum { T };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 1, 1));
    PR_TRY(pr__expect_real(sig, T, sig->in[T].shape.n_dims));
    pr__give(sig, 0, sig->in[T]);
    return PR_OK;
}

const pr_op_info pr_op_info_sync_sum = {
    .name = "sync_sum", .infer = infer, .diff_in = 1U << T, .sync = PR_SYNC_SUM};
