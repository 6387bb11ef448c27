/*
 * dcl: dual contrastive learning (Sun et al. 2022), one stage. The query graph makes of first views the
 * backbone's last map; from it a spatial query (a 1x1 convolution to one channel, a value a cell), the
 * class, and the intra-instance losses of equations 7 and 8. The key graph, which follows by equation
 * 1, makes keys of second views. The loss graph is memory_bank/dcl.h. Equation 10 weighs the terms.
 */
#include "engine/core/op_attr.h"
#include "models/backbone.h"
#include "models/heads.h"
#include "trainer/objective.h"

#include <math.h>
#include <stdio.h>

enum { N_CLASSES = 2, NAME_BYTES = 64 };

static const double SHORTEST = 1e-12; /* as torch.nn.functional.normalize */

static double phi(const pr_train_options *options, int64_t epoch)
{
    return pr_dcl_phi(&options->dcl, epoch);
}

static double weigh_class(const pr_train_options *options, int64_t epoch)
{
    return 1.0 - phi(options, epoch);
}

static double weigh_inter(const pr_train_options *options, int64_t epoch)
{
    return phi(options, epoch) * options->dcl.w_inter;
}

static double weigh_intra_fake(const pr_train_options *options, int64_t epoch)
{
    return phi(options, epoch) * options->dcl.w_intra_fake;
}

static double weigh_intra_real(const pr_train_options *options, int64_t epoch)
{
    return phi(options, epoch) * options->dcl.w_intra_real;
}

static double ema_decay(const pr_train_options *options)
{
    return options->dcl.ema;
}

static bool shuffles_keys(const pr_train_options *options)
{
    return options->dcl.shuffle_bn;
}

/* From "image" to the backbone's outputs under PREFIX. */
static pr_status build_map(const pr_build *build, pr_graph *graph, const char *prefix,
                           pr_backbone_out *out)
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
    return pr_backbone_build(graph, model->name, &options, prefix, image, out);
}

/* The map squeezed to one channel, a row of its cells an image, of unit length. */
static pr_status build_squeeze(pr_graph *graph, const char *prefix, pr_value map, pr_value *rows)
{
    const int64_t n_channels = pr_graph_desc(graph, map)->shape.dims[3];
    const pr_conv2d_attr conv = {.stride = 1, .dilation = 1};
    const pr_flatten_attr flatten = {.channels_first = false};
    const pr_l2norm_attr norm = {.eps = SHORTEST};
    const pr_init init = {PR_INIT_UNIFORM,
                          1.0 / sqrt((double)n_channels)}; /* as PyTorch's Conv2d */
    char name[NAME_BYTES];
    pr_value in[3] = {map};
    pr_value x;
    (void)snprintf(name, sizeof(name), "%sweight", prefix);
    PR_TRY(pr_graph_param(graph, name, pr_desc_4(pr_graph_real(graph), 1, n_channels, 1, 1), init,
                          &in[1]));
    (void)snprintf(name, sizeof(name), "%sbias", prefix);
    PR_TRY(pr_graph_param(graph, name, pr_desc_1(pr_graph_real(graph), 1), init, &in[2]));
    PR_TRY(pr_graph_op(graph, PR_OP_conv2d, prefix, &conv, in, 3, &x, 1));
    PR_TRY(pr_graph_op(graph, PR_OP_flatten, "cells", &flatten, &x, 1, &x, 1));
    return pr_graph_op(graph, PR_OP_l2norm, "normalise", &norm, &x, 1, rows, 1);
}

/* Equations 7 and 8 on the cells of MAP, by the mask. */
static pr_status build_intra(const pr_build *build, pr_graph *graph, pr_value map, pr_value label)
{
    static const char *const names[] = {"intra_fake", "intra_fake_valid", "intra_real",
                                        "intra_real_valid"};
    const pr_dcl_options *const dcl = &build->options->dcl;
    const int64_t px = build->options->model.px;
    const int64_t *const dims = pr_graph_desc(graph, map)->shape.dims;
    const pr_mask_cells_attr cells = {.height = dims[1],
                                      .width = dims[2],
                                      .fake_above = dcl->mask_thr_fake,
                                      .real_upto = dcl->mask_thr_real};
    const pr_cell_contrast_attr contrast = {.tau = dcl->tau,
                                            .eps = SHORTEST,
                                            .exclude_self = dcl->exclude_self,
                                            .masked = dcl->compat_cells == PR_DCL_CELLS_MULTIPLY};
    const bool together = dcl->compat_log == PR_DCL_LOG_BATCH;
    pr_value mask;
    pr_value in[4] = {map, map, label};
    pr_value out[4];
    PR_TRY(pr_graph_input(graph, "mask", pr_desc_3(pr_graph_real(graph), build->n_rows, px, px),
                          false, &mask));
    PR_TRY(pr_graph_op(graph, PR_OP_mask_cells, "mask_cells", &cells, &mask, 1, &in[1], 1));
    PR_TRY(pr_graph_output(graph, "cell", in[1], false));
    if (together) {
        PR_TRY(pr_graph_op(graph, PR_OP_cell_sums, "intra_sums", &contrast, in, 3, &in[3], 1));
        PR_TRY(pr_graph_op(graph, PR_OP_sync_sum, "intra_together", NULL, &in[3], 1, &in[3], 1));
    }
    PR_TRY(
        pr_graph_op(graph, PR_OP_cell_contrast, "intra", &contrast, in, together ? 4 : 3, out, 4));
    for (int i = 0; i < 4; i++) {
        PR_TRY(pr_graph_output(graph, names[i], out[i], i % 2 == 0 && build->wants_loss));
    }
    return PR_OK;
}

