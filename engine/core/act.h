/**
 * Activations that other ops apply to what they read or make. In a header of its own, so that the
 * inner loops are not compiled anew whenever an op is added.
 */
#ifndef PR_ENGINE_CORE_ACT_H
#define PR_ENGINE_CORE_ACT_H

typedef enum pr_act {
    PR_ACT_NONE,
    PR_ACT_RELU,
    PR_ACT_SILU, /* v / (1 + exp(-v)); of batch_norm and bn_apply only */
} pr_act;

#endif
