/*
 * Which real crop shows the same pixels as a fake before it was forged. Reals are sorted once by
 * (dataset, compression, bg_video, frame), and each fake looks among its equals.
 */
#include "dataset/image.h"
#include "dataset/samples_private.h"
#include "engine/base/alloc.h"

#include <math.h>
#include <stdlib.h>

/* How far apart two maps may put a point of the crop, in pixels: a mask made of the difference of
   crops that are further apart shows edges of the picture. */
static const double MAX_APART_PX = 0.5;

typedef struct place {
    int32_t key[4];
    int64_t sample;
} place;

static int compare_keys(const place *a, const place *b)
{
    int k = 0;
    while (k < 3 && a->key[k] == b->key[k]) {
        k++;
    }
    return (a->key[k] > b->key[k]) - (a->key[k] < b->key[k]);
}

static int compare_places(const void *left, const void *right)
{
    const place *const a = left;
    const place *const b = right;
    const int order = compare_keys(a, b);
    return order != 0 ? order : (a->sample > b->sample) - (a->sample < b->sample);
}

static place place_of(const pr_samples *samples, int64_t i)
{
    const pr_sample *const s = &samples->entries[i].sample;
    return (place){{s->dataset, s->compression, s->bg_video, s->frame}, i};
}

/* Whether the sample can be aligned with any other: what is unknown equals nothing. */
static bool has_place(const pr_samples *samples, int64_t i)
{
    return samples->entries[i].sample.bg_video != 0 && samples->entries[i].crop >= 0;
}

/* The first of the N places that is not before WANTED. */
static int64_t lower_bound(const place *places, int64_t n, const place *wanted)
{
    int64_t first = 0;
    while (n > 0) {
        const int64_t half = n / 2;
        if (compare_keys(&places[first + half], wanted) < 0) {
            first += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return first;
}

/*
 * The largest distance at which the crops of A and B show one point of the frame, INFINITY where they
 * cannot be compared. The difference of two affine maps is largest at a corner.
 */
static double apart(const pr_samples *samples, int64_t a, int64_t b)
{
    const pr_sample_entry *const x = &samples->entries[a];
    const pr_sample_entry *const y = &samples->entries[b];
    double to_frame[6];
    double most = 0.0;

    if (x->width != y->width || x->height != y->height ||
        pr_map_invert(samples->crops + 6 * x->crop, to_frame) != PR_OK) {
        pr_error_clear();
        return INFINITY;
    }
    for (int corner = 0; corner < 4; corner++) {
        const double at_x = corner % 2 == 0 ? 0.0 : (double)(x->width - 1);
        const double at_y = corner / 2 == 0 ? 0.0 : (double)(x->height - 1);
        double to_x = at_x;
        double to_y = at_y;
        pr_map_apply(to_frame, &to_x, &to_y);
        pr_map_apply(samples->crops + 6 * y->crop, &to_x, &to_y);
        const double dx = to_x - at_x;
        const double dy = to_y - at_y;
        const double distance = sqrt(dx * dx + dy * dy);
        most = distance > most ? distance : most;
    }
    return most;
}

/* *AT is where to look first, and becomes where the next fake may look. */
static int64_t nearest(const pr_samples *samples, const place *places, int64_t n, int64_t fake,
                       int64_t *at)
{
    const place wanted = place_of(samples, fake);
    double least = MAX_APART_PX;
    int64_t found = -1;
    const bool here = *at < n && compare_keys(&places[*at], &wanted) == 0 &&
                      (*at == 0 || compare_keys(&places[*at - 1], &wanted) != 0);
    int64_t k = here ? *at : lower_bound(places, n, &wanted);

    for (; k < n && compare_keys(&places[k], &wanted) == 0; k++) {
        const double distance = apart(samples, fake, places[k].sample);
        if (distance < least || (found < 0 && distance <= least)) {
            least = distance;
            found = places[k].sample;
        }
    }
    *at = k;
    return found;
}

pr_status pr__samples_align(pr_samples *samples)
{
    int64_t n_places = 0;
    int64_t at = 0;
    bool sorted = true;
    place *const places = pr_calloc(samples->n, sizeof(*places));
    samples->aligned = pr_calloc(samples->n, sizeof(*samples->aligned));
    if (places == NULL || samples->aligned == NULL) {
        pr_free(places);
        return PR_FAIL(PR_ERR_NOMEM, "samples: no memory to align %lld crops",
                       (long long)samples->n);
    }
    for (int64_t i = 0; i < samples->n; i++) {
        samples->aligned[i] = -1;
        if (samples->entries[i].sample.label == PR_REAL && has_place(samples, i)) {
            places[n_places] = place_of(samples, i);
            sorted = sorted && (n_places == 0 ||
                                compare_places(&places[n_places - 1], &places[n_places]) < 0);
            n_places++;
        }
    }
    if (!sorted) {
        qsort(places, (size_t)n_places, sizeof(*places), compare_places);
    }
    for (int64_t i = 0; n_places > 0 && i < samples->n; i++) {
        if (samples->entries[i].sample.label == PR_FAKE && has_place(samples, i)) {
            samples->aligned[i] = nearest(samples, places, n_places, i, &at);
        }
    }
    pr_free(places);
    return PR_OK;
}

int64_t pr_samples_aligned(const pr_samples *samples, int64_t i)
{
    return samples->aligned[i];
}
