/* The rows mc_lcr.*. A default, once released, never changes. */
#include "models/mc_lcr.h"

#define ROW(key, kind, member, value, least, most, words, doc)                                     \
    {                                                                                              \
        (key), (kind), (value), (least), (most), (words), offsetof(pr_mc_lcr_options, member),     \
            PR_CONFIG_IDENTITY, (doc)                                                              \
    }
#define COUNT(key, member, value, least, most, doc)                                                \
    ROW(key, PR_CONFIG_INT, member, value, least, most, NULL, doc)
#define REAL(key, member, value, least, most, doc)                                                 \
    ROW(key, PR_CONFIG_REAL, member, value, least, most, NULL, doc)
#define SWITCH(key, member, value, doc) ROW(key, PR_CONFIG_BOOL, member, value, 0, 0, NULL, doc)
#define CHOICE(key, member, words, value, doc)                                                     \
    ROW(key, PR_CONFIG_CHOICE, member, value, 0, 0, words, doc)

static const char *const gf_words[] = {"b14", "b13", "b14_proj1024", NULL};
static const char *const gram_norm_words[] = {"none", "hw", "chw", NULL};
static const char *const ssrb_tap_words[] = {"block", "relu", NULL};
static const char *const grey_words[] = {"bt601", "mean", NULL};
static const char *const amp_words[] = {"linear", "log1p", NULL};
static const char *const phase_words[] = {"atan2", "atan", NULL};
static const char *const attn_scale_words[] = {"head", "model", NULL};
static const char *const supcon_denom_words[] = {"neg", "all", NULL};
static const char *const reduce_words[] = {"mean", "sum", NULL};
static const char *const site_words[] = {"attention", "mixer", "classifier", NULL};

static const pr_config_row rows[] = {
    SWITCH("mc_lcr.ssrb", ssrb, "true", "whether shallow style features join (Tables 5 and 6)"),
    SWITCH("mc_lcr.papda", papda, "true",
           "whether the branch of amplitude and phase joins (Tables 5 and 6)"),
    CHOICE(
        "mc_lcr.gf", gf, gf_words, "b14",
        "the global feature: of the last map, of the block before, or the first through a linear "
        "layer to 1024 (M1)"),
    CHOICE("mc_lcr.gram_norm", gram_norm, gram_norm_words, "hw",
           "what a Gram matrix is divided by: nothing, pixels, pixels times channels (M2)"),
    CHOICE("mc_lcr.ssrb_tap", ssrb_tap, ssrb_tap_words, "block",
           "maps of style features: outputs of blocks, or what the ReLU after them passes (M4)"),
    COUNT("mc_lcr.patch_px", patch_px, "16", 2, 64,
          "side of a patch; model.px is a multiple of it"),
    CHOICE("mc_lcr.gray", grey, grey_words, "bt601",
           "how a pixel of the patches becomes grey (M5)"),
    CHOICE("mc_lcr.amp", amp, amp_words, "linear",
           "amplitudes as they are, or log(1 + amplitude) (M5)"),
    CHOICE("mc_lcr.phase", phase, phase_words, "atan2",
           "the angle in its quadrant, or arctan(I / R) as printed (M6)"),
    SWITCH("mc_lcr.pos_embed", pos_embed, "false",
           "whether tokens get a learnt embedding of their place (M7)"),
    COUNT("mc_lcr.heads", n_heads, "4", 1, 4096, "heads of attention; divides patch_px^2"),
    CHOICE("mc_lcr.attn_scale", attn_scale, attn_scale_words, "head",
           "inner products are divided by the root of a head's width, or of the whole (M8)"),
    COUNT("mc_lcr.layers", n_layers, "2", 0, 64, "layers of each of the two mixers (M10)"),
    REAL("mc_lcr.mlp_ratio", mlp_ratio, "1", 0.01, 64,
         "hidden width of a mixer's layers over its own width (M10)"),
    REAL("mc_lcr.dropout", dropout, "0.5", 0, 0.99, "share of what each dropout drops"),
    ROW("mc_lcr.dropout_sites", PR_CONFIG_WORDS, dropout_sites, "attention, mixer, classifier", 0,
        0, site_words,
        "where: after attention's output, after each layer of a mixer, before the classifier "
        "(M11)"),
    COUNT("mc_lcr.embed", n_embed, "1024", 1, 65536, "width of the encoded feature F_E"),
    REAL("mc_lcr.alpha", alpha, "0.5", 0, 1,
         "weight of the contrastive loss; cross-entropy has the rest (equation 15)"),
    REAL("mc_lcr.tau", tau, "0.1", 1e-4, 1e3, "temperature of equation 13"),
    CHOICE("mc_lcr.supcon_denom", supcon_denom, supcon_denom_words, "neg",
           "what equation 13 normalises over: negatives as printed, so that it may be below 0, or "
           "all others (M12)"),
    CHOICE("mc_lcr.reduce", reduce, reduce_words, "mean",
           "mean or sum of equation 13 over anchors (M13)"),
};

pr_config_module pr_mc_lcr_config(pr_mc_lcr_options *target)
{
    return (pr_config_module){.title = "MC-LCR",
                              .rows = rows,
                              .n_rows = sizeof(rows) / sizeof(rows[0]),
                              .target = target};
}
