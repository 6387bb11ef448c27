/**
 * What the sampler knows of the samples, worked out once: labels as they are shown, the anchors of
 * each class, and every sample's possible mates. Shared inside the sampler only.
 */
#ifndef PR_SAMPLER_TABLE_H
#define PR_SAMPLER_TABLE_H

#include "dataset/view.h"
#include "sampler/groups.h"

/** Where samples come from: a pr_samples, or an array in a test. Number i, 0 <= i < n. */
typedef struct pr__source {
    int64_t n;
    const pr_sample *(*at)(const void *context, int64_t i);
    int64_t (*aligned)(const void *context, int64_t i); /* pr_samples_aligned; NULL: none are */
    const void *context;
    /* (x, y) pairs and how many; asked for only where views are forged. */
    const float *(*landmarks)(const void *context, int64_t i, int *n);
} pr__source;

typedef struct pr__table {
    int64_t n;
    uint8_t *label;   /* [n] as shown: permuted where the labels are shuffled */
    int64_t *pool[2]; /* by label: the samples in use, in key order */
    int64_t n_pool[2];
    int64_t *place_in_pool; /* [n] or -1 where balance leaves the sample out for good */
    int64_t *neighbour;     /* [n] the frame next to it in the same video, or -1 */
    pr__groups background;  /* fakes by whose background is seen, reals by person */
    pr__groups face;        /* fakes by whose face is seen */
    pr__groups clip;        /* the frames of a video, each its own run */
    int64_t *aligned;       /* [n] the real in use that a fake is aligned with, or -1 */

    /*
     * For the statistics: numbers below n and 2 n, so that what was shown is ticked off in arrays.
     */
    int64_t *video;     /* [n] */
    int64_t *person[2]; /* [n] of the background and of the face, or -1 where unknown */
} pr__table;

typedef struct pr__table_options {
    uint64_t seed;
    bool shuffle_labels;
    bool subset_once; /* the larger class keeps only as many samples as the smaller has */
    int64_t max_gap;  /* of frames between neighbours; 0: there are none */
    bool semantic;    /* whether groups are wanted */
    bool clips;       /* whether clips are wanted */
    bool reals_alone; /* fakes are out of use, and both pools hold the reals: one is forged */
} pr__table_options;

/** Errors: PR_ERR_NOMEM, and TABLE may be half built: give it to pr__table_free all the same. */
pr_status pr__table_build(const pr__source *source, const pr__table_options *options,
                          pr__table *table);
void pr__table_free(pr__table *table);

/** How many mates of its own label SAMPLE has in other videos, by background and by face. */
void pr__table_n_semantic(const pr__table *table, int64_t sample, int64_t n_mates[2]);

#endif
