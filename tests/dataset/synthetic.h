/**
 * Small made-up crops for the tests of the format: real JPEG and PNG bytes, and keys with all
 * parts.
 */
#ifndef PR_TESTS_DATASET_SYNTHETIC_H
#define PR_TESTS_DATASET_SYNTHETIC_H

#include "dataset/codec.h"
#include "dataset/samples.h"
#include "dataset/shard_writer.h"
#include "tests/check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SYN_BYTES = 4096, SYN_LANDMARKS = 5 };

/** A crop and the memory that its record points to. */
typedef struct synthetic {
    pr_record record;
    char video[32], bg_video[32], bg_id[32], face_id[32];
    uint8_t image[SYN_BYTES], mask[SYN_BYTES];
    double crop_map[6];
    float landmarks[2 * SYN_LANDMARKS];
} synthetic;

/** A grey ramp of 24 x 20 pixels that depends on NUMBER, encoded. */
static inline size_t synthetic_image(int number, bool png, int channels, uint8_t *bytes)
{
    uint8_t pixels[24 * 20 * 3];
    for (int i = 0; i < 24 * 20 * channels; i++) {
        pixels[i] = (uint8_t)(i * 7 / channels + number * 13);
    }
    const pr_image_u8 image = {24, 20, channels, pixels};
    static uint8_t large[1 << 16];
    size_t n_bytes = 0;
    if (png) {
        CHECK_OK(pr_image_encode_png(&image, large, sizeof(large), &n_bytes));
    } else {
        CHECK_OK(pr_image_encode_jpeg(&image, 80, PR_CHROMA_420, large, sizeof(large), &n_bytes));
    }
    CHECK(n_bytes <= SYN_BYTES, "%zu bytes", n_bytes);
    memcpy(bytes, large, n_bytes);
    return n_bytes;
}

/**
 * Crop NUMBER of a small world: videos of five frames, every third video fake, in two compressions
 * and two splits; every fourth crop a PNG, fakes with masks, every other crop with landmarks.
 */
static inline void synthetic_make(int number, synthetic *out)
{
    static const char *const compressions[] = {"c23", "raw"};
    const int video = number / 5 / 2;
    const bool fake = video % 3 == 2;
    memset(out, 0, sizeof(*out));
    (void)snprintf(out->video, sizeof(out->video), fake ? "%03d_%03d" : "%03d", video, video + 1);
    (void)snprintf(out->bg_video, sizeof(out->bg_video), "%03d", fake ? video - 1 : video);
    (void)snprintf(out->bg_id, sizeof(out->bg_id), "id%d", fake ? video - 1 : video);
    (void)snprintf(out->face_id, sizeof(out->face_id), "id%d", video);
    pr_record *const record = &out->record;
    *record = (pr_record){
        .dataset = "synth",
        .label = fake ? "fake" : "real",
        .method = fake ? "swap" : "original",
        .compression = compressions[number / 5 % 2],
        .split = video % 4 == 0 ? "test" : "train",
        .video = out->video,
        .frame = number % 5 * 10,
        .bg_video = out->bg_video,
        .bg_id = out->bg_id,
        .face_id = out->face_id,
        .face_video = "",
        .width = 24,
        .height = 20,
        .image = out->image,
    };
    record->image_bytes = synthetic_image(number, number % 4 == 3, 3, out->image);
    if (fake) {
        record->mask = out->mask;
        record->mask_bytes = synthetic_image(number, true, 1, out->mask);
    }
    const double map[6] = {0.5, 0.0, 3.0 + video, 0.0, 0.5, -number};
    memcpy(out->crop_map, map, sizeof(map));
    record->crop_map = number % 7 == 6 ? NULL : out->crop_map;
    if (number % 2 == 0) {
        for (int i = 0; i < 2 * SYN_LANDMARKS; i++) {
            out->landmarks[i] = (float)(number + i) * 0.25F;
        }
        record->landmarks = out->landmarks;
        record->n_landmarks = SYN_LANDMARKS;
    }
}

/** A new empty folder below TMPDIR or /tmp; PATH has room for 256 bytes. */
static inline void synthetic_folder(char path[static 256])
{
    const char *const base = getenv("TMPDIR");
    (void)snprintf(path, 256, "%s/pristine-test-XXXXXX", base != NULL ? base : "/tmp");
    CHECK(mkdtemp(path) != NULL, "%s", path);
}

static inline void synthetic_remove(const char *path)
{
    char command[512];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", path);
    CHECK(system(command) == 0, "%s", command); /* NOLINT(cert-env33-c) */
}

static inline void synthetic_path(char path[static 512], const char *dir, const char *name)
{
    (void)snprintf(path, 512, "%s/%s", dir, name);
}

/** Crops 0 .. N - 1 as a dataset of N_SHARDS shards in DIR. */
static inline void synthetic_dataset(const char *dir, int n, int n_shards)
{
    synthetic *const crops = pr_calloc(n, sizeof(*crops));
    pr_record *const records = pr_calloc(n, sizeof(*records));
    for (int i = 0; i < n; i++) {
        synthetic_make(i, &crops[i]);
        records[i] = crops[i].record;
    }
    for (int s = 0; s < n_shards; s++) {
        const int first = s * n / n_shards;
        CHECK_OK(pr_shard_write(dir, s, 77, records + first, (s + 1) * n / n_shards - first));
    }
    CHECK_OK(pr_dataset_finish(dir, n_shards, "made by a test"));
    pr_free(records);
    pr_free(crops);
}

#endif
