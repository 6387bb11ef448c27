/**
 * What stands on a backbone's features: the projector of contrastive stages, and the classifier.
 */
#ifndef PR_MODELS_HEADS_H
#define PR_MODELS_HEADS_H

#include "engine/core/graph.h"

typedef struct pr_projector_options {
    int64_t n_hidden; /* 0: as wide as the features */
    int64_t n_out;
    bool batch_norm;      /* between the first layer and its ReLU */
    int64_t n_sync_views; /* of that batch norm, as in models/backbone.h */
} pr_projector_options;

/**
 * z = normalise(fc2(relu(bn1(fc1(features))))), bn1 only where asked for: from FEATURES [N, F] to
 * *Z [N, n_out] of unit length (rows shorter than 1e-12 are divided by that). Tensors are
 * PREFIX ("projector.") and fc1.weight, fc1.bias, bn1.*, fc2.weight, fc2.bias; both layers have a
 * bias, and initial values as PyTorch's Linear: uniform in +-1 / sqrt(inputs).
 */
pr_status pr_projector_build(pr_graph *graph, const pr_projector_options *options,
                             const char *prefix, pr_value features, pr_value *z);

/**
 * The linear classifier: from FEATURES [N, F] to *LOGITS [N, n_classes]. Tensors are PREFIX ("fc.")
 * and weight, bias, initial values as PyTorch's Linear.
 */
pr_status pr_classifier_build(pr_graph *graph, const char *prefix, int64_t n_classes,
                              pr_value features, pr_value *logits);

#endif
