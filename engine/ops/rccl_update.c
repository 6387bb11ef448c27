/*
 * rccl_update: the real centre and the hard sets of RCCL take in a batch (Zha et al., section 3.4,
 * equation 1; readings R6, R7, R29 and 4.6).
 *
 *     z            [R, D] real   the whole global batch, in global order, rows of unit length
 *     label        [R] i32       0 real, 1 fake
 *     id           [R] i64       which sample a row shows; read only with attr.unique
 *     info         [2] i64       step within the epoch; nonzero: an epoch begins, forget everything
 *     centre_sum   [D] f64       sum of the reals (epoch), or the mean so far (ema, batch)
 *     centre_count [1] i64       reals in it; 0: there is no centre yet
 *     centre       [D] f64       of unit length
 *     hard         [2u, D] real  kept features, slots 0 .. u - 1 of reals, u .. 2u - 1 of fakes
 *     hard_score   [2u] f64      their similarity with the centre
 *     hard_key     [2u, 3] i64   id, step, and place (row) in that step's batch
 *     hard_count   [2] i64       filled slots by label
 *
 * The seven from centre_sum on are states, updated in place; the outputs are the same memory.
 *
 *     1. the centre takes in the batch's reals:  c = normalise(sum / count)
 *     2. kept features are scored against it:    score = <feature, c>
 *     3. each class offers its k hardest rows: the reals least, the fakes most similar to c
 *     4. of kept and offered ones the u hardest stay, hardest first
 *
 * The order is total: score, then step, then place; earlier ones count as harder. Features are
 * stored without gradient. A batch without reals leaves the centre as it is; without any centre
 * nothing has a score and nothing is offered. Outside PR_MODE_TRAIN nothing changes.
 */
#include "engine/core/op.h"
#include "engine/core/op_attr.h"
#include "engine/ops/contrast.h"

enum { Z, LABEL, ID, INFO, FIRST_STATE, HARD = 7, N_IN = 11 };

static pr_status infer(pr_op_sig *sig)
{
    const pr_rccl_update_attr *const attr = sig->attr;

    PR_TRY(pr__contrast_expect_n(sig, N_IN));
    PR_REQUIRE(attr->n_offered >= 1 && attr->n_kept >= 1, PR_ERR_INVALID,
               "k = %lld and u = %lld, both must be at least 1", (long long)attr->n_offered,
               (long long)attr->n_kept);
    PR_REQUIRE(attr->ema_decay >= 0.0 && attr->ema_decay < 1.0, PR_ERR_INVALID,
               "ema_decay = %g, must be in [0, 1)", attr->ema_decay);

    const pr_dtype real = sig->in[Z].dtype;
    const int64_t n_rows = sig->in[Z].shape.dims[0];
    const int64_t n_cols = sig->in[Z].shape.dims[1];
    const int64_t n_slots = 2 * attr->n_kept;
    const pr_desc want[N_IN] = {
        sig->in[Z],
        pr_desc_1(PR_I32, n_rows),
        pr_desc_1(PR_I64, n_rows),
        pr_desc_1(PR_I64, 2),
        pr_desc_1(PR_F64, n_cols),
        pr_desc_1(PR_I64, 1),
        pr_desc_1(PR_F64, n_cols),
        pr_desc_2(real, n_slots, n_cols),
        pr_desc_1(PR_F64, n_slots),
        pr_desc_2(PR_I64, n_slots, 3),
        pr_desc_1(PR_I64, 2),
    };
    PR_TRY(pr__contrast_expect(sig, want, N_IN));
    sig->n_out = N_IN - FIRST_STATE;
    for (int i = 0; i < sig->n_out; i++) {
        sig->out[i] = sig->in[FIRST_STATE + i];
        sig->out_alias[i] = FIRST_STATE + i;
    }
    return PR_OK;
}

const pr_op_info pr_op_info_rccl_update = {
    .name = "rccl_update", .attr_bytes = sizeof(pr_rccl_update_attr), .infer = infer};
