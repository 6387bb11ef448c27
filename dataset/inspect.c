#include "dataset/inspect.h"

#include "dataset/image.h"
#include "dataset/index.h"
#include "engine/base/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct row_pointer {
    const pr_index_row *row;
} row_pointer;

bool pr_crop_maps_agree(const double a[6], const double b[6], int width, int height)
{
    double to_frame[6];
    if (pr_map_invert(a, to_frame) != PR_OK) {
        pr_error_clear();
        return false;
    }
    for (int corner = 0; corner < 4; corner++) {
        const double x = corner % 2 == 0 ? 0.0 : width - 1;
        const double y = corner / 2 == 0 ? 0.0 : height - 1;
        double u = x;
        double v = y;
        pr_map_apply(to_frame, &u, &v);
        pr_map_apply(b, &u, &v);
        if (!((u - x) * (u - x) + (v - y) * (v - y) <= 0.5 * 0.5)) {
            return false;
        }
    }
    return true;
}

static int compare(int32_t a, int32_t b)
{
    return (a > b) - (a < b);
}

/* The row of a group, then of a video in it: what the counts are made of. */
static int by_group(const void *a, const void *b)
{
    const pr_crop_row *const x = &((const row_pointer *)a)->row->crop;
    const pr_crop_row *const y = &((const row_pointer *)b)->row->crop;
    const int order[] = {
        compare(x->dataset, y->dataset),
        compare(x->split, y->split),
        compare(x->label, y->label),
        compare(x->method, y->method),
        compare(x->compression, y->compression),
    };
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        if (order[i] != 0) {
            return order[i];
        }
    }
    return 0;
}

static int by_group_and_video(const void *a, const void *b)
{
    const int order = by_group(a, b);
    return order != 0 ? order
                      : compare(((const row_pointer *)a)->row->crop.video,
                                ((const row_pointer *)b)->row->crop.video);
}

static const char *word(const pr_index *index, int32_t number)
{
    return number == 0 ? "-" : pr__words_at(index->words, number);
}

static pr_status add_groups(const pr_index *index, row_pointer *rows, pr_text *text)
{
    qsort(rows, (size_t)index->n_crops, sizeof(*rows), by_group_and_video);
    PR_TRY(pr_text_add(text, "%-16s %-8s %-5s %-16s %-12s %10s %8s\n", "dataset", "split", "label",
                       "method", "compression", "crops", "videos"));
    for (int64_t first = 0; first < index->n_crops;) {
        int64_t last = first + 1;
        long long n_videos = 1;
        for (; last < index->n_crops && by_group(&rows[first], &rows[last]) == 0; last++) {
            n_videos += rows[last].row->crop.video != rows[last - 1].row->crop.video;
        }
        const pr_crop_row *const row = &rows[first].row->crop;
        PR_TRY(pr_text_add(text, "%-16s %-8s %-5s %-16s %-12s %10lld %8lld\n",
                           word(index, row->dataset), word(index, row->split),
                           word(index, row->label), word(index, row->method),
                           word(index, row->compression), (long long)(last - first), n_videos));
        first = last;
    }
    return PR_OK;
}

typedef struct person {
    int64_t n_real, n_fake;
} person;

/* How many crops show each person's face, in words' order; identities belong to a dataset. */
static pr_status add_identities(const pr_index *index, pr_text *text)
{
    enum { SHOWN = 20 };
    const int32_t n_words = pr__words_n(index->words);
    const int32_t fake = pr__words_find(index->words, "fake");
    person *const counts = pr_calloc(n_words, sizeof(*counts));
    PR_REQUIRE(counts != NULL, PR_ERR_NOMEM, "%s: no memory for %d words", index->path, n_words);
    int64_t n_unknown = 0;
    for (int64_t i = 0; i < index->n_crops; i++) {
        const pr_crop_row *const row = &index->crops[i].crop;
        counts[row->face_id].n_fake += row->label == fake;
        counts[row->face_id].n_real += row->label != fake;
        n_unknown += row->face_id == 0;
    }
    int64_t n_known = 0;
    for (int32_t w = 1; w < n_words; w++) {
        n_known += counts[w].n_real + counts[w].n_fake > 0;
    }
    pr_status status =
        pr_text_add(text, "identities (face_id): %lld; %lld crops of unknown persons\n",
                    (long long)n_known, (long long)n_unknown);
    int64_t n_shown = 0;
    for (int32_t w = 1; status == PR_OK && w < n_words; w++) {
        if (counts[w].n_real + counts[w].n_fake > 0 && n_shown++ < SHOWN) {
            status = pr_text_add(text, "  %-24s %8lld real %8lld fake\n", word(index, w),
                                 (long long)counts[w].n_real, (long long)counts[w].n_fake);
        }
    }
    if (status == PR_OK && n_known > SHOWN) {
        status = pr_text_add(text, "  and %lld more\n", (long long)(n_known - SHOWN));
    }
    pr_free(counts);
    return status;
}

typedef struct totals {
    int64_t n_fake, n_jpeg, n_masks, n_landmarks, n_crops;
    int64_t image_bytes, mask_bytes;
    int width[2], height[2]; /* least and greatest */
} totals;

