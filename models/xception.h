/**
 * Xception (Chollet 2017) in the form that face-forgery detection knows it by: FaceForensics++,
 * DeepfakeBench, Cadene's pretrained models, timm's legacy_xception.
 */
#ifndef PR_MODELS_XCEPTION_H
#define PR_MODELS_XCEPTION_H

#include "models/backbone.h"

/**
 * Features are 2048 (width 1), after the ReLU that these programs put before the pooling. Tensors
 * are named and shaped as in timm's and Cadene's state_dict, without the classifier: conv1.weight,
 * bn1.weight, block1.rep.0.conv1.weight, block1.skip.weight. With another depth the blocks are
 * numbered through, so that block 12 of depth 1 has another number.
 *
 * Taps: after conv2 and its ReLU (64 channels), after block1 (128), after block2 (256), these two
 * before the ReLU that the next block begins with, and after the last block (1024). The map is
 * conv4's after its ReLU.
 *
 * Initial values: convolutions normal with variance 2 / fan-out, batch norm 1 and 0. Images of 32
 * pixels are the smallest that fit.
 */
pr_status pr_xception_build(pr_graph *graph, const pr_backbone_options *options, const char *prefix,
                            pr_value image, pr_backbone_out *out);

#endif
