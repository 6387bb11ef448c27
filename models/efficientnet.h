/**
 * EfficientNet B0 and B4 (Tan and Le 2019) as timm has them: inverted residuals with
 * squeeze-and-excitation and SiLU.
 */
#ifndef PR_MODELS_EFFICIENTNET_H
#define PR_MODELS_EFFICIENTNET_H

#include "models/backbone.h"

/**
 * Features are 1280 (B0) or 1792 (B4). Tensors are named and shaped as in timm's state_dict, without
 * the classifier: conv_stem.weight, blocks.1.0.conv_pw.weight, blocks.1.0.se.conv_reduce.bias,
 * bn2.running_mean. The options' width and depth multiply the network's own, and channels and
 * blocks are rounded as there; the smallest number of blocks in a stage is 1.
 *
 * The tf_ ones are those that TensorFlow's published weights belong to: padding is PR_PAD_SAME and
 * batch norm's eps 1e-3 instead of 1e-5; tensors have the same names.
 *
 * Taps: after the blocks of stages 1, 2, 4 and 6, at a 4th, 8th, 16th and 32nd of the image's size.
 * The map is conv_head's after batch norm and SiLU.
 *
 * Initial values as timm's: convolutions normal with variance 2 / fan-out, where a depthwise one's
 * fan-out is its k k taps; biases 0. Images of 32 pixels are the smallest that make sense.
 */
pr_status pr_efficientnet_b0_build(pr_graph *graph, const pr_backbone_options *options,
                                   const char *prefix, pr_value image, pr_backbone_out *out);
pr_status pr_efficientnet_b4_build(pr_graph *graph, const pr_backbone_options *options,
                                   const char *prefix, pr_value image, pr_backbone_out *out);
pr_status pr_tf_efficientnet_b0_build(pr_graph *graph, const pr_backbone_options *options,
                                      const char *prefix, pr_value image, pr_backbone_out *out);
pr_status pr_tf_efficientnet_b4_build(pr_graph *graph, const pr_backbone_options *options,
                                      const char *prefix, pr_value image, pr_backbone_out *out);

#endif
