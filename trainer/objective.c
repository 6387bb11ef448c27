#include "trainer/objective.h"

#include "engine/core/op_attr.h"
#include "models/backbone.h"
#include "models/heads.h"

/* Batch norm over the global batch has its cuts in training only; evaluation has the same tensors. */
int64_t pr_build_sync_views(const pr_build *build)
{
    return build->options->model.sync_bn && build->mode == PR_MODE_TRAIN ? build->n_views : 0;
}

pr_status pr_build_features(const pr_build *build, pr_graph *graph, pr_value *features)
{
    const pr_model_options *const model = &build->options->model;
    const pr_backbone_options options = {.width = model->width,
                                         .depth = model->depth,
                                         .n_sync_views = pr_build_sync_views(build),
                                         .dropout = model->dropout,
                                         .drop_path = model->drop_path};
    pr_value image;
    PR_TRY(pr_graph_input(graph, "image",
                          pr_desc_4(pr_graph_real(graph), build->n_rows, model->px, model->px, 3),
                          false, &image));
    pr_backbone_out out;
    PR_TRY(pr_backbone_build(graph, model->name, &options, "backbone.", image, &out));
    *features = out.features;
    return PR_OK;
}

pr_status pr_build_embedding(const pr_build *build, pr_graph *graph)
{
    const pr_model_options *const model = &build->options->model;
    const pr_projector_options projector = {model->proj_hidden, model->proj_out, model->proj_bn,
                                            pr_build_sync_views(build)};
    pr_value features;
    pr_value z;
    PR_TRY(pr_build_features(build, graph, &features));
    PR_TRY(pr_projector_build(graph, &projector, "projector.", features, &z));
    return pr_graph_output(graph, "z", z, build->mode == PR_MODE_TRAIN);
}

pr_status pr_build_classifier(const pr_build *build, pr_graph *graph)
{
    return pr_build_classifier_as(build, graph, PR_OP_softmax_ce, NULL);
}

pr_status pr_build_classifier_as(const pr_build *build, pr_graph *graph, pr_op_id loss,
                                 const void *attr)
{
    enum { N_CLASSES = 2 };
    const pr_desc per_row = pr_desc_1(pr_graph_real(graph), build->n_rows);
    pr_value features;
    pr_value in[3];
    pr_value out[2];
    PR_TRY(pr_build_features(build, graph, &features));
    PR_TRY(pr_classifier_build(graph, "fc.", N_CLASSES, features, &in[0]));
    PR_TRY(pr_graph_input(graph, "label", pr_desc_1(PR_I32, build->n_rows), false, &in[1]));
    PR_TRY(pr_graph_input(graph, "weight", per_row, false, &in[2]));
    PR_TRY(pr_graph_op(graph, loss, "loss", attr, in, 3, out, 2));
    PR_TRY(pr_graph_output(graph, "loss", out[0], build->wants_loss));
    PR_TRY(pr_graph_output(graph, "features", features, false));
    return pr_graph_output(graph, "prob", out[1], false);
}
