/**
 * The attributes of every op that has any. What they mean is said with the op, in engine/ops.
 */
#ifndef PR_ENGINE_CORE_OP_ATTR_H
#define PR_ENGINE_CORE_OP_ATTR_H

#include "engine/core/act.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * In place of a padding: TensorFlow's "SAME". The output has ceil(size / stride) pixels; what has to
 * be padded for that is halved, and an odd pixel goes behind.
 */
enum { PR_PAD_SAME = -1 };

typedef struct pr_conv2d_attr {
    /* Equal in both directions; pad in pixels on each side, or PR_PAD_SAME. */
    int stride, pad, dilation;
} pr_conv2d_attr;

typedef struct pr_depthwise_attr {
    int stride, pad, dilation;
    pr_act act_in; /* applied to x as it is read: Xception's blocks begin with a ReLU */
} pr_depthwise_attr;

/** Padding before the first of SIZE pixels where a window of WINDOW taps slides. */
static inline int pr_pad_before(int pad, int64_t size, int64_t window, int stride, int dilation)
{
    if (pad != PR_PAD_SAME) {
        return pad;
    }
    const int64_t n_out = (size + stride - 1) / stride;
    const int64_t total = (n_out - 1) * stride + dilation * (window - 1) + 1 - size;
    return total > 0 ? (int)(total / 2) : 0;
}

typedef struct pr_batch_norm_attr {
    double eps;
    pr_act act;        /* applied to the result */
    int64_t n_samples; /* bn_apply only: values a channel over the global batch */
    /*
     * Where several ops share their parameters and running statistics, which of n_uses this is, in
     * the graph's order: the statistics of the micro-batch are then the mean over the uses. 0 of 0
     * is the only one.
     */
    int use, n_uses;
} pr_batch_norm_attr;

/** What a statistic's place holds after this use of it: BEFORE is from earlier uses. */
static inline double pr_stat_after(const pr_batch_norm_attr *attr, double before, double value)
{
    const double share = attr->n_uses > 1 ? value / attr->n_uses : value;
    return attr->use > 0 ? before + share : share;
}

typedef struct pr_add_attr {
    pr_act act;
} pr_add_attr;

typedef struct pr_pool_attr {
    int window, stride, pad;
    bool ceil_mode; /* the last window may reach past the padded border, as in PyTorch */
} pr_pool_attr;

typedef struct pr_leaky_relu_attr {
    double slope; /* of negative values; in (0, 1) */
} pr_leaky_relu_attr;

typedef struct pr_dropout_attr {
    double rate;     /* share of what is dropped, in [0, 1) */
    int number;      /* among the graph's dropouts, 0 to 255: no two draw the same */
    bool whole_rows; /* a row is dropped or kept as a whole: stochastic depth */
} pr_dropout_attr;

typedef struct pr_flatten_attr {
    bool channels_first; /* in the order C, H, W, as PyTorch's maps lie; else H, W, C */
} pr_flatten_attr;

typedef struct pr_focal_ce_attr {
    double gamma; /* >= 0 */
    double alpha; /* weight of class 1 of two, 1 - alpha of class 0; 0: classes weigh the same */
} pr_focal_ce_attr;

typedef struct pr_l2norm_attr {
    double eps; /* > 0; shorter rows are divided by it instead */
} pr_l2norm_attr;

/* What labels mean to the contrastive ops: as everywhere, fake = 1. */
enum { PR_LABEL_REAL = 0, PR_LABEL_FAKE = 1 };

typedef enum pr_rccl_centre {
    PR_RCCL_CENTRE_EPOCH, /* the mean of all reals since the epoch began */
    PR_RCCL_CENTRE_EMA,   /* a moving mean of the batches' means since the epoch began */
    PR_RCCL_CENTRE_BATCH, /* the mean of the last batch that had reals */
} pr_rccl_centre;

typedef struct pr_rccl_update_attr {
    pr_rccl_centre centre;
    double ema_decay;  /* share of the old mean */
    int64_t n_offered; /* k: features that each class offers a step */
    int64_t n_kept;    /* u: features that each class keeps */
    bool rescore;      /* kept features are scored anew against each step's centre */
    bool unique;       /* of one sample only the harder feature */
} pr_rccl_update_attr;

typedef enum pr_rccl_fusion {
    PR_RCCL_FUSE_SMOOTH,
    PR_RCCL_FUSE_LINEAR,
    PR_RCCL_FUSE_LINEAR_SMOOTH,
} pr_rccl_fusion;

typedef enum pr_rccl_mixing { PR_RCCL_MIX_PAIR, PR_RCCL_MIX_MEAN } pr_rccl_mixing;

enum { PR_RCCL_MAX_NEAR = 64 }; /* of M, V and s: lists of neighbours lie on the stack */

