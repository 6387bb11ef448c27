#include "models/mc_lcr_private.h"

#include "models/heads.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 64, MAX_PARTS = 6, N_CLASSES = 2, N_PROJECTED = 1024, LAST_BLOCK_TAP = 3 };

static const double SHORTEST = 1e-12; /* as torch.nn.functional.normalize */

static const char *const sites[PR__SITES] = {
    [PR__SITE_ATTENTION] = "attention",
    [PR__SITE_MIXER] = "mixer",
    [PR__SITE_CLASSIFIER] = "classifier",
};

pr_status pr__mc_lcr_dropout(pr__mc_lcr *m, pr__mc_lcr_site site, pr_value *x)
{
    const pr_dropout_attr attr = {.rate = m->net->options->dropout, .number = m->n_dropouts};
    char name[NAME_BYTES];

    if (!m->drops[site]) {
        return PR_OK;
    }
    (void)snprintf(name, sizeof(name), "%sdropout.%d", m->builder.prefix, m->n_dropouts);
    m->n_dropouts++;
    return pr_graph_op(m->builder.graph, PR_OP_dropout, name, &attr, x, 1, x, 1);
}

static pr_status find_sites(pr__mc_lcr *m)
{
    const pr_mc_lcr_options *const options = m->net->options;
    for (int64_t i = 0; i < options->dropout_sites.n; i++) {
        bool known = false;
        for (int s = 0; s < PR__SITES; s++) {
            if (strcmp(options->dropout_sites.at[i], sites[s]) == 0) {
                m->drops[s] = options->dropout > 0.0;
                known = true;
            }
        }
        PR_REQUIRE(known, PR_ERR_INVALID,
                   "mc_lcr.dropout_sites has '%s', wanted attention, mixer, classifier",
                   options->dropout_sites.at[i]);
    }
    return PR_OK;
}

/* SSRB: the row means of a map's Gram matrix, for each of the three shallow maps. */
static pr_status add_style(const pr__mc_lcr *m, const pr_backbone_out *body, pr_mc_lcr_out *out)
{
    static const pr_gram_norm norms[] = {PR_GRAM_NONE, PR_GRAM_HW, PR_GRAM_CHW};
    const pr_mc_lcr_options *const options = m->net->options;
    const pr_gram_mean_attr attr = {norms[options->gram_norm]};

    PR_REQUIRE(body->n_taps >= PR_MC_LCR_SHALLOW, PR_ERR_INVALID,
               "mc_lcr.ssrb needs %d shallow maps, and %s has %d", PR_MC_LCR_SHALLOW,
               m->net->backbone_name, body->n_taps);
    for (int i = 0; i < PR_MC_LCR_SHALLOW; i++) {
        char name[NAME_BYTES];
        pr_value map = body->taps[i];
        /* The first map has its ReLU already. */
        if (i > 0 && options->ssrb_tap == PR_MC_LCR_TAP_RELU) {
            (void)snprintf(name, sizeof(name), "mc_lcr.style_relu.b%d", i + 1);
            PR_TRY(pr_graph_op(m->builder.graph, PR_OP_relu, name, NULL, &map, 1, &map, 1));
        }
        (void)snprintf(name, sizeof(name), "mc_lcr.style.b%d", i + 1);
        PR_TRY(pr_graph_op(m->builder.graph, PR_OP_gram_mean, name, &attr, &map, 1, &out->style[i],
                           1));
    }
    return PR_OK;
}

static pr_status add_global(const pr__mc_lcr *m, const pr_backbone_out *body, pr_value *out)
{
    pr_value map;
    switch (m->net->options->gf) {
    case PR_MC_LCR_GF_B14_PROJ:
        return pr_linear_build(&m->builder, "global", N_PROJECTED, body->features, out);
    case PR_MC_LCR_GF_B13:
        PR_REQUIRE(body->n_taps > LAST_BLOCK_TAP, PR_ERR_INVALID,
                   "mc_lcr.gf: b13 needs the map of the last block, which %s does not give",
                   m->net->backbone_name);
        map = body->taps[LAST_BLOCK_TAP];
        return pr_graph_op(m->builder.graph, PR_OP_global_avg_pool, "mc_lcr.global_pool", NULL,
                           &map, 1, out, 1);
    default:
        *out = body->features;
        return PR_OK;
    }
}

/* F_MM (equation 12), F_E, and what stands on it. */
static pr_status add_heads(pr__mc_lcr *m, pr_mc_lcr_out *out)
{
    const pr_mc_lcr_options *const options = m->net->options;
    const pr_l2norm_attr norm = {.eps = SHORTEST};
    pr_graph *const graph = m->builder.graph;
    pr_value parts[MAX_PARTS];
    pr_value x;
    int n = 0;

    for (int i = 0; options->ssrb && i < PR_MC_LCR_SHALLOW; i++) {
        parts[n++] = out->style[i];
    }
    parts[n++] = out->global;
    if (options->papda) {
        parts[n++] = out->amp;
        parts[n++] = out->phase;
    }
    PR_TRY(pr_graph_op(graph, PR_OP_concat, "mc_lcr.fuse", NULL, parts, n, &out->fused, 1));
    PR_TRY(pr_linear_build(&m->builder, "encode", options->n_embed, out->fused, &out->features));
    PR_TRY(pr_linear_build(&m->builder, "project", m->net->n_z, out->features, &x));
    PR_TRY(pr_graph_op(graph, PR_OP_l2norm, "mc_lcr.normalise", &norm, &x, 1, &out->z, 1));
    x = out->features;
    PR_TRY(pr__mc_lcr_dropout(m, PR__SITE_CLASSIFIER, &x));
    return pr_classifier_build(graph, "fc.", N_CLASSES, x, &out->logits);
}

static void clear(pr_mc_lcr_out *out)
{
    const pr_value none = {-1};
    for (int i = 0; i < PR_MC_LCR_SHALLOW; i++) {
        out->style[i] = none;
    }
    out->amp_embed = none;
    out->phase_embed = none;
    out->amp_token = none;
    out->phase_token = none;
    out->amp = none;
    out->phase = none;
}

pr_status pr_mc_lcr_build(pr_graph *graph, const pr_mc_lcr_net *net, pr_value image,
                          pr_mc_lcr_out *out)
{
    pr__mc_lcr m = {.net = net, .builder = {graph, "mc_lcr.", 0}};
    pr_backbone_out body;

    clear(out);
    PR_TRY(find_sites(&m));
    PR_TRY(pr_backbone_build(graph, net->backbone_name, &net->backbone, "backbone.", image, &body));
    if (net->options->ssrb) {
        PR_TRY(add_style(&m, &body, out));
    }
    PR_TRY(add_global(&m, &body, &out->global));
    if (net->options->papda) {
        PR_TRY(pr__mc_lcr_spectral(&m, image, out));
    }
    return add_heads(&m, out);
}
