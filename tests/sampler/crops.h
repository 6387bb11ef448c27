/**
 * Made-up samples for the sampler's tests: an array of pr_sample in key order, and the sampler over
 * it. Words are small numbers.
 */
#ifndef PR_TESTS_SAMPLER_CROPS_H
#define PR_TESTS_SAMPLER_CROPS_H

#include "sampler/plan.h"
#include "tests/check.h"

typedef struct crops {
    pr_sample *at;
    int64_t n, capacity;
} crops;

static inline void crops_create(crops *made, int64_t capacity)
{
    *made = (crops){.at = pr_calloc(capacity, sizeof(pr_sample)), .capacity = capacity};
    CHECK(made->at != NULL, "no memory for %lld samples", (long long)capacity);
}

static inline void crops_destroy(crops *made)
{
    pr_free(made->at);
    *made = (crops){0};
}

/* Fakes are numbered as videos 1000 and more, so that reals come first in key order. */
enum { CROPS_FAKE = 1000, CROPS_PEOPLE = 100000 };

/** A clip of N_FRAMES frames, GAP apart. Video and people are numbers; 0 is unknown. */
static inline void crops_add(crops *made, int label, int video, int bg_id, int face_id,
                             int bg_video, int64_t n_frames, int32_t gap)
{
    const int method = label == PR_REAL ? 2 : 3;
    for (int64_t i = 0; i < n_frames && made->n < made->capacity; i++) {
        made->at[made->n++] = (pr_sample){
            .dataset = 1,
            .method = method,
            .compression = 4,
            .video = 10 + video,
            .video_key = 10 + video,
            .frame = (int32_t)i * gap,
            .label = (int8_t)label,
            .split = 5,
            .bg_video = bg_video == 0 ? 0 : 10 + bg_video,
            .bg_id = bg_id == 0 ? 0 : CROPS_PEOPLE + bg_id,
            .face_id = face_id == 0 ? 0 : CROPS_PEOPLE + face_id,
        };
    }
}

/**
 * N_PEOPLE people with two real videos of N_FRAMES frames each, and for each pair (a, a + 1) and
 * (a, a + 2) of them one fake with a's background and the other's face.
 */
static inline void crops_world(crops *made, int n_people, int64_t n_frames)
{
    crops_create(made, (int64_t)n_people * 4 * n_frames);
    for (int a = 0; a < n_people; a++) {
        crops_add(made, PR_REAL, 2 * a + 1, a + 1, a + 1, 2 * a + 1, n_frames, 1);
        crops_add(made, PR_REAL, 2 * a + 2, a + 1, a + 1, 2 * a + 2, n_frames, 1);
    }
    for (int a = 0; a < n_people; a++) {
        for (int other = 1; other <= 2; other++) {
            crops_add(made, PR_FAKE, CROPS_FAKE + 2 * a + other, a + 1, (a + other) % n_people + 1,
                      2 * a + 1, n_frames, 1);
        }
    }
}

static inline const pr_sample *crops_at(const void *context, int64_t i)
{
    const crops *const made = context;
    return &made->at[i];
}

static inline pr_status crops_sampler(const crops *made, const pr_sampler_options *options,
                                      pr_sampler **out)
{
    const pr__source source = {.n = made->n, .at = crops_at, .context = made};
    return pr__sampler_create_from(&source, options, out);
}

#endif