typedef struct pr_rccl_fuse_attr {
    pr_rccl_fusion fusion;
    pr_rccl_mixing mixing;
    int64_t n_kept;     /* u */
    int64_t n_near;     /* M_pos: neighbours of a hard feature */
    int64_t n_smooth;   /* linear_smooth only: neighbours of a fused feature */
    int64_t n_local;    /* s: hard fakes of the batch */
    int64_t n_mixed;    /* V: reals that each of them is mixed with */
    bool before_update; /* at an epoch's first step there is nothing kept yet, and no centre */
    bool synth_grad;    /* gradients reach the batch's features through synthetic ones */
} pr_rccl_fuse_attr;

typedef enum pr_margin_set {
    PR_MARGIN_NONE,
    PR_MARGIN_MIXED, /* eq. 5 over the mixed negatives */
    PR_MARGIN_BATCH, /* eq. 5 as printed, over the batch */
} pr_margin_set;

/* Of margin_norm and margin_loss, which must be given the same. */
typedef struct pr_margin_attr {
    double tau;
    bool synthetic;        /* the five inputs of synthetic features are there */
    bool transformed;      /* transformed positives join P and A */
    pr_margin_set margin;  /* what the margin sums over */
    bool margin_real_only; /* only real anchors have a margin */
    bool mixed_as_fake;    /* mixed features join A, and P of fake anchors; there is no margin */
    bool pos_pair;         /* P is the rest of the anchor's pair, else all rows of its label */
    bool divide_extended;  /* a row is divided by |P'|, else by |P| */
    bool sum_rows;         /* the loss is the sum over anchors, else the mean */
    bool negatives_only;   /* rows of the anchor's own label are no part of its normaliser */
} pr_margin_attr;

typedef enum pr_gram_norm {
    PR_GRAM_NONE,
    PR_GRAM_HW,  /* the Gram matrix is divided by the number of pixels */
    PR_GRAM_CHW, /* by pixels times channels */
} pr_gram_norm;

typedef struct pr_gram_mean_attr {
    pr_gram_norm norm;
} pr_gram_mean_attr;

typedef enum pr_grey { PR_GREY_BT601, PR_GREY_MEAN } pr_grey;

typedef struct pr_patch_spectrum_attr {
    int64_t patch_px;       /* P: at least 2 */
    double mean[3], std[3]; /* the image was normalised with: taken back first */
    pr_grey grey;           /* 0.299 R + 0.587 G + 0.114 B, or the mean of the three */
    bool log_amplitude;     /* log(1 + |F|) */
    bool phase_of_ratio;    /* arctan(I / R) in [-pi/2, pi/2]; else the angle of (R, I) */
} pr_patch_spectrum_attr;

typedef struct pr_layer_norm_attr {
    double eps; /* > 0 */
} pr_layer_norm_attr;

typedef struct pr_attention_attr {
    int64_t n_heads; /* divides the columns */
    double scale;    /* of the inner products */
} pr_attention_attr;

typedef struct pr_mask_cells_attr {
    int64_t height, width; /* of the feature map */
    double fake_above;     /* a cell whose mean mask is above this is forged */
    double real_upto;      /* one whose mean is at most this is real; between them it is neither */
} pr_mask_cells_attr;

typedef struct pr_cell_contrast_attr {
    double tau;
    double eps;        /* shorter features are divided by it instead of their length */
    bool exclude_self; /* a cell is no pair with itself */
    bool masked;       /* a pair that is left out counts as one of similarity 0 */
} pr_cell_contrast_attr;

/** What cell_sums adds up over a batch. */
enum {
    PR_CELL_SUM_PAIRS, /* of fakes: exp over pairs of real cells, */
    PR_CELL_SUM_MIXED, /* over pairs of a forged and a real cell, */
    PR_CELL_SUM_FAKES, /* and how many fakes */
    PR_CELL_SUM_REAL_PAIRS,
    PR_CELL_SUM_REALS,
    PR_CELL_SUMS
};

typedef struct pr_queue_nce_attr {
    double tau;
    bool starts_full; /* all slots count from the start: random vectors, taken by direction */
} pr_queue_nce_attr;

typedef enum pr_gate {
    PR_GATE_NONE,  /* every key enters its queue */
    PR_GATE_THETA, /* keys whose cosine with the other label's prototype is above theta */
    PR_GATE_TOPK,  /* of each label the topk keys most like the other label's prototype */
} pr_gate;

typedef struct pr_queue_update_attr {
    double alpha; /* share of the old prototype */
    pr_gate gate;
    double theta;
    int64_t n_top;
    int64_t n_least;      /* while a queue holds fewer, every key of its label enters */
    bool proto_is_random; /* prototypes exist from the start; else they begin as the first mean */
    bool starts_full;     /* as in queue_nce */
} pr_queue_update_attr;

#endif
