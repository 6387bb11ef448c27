/*
 * gather_rows: a cut where rows that each rank has computed of T come together on all ranks.
 *
 *     t any shape and type     all as t
 *
 * Which rows a rank has is the trainer's knowledge; t holds zeros or anything in the others. Takes
 * no gradient: what is gathered is a constant to the ops behind the cut, which must account for it.
 *
 * A kernel copies t to all; the executor runs it as the last op before the cut, where the trainer
 * then fills in the rows of the others.
 */
#include "engine/ops/expect.h"

enum { T };

static pr_status infer(pr_op_sig *sig)
{
    PR_TRY(pr__expect_n(sig, 1, 1));
    pr__give(sig, 0, sig->in[T]);
    return PR_OK;
}

const pr_op_info pr_op_info_gather_rows = {
    .name = "gather_rows", .infer = infer, .sync = PR_SYNC_GATHER};
