#include "dataset/index.h"
#include "dataset/shard_reader.h"
#include "dataset/shard_writer.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The index on its way; all owned. Landmarks stand as the shards have them, then in key order. */
typedef struct build {
    int64_t n_crops, n_landmarks;
    pr_words *words;
    pr_index_row *crops;
    pr_shard_row *shards;
    float *landmarks, *sorted_landmarks;
    char *word_rows;
    size_t word_width;
} build;

/* Sizes first, so that each table is allocated once. */
static pr_status count_shards(build *index, const char *dir, int n_shards)
{
    for (int s = 0; s < n_shards; s++) {
        char path[PR_PATH_BYTES];
        pr_shard *shard = NULL;
        PR_TRY(pr__shard_path(path, sizeof(path), dir, s));
        PR_TRY(pr__shard_open(path, &shard));
        index->n_crops += shard->n_crops;
        index->n_landmarks += shard->n_landmarks;
        index->shards[s] =
            (pr_shard_row){shard->n_bytes, shard->checksum, shard->recipe, shard->n_crops};
        pr__shard_close(&shard);
    }
    PR_REQUIRE(index->n_crops > 0, PR_ERR_INVALID, "%s: a dataset of no crops", dir);
    return PR_OK;
}

/* Its words become numbers into the index's table, which is sorted later. */
static pr_status take_row(build *index, const pr_shard *shard, int s, int64_t i,
                          int64_t first_landmark, pr_index_row *row)
{
    *row = (pr_index_row){.crop = shard->crops[i], .shard = s, .record = (int32_t)i};
    for (int k = 0; k < PR_ROW_N_WORDS; k++) {
        int32_t *const word = &PR_ROW_WORD(&row->crop, k);
        const char *const text = pr__words_at(shard->words, *word);
        PR_TRY(pr__words_add(index->words, text, strlen(text), word));
    }
    row->crop.landmark_first += first_landmark;
    row->image_at = shard->tables[PR_SHARD_IMAGE].at + shard->image_offset[i];
    row->image_bytes = (uint32_t)(shard->image_offset[i + 1] - shard->image_offset[i]);
    row->image_crc32c = shard->image_crc32c[i];
    if (shard->mask_offset != NULL && shard->mask_offset[i + 1] > shard->mask_offset[i]) {
        row->mask_at = shard->tables[PR_SHARD_MASK].at + shard->mask_offset[i];
        row->mask_bytes = (uint32_t)(shard->mask_offset[i + 1] - shard->mask_offset[i]);
        row->mask_crc32c = shard->mask_crc32c[i];
    }
    return PR_OK;
}

static pr_status take_shard(build *index, const char *dir, int s, int64_t *n_crops,
                            int64_t *n_landmarks)
{
    char path[PR_PATH_BYTES];
    pr_shard *shard = NULL;
    PR_TRY(pr__shard_path(path, sizeof(path), dir, s));
    PR_TRY(pr__shard_open(path, &shard));
    pr_status status = PR_OK;
    if (shard->checksum != index->shards[s].checksum) {
        status = PR_FAIL(PR_ERR_IO, "%s: changed while the index was made", path);
    }
    for (int64_t i = 0; status == PR_OK && i < shard->n_crops; i++) {
        status = take_row(index, shard, s, i, *n_landmarks, &index->crops[*n_crops + i]);
    }
    if (status == PR_OK) {
        if (shard->n_landmarks > 0) {
            memcpy(index->landmarks + 2 * *n_landmarks, shard->landmarks,
                   (size_t)shard->n_landmarks * 2 * sizeof(float));
        }
        *n_crops += shard->n_crops;
        *n_landmarks += shard->n_landmarks;
    }
    pr__shard_close(&shard);
    return status;
}

static int by_key(const void *a, const void *b)
{
    return pr__crop_row_compare(&((const pr_index_row *)a)->crop, &((const pr_index_row *)b)->crop);
}

static pr_status sort_rows(build *index, const char *dir)
{
    int32_t *const new_of_old = pr_calloc(pr__words_n(index->words), sizeof(*new_of_old));
    PR_REQUIRE(new_of_old != NULL, PR_ERR_NOMEM, "%s: no memory for %d words", dir,
               pr__words_n(index->words));
    const pr_status status = pr__words_sort(index->words, new_of_old);
    for (int64_t i = 0; status == PR_OK && i < index->n_crops; i++) {
        for (int k = 0; k < PR_ROW_N_WORDS; k++) {
            int32_t *const word = &PR_ROW_WORD(&index->crops[i].crop, k);
            *word = new_of_old[*word];
        }
    }
    pr_free(new_of_old);
    PR_TRY(status);
    qsort(index->crops, (size_t)index->n_crops, sizeof(*index->crops), by_key);
    int64_t n_landmarks = 0;
    for (int64_t i = 0; i < index->n_crops; i++) {
        pr_index_row *const row = &index->crops[i];
        char name[256];
        PR_REQUIRE(i == 0 || by_key(row - 1, row) != 0, PR_ERR_INVALID,
                   "%s: %s is in part-%05d.h5, record %d, and in part-%05d.h5, record %d", dir,
                   pr__crop_row_name(&row->crop, index->words, name, sizeof(name)), row[-1].shard,
                   row[-1].record, row->shard, row->record);
        memcpy(index->sorted_landmarks + 2 * n_landmarks,
               index->landmarks + 2 * row->crop.landmark_first,
               (size_t)row->crop.n_landmarks * 2 * sizeof(float));
        row->crop.landmark_first = n_landmarks;
        n_landmarks += row->crop.n_landmarks;
    }
    return PR_OK;
}

