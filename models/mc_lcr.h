/**
 * MC-LCR, multi-modal contrastive classification by locally correlated representations (Wang et
 * al. 2021): a backbone with shallow style features (SSRB), a branch over amplitude and phase of
 * the image's patches (PAPDA and token mixers), one fused feature, a classifier and an embedding.
 * Numbers like M5 are those of the readings of the paper where it is ambiguous.
 */
#ifndef PR_MODELS_MC_LCR_H
#define PR_MODELS_MC_LCR_H

#include "engine/base/config.h"
#include "models/backbone.h"

/* The words of the rows below, in their order. */
enum { PR_MC_LCR_TAP_BLOCK, PR_MC_LCR_TAP_RELU };
enum { PR_MC_LCR_GRAM_NONE, PR_MC_LCR_GRAM_HW, PR_MC_LCR_GRAM_CHW };
enum { PR_MC_LCR_GF_B14, PR_MC_LCR_GF_B13, PR_MC_LCR_GF_B14_PROJ };
enum { PR_MC_LCR_BT601, PR_MC_LCR_MEAN };
enum { PR_MC_LCR_LINEAR, PR_MC_LCR_LOG1P };
enum { PR_MC_LCR_ATAN2, PR_MC_LCR_ATAN };
enum { PR_MC_LCR_BY_HEAD, PR_MC_LCR_BY_MODEL };
enum { PR_MC_LCR_DENOM_NEG, PR_MC_LCR_DENOM_ALL };

/** mc_lcr.*: filled by the rows of pr_mc_lcr_config. */
typedef struct pr_mc_lcr_options {
    bool ssrb, papda, pos_embed;
    int ssrb_tap, gram_norm, gf, grey, amp, phase, attn_scale;
    int64_t patch_px, n_heads, n_layers, n_embed;
    double mlp_ratio, dropout;
    pr_config_words dropout_sites;
    /* Of the objective. */
    double alpha, tau;
    int supcon_denom, reduce;
} pr_mc_lcr_options;

/** The rows, with TARGET to be filled (or NULL for the documentation alone). */
pr_config_module pr_mc_lcr_config(pr_mc_lcr_options *target);

/** The network: what of a run's options it depends on. */
typedef struct pr_mc_lcr_net {
    const pr_mc_lcr_options *options;
    const char *backbone_name;
    pr_backbone_options backbone;
    int64_t n_z;            /* columns of the embedding */
    double mean[3], std[3]; /* the image was normalised with */
} pr_mc_lcr_net;

enum { PR_MC_LCR_SHALLOW = 3 };

/** Values of the network; those of a branch that is off have the id -1. */
typedef struct pr_mc_lcr_out {
    pr_value style[PR_MC_LCR_SHALLOW]; /* SSF_b1 to SSF_b3: [N, 64], [N, 128], [N, 256] */
    pr_value global;                   /* GF [N, 2048] */
    pr_value amp_embed, phase_embed;   /* E_as, E_ps [N, T, P P] */
    pr_value amp_token, phase_token;   /* AT, PT [N, T, P P] */
    pr_value amp, phase;               /* AF, PF [N, P P] */
    pr_value fused;                    /* F_MM */
    pr_value features;                 /* F_E [N, n_embed] */
    pr_value logits;                   /* [N, 2] */
    pr_value z;                        /* [N, n_z] of unit length */
} pr_mc_lcr_out;

/**
 * Adds the network to GRAPH: from IMAGE [N, H, W, 3] real to *OUT. Tensors are named "backbone.*",
 * "mc_lcr.*" and "fc.*"; linear layers have biases and initial values as PyTorch's, layer norms 1
 * and 0 (eps 1e-5), positional embeddings are normal of deviation 0.02.
 *
 * Dropouts draw by the rows' places in the plan; evaluation has none of them.
 *
 * Errors: PR_ERR_INVALID for a backbone without the maps that the options ask for, heads that do
 * not divide P P, an unknown site of dropout; PR_ERR_SHAPE where H or W is no multiple of P.
 */
pr_status pr_mc_lcr_build(pr_graph *graph, const pr_mc_lcr_net *net, pr_value image,
                          pr_mc_lcr_out *out);

#endif
