/**
 * The crops that a list of selections picks out of dataset directories, in key order: what a run
 * reads. Every rank opens the same list and holds the same table.
 */
#ifndef PR_DATASET_SAMPLES_H
#define PR_DATASET_SAMPLES_H

#include "dataset/view.h"
#include "engine/base/status.h"

#include <stddef.h>

typedef struct pr_samples pr_samples;

typedef enum pr_frame_rule {
    PR_FRAMES_ALL,
    PR_FRAMES_FIRST,
    PR_FRAMES_UNIFORM,
    PR_FRAMES_RANDOM
} pr_frame_rule;

/**
 * One selection, as the config gives it: `data.train.0.path` and so on. A word list is
 * NULL-terminated, or NULL for "any".
 */
typedef struct pr_selection {
    const char *path; /* a dataset directory */
    const char *const *dataset, *const *split, *const *method, *const *compression;
    const char *label; /* "real", "fake" or NULL */
    int64_t n_frames;  /* a video; with PR_FRAMES_ALL not used */
    pr_frame_rule frame_rule;
    uint64_t frame_seed; /* PR_FRAMES_RANDOM: drawn once a video */
} pr_selection;

/**
 * Opens the directories and picks the crops. Not collective (each rank reads the indices). A crop
 * that two selections pick is one sample.
 *
 * Errors: PR_ERR_IO, PR_ERR_FORMAT naming file and record; PR_ERR_INVALID where a selection matches
 * nothing, or names a split, method, label … that the directory does not have (with what it has).
 */
pr_status pr_samples_open(const pr_selection *selections, int n_selections, pr_samples **out);
void pr_samples_close(pr_samples **samples);

int64_t pr_samples_n(const pr_samples *samples);
const pr_sample *pr_samples_at(const pr_samples *samples, int64_t i);
const char *pr_samples_word(const pr_samples *samples, pr_word word);

/** A hash over keys and payload checksums in key order: equal data give it in any sharding. */
uint64_t pr_samples_hash(const pr_samples *samples);

/** What the crop of sample I is called in messages: "raw/000_003/frame 12 (part-00002.h5, record 7)". */
const char *pr_samples_name(const pr_samples *samples, int64_t i, char *text, size_t n_bytes);

/** Size of the crop of sample I in pixels, as its index says. */
void pr_samples_size_px(const pr_samples *samples, int64_t i, int *width, int *height);

/** Landmarks of sample I as (x, y) pairs in pixels of the crop; *N = 0 where it has none. Borrowed. */
const float *pr_samples_landmarks(const pr_samples *samples, int64_t i, int *n);

/** The 2x3 map from frame to crop pixels, or NULL where it is unknown. Borrowed. */
const double *pr_samples_crop_map(const pr_samples *samples, int64_t i);

/**
 * The real sample that fake I is aligned with, or -1 where there is none (and for a real): dataset,
 * compression, bg_video and frame are equal, the crops have one size, and over the whole crop their
 * maps agree within 0.5 px. Where several are, the nearest by map, then the first. A crop without
 * a map is aligned with none.
 */
int64_t pr_samples_aligned(const pr_samples *samples, int64_t i);

/** Bytes of the encoded image of sample I. */
size_t pr_samples_payload_bytes(const pr_samples *samples, int64_t i);

/**
 * Reads the encoded image of sample I into BYTES (as many as pr_samples_payload_bytes says) with
 * pread, and checks its CRC-32C. Any thread may call it.
 *
 * Errors: PR_ERR_IO (the disk: always ends the run); PR_ERR_FORMAT (the content: a bad sample).
 */
pr_status pr_samples_read(const pr_samples *samples, int64_t i, uint8_t *bytes);

/** Bytes of the PNG mask of sample I, 0 where it has none; and the mask, read as images are. */
size_t pr_samples_mask_bytes(const pr_samples *samples, int64_t i);
pr_status pr_samples_read_mask(const pr_samples *samples, int64_t i, uint8_t *bytes);

#endif
