/**
 * One shard with its tables in memory: what `finish` makes the index of, and `inspect --verify`
 * checks. Training reads payloads by the index alone (samples.h).
 */
#ifndef PR_DATASET_SHARD_READER_H
#define PR_DATASET_SHARD_READER_H

#include "dataset/rows.h"

/** The tables of a shard; a shard without landmarks, or without masks, lacks theirs. */
typedef enum pr_shard_table {
    PR_SHARD_CROPS,
    PR_SHARD_WORDS,
    PR_SHARD_IMAGE_OFFSET,
    PR_SHARD_IMAGE_CRC,
    PR_SHARD_MASK_OFFSET,
    PR_SHARD_MASK_CRC,
    PR_SHARD_LANDMARKS, /* from here on not under the checksum of the metadata: */
    PR_SHARD_IMAGE,     /* each crop's have a CRC in the tables above */
    PR_SHARD_MASK,
    PR_SHARD_N_TABLES
} pr_shard_table;

/** Names and types of a shard's tables, no rows. */
void pr__shard_tables(pr_h5_table tables[static PR_SHARD_N_TABLES]);

typedef enum pr_shard_attr {
    PR_ATTR_VERSION,
    PR_ATTR_RECIPE,
    PR_ATTR_CHECKSUM,
    PR_SHARD_N_ATTRS
} pr_shard_attr;

void pr__shard_attrs(pr_h5_attr attrs[static PR_SHARD_N_ATTRS]);

typedef struct pr_shard {
    char *path;
    int fd;
    uint64_t n_bytes, recipe, checksum;
    pr_h5_table tables[PR_SHARD_N_TABLES]; /* n_rows = -1 where absent */
    void *memory[PR_SHARD_LANDMARKS + 1];  /* owned: their rows, NULL where absent */

    int64_t n_crops, n_landmarks;
    pr_words *words;          /* numbered as the rows say */
    const pr_crop_row *crops; /* in key order */
    const uint64_t *image_offset,
        *mask_offset; /* [n_crops + 1]; masks: NULL where there are none */
    const uint32_t *image_crc32c, *mask_crc32c; /* [n_crops] */
    const float *landmarks;                     /* [n_landmarks][2] */
} pr_shard;

/**
 * Opens a shard and reads its tables, which are whole and agree with each other afterwards; payloads
 * are not looked at.
 *
 * Errors: PR_ERR_IO, PR_ERR_FORMAT naming file and record, PR_ERR_NOMEM.
 */
pr_status pr__shard_open(const char *path, pr_shard **out);
void pr__shard_close(pr_shard **shard);

/** Opens PATH and finds its size, recipe and checksum only; *FD is the caller's to close. */
pr_status pr__shard_peek(const char *path, int *fd, pr_shard_row *row);

#endif
