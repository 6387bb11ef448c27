#include "memory_bank/bank.h"

#include "engine/core/op_attr.h"

#define WORDS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define COUNT(key, member, value, least, most, doc)                                                \
    {                                                                                              \
        (key), PR_CONFIG_INT, (value), (least), (most), NULL, offsetof(pr_rccl_options, member),   \
            PR_CONFIG_IDENTITY, (doc)                                                              \
    }
#define REAL(key, type, member, value, least, most, doc)                                           \
    {                                                                                              \
        (key), PR_CONFIG_REAL, (value), (least), (most), NULL, offsetof(type, member),             \
            PR_CONFIG_IDENTITY, (doc)                                                              \
    }
#define SWITCH(key, member, value, doc)                                                            \
    {                                                                                              \
        (key), PR_CONFIG_BOOL, (value), 0, 0, NULL, offsetof(pr_rccl_options, member),             \
            PR_CONFIG_IDENTITY, (doc)                                                              \
    }
#define CHOICE(key, type, member, words, value, doc)                                               \
    {                                                                                              \
        (key), PR_CONFIG_CHOICE, (value), 0, 0, (words), offsetof(type, member),                   \
            PR_CONFIG_IDENTITY, (doc)                                                              \
    }

static const char *const pos_words[] = {"label", "pair", NULL};
static const char *const reduce_words[] = {"mean", "sum", NULL};

/* Numbers like R7 are those of the readings of the paper where it is ambiguous. */
static const pr_config_row rccl_rows[] = {
    REAL("rccl.tau", pr_rccl_options, tau, "0.1", 1e-4, 1e3,
         "temperature of equations 4 and 5 (R17)"),
    COUNT("rccl.k", k, "2", 1, 1e6, "features that each class offers a step (R7)"),
    COUNT("rccl.u", u, "32", 1, 1e6,
          "hard features that each class keeps; 16 gives the ablation's 32 in all (R8)"),
    COUNT("rccl.M_pos", m_pos, "4", 1, PR_RCCL_MAX_NEAR,
          "neighbours of a hard feature in equation 2 (R9); the ablation has 2"),
    COUNT("rccl.s", s, "4", 1, PR_RCCL_MAX_NEAR, "hard fakes of the batch that are mixed (R13)"),
    COUNT("rccl.V", v, "4", 1, PR_RCCL_MAX_NEAR,
          "reals that each of them is mixed with in equation 3 (R9)"),
    REAL("rccl.mix_beta", pr_rccl_options, mix_beta, "0.8", 1e-3, 1e3,
         "both parameters of the mixing weight's Beta distribution (R12)"),
    CHOICE("rccl.mix", pr_rccl_options, mix, WORDS("pair", "mean"), "pair",
           "mix with each of the V reals, or once with their normalised mean (R12)"),
    CHOICE("rccl.fuse", pr_rccl_options, fuse, WORDS("smooth", "linear", "linear_smooth"), "smooth",
           "how transformed positives are made: equation 2, or Table 4's other rows (R27)"),
    COUNT("rccl.M_smooth", m_smooth, "2", 1, PR_RCCL_MAX_NEAR,
          "neighbours that smooth a fused feature; linear_smooth only (R27)"),
    SWITCH("rccl.transform", transform, "true",
           "whether transformed positives join the loss (Table 5)"),
    SWITCH("rccl.synth_grad", synth_grad, "true",
           "whether gradients reach the batch's features through synthetic ones (R11)"),
    CHOICE("rccl.centre", pr_rccl_options, centre, WORDS("epoch", "ema", "batch"), "epoch",
           "what the real centre is the mean of (R6)"),
    REAL("rccl.ema_decay", pr_rccl_options, ema_decay, "0.9", 0.0, 0.999999,
         "share of the old mean; centre ema only"),
    SWITCH("rccl.rescore", rescore, "true",
           "whether kept features are scored anew against each step's centre (R7)"),
    SWITCH("rccl.hard_unique", hard_unique, "false",
           "whether of one crop only the harder feature is kept"),
    CHOICE("rccl.order", pr_rccl_options, order, WORDS("update_first", "update_last"),
           "update_first", "whether the bank takes a batch in before or after its loss (R29)"),
    CHOICE("rccl.margin_set", pr_rccl_options, margin_set, WORDS("A_n", "A", "none"), "A_n",
           "what the margin of equation 5 sums over: mixed negatives, the batch, nothing (R16)"),
    CHOICE("rccl.margin_anchor", pr_rccl_options, margin_anchor, WORDS("all", "real"), "all",
           "which anchors have a margin (R16)"),
    CHOICE("rccl.mixed_as", pr_rccl_options, mixed_as, WORDS("margin", "fake"), "margin",
           "whether mixed features make the margin, or join the batch as fakes (R28)"),
    CHOICE("rccl.pos", pr_rccl_options, pos, pos_words, "label",
           "the positives of an anchor: all views of its label, or its pair (R3)"),
    CHOICE("rccl.norm", pr_rccl_options, norm, WORDS("P", "P_prime"), "P",
           "what a row is divided by: |P|, or |P'| with the transformed positives (R15)"),
    CHOICE("rccl.reduce", pr_rccl_options, reduce, reduce_words, "mean",
           "mean or sum over anchors (R17)"),
};

static const pr_config_row supcon_rows[] = {
    REAL("supcon.tau", pr_supcon_options, tau, "0.1", 1e-4, 1e3, "temperature"),
    CHOICE("supcon.pos", pr_supcon_options, pos, pos_words, "label",
           "the positives of an anchor: all views of its label, or its pair (R3)"),
    CHOICE("supcon.reduce", pr_supcon_options, reduce, reduce_words, "mean",
           "mean or sum over anchors"),
    CHOICE("supcon.denominator", pr_supcon_options, denominator, WORDS("all", "neg"), "all",
           "what similarities are normalised over: all other views, or those of the other label "
           "(MC-LCR's equation 13 as printed)"),
};

pr_config_module pr_rccl_config(pr_rccl_options *target)
{
    return (pr_config_module){.title = "RCCL",
                              .rows = rccl_rows,
                              .n_rows = sizeof(rccl_rows) / sizeof(rccl_rows[0]),
                              .target = target};
}

pr_config_module pr_supcon_config(pr_supcon_options *target)
{
    return (pr_config_module){.title = "Supervised contrastive loss",
                              .rows = supcon_rows,
                              .n_rows = sizeof(supcon_rows) / sizeof(supcon_rows[0]),
                              .target = target};
}
