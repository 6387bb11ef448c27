/**
 * The layers that backbones and heads are made of, under PyTorch's names and with its shapes and
 * initial values: for the files of models, and for models from outside of the tree (docs/extending.md).
 */
#ifndef PR_MODELS_LAYERS_H
#define PR_MODELS_LAYERS_H

#include "engine/core/graph.h"
#include "engine/core/op_attr.h"

/** Where layers are built: names are PREFIX and what a call says. */
typedef struct pr_builder {
    pr_graph *graph;
    const char *prefix;
    /* Views of the global batch over which batch norm is taken; 0: over the micro-batch. */
    int64_t n_sync_views;
} pr_builder;

/** How the weights of a convolution begin. */
typedef enum pr_conv_init {
    PR_CONV_INIT_FAN_OUT, /* normal, variance 2 / (n_out k k): Kaiming's for ReLU, as Cadene and timm */
    PR_CONV_INIT_TORCH,  /* uniform in +-1 / sqrt(in k k): what PyTorch's layer does by itself */
    PR_CONV_INIT_GLOROT, /* uniform in +-sqrt(6 / ((in + n_out) k k)): what Keras does by itself */
} pr_conv_init;

/** A convolution of a square kernel. */
typedef struct pr_conv {
    int64_t n_out, kernel;
    int stride, pad; /* pad may be PR_PAD_SAME */
    int dilation;    /* 0 is 1 */
    bool bias;
    pr_conv_init init;
} pr_conv;

/** NAME.weight [n_out, in, k, k] and, where asked for, NAME.bias [n_out], which begins at 0. */
pr_status pr_conv_build(const pr_builder *builder, const char *name, const pr_conv *conv,
                        pr_value x, pr_value *out);

/**
 * NAME.conv1.weight [in, 1, 3, 3] of act(x), then NAME.pointwise.weight [n_out, in, 1, 1]. Initial
 * values as above: of the depthwise one with variance 2 / (9 in), since PyTorch's fan-out does not
 * know of groups.
 */
pr_status pr_separable_build(const pr_builder *builder, const char *name, int64_t n_out,
                             pr_act act_in, pr_value x, pr_value *out);

/** NAME.weight [in, 1, k, k]; initial values normal with variance 2 / (k k), as timm's EfficientNet. */
pr_status pr_depthwise_build(const pr_builder *builder, const char *name, int64_t kernel,
                             int stride, int pad, pr_value x, pr_value *out);

/** A batch norm that is not the usual one. */
typedef struct pr_norm {
    pr_act act;
    double eps;
    int use, n_uses; /* of tensors that several layers share; 0 of 0 */
} pr_norm;

pr_status pr_norm_as_build(const pr_builder *builder, const char *name, const pr_norm *norm,
                           pr_value x, pr_value *out);

/**
 * NAME.weight 1, NAME.bias 0, NAME.running_mean 0, NAME.running_var 1; eps 1e-5. Over the global
 * batch these are three ops, NAME.stats, NAME.sum and NAME, the middle one a cut.
 */
pr_status pr_norm_build(const pr_builder *builder, const char *name, pr_act act, pr_value x,
                        pr_value *out);

/**
 * NAME.weight [n_out, in] and NAME.bias, initial values uniform in +-1 / sqrt(in), as PyTorch's.
 */
pr_status pr_linear_build(const pr_builder *builder, const char *name, int64_t n_out, pr_value x,
                          pr_value *out);

/**
 * NAME.conv_reduce.weight [n_hidden, in, 1, 1], .bias, NAME.conv_expand.weight [in, n_hidden, 1, 1],
 * .bias: the gate of engine/ops/squeeze_excite.c, under timm's names.
 */
pr_status pr_squeeze_build(const pr_builder *builder, const char *name, int64_t n_hidden,
                           pr_value x, pr_value *out);

/** Dropout NUMBER of the model, of elements or whole rows; x itself where RATE is 0. */
pr_status pr_dropout_build(const pr_builder *builder, const char *name, const pr_dropout_attr *attr,
                           pr_value x, pr_value *out);

/** N times FACTOR to the nearest multiple of 8, at least 8. */
int64_t pr_scale_width(int64_t n, double factor);

#endif
