/**
 * What a pr_samples is made of; samples_open.c fills it, samples.c answers from it.
 */
#ifndef PR_DATASET_SAMPLES_PRIVATE_H
#define PR_DATASET_SAMPLES_PRIVATE_H

#include "dataset/samples.h"
#include "dataset/words.h"

/** A sample, and what its index says of it. */
typedef struct pr_sample_entry {
    pr_sample sample;
    int32_t file, record; /* of pr_samples.files; row of its /crops */
    uint64_t image_at, mask_at;
    uint32_t image_bytes, mask_bytes, image_crc32c, mask_crc32c;
    int32_t width, height;
    int32_t n_landmarks;
    int64_t landmark_first; /* in pr_samples.landmarks */
    int64_t crop;           /* in pr_samples.crops, or -1 */
} pr_sample_entry;

typedef struct pr_sample_file {
    char *path;
    int fd;
} pr_sample_file;

struct pr_samples {
    int64_t n;
    pr_sample_entry *entries; /* [n] in key order */
    pr_words *words;
    pr_sample_file *files; /* shards that hold a sample */
    int32_t n_files;
    double *crops;    /* [n crops known][6] */
    float *landmarks; /* [n landmarks][2] */
    int64_t *aligned; /* [n] */
    uint64_t hash;
};

/** Key order of two samples of one pr_samples: < 0, 0, > 0. */
int pr__sample_compare(const pr_sample *a, const pr_sample *b);

/** Fills samples->aligned. Errors: PR_ERR_NOMEM. */
pr_status pr__samples_align(pr_samples *samples);

#endif
