/*
 * mc_lcr: multi-modal contrastive classification by locally correlated representations (Wang et al.
 * 2021): cross-entropy beside a supervised contrastive loss, in one stage, on balanced batches of
 * single views (equations 13 to 15; readings M12 to M17).
 */
#include "memory_bank/bank.h"
#include "models/mc_lcr.h"
#include "trainer/objective.h"

static double local_weight(const pr_train_options *options, int64_t epoch)
{
    (void)epoch;
    return 1.0 - options->mc_lcr.alpha;
}

static double gathered_weight(const pr_train_options *options, int64_t epoch)
{
    (void)epoch;
    return options->mc_lcr.alpha;
}

static pr_status build_network(const pr_build *build, pr_graph *graph, pr_mc_lcr_out *out)
{
    const pr_train_options *const options = build->options;
    const pr_model_options *const model = &options->model;
    pr_mc_lcr_net net = {.options = &options->mc_lcr,
                         .backbone_name = model->name,
                         .backbone = {.width = model->width,
                                      .depth = model->depth,
                                      .n_sync_views = pr_build_sync_views(build)},
                         .n_z = model->proj_out};
    pr_value image;
    for (int c = 0; c < 3; c++) {
        net.mean[c] = options->augment.mean[c];
        net.std[c] = options->augment.std[c];
    }
    PR_TRY(pr_graph_input(graph, "image",
                          pr_desc_4(pr_graph_real(graph), build->n_rows, model->px, model->px, 3),
                          false, &image));
    return pr_mc_lcr_build(graph, &net, image, out);
}

/* Cross-entropy and probabilities of OUT's logits. */
static pr_status add_classifier(const pr_build *build, pr_graph *graph, const pr_mc_lcr_out *out)
{
    const pr_desc per_row = pr_desc_1(pr_graph_real(graph), build->n_rows);
    pr_value in[3] = {out->logits};
    pr_value made[2];
    PR_TRY(pr_graph_input(graph, "label", pr_desc_1(PR_I32, build->n_rows), false, &in[1]));
    PR_TRY(pr_graph_input(graph, "weight", per_row, false, &in[2]));
    PR_TRY(pr_graph_op(graph, PR_OP_softmax_ce, "softmax_ce", NULL, in, 3, made, 2));
    PR_TRY(pr_graph_output(graph, "cross_entropy", made[0], build->wants_loss));
    return pr_graph_output(graph, "prob", made[1], false);
}

static pr_status build_model(const pr_build *build, pr_graph *graph)
{
    pr_mc_lcr_out out;
    PR_TRY(build_network(build, graph, &out));
    PR_TRY(add_classifier(build, graph, &out));
    return pr_graph_output(graph, "z", out.z, build->mode == PR_MODE_TRAIN);
}

/* What evaluation embeds is F_E, as the paper's figure 7 does. */
static pr_status build_eval(const pr_build *build, pr_graph *graph)
{
    pr_mc_lcr_out out;
    PR_TRY(build_network(build, graph, &out));
    PR_TRY(add_classifier(build, graph, &out));
    return pr_graph_output(graph, "features", out.features, false);
}

static pr_status build_loss(const pr_build *build, pr_graph *graph)
{
    const pr_mc_lcr_options *const options = &build->options->mc_lcr;
    const pr_supcon_options supcon = {.tau = options->tau,
                                      .pos = PR_POS_LABEL,
                                      .reduce = options->reduce,
                                      .denominator = options->supcon_denom == PR_MC_LCR_DENOM_NEG
                                                         ? PR_DENOMINATOR_NEG
                                                         : PR_DENOMINATOR_ALL};
    return pr_supcon_build(graph, &supcon, build->n_rows, build->n_cols);
}

static const pr_term terms[] = {
    {.name = "cross_entropy", .divisor = PR_DIVISOR_ALL, .weight = local_weight},
};

static const pr_phase phases[] = {
    {.name = "mc_lcr",
     .views_per_item = 1,
     .mode = PR_MODE_TRAIN,
     .build_model = build_model,
     .has_local = true,
     .terms = terms,
     .n_terms = 1,
     .build_loss = build_loss,
     .gathered_name = "supcon",
     .gathered_weight = gathered_weight},
};

static const pr_stage stages[] = {
    {.name = "joint",
     .trains = {"backbone.", "mc_lcr.", "fc."},
     .n_trains = 3,
     .classifies = true,
     .phases = phases,
     .n_phases = 1,
     .build_eval = build_eval},
};

static pr_status check(const pr_train_options *options)
{
    PR_REQUIRE(
        !options->mc_lcr.papda || options->model.px % options->mc_lcr.patch_px == 0, PR_ERR_INVALID,
        "model.px = %lld is no multiple of mc_lcr.patch_px = %lld; the nearest below is %lld",
        (long long)options->model.px, (long long)options->mc_lcr.patch_px,
        (long long)(options->model.px / options->mc_lcr.patch_px * options->mc_lcr.patch_px));
    return PR_OK;
}

const pr_objective pr_objective_mc_lcr = {
    .name = "mc_lcr",
    .doc = "locally correlated representations: cross-entropy beside a contrastive loss",
    .stages = stages,
    .n_stages = 1,
    .check = check,
};
