/*
 * margin_loss: the supervised contrastive margin loss from given normalisers (Zha et al., equation
 * 4; readings R3, R14 to R17, R28): the second of its two passes. Without synthetic features and
 * margin it is the supervised contrastive loss of Khosla et al. 2020.
 *
 *     z, label, range    as in margin_norm
 *     norm  [R, 2] f64   of all rows, as margin_norm gives them on all ranks
 *     pair  [R] i64      equal within a pair; read only with attr.pos_pair
 *     with attr.synthetic: tp, tp_label, tp_valid, mn, mn_valid
 *
 *     loss  [R] f64      in nats; rows outside of the range are 0
 *
 *         loss_i = 1 / (|P_i| n) sum over j in P'_i of (log(n_i) + m_i - z_i.x_j / tau)
 *
 * P_i are the other rows of i's label (or of its pair); P'_i is P_i with, where attr.transformed,
 * the valid tp of its label, and, where attr.mixed_as_fake and i is a fake, the valid mn. n is the
 * number of anchors of the whole batch that have a positive, or 1 with attr.sum_rows; an anchor
 * without any, or with attr.negatives_only without a negative, has loss 0. With attr.divide_extended |P'_i| stands for |P_i|. Divisors are counted
 * over the global batch and applied here: the sum of all rows of all ranks is the objective.
 *
 * Backward gives the whole gradient, that through the normalisers included, with grad_out of all R
 * rows read on every rank: with G_ij = d loss / d(z_i.z_j) as row i sees it,
 *
 *     dz_r  = sum_j (G_rj + G_jr) z_j + sum_t G_rt x_t     for rows r of the range, others 0
 *     dx_t  = sum_i G_it z_i                               for synthetic x_t, whole on every rank
 *
 * in global order: no gradient is summed across ranks.
 */
#include "engine/core/op.h"
#include "engine/core/op_attr.h"
#include "engine/ops/contrast.h"

enum { Z, LABEL, RANGE, NORM, PAIR, TP, MN = TP + 3, N_SYNTHETIC = 5 };

static pr_status infer(pr_op_sig *sig)
{
    const pr_margin_attr *const attr = sig->attr;
    const int n_in = attr->synthetic ? TP + N_SYNTHETIC : TP;

    PR_TRY(pr__contrast_expect_n(sig, n_in));
    PR_TRY(pr__contrast_check_margin(sig));

    const int64_t n_rows = sig->in[Z].shape.dims[0];
    const int64_t n_cols = sig->in[Z].shape.dims[1];
    const int64_t n_tp = attr->synthetic ? sig->in[TP].shape.dims[0] : 0;
    const int64_t n_mn = attr->synthetic ? sig->in[MN].shape.dims[0] : 0;
    const pr_desc want[TP + N_SYNTHETIC] = {
        sig->in[Z],
        pr_desc_1(PR_I32, n_rows),
        pr_desc_1(PR_I64, 2),
        pr_desc_2(PR_F64, n_rows, 2),
        pr_desc_1(PR_I64, n_rows),
        pr_desc_2(sig->in[Z].dtype, n_tp, n_cols),
        pr_desc_1(PR_I32, n_tp),
        pr_desc_1(PR_I32, n_tp),
        pr_desc_2(sig->in[Z].dtype, n_mn, n_cols),
        pr_desc_1(PR_I32, n_mn),
    };
    PR_TRY(pr__contrast_expect(sig, want, n_in));
    sig->n_out = 1;
    sig->out[0] = pr_desc_1(PR_F64, n_rows);
    sig->out_alias[0] = -1;
    return PR_OK;
}

const pr_op_info pr_op_info_margin_loss = {
    .name = "margin_loss",
    .attr_bytes = sizeof(pr_margin_attr),
    .infer = infer,
    .diff_in = 1U << Z | 1U << TP | 1U << MN,
    .back_in = 0x3ff,
};