static pr_status build_index(build *index, const char *dir, int n_shards)
{
    PR_REQUIRE(n_shards > 0, PR_ERR_INVALID, "%s: a dataset of %d shards", dir, n_shards);
    index->shards = pr_calloc(n_shards, sizeof(*index->shards));
    PR_REQUIRE(index->shards != NULL, PR_ERR_NOMEM, "%s: no memory for %d shards", dir, n_shards);
    PR_TRY(count_shards(index, dir, n_shards));
    index->crops = pr_calloc(index->n_crops, sizeof(*index->crops));
    index->landmarks = pr_calloc(index->n_landmarks, 2 * sizeof(*index->landmarks));
    index->sorted_landmarks = pr_calloc(index->n_landmarks, 2 * sizeof(*index->landmarks));
    PR_REQUIRE(index->crops != NULL && index->landmarks != NULL && index->sorted_landmarks != NULL,
               PR_ERR_NOMEM, "%s: no memory for the index of %lld crops", dir,
               (long long)index->n_crops);
    PR_TRY(pr__words_create(&index->words));
    int64_t n_crops = 0;
    int64_t n_landmarks = 0;
    for (int s = 0; s < n_shards; s++) {
        PR_TRY(take_shard(index, dir, s, &n_crops, &n_landmarks));
    }
    PR_TRY(sort_rows(index, dir));
    return pr__words_to_rows(index->words, &index->word_rows, &index->word_width);
}

static void set_table(pr_h5_table *table, const void *data, int64_t n_rows)
{
    table->data = data;
    table->n_rows = n_rows;
}

static pr_status write_index(const build *index, const char *dir, int n_shards,
                             const char *provenance)
{
    char path[PR_PATH_BYTES];
    char tmp[PR_PATH_BYTES + 8];
    PR_TRY(pr__shard_path(path, sizeof(path), dir, -1));
    (void)snprintf(tmp, sizeof(tmp), "%s.tmp", path);

    pr_h5_table tables[PR_INDEX_N_TABLES];
    pr__index_tables(tables);
    const size_t n_text = strlen(provenance);
    tables[PR_INDEX_WORDS].item_bytes = index->word_width;
    tables[PR_INDEX_PROVENANCE].item_bytes = n_text > 0 ? n_text : 1;
    set_table(&tables[PR_INDEX_CROPS], index->crops, index->n_crops);
    set_table(&tables[PR_INDEX_WORDS], index->word_rows, pr__words_n(index->words));
    set_table(&tables[PR_INDEX_SHARDS], index->shards, n_shards);
    set_table(&tables[PR_INDEX_PROVENANCE], provenance, 1);
    set_table(&tables[PR_INDEX_LANDMARKS], index->sorted_landmarks, index->n_landmarks);
    const int n_tables = index->n_landmarks > 0 ? PR_INDEX_N_TABLES : PR_INDEX_LANDMARKS;

    pr_h5_attr attrs[] = {{"format_version", PR_FORMAT_VERSION, 0}, {"metadata_checksum", 0, 0}};
    PR_TRY(pr__tables_checksum(tables, PR_INDEX_LANDMARKS, &attrs[1].value));
    int fd = -1;
    PR_TRY(pr_h5_lay_out(tmp, tables, n_tables, attrs, 2, &fd));
    pr_status status = pr_h5_fill(fd, tmp, tables, n_tables);
    if (status == PR_OK) {
        status = pr_h5_commit(&fd, tmp, dir, path);
    }
    if (status != PR_OK) {
        if (fd >= 0) {
            (void)close(fd);
        }
        (void)unlink(tmp);
    }
    return status;
}

/* The number in "part-00012.h5" or "part-00012.h5.tmp", or -1 for any other name. */
static int64_t shard_of_name(const char *name)
{
    int64_t number = 0;
    if (strncmp(name, "part-", 5) != 0) {
        return -1;
    }
    const char *at = name + 5;
    while (*at >= '0' && *at <= '9' && number <= INT32_MAX) {
        number = 10 * number + (*at++ - '0');
    }
    const bool whole = strcmp(at, ".h5") == 0 || strcmp(at, ".h5.tmp") == 0;
    return whole && at >= name + 10 ? number : -1;
}

/* What an earlier run with more shards, or a killed one, left behind. */
static pr_status remove_stale(const char *dir, int n_shards)
{
    char **names = NULL;
    int64_t n_names = 0;
    PR_TRY(pr_fs_list(dir, &names, &n_names));
    pr_status status = PR_OK;
    for (int64_t i = 0; status == PR_OK && i < n_names; i++) {
        char path[PR_PATH_BYTES];
        const int64_t number = shard_of_name(names[i]);
        const bool unfinished = number >= 0 && strstr(names[i], ".tmp") != NULL;
        if (number >= n_shards || unfinished) {
            status = pr_fs_join(path, dir, names[i]);
            status = status == PR_OK ? pr_fs_remove(path) : status;
        }
    }
    pr_free(names);
    return status;
}

pr_status pr_dataset_finish(const char *dir, int n_shards, const char *provenance)
{
    build index = {0};
    pr_status status = build_index(&index, dir, n_shards);
    if (status == PR_OK) {
        status = write_index(&index, dir, n_shards, provenance);
    }
    if (status == PR_OK) {
        status = remove_stale(dir, n_shards);
    }
    pr__words_destroy(&index.words);
    pr_free(index.crops);
    pr_free(index.shards);
    pr_free(index.landmarks);
    pr_free(index.sorted_landmarks);
    pr_free(index.word_rows);
    return status;
}
