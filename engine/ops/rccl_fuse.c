/*
 * rccl_fuse: transformed positives and mixed negatives of RCCL (Zha et al., equations 2 and 3;
 * readings R10 to R13, R27 and 4.6).
 *
 *     z            [R, D] real   the global batch        label [R] i32     info [2] i64
 *     hard, hard_key, hard_count, centre, centre_count   as rccl_update leaves them
 *     lambda       [n_mn + n_lin] f64   in [0, 1]: a draw for each mixed negative, then, where the
 *                                       fusion is linear, one for each transformed positive
 *
 *     tp       [n_tp, D] real    transformed positives, of unit length; 0 where not valid
 *     tp_label [n_tp] i32        tp_valid [n_tp] i32 (1 or 0)
 *     mn       [n_mn, D] real    mixed negatives, of unit length; 0 where not valid
 *     mn_valid [n_mn] i32
 *     tp_index [n_tp, .] i64     the batch rows that went into each, -1 where fewer exist
 *     mn_index [n_mn, .] i64     the hard fake's row, then those of its reals
 *
 * smooth: tp of slot h is eq. 2,  normalise((hard_h + sum_m z_m) / (M + 1)),  z_m the M rows of its
 * label most similar to it, itself excluded where it is a row of this batch: n_tp = 2u.
 * linear: tp of slot h and its neighbour m is normalise(lambda hard_h + (1 - lambda) z_m);
 * n_tp = 2uM, and n_lin = n_tp. linear_smooth: eq. 2 with n_smooth neighbours over each of those.
 *
 * The s fakes of the batch most similar to the centre are each mixed with their V most similar
 * reals: mn = normalise(lambda z_hl + (1 - lambda) z_v) for each pair, n_mn = sV; or, with the mean
 * mixing, with normalise(mean of the V), n_mn = s.
 *
 * With attr.before_update this runs before the batch is taken in: where info says that an epoch
 * begins, what hard sets and centre hold is the last epoch's and counts as empty.
 *
 * Where fewer neighbours exist those that do are used; where there is none the synthetic feature is
 * not valid. Equal similarities are ordered by row. Gradients reach z, and stop at stored features,
 * lambda and every choice.
 */
#include "engine/core/op.h"
#include "engine/core/op_attr.h"
#include "engine/ops/contrast.h"

enum { Z, LABEL, INFO, HARD, HARD_KEY, HARD_COUNT, CENTRE, CENTRE_COUNT, LAMBDA, N_IN };

static pr_status check_attr(const pr_rccl_fuse_attr *attr)
{
    const int64_t most = attr->n_near > attr->n_mixed ? attr->n_near : attr->n_mixed;
    PR_REQUIRE(attr->n_kept >= 1 && attr->n_near >= 1 && attr->n_local >= 1 && attr->n_mixed >= 1,
               PR_ERR_INVALID, "u = %lld, M = %lld, s = %lld, V = %lld, all must be at least 1",
               (long long)attr->n_kept, (long long)attr->n_near, (long long)attr->n_local,
               (long long)attr->n_mixed);
    PR_REQUIRE(most <= PR_RCCL_MAX_NEAR && attr->n_local <= PR_RCCL_MAX_NEAR, PR_ERR_INVALID,
               "M = %lld, V = %lld, s = %lld, must be at most %d", (long long)attr->n_near,
               (long long)attr->n_mixed, (long long)attr->n_local, PR_RCCL_MAX_NEAR);
    PR_REQUIRE(attr->fusion != PR_RCCL_FUSE_LINEAR_SMOOTH || attr->n_smooth >= 1, PR_ERR_INVALID,
               "%lld neighbours to smooth with, must be at least 1", (long long)attr->n_smooth);
    return PR_OK;
}

static pr_status check_inputs(const pr_op_sig *sig, int64_t n_lambda)
{
    const pr_rccl_fuse_attr *const attr = sig->attr;
    const int64_t n_rows = sig->in[Z].shape.dims[0];
    const int64_t n_cols = sig->in[Z].shape.dims[1];
    const pr_desc want[N_IN] = {
        sig->in[Z],
        pr_desc_1(PR_I32, n_rows),
        pr_desc_1(PR_I64, 2),
        pr_desc_2(sig->in[Z].dtype, 2 * attr->n_kept, n_cols),
        pr_desc_2(PR_I64, 2 * attr->n_kept, 3),
        pr_desc_1(PR_I64, 2),
        pr_desc_1(PR_F64, n_cols),
        pr_desc_1(PR_I64, 1),
        pr_desc_1(PR_F64, n_lambda),
    };
    return pr__contrast_expect(sig, want, N_IN);
}

static pr_status infer(pr_op_sig *sig)
{
    const pr_rccl_fuse_attr *const attr = sig->attr;

    PR_TRY(pr__contrast_expect_n(sig, N_IN));
    PR_TRY(check_attr(attr));

    const pr_dtype real = sig->in[Z].dtype;
    const int64_t n_cols = sig->in[Z].shape.dims[1];
    const bool linear = attr->fusion != PR_RCCL_FUSE_SMOOTH;
    const bool both = attr->fusion == PR_RCCL_FUSE_LINEAR_SMOOTH;
    const bool pairs = attr->mixing == PR_RCCL_MIX_PAIR;
    const int64_t n_tp = 2 * attr->n_kept * (linear ? attr->n_near : 1);
    const int64_t n_mn = attr->n_local * (pairs ? attr->n_mixed : 1);
    int64_t n_tp_rows = attr->n_near;
    if (linear) {
        n_tp_rows = both ? 1 + attr->n_smooth : 1;
    }
    PR_TRY(check_inputs(sig, n_mn + (linear ? n_tp : 0)));

    const pr_desc out[] = {
        pr_desc_2(real, n_tp, n_cols),
        pr_desc_1(PR_I32, n_tp),
        pr_desc_1(PR_I32, n_tp),
        pr_desc_2(real, n_mn, n_cols),
        pr_desc_1(PR_I32, n_mn),
        pr_desc_2(PR_I64, n_tp, n_tp_rows),
        pr_desc_2(PR_I64, n_mn, 1 + (pairs ? 1 : attr->n_mixed)),
    };
    sig->n_out = (int)(sizeof(out) / sizeof(out[0]));
    for (int i = 0; i < sig->n_out; i++) {
        sig->out[i] = out[i];
        sig->out_alias[i] = -1;
    }
    /* Lengths before normalising: of tp, of mn, and of what was fused before it was smoothed, which
     * is kept whole, since the hard features may change before backward. */
    sig->n_saved = both ? 4 : 2;
    sig->saved[0] = pr_desc_1(PR_F64, n_tp);
    sig->saved[1] = pr_desc_1(PR_F64, n_mn);
    sig->saved[2] = pr_desc_1(PR_F64, n_tp);
    sig->saved[3] = pr_desc_2(real, n_tp, n_cols);
    return PR_OK;
}

const pr_op_info pr_op_info_rccl_fuse = {
    .name = "rccl_fuse",
    .attr_bytes = sizeof(pr_rccl_fuse_attr),
    .infer = infer,
    .diff_in = 1U << Z,
    .back_in = 1U << Z | 1U << LAMBDA,
    .back_out = 1U << 0 | 1U << 2 | 1U << 3 | 1U << 4 | 1U << 5 | 1U << 6,
};
