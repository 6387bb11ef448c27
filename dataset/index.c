#include "dataset/index.h"

#include "dataset/shard_reader.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void pr__index_tables(pr_h5_table tables[static PR_INDEX_N_TABLES])
{
    static const pr_h5_table all[PR_INDEX_N_TABLES] = {
        [PR_INDEX_CROPS] = {.name = "crops",
                            .fields = pr_index_fields,
                            .n_fields = PR_INDEX_N_FIELDS,
                            .item_bytes = sizeof(pr_index_row)},
        [PR_INDEX_WORDS] = {.name = "words", .kind = PR_H5_TEXT},
        [PR_INDEX_SHARDS] = {.name = "shards",
                             .fields = pr_shard_fields,
                             .n_fields = PR_SHARD_N_FIELDS,
                             .item_bytes = sizeof(pr_shard_row)},
        [PR_INDEX_PROVENANCE] = {.name = "provenance", .kind = PR_H5_TEXT},
        [PR_INDEX_LANDMARKS] = {.name = "landmarks",
                                .kind = PR_H5_F32,
                                .item_bytes = 4,
                                .n_cols = 2},
    };
    memcpy(tables, all, sizeof(all));
}

static pr_status read_tables(pr_index *index)
{
    for (int i = 0; i < PR_INDEX_LANDMARKS; i++) {
        pr_h5_table *const table = &index->tables[i];
        const size_t n_bytes = pr_h5_table_bytes(table);
        /* One byte more, which ends the provenance. */
        index->memory[i] = pr_calloc((int64_t)n_bytes + 1, 1);
        PR_REQUIRE(index->memory[i] != NULL, PR_ERR_NOMEM, "%s: no memory for /%s, %zu bytes",
                   index->path, table->name, n_bytes);
        PR_TRY(pr_h5_pread(index->fd, index->path, index->memory[i], n_bytes, table->at));
        table->data = index->memory[i];
    }
    uint64_t checksum = 0;
    PR_TRY(pr__tables_checksum(index->tables, PR_INDEX_LANDMARKS, &checksum));
    PR_REQUIRE(checksum == index->checksum, PR_ERR_FORMAT,
               "%s: the checksum of its tables is %016llx, want %016llx", index->path,
               (unsigned long long)checksum, (unsigned long long)index->checksum);
    index->crops = index->memory[PR_INDEX_CROPS];
    index->shards = index->memory[PR_INDEX_SHARDS];
    index->provenance = index->memory[PR_INDEX_PROVENANCE];
    return PR_OK;
}

static pr_status read_words(pr_index *index)
{
    const pr_h5_table *const table = &index->tables[PR_INDEX_WORDS];
    int32_t *const number = pr_calloc(table->n_rows, sizeof(*number));
    PR_REQUIRE(number != NULL, PR_ERR_NOMEM, "%s: no memory for %lld words", index->path,
               (long long)table->n_rows);
    pr_status status = pr__words_create(&index->words);
    if (status == PR_OK) {
        status = pr__words_add_rows(index->words, index->path, table->data, table->n_rows,
                                    table->item_bytes, true, number);
    }
    pr_free(number);
    return status;
}

static const char *check_place(const pr_index *index, const pr_index_row *row)
{
    if (row->shard < 0 || row->shard >= index->n_shards) {
        return "is in a shard that is not in /shards";
    }
    const pr_shard_row *const shard = &index->shards[row->shard];
    if (row->record < 0 || row->record >= shard->n_crops) {
        return "is a record that its shard does not have";
    }
    const bool fits = row->image_bytes > 0 && row->image_at <= shard->n_bytes &&
                      row->image_bytes <= shard->n_bytes - row->image_at &&
                      row->mask_at <= shard->n_bytes &&
                      row->mask_bytes <= shard->n_bytes - row->mask_at;
    return fits ? NULL : "has an image or a mask that reaches beyond its shard";
}

