/**
 * The rows of a dataset's tables as they stand in the files (docs/format.md), and their order.
 * Little-endian, without padding; words are numbers into the file's own /words.
 */
#ifndef PR_DATASET_ROWS_H
#define PR_DATASET_ROWS_H

#include "dataset/h5.h"
#include "dataset/words.h"

enum { PR_FORMAT_VERSION = 1 };

/** One crop of a shard: /crops. */
typedef struct pr_crop_row {
    int32_t dataset, label, method, compression, split, video;
    int32_t frame, face;
    int32_t bg_video, bg_id, face_id, face_video, codec;
    int32_t width, height;
    int32_t has_crop;       /* 1: crop is known */
    int64_t landmark_first; /* row of /landmarks */
    int32_t n_landmarks;
    uint32_t landmark_crc32c;
    double crop[6]; /* frame to crop pixels, row-major 2x3; 0 where unknown */
} pr_crop_row;

/** One crop of dataset.h5: the crop, and where its bytes are. */
typedef struct pr_index_row {
    pr_crop_row crop;
    int32_t shard, record;      /* part-NNNNN.h5, row of its /crops */
    uint64_t image_at, mask_at; /* from the first byte of the shard */
    uint32_t image_bytes, mask_bytes;
    uint32_t image_crc32c, mask_crc32c;
} pr_index_row;

/** One shard, as dataset.h5 expects to find it. */
typedef struct pr_shard_row {
    uint64_t n_bytes;  /* of the file */
    uint64_t checksum; /* its attribute metadata_checksum */
    uint64_t recipe;
    int64_t n_crops;
} pr_shard_row;

enum { PR_CROP_N_FIELDS = 20, PR_INDEX_N_FIELDS = 28, PR_SHARD_N_FIELDS = 4 };

extern const pr_h5_field pr_crop_fields[PR_CROP_N_FIELDS];
extern const pr_h5_field pr_index_fields[PR_INDEX_N_FIELDS];
extern const pr_h5_field pr_shard_fields[PR_SHARD_N_FIELDS];

/** The words of a row, by place; PR_ROW_WORD(row, k) is the number. */
enum { PR_ROW_N_WORDS = 11 };
extern const size_t pr_row_word_offset[PR_ROW_N_WORDS];
#define PR_ROW_WORD(row, k)    (*(int32_t *)((char *)(row) + pr_row_word_offset[k]))
#define PR_ROW_WORD_OF(row, k) (*(const int32_t *)((const char *)(row) + pr_row_word_offset[k]))

/**
 * Key order of two rows whose words are numbers into one table sorted bytewise: < 0, 0 (the same
 * sample), > 0.
 */
int pr__crop_row_compare(const pr_crop_row *a, const pr_crop_row *b);

/** The key in words: "ff/deepfakes/c23/000_003/frame 12", with "/face 1" where it is not 0. */
const char *pr__crop_row_name(const pr_crop_row *row, const pr_words *words, char *text,
                              size_t n_bytes);

/**
 * Whether the row can be trusted: word numbers below N_WORDS, a label that is real or fake, sizes
 * and numbers in range, landmarks inside a table of N_LANDMARKS. Returns what is wrong, or NULL.
 */
const char *pr__crop_row_check(const pr_crop_row *row, const pr_words *words, int64_t n_landmarks);

/** "DIR/part-00007.h5" in PATH; "DIR/dataset.h5" for shard -1. Errors: PR_ERR_INVALID if too long. */
pr_status pr__shard_path(char *path, size_t n_bytes, const char *dir, int shard);

/** XXH3 over name and bytes of the tables that have data: what metadata_checksum is. PR_ERR_NOMEM. */
pr_status pr__tables_checksum(const pr_h5_table *tables, int n_tables, uint64_t *checksum);

#endif
