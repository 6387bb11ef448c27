/**
 * What H.264 does to a sequence of frames: libx264 through FFmpeg's libraries, encoded and decoded
 * in memory, as FaceForensics++ made its c23 and c40 (constant rate factor 23 and 40, 4:2:0).
 *
 * Frames that come out depend on frames that went in alone: one thread, no choice by the
 * processor's features that could change bits, a fixed group of pictures, conversions bit-exact.
 */
#ifndef PR_DATASET_VIDEO_H
#define PR_DATASET_VIDEO_H

#include "dataset/image.h"

typedef struct pr_video_options {
    int crf;     /* constant rate factor, 0 .. 51 */
    int gop;     /* frames between key frames at most, >= 1 */
    bool no_asm; /* libx264 without its assembler: slower, the same bytes */
} pr_video_options;

/**
 * FRAMES, N_FRAMES RGB images of one size, whose sides are even and at least 16, are replaced by
 * what is left of them. *N_BYTES, unless NULL, receives the size of the stream.
 *
 * Errors: PR_ERR_INVALID for the sizes or the options, or where FFmpeg has no libx264;
 * PR_ERR_NOMEM; PR_ERR_FORMAT with FFmpeg's text where coding fails.
 */
pr_status pr_video_compress(const pr_video_options *options, const pr_image_u8 *frames,
                            int n_frames, int64_t *n_bytes);

/** "libavcodec 59.37.100, libswscale 6.7.100": for a dataset's provenance. */
const char *pr_video_versions(void);

#endif
