/*
 * A dataset of many crops opens in well under a second, since its index alone is read. The number
 * of crops is the argument; by default a few, so that the limit below is checked in every run.
 */
#include "dataset/samples.h"
#include "engine/base/clock.h"
#include "tests/dataset/synthetic.h"

enum { FRAMES = 200, N_SHARDS = 4 };

/* Payloads of a few bytes: what is measured does not read them. */
static void write_shard(const char *dir, int s, int64_t n_crops)
{
    const int64_t first = n_crops * s / N_SHARDS;
    const int64_t n = n_crops * (s + 1) / N_SHARDS - first;
    pr_record *const records = pr_calloc(n, sizeof(*records));
    char(*const videos)[24] = pr_calloc(n, sizeof(*videos));
    static const uint8_t image[8] = {0xff, 0xd8, 0xff, 0xe0};
    static const float landmarks[10] = {1.0F};
    static const double map[6] = {1.0};
    for (int64_t k = 0; k < n; k++) {
        const int64_t i = first + k;
        const int64_t video = i / FRAMES;
        (void)snprintf(videos[k], sizeof(videos[k]), "%07lld", (long long)video);
        records[k] = (pr_record){
            .dataset = "many",
            .label = video % 2 == 0 ? "real" : "fake",
            .method = video % 2 == 0 ? "original" : "swap",
            .compression = "c23",
            .split = video % 5 == 0 ? "test" : "train",
            .video = videos[k],
            .frame = (int32_t)(i % FRAMES),
            .bg_video = videos[k],
            .bg_id = "",
            .face_id = videos[k],
            .face_video = "",
            .width = 299,
            .height = 299,
            .image = image,
            .image_bytes = sizeof(image),
            .crop_map = map,
            .landmarks = landmarks,
            .n_landmarks = 5,
        };
    }
    CHECK_OK(pr_shard_write(dir, s, 1, records, n));
    pr_free(records);
    pr_free(videos);
}

static double open_s(const char *dir, const char *split, pr_frame_rule rule, int64_t wanted)
{
    const char *const splits[] = {split, NULL};
    const pr_selection selection = {
        .path = dir, .split = split != NULL ? splits : NULL, .n_frames = 10, .frame_rule = rule};
    pr_samples *samples = NULL;
    const double begin_s = pr_clock_s();
    CHECK_OK(pr_samples_open(&selection, 1, &samples));
    const double seconds = pr_clock_s() - begin_s;
    CHECK(pr_samples_n(samples) == wanted, "%lld samples, want %lld",
          (long long)pr_samples_n(samples), (long long)wanted);
    pr_samples_close(&samples);
    return seconds;
}

int main(int argc, char **argv)
{
    const int64_t n_crops = argc > 1 ? strtoll(argv[1], NULL, 10) : 20000;
    char dir[256];
    synthetic_folder(dir);
    for (int s = 0; s < N_SHARDS; s++) {
        write_shard(dir, s, n_crops);
    }
    CHECK_OK(pr_dataset_finish(dir, N_SHARDS, "many crops"));
    const double all_s = open_s(dir, NULL, PR_FRAMES_ALL, n_crops);
    const double few_s = open_s(dir, "train", PR_FRAMES_UNIFORM, n_crops / FRAMES * 4 / 5 * 10);
    (void)printf("%lld crops: all opened in %.3f s, ten frames of each training video in %.3f s\n",
                 (long long)n_crops, all_s, few_s);
    /* A million in a second; generous, since the machine is shared and may run a sanitizer. */
    CHECK(all_s < 1.0, "%.3f s", all_s);
    synthetic_remove(dir);
    return check_exit_code();
}
