/**
 * Backbones by name: from images to features.
 */
#ifndef PR_MODELS_BACKBONE_H
#define PR_MODELS_BACKBONE_H

#include "engine/core/graph.h"

typedef struct pr_backbone_options {
    double width; /* factor on every number of channels, to the nearest multiple of 8 */
    double depth; /* factor on the number of middle blocks, to the nearest number */
    /*
     * 0: batch norm is taken over the micro-batch. Else over the global batch, which has so many
     * views: the graph gets a cut in each normalisation. Evaluation uses graphs with 0, which have
     * the same tensors.
     */
    int64_t n_sync_views;
    /* Share of the features that training drops; below 0: what the model is known with, 0.5 of what
     * each of Meso's two layers reads, none of others. */
    double dropout;
    double drop_path; /* EfficientNet: of images that skip the last block; earlier ones, less */
} pr_backbone_options;

enum { PR_BACKBONE_MAX_TAPS = 4 };

/** What a backbone offers: a graph computes what is used of it and takes its gradient, no more. */
typedef struct pr_backbone_out {
    pr_value features; /* [N, F], pooled: what classifiers and projectors stand on */
    pr_value map;      /* [N, h, w, C], the last map before pooling */
    /* Earlier maps in the order of the network, largest first: which, says the model's header. */
    pr_value taps[PR_BACKBONE_MAX_TAPS];
    int n_taps;
} pr_backbone_out;

/** What adds a backbone to GRAPH; its contract is that of pr_backbone_build. */
typedef pr_status (*pr_backbone_fn)(pr_graph *graph, const pr_backbone_options *options,
                                    const char *prefix, pr_value image, pr_backbone_out *out);

/**
 * Makes BUILD the backbone that a config calls NAME (borrowed for good), beside those of
 * models/model_list.h. Not collective: every rank does it before pr_program_main (launch/program.h),
 * on its main thread.
 *
 * Errors: PR_ERR_INVALID for a name that is taken or has other characters than a-z, 0-9 and _, and
 * beyond 16 of them.
 */
pr_status pr_backbone_register(const char *name, pr_backbone_fn build);

/**
 * Adds the backbone NAME to GRAPH: from IMAGE [N, H, W, 3] real to *OUT. Its tensors' names begin
 * with PREFIX ("backbone."), then go on as in PyTorch's models.
 *
 * Errors: PR_ERR_INVALID for a name that neither models/model_list.h has nor was registered, with
 * the nearest and all there are; PR_ERR_SHAPE for images that are too small, with the layer's name.
 */
pr_status pr_backbone_build(pr_graph *graph, const char *name, const pr_backbone_options *options,
                            const char *prefix, pr_value image, pr_backbone_out *out);

/** Name number I, of models/model_list.h and then of those registered, or NULL past the last. */
const char *pr_backbone_name(int i);

#endif
