/*
 * margin_norm: each row's normaliser of the supervised contrastive margin loss (Zha et al.,
 * equations 4 and 5; readings R14 to R17, R28): the first of its two passes.
 *
 *     z     [R, D] real   the global batch        label [R] i32
 *     range [2] i64       the rows [first, last) to be computed here; the others are written 0
 *     with attr.synthetic, as rccl_fuse gives them: tp [T, D], tp_label [T], tp_valid [T],
 *     mn [N, D], mn_valid [N]
 *
 *     norm  [R, 2] f64    m_i and n_i, so that the normaliser of row i is n_i exp(m_i):
 *
 *         n_i exp(m_i) = sum over a in A'_i of exp(z_i.x_a / tau) + Margin_i
 *
 * A'_i is the batch without row i (with attr.negatives_only without any row of i's label) and, with
 * attr.transformed, all valid tp of both labels. Margin_i is the same sum over the valid mn
 * (PR_MARGIN_MIXED), or over the batch without row i once more (PR_MARGIN_BATCH), or 0. m_i is the
 * largest exponent. The terms of a row are summed over tiles of 64 columns in global order, so its
 * bits do not depend on which rank computes it.
 */
#include "engine/core/op.h"
#include "engine/core/op_attr.h"
#include "engine/ops/contrast.h"

enum { Z, LABEL, RANGE, TP, N_SYNTHETIC = 5 };

static pr_status infer(pr_op_sig *sig)
{
    const pr_margin_attr *const attr = sig->attr;
    const int n_in = attr->synthetic ? TP + N_SYNTHETIC : TP;

    PR_TRY(pr__contrast_expect_n(sig, n_in));
    PR_TRY(pr__contrast_check_margin(sig));

    const int64_t n_rows = sig->in[Z].shape.dims[0];
    const int64_t n_cols = sig->in[Z].shape.dims[1];
    const int64_t n_tp = attr->synthetic ? sig->in[TP].shape.dims[0] : 0;
    const int64_t n_mn = attr->synthetic ? sig->in[TP + 3].shape.dims[0] : 0;
    const pr_desc want[TP + N_SYNTHETIC] = {
        sig->in[Z],
        pr_desc_1(PR_I32, n_rows),
        pr_desc_1(PR_I64, 2),
        pr_desc_2(sig->in[Z].dtype, n_tp, n_cols),
        pr_desc_1(PR_I32, n_tp),
        pr_desc_1(PR_I32, n_tp),
        pr_desc_2(sig->in[Z].dtype, n_mn, n_cols),
        pr_desc_1(PR_I32, n_mn),
    };
    PR_TRY(pr__contrast_expect(sig, want, n_in));
    sig->n_out = 1;
    sig->out[0] = pr_desc_2(PR_F64, n_rows, 2);
    sig->out_alias[0] = -1;
    return PR_OK;
}

const pr_op_info pr_op_info_margin_norm = {
    .name = "margin_norm", .attr_bytes = sizeof(pr_margin_attr), .infer = infer};
