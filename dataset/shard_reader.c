#include "dataset/shard_reader.h"

#include "engine/base/alloc.h"
#include "engine/base/hash.h"

#include <string.h>
#include <unistd.h>

void pr__shard_tables(pr_h5_table tables[static PR_SHARD_N_TABLES])
{
    static const pr_h5_table all[PR_SHARD_N_TABLES] = {
        [PR_SHARD_CROPS] = {.name = "crops",
                            .fields = pr_crop_fields,
                            .n_fields = PR_CROP_N_FIELDS,
                            .item_bytes = sizeof(pr_crop_row)},
        [PR_SHARD_WORDS] = {.name = "words", .kind = PR_H5_TEXT},
        [PR_SHARD_IMAGE_OFFSET] = {.name = "image_offset", .kind = PR_H5_U64, .item_bytes = 8},
        [PR_SHARD_IMAGE_CRC] = {.name = "image_crc32c", .kind = PR_H5_U32, .item_bytes = 4},
        [PR_SHARD_MASK_OFFSET] = {.name = "mask_offset", .kind = PR_H5_U64, .item_bytes = 8},
        [PR_SHARD_MASK_CRC] = {.name = "mask_crc32c", .kind = PR_H5_U32, .item_bytes = 4},
        [PR_SHARD_LANDMARKS] = {.name = "landmarks",
                                .kind = PR_H5_F32,
                                .item_bytes = 4,
                                .n_cols = 2},
        [PR_SHARD_IMAGE] = {.name = "image", .kind = PR_H5_U8, .item_bytes = 1},
        [PR_SHARD_MASK] = {.name = "mask", .kind = PR_H5_U8, .item_bytes = 1},
    };
    memcpy(tables, all, sizeof(all));
}

void pr__shard_attrs(pr_h5_attr attrs[static PR_SHARD_N_ATTRS])
{
    attrs[PR_ATTR_VERSION] = (pr_h5_attr){"format_version", PR_FORMAT_VERSION, PR_FORMAT_VERSION};
    attrs[PR_ATTR_RECIPE] = (pr_h5_attr){"recipe", 0, 0};
    attrs[PR_ATTR_CHECKSUM] = (pr_h5_attr){"metadata_checksum", 0, 0};
}

static pr_status find(const char *path, pr_h5_table *tables, int n_tables, int *fd,
                      pr_shard_row *row)
{
    static const bool optional[PR_SHARD_N_TABLES] = {[PR_SHARD_MASK_OFFSET] = true,
                                                     [PR_SHARD_MASK_CRC] = true,
                                                     [PR_SHARD_LANDMARKS] = true,
                                                     [PR_SHARD_MASK] = true};
    pr_h5_attr attrs[PR_SHARD_N_ATTRS];
    pr__shard_attrs(attrs);
    PR_TRY(
        pr_h5_find(path, tables, optional, n_tables, attrs, PR_SHARD_N_ATTRS, fd, &row->n_bytes));
    row->recipe = attrs[PR_ATTR_RECIPE].value;
    row->checksum = attrs[PR_ATTR_CHECKSUM].value;
    return PR_OK;
}

pr_status pr__shard_peek(const char *path, int *fd, pr_shard_row *row)
{
    return find(path, NULL, 0, fd, row);
}

static pr_status read_tables(pr_shard *shard)
{
    for (int i = 0; i <= PR_SHARD_LANDMARKS; i++) {
        pr_h5_table *const table = &shard->tables[i];
        if (table->n_rows < 0) {
            continue;
        }
        const size_t n_bytes = pr_h5_table_bytes(table);
        shard->memory[i] = pr_calloc((int64_t)n_bytes, 1);
        PR_REQUIRE(shard->memory[i] != NULL, PR_ERR_NOMEM, "%s: no memory for /%s, %zu bytes",
                   shard->path, table->name, n_bytes);
        PR_TRY(pr_h5_pread(shard->fd, shard->path, shard->memory[i], n_bytes, table->at));
        table->data = shard->memory[i];
    }
    shard->crops = shard->memory[PR_SHARD_CROPS];
    shard->image_offset = shard->memory[PR_SHARD_IMAGE_OFFSET];
    shard->image_crc32c = shard->memory[PR_SHARD_IMAGE_CRC];
    shard->mask_offset = shard->memory[PR_SHARD_MASK_OFFSET];
    shard->mask_crc32c = shard->memory[PR_SHARD_MASK_CRC];
    shard->landmarks = shard->memory[PR_SHARD_LANDMARKS];
    return PR_OK;
}

/* A heap and its offsets and CRCs have the rows that the crops ask for. */
static pr_status check_heap(const pr_shard *shard, pr_shard_table offset, pr_shard_table crc,
                            pr_shard_table heap)
{
    const int64_t n = shard->n_crops;
    const uint64_t *const offsets = shard->memory[offset];
    const int64_t n_heap = shard->tables[heap].n_rows;
    PR_REQUIRE(offsets != NULL && shard->memory[crc] != NULL && n_heap >= 0, PR_ERR_FORMAT,
               "%s: /%s, /%s and /%s come together, and one is missing", shard->path,
               shard->tables[heap].name, shard->tables[offset].name, shard->tables[crc].name);
    PR_REQUIRE(shard->tables[offset].n_rows == n + 1 && shard->tables[crc].n_rows == n,
               PR_ERR_FORMAT, "%s: /%s has %lld rows and /%s %lld, want %lld and %lld", shard->path,
               shard->tables[offset].name, (long long)shard->tables[offset].n_rows,
               shard->tables[crc].name, (long long)shard->tables[crc].n_rows, (long long)n + 1,
               (long long)n);
    PR_REQUIRE(offsets[0] == 0 && offsets[n] == (uint64_t)n_heap, PR_ERR_FORMAT,
               "%s: /%s goes from %llu to %llu, want 0 to %lld", shard->path,
               shard->tables[offset].name, (unsigned long long)offsets[0],
               (unsigned long long)offsets[n], (long long)n_heap);
    for (int64_t i = 0; i < n; i++) {
        PR_REQUIRE(offsets[i] <= offsets[i + 1] && offsets[i + 1] - offsets[i] <= UINT32_MAX,
                   PR_ERR_FORMAT, "%s: record %lld: /%s goes from %llu to %llu", shard->path,
                   (long long)i, shard->tables[offset].name, (unsigned long long)offsets[i],
                   (unsigned long long)offsets[i + 1]);
    }
    return PR_OK;
}

