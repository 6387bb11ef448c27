#include "models/heads.h"

#include "models/layers.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 96 };

static const double SHORTEST = 1e-12; /* as torch.nn.functional.normalize */

pr_status pr_projector_build(pr_graph *graph, const pr_projector_options *options,
                             const char *prefix, pr_value features, pr_value *z)
{
    const pr_builder builder = {graph, prefix, options->n_sync_views};
    const pr_l2norm_attr attr = {.eps = SHORTEST};
    const int64_t n_features = pr_graph_desc(graph, features)->shape.dims[1];
    char name[NAME_BYTES];
    pr_value x;

    PR_REQUIRE(options->n_hidden >= 0 && options->n_out >= 1, PR_ERR_INVALID,
               "projector: widths %lld and %lld, must be at least 0 and 1",
               (long long)options->n_hidden, (long long)options->n_out);
    PR_TRY(pr_linear_build(&builder, "fc1", options->n_hidden == 0 ? n_features : options->n_hidden,
                           features, &x));
    if (options->batch_norm) {
        PR_TRY(pr_norm_build(&builder, "bn1", PR_ACT_RELU, x, &x));
    } else {
        (void)snprintf(name, sizeof(name), "%srelu1", prefix);
        PR_TRY(pr_graph_op(graph, PR_OP_relu, name, NULL, &x, 1, &x, 1));
    }
    PR_TRY(pr_linear_build(&builder, "fc2", options->n_out, x, &x));
    (void)snprintf(name, sizeof(name), "%snormalise", prefix);
    return pr_graph_op(graph, PR_OP_l2norm, name, &attr, &x, 1, z, 1);
}

pr_status pr_classifier_build(pr_graph *graph, const char *prefix, int64_t n_classes,
                              pr_value features, pr_value *logits)
{
    /* The layer's name is the prefix without its dot. */
    const pr_builder builder = {graph, "", 0};
    const size_t n = strlen(prefix);
    char name[NAME_BYTES];

    PR_REQUIRE(n >= 2 && n < sizeof(name) && prefix[n - 1] == '.', PR_ERR_INVALID,
               "classifier: the prefix is '%s', must be a name and a dot", prefix);
    memcpy(name, prefix, n - 1);
    name[n - 1] = '\0';
    return pr_linear_build(&builder, name, n_classes, features, logits);
}
