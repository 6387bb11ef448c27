/**
 * Samples and views: what the sampler plans with, and what it asks the loader for.
 *
 * A sample is one crop of a selection. A view is one image that a batch will hold: a sample shown
 * once, as it is or changed by a generator. Labels come from the view, never from a sample behind
 * the plan's back.
 */
#ifndef PR_DATASET_VIEW_H
#define PR_DATASET_VIEW_H

#include <stdbool.h>
#include <stdint.h>

enum { PR_REAL = 0, PR_FAKE = 1 };

/** A word of a pr_samples; 0 is the empty word, which means unknown. Equal words, equal numbers. */
typedef int32_t pr_word;

/**
 * One crop that a selection holds. (dataset, method, compression, video, frame, face) is its key;
 * samples are in the order of their keys: words bytewise, frame and face as numbers.
 */
typedef struct pr_sample {
    pr_word dataset, method, compression, video;
    int32_t frame, face;

    int8_t label;                /* PR_REAL or PR_FAKE */
    pr_word split;               /* any word; folds are words */
    pr_word video_key;           /* one word for (dataset, method, video): "dataset/method/video" */
    pr_word bg_video, bg_id;     /* whose background is seen: the video, its person */
    pr_word face_id, face_video; /* whose face is seen */

    int32_t source; /* which dataset directory of the pr_samples */
    int64_t row;    /* which crop of that directory's index */
} pr_sample;

typedef enum pr_generator {
    PR_GEN_NONE,  /* the crop as it is */
    PR_GEN_MIXUP, /* DCL: a fake mixed with its aligned real, the mate */
    PR_GEN_ADDG,  /* DADD: a pristine crop forged as the category says; the mate is its donor */
    PR_GEN_XP,    /* the same crop perturbed as a whole: it stays pristine, its label is real */
    PR_GEN_FWA,   /* Li and Lyu's: the face shrunk, blurred and enlarged */
    PR_GEN_BI,    /* face X-ray's: the face of the mate blended in */
} pr_generator;

/** The category of a PR_GEN_ADDG view (dataset/addg.h). */
typedef enum pr_addg_category {
    PR_ADDG_INNER_BLUR = 1,
    PR_ADDG_OUTER_BLUR,
    PR_ADDG_INNER_SCALING,
    PR_ADDG_OUTER_SCALING,
    PR_ADDG_INNER_NOISE,
    PR_ADDG_OUTER_NOISE,
    PR_ADDG_ROTATION,
    PR_ADDG_SB_RAND,
    PR_ADDG_SB_SIM
} pr_addg_category;
enum { PR_ADDG_N = 9 };

typedef enum pr_pair_level {
    PR_LEVEL_NONE,     /* an anchor, or a sampler without pairs */
    PR_LEVEL_INSTANCE, /* the same crop again */
    PR_LEVEL_TEMPORAL, /* a neighbouring frame of the same video */
    PR_LEVEL_SEMANTIC, /* the same background video or face; for reals the same person elsewhere */
    PR_LEVEL_CLASS,    /* any crop of the same label */
    PR_LEVEL_COUNT
} pr_pair_level;

/** One row of the sampler's plan. */
typedef struct pr_view {
    int64_t sample; /* number in the pr_samples */
    int64_t mate;   /* a second sample the generator needs, or -1 */
    uint32_t
        place; /* of the row's item (pair) in the epoch's plan: with VIEW, what draws are keyed by */
    uint16_t view;     /* which view of that item */
    uint8_t generator; /* pr_generator */
    uint8_t level;     /* pr_pair_level by which this view came to its anchor */
    int8_t label;      /* of the view, PR_REAL or PR_FAKE */
    int16_t category;  /* sub-task, or 0 */
    bool want_mask;
} pr_view;

#endif
