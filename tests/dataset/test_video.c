/* H.264 there and back: the same bytes with and without assembler, more loss at a higher factor. */
#include "dataset/procedural.h"
#include "dataset/video.h"
#include "tests/check.h"

#include <libavutil/cpu.h>

enum { SIDE = 96, N = 5 };

static pr_image_u8 frames[N];

/* A face that moves by two pixels a frame. */
static void make(void)
{
    pr_image_u8 photo = {0};
    const pr_procedural what = {.seed = 1, .size_px = 128};
    CHECK_OK(pr_procedural_photo(&what, &photo));
    for (int f = 0; f < N; f++) {
        for (int y = 0; y < SIDE; y++) {
            memcpy(frames[f].data + (ptrdiff_t)y * SIDE * 3,
                   photo.data + ((ptrdiff_t)(y + 8) * 128 + (ptrdiff_t)2 * f) * 3,
                   (size_t)SIDE * 3);
        }
    }
    pr_image_destroy(&photo);
}

/* The mean difference of what is left of the frames from what they were. */
static double loss_of(const pr_video_options *options, uint8_t *out, int64_t *n_bytes)
{
    static uint8_t before[N][SIDE * SIDE * 3];
    double sum = 0;
    make();
    for (int f = 0; f < N; f++) {
        memcpy(before[f], frames[f].data, sizeof(before[f]));
    }
    CHECK_OK(pr_video_compress(options, frames, N, n_bytes));
    for (int f = 0; f < N; f++) {
        for (int i = 0; i < SIDE * SIDE * 3; i++) {
            sum += abs(before[f][i] - frames[f].data[i]);
        }
        memcpy(out + (ptrdiff_t)f * SIDE * SIDE * 3, frames[f].data, sizeof(before[f]));
    }
    return sum / (N * SIDE * SIDE * 3);
}

int main(void)
{
    static uint8_t a[N * SIDE * SIDE * 3];
    static uint8_t b[N * SIDE * SIDE * 3];
    for (int f = 0; f < N; f++) {
        CHECK_OK(pr_image_create(SIDE, SIDE, 3, &frames[f]));
    }
    pr_video_options options = {.crf = 23, .gop = 250};
    int64_t n_light = 0;
    int64_t n_heavy = 0;
    const double light = loss_of(&options, a, &n_light);
    CHECK(light > 0.2 && light < 6, "factor 23 loses %g grey levels", light);
    options.no_asm = true;
    (void)loss_of(&options, b, NULL);
    CHECK(memcmp(a, b, sizeof(a)) == 0, "x264's assembler changes bytes");
    av_force_cpu_flags(0);
    (void)loss_of(&options, b, NULL);
    av_force_cpu_flags(-1);
    CHECK(memcmp(a, b, sizeof(a)) == 0, "FFmpeg's assembler changes bytes");

    options.crf = 40;
    const double heavy = loss_of(&options, b, &n_heavy);
    CHECK(heavy > 1.5 * light && 10 * n_heavy < 6 * n_light,
          "factor 40 loses %g in %lld bytes, 23 %g in %lld", heavy, (long long)n_heavy, light,
          (long long)n_light);

    options.crf = 52;
    CHECK_FAILS(pr_video_compress(&options, frames, N, NULL), PR_ERR_INVALID, "crf = 52");
    options.crf = 23;
    CHECK_FAILS(pr_video_compress(&options, frames, 0, NULL), PR_ERR_INVALID, "0 frames");
    frames[3].width = SIDE - 1;
    CHECK_FAILS(pr_video_compress(&options, frames, N, NULL), PR_ERR_INVALID, "frame 3 is 95 x 96");
    frames[3].width = SIDE;
    for (int f = 0; f < N; f++) {
        pr_image_destroy(&frames[f]);
    }
    return check_exit_code();
}
