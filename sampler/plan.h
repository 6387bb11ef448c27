/**
 * The plan of an epoch, item by item. Shared inside the sampler only.
 *
 * Items are numbered through the epoch. Item q is a real where floor((q + 1) a / b) > floor(q a /
 * b) with a / b the share of reals (1 / 2 where classes are balanced): reals and fakes are spread
 * as evenly as can be, every window of the same length holds the same number of reals within one,
 * and where the share is 1 / 2 every window of even length holds equally many of both.
 */
#ifndef PR_SAMPLER_PLAN_H
#define PR_SAMPLER_PLAN_H

#include "sampler/generated.h"
#include "sampler/sampler.h"
#include "sampler/table.h"

struct pr_sampler {
    pr_sampler_options options;
    pr__table table;
    int64_t share_real, share_all; /* a and b */
    int64_t n_pass;                /* anchors in one pass */
    int64_t n_steps;
    double level_probs[PR_LEVEL_COUNT]; /* sum 1, or all zero */
    pr__donors *donors;                 /* where views are forged in memory, else NULL */
    int64_t epoch;                      /* current, or -1 */
    int64_t *order[2];                  /* [n_pool] by label: the epoch's permutation of the pool */

    int64_t stats_epoch; /* the one STATS is of, or -1 */
    pr_sampler_stats stats;
    int64_t *n_shown;      /* [n] items that show a sample */
    uint8_t *video_shown;  /* [n] */
    uint8_t *person_shown; /* [2 n] */
};

/** What a view shows in the end. */
typedef struct pr__shown {
    int64_t sample;            /* another frame where SHIFTED */
    int64_t real;              /* that is mixed into it, or -1 */
    bool shifted, not_shifted; /* not: drawn, but there is no other frame */
} pr__shown;

typedef struct pr__item {
    int64_t anchor, mate; /* samples; mate -1 where items are single views */
    int8_t label;
    uint8_t level;
    bool fell_back;     /* the level drawn first had no mate for this anchor */
    pr__shown shown[2]; /* the anchor's view and the mate's */
    pr__making making;
} pr__item;

/** Item ITEM of the current epoch. */
pr__item pr__plan_item(const pr_sampler *sampler, int64_t item);

/** What view VIEW of item NUMBER, with label LABEL, shows in place of SAMPLE. */
pr__shown pr__plan_shown(const pr_sampler *sampler, int64_t number, uint16_t view, int label,
                         int64_t sample);

/** pr_sampler_create over any source of samples. */
pr_status pr__sampler_create_from(const pr__source *source, const pr_sampler_options *options,
                                  pr_sampler **out);

#endif