static totals sum_up(const pr_index *index)
{
    const int32_t fake = pr__words_find(index->words, "fake");
    const int32_t jpeg = pr__words_find(index->words, "jpeg");
    totals sum = {.width = {INT32_MAX, 0}, .height = {INT32_MAX, 0}};
    for (int64_t i = 0; i < index->n_crops; i++) {
        const pr_index_row *const row = &index->crops[i];
        sum.n_fake += row->crop.label == fake;
        sum.n_jpeg += row->crop.codec == jpeg;
        sum.n_masks += row->mask_bytes > 0;
        sum.n_landmarks += row->crop.n_landmarks > 0;
        sum.n_crops += row->crop.has_crop;
        sum.image_bytes += row->image_bytes;
        sum.mask_bytes += row->mask_bytes;
        sum.width[0] = row->crop.width < sum.width[0] ? row->crop.width : sum.width[0];
        sum.width[1] = row->crop.width > sum.width[1] ? row->crop.width : sum.width[1];
        sum.height[0] = row->crop.height < sum.height[0] ? row->crop.height : sum.height[0];
        sum.height[1] = row->crop.height > sum.height[1] ? row->crop.height : sum.height[1];
    }
    return sum;
}

static pr_status add_totals(const pr_index *index, pr_text *text)
{
    const totals sum = sum_up(index);
    PR_TRY(pr_text_add(text,
                       "%s: %lld crops (%lld real, %lld fake) in %d shards, %.1f MiB of images, "
                       "%.1f MiB of masks\n",
                       index->dir, (long long)index->n_crops,
                       (long long)(index->n_crops - sum.n_fake), (long long)sum.n_fake,
                       index->n_shards, (double)sum.image_bytes / (1 << 20),
                       (double)sum.mask_bytes / (1 << 20)));
    PR_TRY(pr_text_add(text, "codecs: %lld jpeg, %lld png; %d x %d to %d x %d pixels\n",
                       (long long)sum.n_jpeg, (long long)(index->n_crops - sum.n_jpeg),
                       sum.width[0], sum.height[0], sum.width[1], sum.height[1]));
    return pr_text_add(text, "crops with a mask: %lld, landmarks: %lld, a crop map: %lld\n",
                       (long long)sum.n_masks, (long long)sum.n_landmarks, (long long)sum.n_crops);
}

/* The order in which what may be aligned stands together, reals before fakes. */
static int by_scene(const void *a, const void *b)
{
    const pr_crop_row *const x = &((const row_pointer *)a)->row->crop;
    const pr_crop_row *const y = &((const row_pointer *)b)->row->crop;
    const int order[] = {compare(x->dataset, y->dataset), compare(x->compression, y->compression),
                         compare(x->bg_video, y->bg_video), compare(x->frame, y->frame)};
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        if (order[i] != 0) {
            return order[i];
        }
    }
    return 0;
}

static bool aligned(const pr_crop_row *a, const pr_crop_row *b)
{
    return a->label != b->label && a->bg_video != 0 && a->has_crop == 1 && b->has_crop == 1 &&
           a->width == b->width && a->height == b->height &&
           pr_crop_maps_agree(a->crop, b->crop, a->width, a->height);
}

static pr_status add_pairs(const pr_index *index, row_pointer *rows, pr_text *text)
{
    const int32_t fake = pr__words_find(index->words, "fake");
    qsort(rows, (size_t)index->n_crops, sizeof(*rows), by_scene);
    int64_t n_pairs = 0;
    int64_t n_fakes = 0;
    for (int64_t first = 0; first < index->n_crops;) {
        int64_t last = first + 1;
        while (last < index->n_crops && by_scene(&rows[first], &rows[last]) == 0) {
            last++;
        }
        for (int64_t i = first; i < last; i++) {
            int64_t n_mates = 0;
            for (int64_t j = first; rows[i].row->crop.label == fake && j < last; j++) {
                n_mates += aligned(&rows[i].row->crop, &rows[j].row->crop);
            }
            n_pairs += n_mates;
            n_fakes += n_mates > 0;
        }
        first = last;
    }
    return pr_text_add(text, "aligned pairs of a fake and a real: %lld, of %lld fakes\n",
                       (long long)n_pairs, (long long)n_fakes);
}

static pr_status add_all(const pr_index *index, row_pointer *rows, pr_text *text)
{
    for (int64_t i = 0; i < index->n_crops; i++) {
        rows[i].row = &index->crops[i];
    }
    PR_TRY(add_totals(index, text));
    PR_TRY(add_pairs(index, rows, text));
    PR_TRY(add_groups(index, rows, text));
    PR_TRY(add_identities(index, text));
    return pr_text_add(text, "provenance:\n%s%s", index->provenance,
                       index->provenance[0] != '\0' ? "" : "none recorded\n");
}

pr_status pr_inspect(const char *dir, pr_text *text)
{
    pr_index *index = NULL;
    PR_TRY(pr__index_open(dir, &index));
    row_pointer *const rows = pr_calloc(index->n_crops, sizeof(*rows));
    pr_status status = rows != NULL ? PR_OK : PR_ERR_NOMEM;
    if (status == PR_OK) {
        status = add_all(index, rows, text);
    } else {
        status =
            PR_FAIL(PR_ERR_NOMEM, "%s: no memory for %lld rows", dir, (long long)index->n_crops);
    }
    pr_free(rows);
    pr__index_close(&index);
    return status;
}