static pr_status check_index(pr_index *index)
{
    index->n_crops = index->tables[PR_INDEX_CROPS].n_rows;
    const int64_t n_landmarks = index->tables[PR_INDEX_LANDMARKS].n_rows;
    index->n_landmarks = n_landmarks > 0 ? n_landmarks : 0;
    const int64_t n_shards = index->tables[PR_INDEX_SHARDS].n_rows;
    PR_REQUIRE(index->n_crops > 0, PR_ERR_FORMAT, "%s: holds no crops", index->path);
    PR_REQUIRE(n_shards > 0 && n_shards <= INT32_MAX, PR_ERR_FORMAT, "%s: names %lld shards",
               index->path, (long long)n_shards);
    index->n_shards = (int)n_shards;
    PR_TRY(read_words(index));
    for (int64_t i = 0; i < index->n_crops; i++) {
        const pr_index_row *const row = &index->crops[i];
        const char *wrong = pr__crop_row_check(&row->crop, index->words, index->n_landmarks);
        wrong = wrong == NULL ? check_place(index, row) : wrong;
        PR_REQUIRE(wrong == NULL, PR_ERR_FORMAT, "%s: row %lld %s", index->path, (long long)i,
                   wrong);
        PR_REQUIRE(i == 0 || pr__crop_row_compare(&row[-1].crop, &row->crop) < 0, PR_ERR_FORMAT,
                   "%s: row %lld is out of key order", index->path, (long long)i);
    }
    return PR_OK;
}

static pr_status open_index(pr_index *index, const char *dir)
{
    char path[PR_PATH_BYTES];
    index->fd = -1;
    PR_REQUIRE(pr_fs_is_folder(dir), PR_ERR_IO, "%s: is not a folder that can be read", dir);
    PR_TRY(pr__shard_path(path, sizeof(path), dir, -1));
    PR_REQUIRE(pr_fs_exists(path), PR_ERR_IO,
               "%s: is not there: not a dataset, or one whose packing has not finished", path);
    index->dir = pr_strdup(dir);
    index->path = pr_strdup(path);
    PR_REQUIRE(index->dir != NULL && index->path != NULL, PR_ERR_NOMEM,
               "%s: no memory for the path", path);
    static const bool optional[PR_INDEX_N_TABLES] = {[PR_INDEX_LANDMARKS] = true};
    pr_h5_attr attrs[] = {{"format_version", 0, PR_FORMAT_VERSION}, {"metadata_checksum", 0, 0}};
    uint64_t n_bytes = 0;
    pr__index_tables(index->tables);
    PR_TRY(pr_h5_find(path, index->tables, optional, PR_INDEX_N_TABLES, attrs, 2, &index->fd,
                      &n_bytes));
    index->checksum = attrs[1].value;
    PR_TRY(read_tables(index));
    return check_index(index);
}

pr_status pr__index_open(const char *dir, pr_index **out)
{
    pr_index *index = pr_calloc(1, sizeof(*index));
    PR_REQUIRE(index != NULL, PR_ERR_NOMEM, "%s: out of memory", dir);
    const pr_status status = open_index(index, dir);
    if (status != PR_OK) {
        pr__index_close(&index);
        return status;
    }
    *out = index;
    return PR_OK;
}

void pr__index_close(pr_index **index)
{
    if (*index != NULL) {
        for (int i = 0; i < PR_INDEX_LANDMARKS; i++) {
            pr_free((*index)->memory[i]);
        }
        if ((*index)->fd >= 0) {
            (void)close((*index)->fd);
        }
        pr__words_destroy(&(*index)->words);
        pr_free((*index)->dir);
        pr_free((*index)->path);
        pr_free(*index);
        *index = NULL;
    }
}

pr_status pr__index_stat_shard(const pr_index *index, int shard)
{
    char path[PR_PATH_BYTES];
    struct stat info;
    PR_TRY(pr__shard_path(path, sizeof(path), index->dir, shard));
    PR_REQUIRE(stat(path, &info) == 0, PR_ERR_IO, "%s: cannot be read: %s; %s wants %d shards",
               path, strerror(errno), index->path, index->n_shards);
    PR_REQUIRE((uint64_t)info.st_size == index->shards[shard].n_bytes, PR_ERR_FORMAT,
               "%s: has %lld bytes, %s wants %llu", path, (long long)info.st_size, index->path,
               (unsigned long long)index->shards[shard].n_bytes);
    return PR_OK;
}

pr_status pr__index_open_shard(const pr_index *index, int shard, int *fd)
{
    char path[PR_PATH_BYTES];
    pr_shard_row found;
    int opened = -1;
    PR_TRY(pr__index_stat_shard(index, shard));
    PR_TRY(pr__shard_path(path, sizeof(path), index->dir, shard));
    PR_TRY(pr__shard_peek(path, &opened, &found));
    const uint64_t wanted = index->shards[shard].checksum;
    if (found.checksum != wanted) {
        (void)close(opened);
        return PR_FAIL(PR_ERR_FORMAT, "%s: its checksum is %016llx, %s wants %016llx: %s", path,
                       (unsigned long long)found.checksum, index->path, (unsigned long long)wanted,
                       "not the shard that was packed with it");
    }
    *fd = opened;
    return PR_OK;
}
