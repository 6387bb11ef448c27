/**
 * Checks shared by the ops' infer() functions. A message says which input, what it is and what it
 * must be; the graph puts the op and its name before it.
 */
#ifndef PR_ENGINE_OPS_EXPECT_H
#define PR_ENGINE_OPS_EXPECT_H

#include "engine/core/op.h"
#include "engine/core/op_attr.h"

/** SIG must have at least LEAST and at most MOST inputs. */
pr_status pr__expect_n(const pr_op_sig *sig, int least, int most);

/** Input I must be f32 or f64, of N_DIMS dims. */
pr_status pr__expect_real(const pr_op_sig *sig, int i, int n_dims);

/** Input I must be as WANT says. */
pr_status pr__expect(const pr_op_sig *sig, int i, const pr_desc *want);

/** Makes output I of DESC, in memory of its own. */
void pr__give(pr_op_sig *sig, int i, pr_desc desc);

/** Where a window of WINDOW taps slides over SIZE pixels. */
typedef struct pr__slide {
    int64_t size, window;
    int stride, pad, dilation;
} pr__slide;

/**
 * How many windows fit: floor((size + 2 pad - dilation (window - 1) - 1) / stride) + 1, or
 * ceil(size / stride) where the pad is PR_PAD_SAME.
 *
 * Errors: PR_ERR_INVALID for a stride or dilation below 1, a negative pad or a window below 1;
 * PR_ERR_SHAPE if none fits.
 */
pr_status pr__slide_n(const pr__slide *slide, int64_t *out);

/**
 * The checks and outputs that batch_norm and bn_apply share: x [N, H, W, C] or [N, C] is input 0,
 * and gamma, beta, running mean and running variance are inputs FIRST to FIRST + 3.
 */
pr_status pr__expect_norm(pr_op_sig *sig, int first, const pr_batch_norm_attr *attr);

#endif
