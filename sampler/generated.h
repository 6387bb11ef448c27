/**
 * Views forged in memory from reals: which generator and category an item has, and whose crop its
 * donor is. Shared inside the sampler only.
 */
#ifndef PR_SAMPLER_GENERATED_H
#define PR_SAMPLER_GENERATED_H

#include "engine/base/draw.h"
#include "sampler/nearest.h"
#include "sampler/sampler.h"
#include "sampler/table.h"

/** What is worked out once. */
typedef struct pr__donors {
    pr__groups videos;       /* the reals, by video */
    float *shapes;           /* [n, PR_SHAPE_N] of the reals, or NULL where nobody asks */
    pr__nearest index;       /* of them */
    int64_t *similar;        /* [n] SB-Sim's donor, or NOT_ASKED */
    int64_t *video, *person; /* borrowed from the table */
} pr__donors;

/**
 * Errors: PR_ERR_INVALID for options out of range, a real without landmarks (named, and how many
 * there are), donors wanted of a single video or person; PR_ERR_NOMEM. DONORS may then be half built;
 * give it to pr__donors_free all the same.
 */
pr_status pr__donors_build(const pr__source *source, const pr_sampler_options *options,
                           const pr__table *table, pr__donors *donors);
void pr__donors_free(pr__donors *donors);

/** What becomes of a real that an item shows. */
typedef struct pr__making {
    uint8_t generator; /* pr_generator */
    int16_t category;  /* or 0 */
    int64_t donor;     /* or -1 */
} pr__making;

/**
 * Of SAMPLE, in the item whose draws KEY (its purpose is set here) makes: forged as the item's TURN
 * among the forged ones says, or else shown as real.
 */
pr__making pr__generated_make(pr__donors *donors, const pr_sampler_options *options,
                              const pr_draw_key *key, int64_t sample, bool forged, int64_t turn);

#endif
