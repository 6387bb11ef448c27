/**
 * Checks shared by the contrastive ops: rccl_update, rccl_fuse, margin_norm and margin_loss.
 */
#ifndef PR_ENGINE_OPS_CONTRAST_H
#define PR_ENGINE_OPS_CONTRAST_H

#include "engine/core/op.h"

/** SIG must have N_IN inputs, the first of them z of two dims. */
pr_status pr__contrast_expect_n(const pr_op_sig *sig, int n_in);

/** Input i of SIG must be WANT[i], for all N of them. */
pr_status pr__contrast_expect(const pr_op_sig *sig, const pr_desc *want, int n);

/** The attributes of margin_norm and margin_loss (pr_margin_attr) must fit together. */
pr_status pr__contrast_check_margin(const pr_op_sig *sig);

#endif
