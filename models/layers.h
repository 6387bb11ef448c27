/**
 * The layers that backbones and heads are made of, under PyTorch's names and with its shapes and
 * initial values. Shared by the files of models only.
 */
#ifndef PR_MODELS_LAYERS_H
#define PR_MODELS_LAYERS_H

#include "engine/core/graph.h"
#include "engine/core/op_attr.h"

/** Where layers are built: names are PREFIX and what a call says. */
typedef struct pr__builder {
    pr_graph *graph;
    const char *prefix;
    /* Views of the global batch over which batch norm is taken; 0: over the micro-batch. */
    int64_t n_sync_views;
} pr__builder;

/** A convolution without bias, of a square kernel. */
typedef struct pr__conv {
    int64_t n_out, kernel;
    int stride, pad;
} pr__conv;

/**
 * NAME.weight [n_out, in, k, k], without bias; initial values normal with variance
 * 2 / (n_out k k): Kaiming's for ReLU, fan-out, as Cadene's and timm's Xception have.
 */
pr_status pr__conv_build(const pr__builder *builder, const char *name, const pr__conv *conv,
                         pr_value x, pr_value *out);

/**
 * NAME.conv1.weight [in, 1, 3, 3] of act(x), then NAME.pointwise.weight [n_out, in, 1, 1]. Initial
 * values as above: of the depthwise one with variance 2 / (9 in), since PyTorch's fan-out does not
 * know of groups.
 */
pr_status pr__separable_build(const pr__builder *builder, const char *name, int64_t n_out,
                              pr_act act_in, pr_value x, pr_value *out);

/**
 * NAME.weight 1, NAME.bias 0, NAME.running_mean 0, NAME.running_var 1; eps 1e-5. Over the global
 * batch these are three ops, NAME.stats, NAME.sum and NAME, the middle one a cut.
 */
pr_status pr__norm_build(const pr__builder *builder, const char *name, pr_act act, pr_value x,
                         pr_value *out);

/**
 * NAME.weight [n_out, in] and NAME.bias, initial values uniform in +-1 / sqrt(in), as PyTorch's.
 */
pr_status pr__linear_build(const pr__builder *builder, const char *name, int64_t n_out, pr_value x,
                           pr_value *out);

/** N times FACTOR to the nearest multiple of 8, at least 8. */
int64_t pr__scale_width(int64_t n, double factor);

#endif
