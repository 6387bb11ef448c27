/**
 * The attributes of every op that has any. What they mean is said with the op, in engine/ops.
 */
#ifndef PR_ENGINE_CORE_OP_ATTR_H
#define PR_ENGINE_CORE_OP_ATTR_H

#include <stdbool.h>
#include <stdint.h>

typedef enum pr_act { PR_ACT_NONE, PR_ACT_RELU } pr_act;

typedef struct pr_conv2d_attr {
    int stride, pad, dilation; /* equal in both directions; pad in pixels on each side */
} pr_conv2d_attr;

typedef struct pr_depthwise_attr {
    int stride, pad, dilation;
    pr_act act_in; /* applied to x as it is read: Xception's blocks begin with a ReLU */
} pr_depthwise_attr;

typedef struct pr_batch_norm_attr {
    double eps;
    pr_act act;        /* applied to the result */
    int64_t n_samples; /* bn_apply only: values a channel over the global batch */
} pr_batch_norm_attr;

typedef struct pr_add_attr {
    pr_act act;
} pr_add_attr;

typedef struct pr_pool_attr {
    int window, stride, pad;
    bool ceil_mode; /* the last window may reach past the padded border, as in PyTorch */
} pr_pool_attr;

typedef struct pr_l2norm_attr {
    double eps; /* > 0; shorter rows are divided by it instead */
} pr_l2norm_attr;

#endif
