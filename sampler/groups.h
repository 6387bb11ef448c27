/**
 * Samples grouped by what they have in common, for drawing mates: sorted once, then every question
 * is answered in constant time. Shared inside the sampler only.
 */
#ifndef PR_SAMPLER_GROUPS_H
#define PR_SAMPLER_GROUPS_H

#include "engine/base/status.h"

#include <stdint.h>

/** One sample as it is sorted: by a, then b, then c, then its number, so the order is total. */
typedef struct pr__entry {
    int64_t a, b, c, sample;
} pr__entry;

void pr__entries_sort(pr__entry *entries, int64_t n);

/** The samples of one video inside one group, and the whole group. */
typedef struct pr__run {
    int64_t first, count;             /* of ORDER: the video's own samples */
    int64_t group_first, group_count; /* of ORDER: all samples of the group */
} pr__run;

typedef struct pr__groups {
    int64_t *order;  /* samples, group by group, video by video, each in key order */
    int64_t *run_of; /* [n_samples] the run that holds a sample, or -1 where it has no group */
    pr__run *runs;
} pr__groups;

/**
 * Groups N_ENTRIES entries, which it sorts, of N_SAMPLES samples: equal (a, b) is a group, equal c
 * in it is a run.
 *
 * Errors: PR_ERR_NOMEM, and GROUPS may then be half built; give it to pr__groups_free all the same.
 */
pr_status pr__groups_build(pr__entry *entries, int64_t n_entries, int64_t n_samples,
                           pr__groups *groups);
void pr__groups_free(pr__groups *groups);

/** How many samples of SAMPLE's group are of another video. */
int64_t pr__groups_n_others(const pr__groups *groups, int64_t sample);

/** Number I of those, 0 <= i < pr__groups_n_others. */
int64_t pr__groups_other(const pr__groups *groups, int64_t sample, int64_t i);

#endif
