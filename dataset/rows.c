#include "dataset/rows.h"

#include "engine/base/hash.h"

#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(pr_crop_row) == 128, "a row without padding");
_Static_assert(sizeof(pr_index_row) == 168, "a row without padding");
_Static_assert(sizeof(pr_shard_row) == 32, "a row without padding");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows are read in place");

#define CROP_FIELD(member, kind, n)                                                                \
    {                                                                                              \
#member, offsetof(pr_crop_row, member), kind, n                                            \
    }
#define CROP_FIELDS                                                                                \
    CROP_FIELD(dataset, PR_H5_I32, 1), CROP_FIELD(label, PR_H5_I32, 1),                            \
        CROP_FIELD(method, PR_H5_I32, 1), CROP_FIELD(compression, PR_H5_I32, 1),                   \
        CROP_FIELD(split, PR_H5_I32, 1), CROP_FIELD(video, PR_H5_I32, 1),                          \
        CROP_FIELD(frame, PR_H5_I32, 1), CROP_FIELD(face, PR_H5_I32, 1),                           \
        CROP_FIELD(bg_video, PR_H5_I32, 1), CROP_FIELD(bg_id, PR_H5_I32, 1),                       \
        CROP_FIELD(face_id, PR_H5_I32, 1), CROP_FIELD(face_video, PR_H5_I32, 1),                   \
        CROP_FIELD(codec, PR_H5_I32, 1), CROP_FIELD(width, PR_H5_I32, 1),                          \
        CROP_FIELD(height, PR_H5_I32, 1), CROP_FIELD(has_crop, PR_H5_I32, 1),                      \
        CROP_FIELD(landmark_first, PR_H5_I64, 1), CROP_FIELD(n_landmarks, PR_H5_I32, 1),           \
        CROP_FIELD(landmark_crc32c, PR_H5_U32, 1), CROP_FIELD(crop, PR_H5_F64, 6)

const pr_h5_field pr_crop_fields[PR_CROP_N_FIELDS] = {CROP_FIELDS};

/* The crop is the row's first member, so its offsets hold here too. */
const pr_h5_field pr_index_fields[PR_INDEX_N_FIELDS] = {
    CROP_FIELDS,
    {"shard", offsetof(pr_index_row, shard), PR_H5_I32, 1},
    {"record", offsetof(pr_index_row, record), PR_H5_I32, 1},
    {"image_at", offsetof(pr_index_row, image_at), PR_H5_U64, 1},
    {"mask_at", offsetof(pr_index_row, mask_at), PR_H5_U64, 1},
    {"image_bytes", offsetof(pr_index_row, image_bytes), PR_H5_U32, 1},
    {"mask_bytes", offsetof(pr_index_row, mask_bytes), PR_H5_U32, 1},
    {"image_crc32c", offsetof(pr_index_row, image_crc32c), PR_H5_U32, 1},
    {"mask_crc32c", offsetof(pr_index_row, mask_crc32c), PR_H5_U32, 1},
};

const pr_h5_field pr_shard_fields[PR_SHARD_N_FIELDS] = {
    {"n_bytes", offsetof(pr_shard_row, n_bytes), PR_H5_U64, 1},
    {"checksum", offsetof(pr_shard_row, checksum), PR_H5_U64, 1},
    {"recipe", offsetof(pr_shard_row, recipe), PR_H5_U64, 1},
    {"n_crops", offsetof(pr_shard_row, n_crops), PR_H5_I64, 1},
};

const size_t pr_row_word_offset[PR_ROW_N_WORDS] = {
    offsetof(pr_crop_row, dataset),  offsetof(pr_crop_row, label),
    offsetof(pr_crop_row, method),   offsetof(pr_crop_row, compression),
    offsetof(pr_crop_row, split),    offsetof(pr_crop_row, video),
    offsetof(pr_crop_row, bg_video), offsetof(pr_crop_row, bg_id),
    offsetof(pr_crop_row, face_id),  offsetof(pr_crop_row, face_video),
    offsetof(pr_crop_row, codec),
};