/* Equation 2, of the backbone's FEATURES: the outputs "ce" and "prob"; *LABEL is the graph's input. */
static pr_status build_class(const pr_build *build, pr_graph *graph, pr_value features,
                             pr_value *label)
{
    const bool one = build->options->dcl.head == PR_DCL_HEAD_SIGMOID1;
    const pr_desc per_row = pr_desc_1(pr_graph_real(graph), build->n_rows);
    pr_value in[3];
    pr_value out[2];
    PR_TRY(pr_classifier_build(graph, "fc.", one ? 1 : N_CLASSES, features, &in[0]));
    PR_TRY(pr_graph_input(graph, "label", pr_desc_1(PR_I32, build->n_rows), false, &in[1]));
    PR_TRY(pr_graph_input(graph, "weight", per_row, false, &in[2]));
    PR_TRY(pr_graph_op(graph, one ? PR_OP_sigmoid_ce : PR_OP_softmax_ce, "class_ce", NULL, in, 3,
                       out, 2));
    PR_TRY(pr_graph_output(graph, "ce", out[0], build->wants_loss));
    *label = in[1];
    return pr_graph_output(graph, "prob", out[1], false);
}

static pr_status build_query(const pr_build *build, pr_graph *graph)
{
    pr_backbone_out backbone;
    pr_value label;
    pr_value query;
    PR_TRY(build_map(build, graph, "backbone.", &backbone));
    PR_TRY(build_class(build, graph, backbone.features, &label));
    PR_TRY(build_squeeze(graph, "squeeze.", backbone.map, &query));
    PR_TRY(pr_graph_output(graph, "z", query, true));
    PR_TRY(pr_graph_output(graph, "map", backbone.map, false));
    return build_intra(build, graph, backbone.map, label);
}

static pr_status build_eval(const pr_build *build, pr_graph *graph)
{
    pr_backbone_out backbone;
    pr_value label;
    PR_TRY(build_map(build, graph, "backbone.", &backbone));
    PR_TRY(build_class(build, graph, backbone.features, &label));
    return pr_graph_output(graph, "features", backbone.features, false);
}

static pr_status build_key(const pr_build *build, pr_graph *graph)
{
    pr_backbone_out backbone;
    pr_value key;
    PR_TRY(build_map(build, graph, "key.backbone.", &backbone));
    PR_TRY(build_squeeze(graph, "key.squeeze.", backbone.map, &key));
    return pr_graph_output(graph, "k", key, false);
}

static pr_status build_loss(const pr_build *build, pr_graph *graph)
{
    return pr_dcl_build(graph, &build->options->dcl, build->n_rows, build->n_cols);
}

/* Both views are of one crop, as it is or as DCL's own views change it. */
static void pair_views(const pr_train_options *options, int phase, pr_sampler_options *sampler)
{
    (void)options;
    (void)phase;
    sampler->pairing = PR_PAIR_INSTANCE;
}

static pr_status check(const pr_train_options *options)
{
    const pr_dcl_options *const dcl = &options->dcl;
    PR_REQUIRE(!dcl->shuffle_bn || options->model.sync_bn || options->n_micro != 1, PR_ERR_INVALID,
               "dcl.shuffle_bn deals keys to other micro-batches, and train.n_micro is 1: more "
               "micro-batches, model.sync_bn: true, or dcl.shuffle_bn: false");
    PR_REQUIRE(dcl->mask_thr_real <= dcl->mask_thr_fake, PR_ERR_INVALID,
               "dcl.mask_thr_real = %g is above dcl.mask_thr_fake = %g", dcl->mask_thr_real,
               dcl->mask_thr_fake);
    PR_REQUIRE(dcl->compat_log == PR_DCL_LOG_IMAGE || !options->recompute, PR_ERR_INVALID,
               "dcl.compat_log: batch and train.recompute exclude each other: the sums need all "
               "micro-batches at once");
    PR_REQUIRE(options->batch_unit == PR_UNIT_PAIRS, PR_ERR_INVALID,
               "objective 'dcl' counts a batch in images, each shown twice: batch_unit must be "
               "pairs");
    return PR_OK;
}

static const pr_term terms[] = {
    {.name = "ce", .weight = weigh_class},
    {.name = "intra_fake", .divisor = PR_DIVISOR_VALID, .weight = weigh_intra_fake},
    {.name = "intra_real", .divisor = PR_DIVISOR_VALID, .weight = weigh_intra_real},
};

static const pr_phase phases[] = {
    {.name = "dcl",
     .views_per_item = 2,
     .mode = PR_MODE_TRAIN,
     .build_model = build_query,
     .has_local = true,
     .terms = terms,
     .n_terms = 3,
     .build_loss = build_loss,
     .gathered_name = "inter",
     .gathered_weight = weigh_inter,
     .sampler = pair_views,
     .wants_mask = true,
     .build_key = build_key,
     .ema = {{"backbone.", "key.backbone."}, {"squeeze.", "key.squeeze."}},
     .n_ema = 2,
     .ema_decay = ema_decay,
     .shuffles_keys = shuffles_keys},
};

static const pr_stage stages[] = {
    {.name = "dcl",
     .trains = {"backbone.", "squeeze.", "fc."},
     .n_trains = 3,
     .classifies = true,
     .phases = phases,
     .n_phases = 1,
     .build_eval = build_eval},
};

const pr_objective pr_objective_dcl = {.name = "dcl",
                                       .doc = "dual contrastive learning with keys and queues",
                                       .stages = stages,
                                       .n_stages = 1,
                                       .needs = PR_NEEDS_REAL | PR_NEEDS_FAKE,
                                       .check = check};
