/**
 * The sampler: which views make up each step. A pure function of (samples, options, seed, epoch,
 * step): ranks, threads and time do not enter.
 *
 * A step is a global batch of ITEMS; an item is an anchor with its mates: `views_per_item` views
 * (two for contrastive objectives, one for cross-entropy). Items are dealt to micro-batches whole,
 * reals and fakes in the batch's own proportion, and the batch is laid out by micro-batch:
 * micro-batch m holds rows [m * V, (m + 1) * V). Within it the first views of all items come first,
 * then the second views in the same order.
 *
 * A mate has its anchor's label. At the semantic level a fake's mate is a fake of another video
 * with the same person's background (the same background video where the person is unknown) or with
 * the same person's face, either relation equally often where both have mates; a real's mate is the
 * same person in another video. Words count inside one dataset; an unknown one is nobody's. An
 * anchor without a mate at the level it drew falls back to the next lower level that has one, and
 * is counted. A mate may be any sample in use, also one that under-sampling leaves out as an anchor
 * of the epoch; what PR_BALANCE_ONCE leaves out is never shown.
 *
 * DCL's views (Sun et al. 2022, 3.2), each view by itself: with frame_shift_prob another frame of the
 * same video (compression, face and label) is shown in its place, any of those in use equally often; with
 * mixup_prob a fake, as it is then shown, is mixed with its aligned real (PR_GEN_MIXUP, the mate; the
 * label stays). A view without another frame, or without a real in use, stays as it is and is counted.
 *
 * With PR_BALANCE_NONE every batch and micro-batch has the selection's own share of reals, within
 * one item.
 */
#ifndef PR_SAMPLER_SAMPLER_H
#define PR_SAMPLER_SAMPLER_H

#include "dataset/samples.h"

typedef struct pr_sampler pr_sampler;

/** Cumulative levels of pairing (R31): temporal = instance + temporal, and so on. */
typedef enum pr_pairing {
    PR_PAIR_NONE,
    PR_PAIR_INSTANCE,
    PR_PAIR_TEMPORAL,
    PR_PAIR_SEMANTIC,
    PR_PAIR_CLASS
} pr_pairing;

typedef enum pr_balance { PR_BALANCE_EPOCH, PR_BALANCE_ONCE, PR_BALANCE_NONE } pr_balance;

/**
 * Views forged in memory from reals (DADD). Items are reals of the selection only, each shown twice
 * an epoch: once as real, and once forged. Forged ones take their categories in turn, through epochs
 * too, so that the micro-batches of a step differ by at most one of each. Donors are reals of the
 * same selection: SB-Rand's a crop of another video, all equally likely; SB-Sim's the most similar
 * landmarks of another person (of another video where the person is unknown); BI's the most similar
 * of BI_SUBSET drawn from other videos.
 */
typedef struct pr_generated_options {
    bool on;
    int generator;                    /* PR_GEN_ADDG, PR_GEN_FWA or PR_GEN_BI */
    int first_category, n_categories; /* of ADDG */
    double xp_prob;                   /* ADDG: a real is shown perturbed as a whole (A7) */
    int64_t bi_subset;
} pr_generated_options;

typedef struct pr_sampler_options {
    uint64_t seed;
    int64_t items_per_batch; /* global */
    int views_per_item;      /* 1 or 2 */
    int n_micro;
    pr_pairing pairing;
    double pair_probs[PR_LEVEL_COUNT]; /* by level; all zero: uniform over those available */
    int64_t max_gap;                   /* temporal: |frame difference| at most */
    pr_balance balance;
    bool shuffle_labels; /* the control experiment: permuted once over the samples */
    double frame_shift_prob, mixup_prob;
    bool want_masks; /* every view wants its mask */
    pr_generated_options generated;
} pr_sampler_options;

enum { PR_SAMPLER_N_CATEGORIES = 10 }; /* ADDG's nine, and 0 for what has none */

/** What an epoch really drew. */
typedef struct pr_sampler_stats {
    int64_t n_steps, n_items, n_left_out; /* items that did not fill a last batch */
    int64_t items_by_label[2];
    int64_t views_by_level[PR_LEVEL_COUNT];
    int64_t n_fallback; /* mates drawn at a lower level than the one drawn first */
    int64_t n_identities, n_videos, n_samples; /* distinct ones shown */
    int64_t max_repeats;                       /* items that show one sample, as anchor or mate */

    int64_t n_shifted, n_not_shifted;  /* views: another frame; drawn, but the clip has no other */
    int64_t n_mixed;                   /* views */
    int64_t n_fake_views, n_unaligned; /* of fakes; those of them without an aligned real */
    int64_t n_generated, n_xp;         /* views forged in memory; reals perturbed as a whole */
    int64_t by_category[PR_SAMPLER_N_CATEGORIES]; /* of the forged ones, by category */
} pr_sampler_stats;

/**
 * Errors: PR_ERR_INVALID for a class without samples, a batch that does not divide (with the
 * nearest that do), fewer samples than one batch; for forged views reals without 68 landmarks, or of
 * one video or person where donors are wanted.
 */
pr_status pr_sampler_create(const pr_samples *samples, const pr_sampler_options *options,
                            pr_sampler **out);
void pr_sampler_destroy(pr_sampler **sampler);

/** Steps in an epoch, the same in every epoch. */
int64_t pr_sampler_n_steps(const pr_sampler *sampler);

/** Views in a global batch: items_per_batch * views_per_item. */
int64_t pr_sampler_n_views(const pr_sampler *sampler);

/**
 * Plans EPOCH (counted over all stages) and makes it the current one. Costs one pass over the
 * samples; nothing if it is the current one already.
 */
pr_status pr_sampler_begin_epoch(pr_sampler *sampler, uint32_t epoch);

/** The rows of STEP in the current epoch: VIEWS [n_views], laid out by micro-batch. */
pr_status pr_sampler_step(pr_sampler *sampler, int64_t step, pr_view *views);

/** What the current epoch draws, all steps of it. Costs one pass over the items, the first time. */
pr_status pr_sampler_stats_get(pr_sampler *sampler, pr_sampler_stats *out);

/**
 * A hash over all items of the current epoch, in order: equal plans have equal hashes, whatever
 * ranks, shards and micro-batches.
 */
pr_status pr_sampler_hash(pr_sampler *sampler, uint64_t *out);

#endif
