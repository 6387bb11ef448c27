/** Corresponding mix-up: a fake with its own real shining through (DCL, 3.2). */
#ifndef PR_DATASET_MIXUP_H
#define PR_DATASET_MIXUP_H

#include "dataset/image.h"

/**
 * OUT = SHARE of FAKE and 1 - SHARE of REAL, in steps of 1/65536, to the nearest byte; all three have
 * one size.
 *
 * Errors: PR_ERR_INVALID where sizes differ or SHARE is outside [0, 1].
 */
pr_status pr_mixup(const pr_image_u8 *fake, const pr_image_u8 *real, double share,
                   const pr_image_u8 *out);

#endif