static pr_status check_crops(const pr_shard *shard)
{
    for (int64_t i = 0; i < shard->n_crops; i++) {
        const pr_crop_row *const row = &shard->crops[i];
        const char *const wrong = pr__crop_row_check(row, shard->words, shard->n_landmarks);
        PR_REQUIRE(wrong == NULL, PR_ERR_FORMAT, "%s: record %lld %s", shard->path, (long long)i,
                   wrong);
        PR_REQUIRE(i == 0 || pr__crop_row_compare(row - 1, row) < 0, PR_ERR_FORMAT,
                   "%s: record %lld is out of key order", shard->path, (long long)i);
        PR_REQUIRE(shard->image_offset[i] < shard->image_offset[i + 1], PR_ERR_FORMAT,
                   "%s: record %lld has an image of no bytes", shard->path, (long long)i);
        const uint32_t crc = row->n_landmarks > 0
                                 ? pr_crc32c(shard->landmarks + 2 * row->landmark_first,
                                             (size_t)row->n_landmarks * 2 * sizeof(float))
                                 : 0;
        PR_REQUIRE(crc == row->landmark_crc32c, PR_ERR_FORMAT,
                   "%s: record %lld: the CRC of its landmarks is %08x, want %08x", shard->path,
                   (long long)i, crc, row->landmark_crc32c);
    }
    return PR_OK;
}

static pr_status check_shard(pr_shard *shard)
{
    uint64_t checksum = 0;
    PR_TRY(pr__tables_checksum(shard->tables, PR_SHARD_LANDMARKS, &checksum));
    PR_REQUIRE(checksum == shard->checksum, PR_ERR_FORMAT,
               "%s: the checksum of its metadata is %016llx, want %016llx", shard->path,
               (unsigned long long)checksum, (unsigned long long)shard->checksum);
    shard->n_crops = shard->tables[PR_SHARD_CROPS].n_rows;
    shard->n_landmarks = shard->landmarks != NULL ? shard->tables[PR_SHARD_LANDMARKS].n_rows : 0;

    const pr_h5_table *const words = &shard->tables[PR_SHARD_WORDS];
    int32_t *const number = pr_calloc(words->n_rows, sizeof(*number));
    PR_REQUIRE(number != NULL, PR_ERR_NOMEM, "%s: no memory for %lld words", shard->path,
               (long long)words->n_rows);
    pr_status status = pr__words_create(&shard->words);
    if (status == PR_OK) {
        status = pr__words_add_rows(shard->words, shard->path, words->data, words->n_rows,
                                    words->item_bytes, true, number);
    }
    pr_free(number);
    PR_TRY(status);
    PR_TRY(check_heap(shard, PR_SHARD_IMAGE_OFFSET, PR_SHARD_IMAGE_CRC, PR_SHARD_IMAGE));
    if (shard->tables[PR_SHARD_MASK].n_rows >= 0 || shard->mask_offset != NULL ||
        shard->mask_crc32c != NULL) {
        PR_TRY(check_heap(shard, PR_SHARD_MASK_OFFSET, PR_SHARD_MASK_CRC, PR_SHARD_MASK));
    }
    return check_crops(shard);
}

static pr_status open_shard(pr_shard *shard, const char *path)
{
    shard->fd = -1;
    shard->path = pr_strdup(path);
    PR_REQUIRE(shard->path != NULL, PR_ERR_NOMEM, "%s: no memory for the path", path);
    pr__shard_tables(shard->tables);
    pr_shard_row row;
    PR_TRY(find(path, shard->tables, PR_SHARD_N_TABLES, &shard->fd, &row));
    shard->n_bytes = row.n_bytes;
    shard->recipe = row.recipe;
    shard->checksum = row.checksum;
    PR_TRY(read_tables(shard));
    return check_shard(shard);
}

pr_status pr__shard_open(const char *path, pr_shard **out)
{
    pr_shard *shard = pr_calloc(1, sizeof(*shard));
    PR_REQUIRE(shard != NULL, PR_ERR_NOMEM, "%s: out of memory", path);
    const pr_status status = open_shard(shard, path);
    if (status != PR_OK) {
        pr__shard_close(&shard);
        return status;
    }
    *out = shard;
    return PR_OK;
}

void pr__shard_close(pr_shard **shard)
{
    if (*shard != NULL) {
        for (int i = 0; i <= PR_SHARD_LANDMARKS; i++) {
            pr_free((*shard)->memory[i]);
        }
        if ((*shard)->fd >= 0) {
            (void)close((*shard)->fd);
        }
        pr__words_destroy(&(*shard)->words);
        pr_free((*shard)->path);
        pr_free(*shard);
        *shard = NULL;
    }
}
