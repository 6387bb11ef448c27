#include "trainer/metrics_internal.h"

#include "dataset/view.h"
#include "engine/base/alloc.h"
#include "engine/base/tree.h"

#include <stdlib.h>

typedef struct framed {
    int32_t video;
    int64_t i;
} framed;

static int compare_framed(const void *left, const void *right)
{
    const framed *a = left;
    const framed *b = right;
    if (a->video != b->video) {
        return a->video < b->video ? -1 : 1;
    }
    return a->i < b->i ? -1 : a->i > b->i;
}

static int compare_doubles_down(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return a > b ? -1 : a < b;
}

/* X [n], n > 0, in frame order; it may be sorted in place. Equal scores are the same bits but for
 * the sign of a zero, which no sum can show. */
static double aggregate(double *x, int64_t n, const pr_metrics_options *options)
{
    if (options->video_agg == PR_VIDEO_MEAN) {
        return pr_tree_sum(x, n) / (double)n;
    }
    qsort(x, (size_t)n, sizeof(*x), compare_doubles_down);
    if (options->video_agg == PR_VIDEO_MAX) {
        return x[0];
    }
    if (options->video_agg == PR_VIDEO_MEDIAN) {
        return n % 2 == 1 ? x[n / 2] : 0.5 * (x[n / 2 - 1] + x[n / 2]);
    }
    const int64_t k = options->video_topk < n ? options->video_topk : n;
    return pr_tree_sum(x, k) / (double)k;
}

static pr_status add_video(const pr_scores *scores, const framed *frames, int64_t n, bool mixed,
                           const pr_metrics_options *options, double *scratch, int64_t slot,
                           pr__video_scores *videos)
{
    int64_t n_fake = 0;
    for (int64_t k = 0; k < n; k++) {
        scratch[k] = scores->score[frames[k].i];
        n_fake += scores->label[frames[k].i] == PR_FAKE;
    }
    PR_REQUIRE(mixed || n_fake == 0 || n_fake == n, PR_ERR_INVALID,
               "metrics: video number %d has %lld fake and %lld real frames, must be one class",
               frames[0].video, (long long)n_fake, (long long)(n - n_fake));
    videos->label[slot] = n_fake == n ? PR_FAKE : PR_REAL;
    videos->method[slot] = scores->method != NULL ? scores->method[frames[0].i] : 0;
    videos->score[slot] = aggregate(scratch, n, options);
    return PR_OK;
}

/* SLOT [n] of each sample's video, numbered by first appearance; -1 where it is not the first. */
static void number_videos(const framed *frames, int64_t n, int64_t *slot, int64_t *n_videos)
{
    for (int64_t k = 0; k < n; k++) {
        const bool is_first = k == 0 || frames[k].video != frames[k - 1].video;
        slot[frames[k].i] = is_first ? 0 : -1;
    }
    *n_videos = 0;
    for (int64_t i = 0; i < n; i++) {
        if (slot[i] == 0) {
            slot[i] = (*n_videos)++;
        }
    }
}

static pr_status fill_videos(const pr_scores *scores, const int32_t *video, bool mixed,
                             const pr_metrics_options *options, framed *frames, double *scratch,
                             int64_t *slot, pr__video_scores *videos)
{
    const int64_t n = scores->n;
    for (int64_t i = 0; i < n; i++) {
        frames[i] = (framed){video[i], i};
    }
    if (n > 0) {
        qsort(frames, (size_t)n, sizeof(*frames), compare_framed);
    }
    number_videos(frames, n, slot, &videos->n);
    for (int64_t first = 0, last = 0; first < n; first = last) {
        while (last < n && frames[last].video == frames[first].video) {
            last++;
        }
        PR_TRY(add_video(scores, frames + first, last - first, mixed, options, scratch,
                         slot[frames[first].i], videos));
    }
    return PR_OK;
}

pr_status pr__video_scores_create(const pr_scores *scores, const int32_t *video, bool mixed,
                                  const pr_metrics_options *options, pr__video_scores **out)
{
    const int64_t n = scores->n;
    framed *frames = pr_calloc(n, sizeof(*frames));
    double *scratch = pr_calloc(n, sizeof(*scratch));
    int64_t *slot = pr_calloc(n, sizeof(*slot));
    pr__video_scores *videos = pr_calloc(1, sizeof(*videos));
    if (videos != NULL) {
        videos->score = pr_calloc(n, sizeof(*videos->score));
        videos->label = pr_calloc(n, sizeof(*videos->label));
        videos->method = pr_calloc(n, sizeof(*videos->method));
    }
    pr_status status = PR_OK;
    if (frames == NULL || scratch == NULL || slot == NULL || videos == NULL ||
        videos->score == NULL || videos->label == NULL || videos->method == NULL) {
        status =
            PR_FAIL(PR_ERR_NOMEM, "metrics: no memory for the videos of %lld frames", (long long)n);
    } else {
        status = fill_videos(scores, video, mixed, options, frames, scratch, slot, videos);
    }
    pr_free(slot);
    pr_free(scratch);
    pr_free(frames);
    if (status != PR_OK) {
        pr__video_scores_destroy(&videos);
        return status;
    }
    *out = videos;
    return PR_OK;
}

void pr__video_scores_destroy(pr__video_scores **videos)
{
    if (*videos != NULL) {
        pr_free((*videos)->score);
        pr_free((*videos)->label);
        pr_free((*videos)->method);
        pr_free(*videos);
        *videos = NULL;
    }
}
