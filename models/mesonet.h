/**
 * Meso-4 and MesoInception-4 (Afchar et al. 2018): small networks, and the baselines of many tables.
 */
#ifndef PR_MODELS_MESONET_H
#define PR_MODELS_MESONET_H

#include "models/backbone.h"

/**
 * Features are the 16 that the last layer reads: the network's flattened map through dropout, fc1
 * and leaky ReLU, and dropout again. Made for images of 256 pixels; fc1 has 16 (px / 32)^2 inputs,
 * so that weights belong to one size.
 *
 * meso4 and meso_inception4 are the PyTorch versions, as DeepfakeBench has them: convolutions
 * without bias, the map flattened channels first, batch norm's eps 1e-5. There two layers share one
 * batch norm, bn1 (and bn2): tensors have those names, and the statistics of a step are the mean
 * over both uses (PyTorch's running ones are updated twice a step, once by each). Tensors are named
 * as there, Incption included: conv1.weight, Incption1_conv2_1.weight, fc1.bias.
 *
 * The _keras ones are the authors' original: convolutions with bias, a batch norm for each of them
 * (bn1 to bn4), ReLU inside the inception layers, the map flattened channels last, eps 1e-3. Its
 * sigmoid output is the difference of the two of ours. Images' sizes are multiples of 32.
 *
 * The options' width and depth must be 1. Taps: after each pooling but the last. The map is what is
 * flattened.
 *
 * Initial values as PyTorch's layers, or Keras's (Glorot) for convolutions of those.
 */
pr_status pr_meso4_build(pr_graph *graph, const pr_backbone_options *options, const char *prefix,
                         pr_value image, pr_backbone_out *out);
pr_status pr_meso_inception4_build(pr_graph *graph, const pr_backbone_options *options,
                                   const char *prefix, pr_value image, pr_backbone_out *out);
pr_status pr_meso4_keras_build(pr_graph *graph, const pr_backbone_options *options,
                               const char *prefix, pr_value image, pr_backbone_out *out);
pr_status pr_meso_inception4_keras_build(pr_graph *graph, const pr_backbone_options *options,
                                         const char *prefix, pr_value image, pr_backbone_out *out);

#endif