static int compare(int32_t a, int32_t b)
{
    return (a > b) - (a < b);
}

int pr__crop_row_compare(const pr_crop_row *a, const pr_crop_row *b)
{
    const int order[6] = {
        compare(a->dataset, b->dataset),
        compare(a->method, b->method),
        compare(a->compression, b->compression),
        compare(a->video, b->video),
        compare(a->frame, b->frame),
        compare(a->face, b->face),
    };
    int i = 0;
    while (i < 5 && order[i] == 0) {
        i++;
    }
    return order[i];
}

const char *pr__crop_row_name(const pr_crop_row *row, const pr_words *words, char *text,
                              size_t n_bytes)
{
    const int n = snprintf(text, n_bytes, "%s/%s/%s/%s/frame %d", pr__words_at(words, row->dataset),
                           pr__words_at(words, row->method), pr__words_at(words, row->compression),
                           pr__words_at(words, row->video), row->frame);
    if (row->face != 0 && n > 0 && (size_t)n < n_bytes) {
        (void)snprintf(text + n, n_bytes - (size_t)n, "/face %d", row->face);
    }
    return text;
}

const char *pr__crop_row_check(const pr_crop_row *row, const pr_words *words, int64_t n_landmarks)
{
    for (int k = 0; k < PR_ROW_N_WORDS; k++) {
        const int32_t word = PR_ROW_WORD_OF(row, k);
        if (word < 0 || word >= pr__words_n(words)) {
            return "names a word that is not in /words";
        }
    }
    const char *const label = pr__words_at(words, row->label);
    const char *const codec = pr__words_at(words, row->codec);
    if (strcmp(label, "real") != 0 && strcmp(label, "fake") != 0) {
        return "has a label other than real and fake";
    }
    if (strcmp(codec, "jpeg") != 0 && strcmp(codec, "png") != 0) {
        return "has a codec other than jpeg and png";
    }
    if (row->dataset == 0 || row->video == 0) {
        return "has no dataset or no video";
    }
    if (row->frame < 0 || row->face < 0 || row->width <= 0 || row->height <= 0 ||
        (row->has_crop != 0 && row->has_crop != 1)) {
        return "has a negative frame or face, no size, or a has_crop other than 0 and 1";
    }
    if (row->n_landmarks < 0 || row->landmark_first < 0 || row->landmark_first > n_landmarks ||
        row->n_landmarks > n_landmarks - row->landmark_first) {
        return "has landmarks outside /landmarks";
    }
    return NULL;
}

pr_status pr__shard_path(char *path, size_t n_bytes, const char *dir, int shard)
{
    const int n = shard < 0 ? snprintf(path, n_bytes, "%s/dataset.h5", dir)
                            : snprintf(path, n_bytes, "%s/part-%05d.h5", dir, shard);
    PR_REQUIRE(n > 0 && (size_t)n < n_bytes, PR_ERR_INVALID, "%s: a path of %d bytes, at most %zu",
               dir, n, n_bytes - 1);
    return PR_OK;
}

pr_status pr__tables_checksum(const pr_h5_table *tables, int n_tables, uint64_t *checksum)
{
    pr_hash *hash = NULL;
    PR_TRY(pr_hash_create(PR_FORMAT_VERSION, &hash));
    for (int i = 0; i < n_tables; i++) {
        if (tables[i].data != NULL) {
            const uint64_t n_bytes = pr_h5_table_bytes(&tables[i]);
            pr_hash_add(hash, tables[i].name, strlen(tables[i].name) + 1);
            pr_hash_add(hash, &n_bytes, sizeof(n_bytes));
            pr_hash_add(hash, tables[i].data, n_bytes);
        }
    }
    *checksum = pr_hash_value(hash);
    pr_hash_destroy(&hash);
    return PR_OK;
}
