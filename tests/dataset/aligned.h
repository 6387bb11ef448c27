/** Small datasets of reals and fakes over them, whose crop maps a test chooses. */
#ifndef PR_TESTS_DATASET_ALIGNED_H
#define PR_TESTS_DATASET_ALIGNED_H

#include "tests/dataset/pixels.h"
#include "tests/dataset/synthetic.h"

enum { ALIGNED_W = 40, ALIGNED_H = 32 };

/** A crop and what its record points to. */
typedef struct aligned_crop {
    pr_record record;
    char video[32], bg_video[32];
    double map[6];
    uint8_t *image, *mask;
} aligned_crop;

/**
 * Frame FRAME of real video VIDEO, or of the fake over it that NUMBER (>= 0) names. The fake has other
 * pixels in its middle third, which its mask shows where WITH_MASK.
 */
static inline void aligned_make(aligned_crop *out, int video, int number, int frame,
                                const double map[6], bool with_mask)
{
    pr_image_u8 image = pixels_make(ALIGNED_W, ALIGNED_H, 3, (uint32_t)(video * 100 + frame));
    pr_image_u8 mask = pixels_make(ALIGNED_W, ALIGNED_H, 1, 0);
    memset(mask.data, 0, pr_image_bytes(&mask));
    for (int y = ALIGNED_H / 3; number >= 0 && y < 2 * ALIGNED_H / 3; y++) {
        for (int x = ALIGNED_W / 3; x < 2 * ALIGNED_W / 3; x++) {
            mask.data[y * ALIGNED_W + x] = 255;
            for (int c = 0; c < 3; c++) {
                image.data[(y * ALIGNED_W + x) * 3 + c] ^= 0x80;
            }
        }
    }
    memset(out, 0, sizeof(*out));
    (void)snprintf(out->bg_video, sizeof(out->bg_video), "%03d", video);
    (void)snprintf(out->video, sizeof(out->video), number < 0 ? "%03d" : "%03d_%d", video, number);
    memcpy(out->map, map, sizeof(out->map));
    out->record = (pr_record){.dataset = "world",
                              .label = number < 0 ? "real" : "fake",
                              .method = number < 0 ? "original" : "swap",
                              .compression = "raw",
                              .split = "train",
                              .video = out->video,
                              .frame = frame,
                              .bg_video = out->bg_video,
                              .bg_id = "",
                              .face_id = "",
                              .face_video = "",
                              .width = ALIGNED_W,
                              .height = ALIGNED_H,
                              .crop_map = out->map};
    out->image = pixels_encode(&image, 0, PR_CHROMA_444, &out->record.image_bytes);
    out->record.image = out->image;
    if (with_mask) {
        out->mask = pixels_encode(&mask, 0, PR_CHROMA_444, &out->record.mask_bytes);
        out->record.mask = out->mask;
    }
    pr_image_destroy(&image);
    pr_image_destroy(&mask);
}

/** Writes the N crops as a dataset in DIR, and frees what they hold. */
static inline void aligned_write(const char *dir, aligned_crop *crops, int n)
{
    pr_record *const records = pr_calloc(n, sizeof(*records));
    for (int i = 0; i < n; i++) {
        crops[i].record.video = crops[i].video;
        crops[i].record.bg_video = crops[i].bg_video;
        crops[i].record.crop_map = crops[i].record.crop_map != NULL ? crops[i].map : NULL;
        records[i] = crops[i].record;
    }
    CHECK_OK(pr_shard_write(dir, 0, 77, records, n));
    CHECK_OK(pr_dataset_finish(dir, 1, "made by a test"));
    for (int i = 0; i < n; i++) {
        pr_free(crops[i].image);
        pr_free(crops[i].mask);
    }
    pr_free(records);
}

static inline pr_samples *aligned_open(const char *dir)
{
    const pr_selection all = {.path = dir};
    pr_samples *samples = NULL;
    CHECK_OK(pr_samples_open(&all, 1, &samples));
    return samples;
}

#endif
