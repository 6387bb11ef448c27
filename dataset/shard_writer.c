#include "dataset/shard_writer.h"

#include "dataset/shard_reader.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/hash.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A row on its way into key order, and the record that it was made from. */
typedef struct sort_row {
    pr_crop_row row;
    const pr_record *from;
} sort_row;

/* Everything of a shard but its payloads; all owned. */
typedef struct shard_build {
    int64_t n;
    pr_words *words;
    sort_row *sorted; /* [n] */
    pr_crop_row *crops;
    uint64_t *image_offset, *mask_offset;
    uint32_t *image_crc32c, *mask_crc32c;
    float *landmarks;
    int64_t n_landmarks;
    char *word_rows;
    size_t word_width;
    bool has_masks;
} shard_build;

static const char *codec_of(const pr_record *record)
{
    static const uint8_t jpeg[2] = {0xff, 0xd8};
    static const uint8_t png[4] = {0x89, 'P', 'N', 'G'};
    if (record->image_bytes >= sizeof(jpeg) && memcmp(record->image, jpeg, sizeof(jpeg)) == 0) {
        return "jpeg";
    }
    if (record->image_bytes >= sizeof(png) && memcmp(record->image, png, sizeof(png)) == 0) {
        return "png";
    }
    return NULL;
}

static bool all_finite(const double *x, int n)
{
    for (int i = 0; i < n; i++) {
        if (!isfinite(x[i])) {
            return false;
        }
    }
    return true;
}

static pr_status check_words(const pr_record *record, const char *const words[PR_ROW_N_WORDS])
{
    for (int k = 0; k < PR_ROW_N_WORDS; k++) {
        const char *const wrong = pr__word_check(words[k]);
        PR_REQUIRE(wrong == NULL, PR_ERR_INVALID, "%.60s, frame %d: the word '%.60s' %s",
                   record->video, record->frame, words[k], wrong);
    }
    return PR_OK;
}

static pr_status check_key(const pr_record *record)
{
    const char *const video = record->video;
    PR_REQUIRE(record->dataset[0] != '\0' && video[0] != '\0', PR_ERR_INVALID,
               "a crop of dataset '%s', video '%s': neither may be empty", record->dataset, video);
    PR_REQUIRE(strcmp(record->label, "real") == 0 || strcmp(record->label, "fake") == 0,
               PR_ERR_INVALID, "%s, frame %d: label '%s', want real or fake", video, record->frame,
               record->label);
    /* The video's key joins them with '/', and two videos may not come to share one. */
    PR_REQUIRE(strchr(record->dataset, '/') == NULL && strchr(record->method, '/') == NULL,
               PR_ERR_INVALID, "%s, frame %d: '/' in dataset '%s' or method '%s'", video,
               record->frame, record->dataset, record->method);
    PR_REQUIRE(record->frame >= 0 && record->face >= 0, PR_ERR_INVALID,
               "%s: frame %d, face %d: neither may be negative", video, record->frame,
               record->face);
    return PR_OK;
}

static pr_status check_content(const pr_record *record)
{
    const char *const video = record->video;
    const int frame = record->frame;
    PR_REQUIRE(record->width > 0 && record->height > 0, PR_ERR_INVALID,
               "%s, frame %d: %d x %d pixels", video, frame, record->width, record->height);
    PR_REQUIRE(record->image_bytes > 0 && record->image_bytes <= UINT32_MAX &&
                   record->mask_bytes <= UINT32_MAX,
               PR_ERR_INVALID, "%s, frame %d: an image of %zu and a mask of %zu bytes", video,
               frame, record->image_bytes, record->mask_bytes);
    PR_REQUIRE(codec_of(record) != NULL, PR_ERR_INVALID, "%s, frame %d: neither JPEG nor PNG",
               video, frame);
    PR_REQUIRE(record->crop_map == NULL || all_finite(record->crop_map, 6), PR_ERR_INVALID,
               "%s, frame %d: the crop map is not finite", video, frame);
    for (int64_t i = 0; i < 2 * (int64_t)record->n_landmarks; i++) {
        PR_REQUIRE(isfinite(record->landmarks[i]), PR_ERR_INVALID,
                   "%s, frame %d: landmark %lld is not finite", video, frame, (long long)i / 2);
    }
    return PR_OK;
}

static pr_status make_row(pr_words *words, const pr_record *record, pr_crop_row *row)
{
    PR_TRY(check_key(record));
    PR_TRY(check_content(record));
    const char *const text[PR_ROW_N_WORDS] = {record->dataset,     record->label,   record->method,
                                              record->compression, record->split,   record->video,
                                              record->bg_video,    record->bg_id,   record->face_id,
                                              record->face_video,  codec_of(record)};
    PR_TRY(check_words(record, text));
    *row = (pr_crop_row){.frame = record->frame,
                         .face = record->face,
                         .width = record->width,
                         .height = record->height,
                         .has_crop = record->crop_map != NULL,
                         .n_landmarks = record->n_landmarks};
    if (record->crop_map != NULL) {
        memcpy(row->crop, record->crop_map, sizeof(row->crop));
    }
    if (record->n_landmarks > 0) {
        row->landmark_crc32c =
            pr_crc32c(record->landmarks, (size_t)record->n_landmarks * 2 * sizeof(float));
    }
    for (int k = 0; k < PR_ROW_N_WORDS; k++) {
        PR_TRY(pr__words_add(words, text[k], strlen(text[k]), &PR_ROW_WORD(row, k)));
    }
    return PR_OK;
}

static int by_key(const void *a, const void *b)
{
    return pr__crop_row_compare(&((const sort_row *)a)->row, &((const sort_row *)b)->row);
}

/* Rows in key order, words in bytewise order: neither depends on the order of the records. */
static pr_status sort_records(shard_build *build, const pr_record *records)
{
    for (int64_t i = 0; i < build->n; i++) {
        build->sorted[i].from = &records[i];
        PR_TRY(make_row(build->words, &records[i], &build->sorted[i].row));
    }
    int32_t *const new_of_old = pr_calloc(pr__words_n(build->words), sizeof(*new_of_old));
    PR_REQUIRE(new_of_old != NULL, PR_ERR_NOMEM, "shard: no memory for %d words",
               pr__words_n(build->words));
    const pr_status status = pr__words_sort(build->words, new_of_old);
    for (int64_t i = 0; status == PR_OK && i < build->n; i++) {
        for (int k = 0; k < PR_ROW_N_WORDS; k++) {
            int32_t *const word = &PR_ROW_WORD(&build->sorted[i].row, k);
            *word = new_of_old[*word];
        }
    }
    pr_free(new_of_old);
    PR_TRY(status);
    qsort(build->sorted, (size_t)build->n, sizeof(*build->sorted), by_key);
    for (int64_t i = 1; i < build->n; i++) {
        char name[256];
        PR_REQUIRE(by_key(&build->sorted[i - 1], &build->sorted[i]) != 0, PR_ERR_INVALID,
                   "two crops are %s",
                   pr__crop_row_name(&build->sorted[i].row, build->words, name, sizeof(name)));
    }
    return PR_OK;
}

static void fill_tables(shard_build *build)
{
    int64_t n_landmarks = 0;
    for (int64_t i = 0; i < build->n; i++) {
        const pr_record *const record = build->sorted[i].from;
        build->crops[i] = build->sorted[i].row;
        build->image_offset[i + 1] = build->image_offset[i] + record->image_bytes;
        build->image_crc32c[i] = pr_crc32c(record->image, record->image_bytes);
        build->mask_offset[i + 1] = build->mask_offset[i] + record->mask_bytes;
        if (record->mask_bytes > 0) {
            build->mask_crc32c[i] = pr_crc32c(record->mask, record->mask_bytes);
            build->has_masks = true;
        }
        build->crops[i].landmark_first = n_landmarks;
        if (record->n_landmarks > 0) {
            memcpy(build->landmarks + 2 * n_landmarks, record->landmarks,
                   (size_t)record->n_landmarks * 2 * sizeof(float));
            n_landmarks += record->n_landmarks;
        }
    }
}

static pr_status build_shard(shard_build *build, const pr_record *records)
{
    PR_TRY(pr__words_create(&build->words));
    for (int64_t i = 0; i < build->n; i++) {
        PR_REQUIRE(records[i].n_landmarks >= 0, PR_ERR_INVALID, "%s, frame %d: %d landmarks",
                   records[i].video, records[i].frame, records[i].n_landmarks);
        build->n_landmarks += records[i].n_landmarks;
    }
    build->sorted = pr_calloc(build->n, sizeof(*build->sorted));
    build->crops = pr_calloc(build->n, sizeof(*build->crops));
    build->image_offset = pr_calloc(build->n + 1, sizeof(*build->image_offset));
    build->mask_offset = pr_calloc(build->n + 1, sizeof(*build->mask_offset));
    build->image_crc32c = pr_calloc(build->n, sizeof(*build->image_crc32c));
    build->mask_crc32c = pr_calloc(build->n, sizeof(*build->mask_crc32c));
    build->landmarks = pr_calloc(build->n_landmarks, 2 * sizeof(*build->landmarks));
    PR_REQUIRE(build->sorted != NULL && build->crops != NULL && build->image_offset != NULL &&
                   build->mask_offset != NULL && build->image_crc32c != NULL &&
                   build->mask_crc32c != NULL && build->landmarks != NULL,
               PR_ERR_NOMEM, "shard: no memory for the tables of %lld crops", (long long)build->n);
    PR_TRY(sort_records(build, records));
    fill_tables(build);
    return pr__words_to_rows(build->words, &build->word_rows, &build->word_width);
}

static void free_build(shard_build *build)
{
    pr__words_destroy(&build->words);
    pr_free(build->sorted);
    pr_free(build->crops);
    pr_free(build->image_offset);
    pr_free(build->mask_offset);
    pr_free(build->image_crc32c);
    pr_free(build->mask_crc32c);
    pr_free(build->landmarks);
    pr_free(build->word_rows);
}

static void set_table(pr_h5_table *table, const void *data, int64_t n_rows)
{
    table->data = data;
    table->n_rows = n_rows;
}

/* The shard's tables, in the order of pr_shard_table with the absent ones left out. */
static int list_tables(const shard_build *build, pr_h5_table tables[static PR_SHARD_N_TABLES])
{
    pr_h5_table all[PR_SHARD_N_TABLES];
    pr__shard_tables(all);
    const int64_t n = build->n;
    all[PR_SHARD_WORDS].item_bytes = build->word_width;
    set_table(&all[PR_SHARD_CROPS], build->crops, n);
    set_table(&all[PR_SHARD_WORDS], build->word_rows, pr__words_n(build->words));
    set_table(&all[PR_SHARD_IMAGE_OFFSET], build->image_offset, n + 1);
    set_table(&all[PR_SHARD_IMAGE_CRC], build->image_crc32c, n);
    set_table(&all[PR_SHARD_MASK_OFFSET], build->mask_offset, n + 1);
    set_table(&all[PR_SHARD_MASK_CRC], build->mask_crc32c, n);
    set_table(&all[PR_SHARD_LANDMARKS], build->landmarks, build->n_landmarks);
    set_table(&all[PR_SHARD_IMAGE], NULL, (int64_t)build->image_offset[n]);
    set_table(&all[PR_SHARD_MASK], NULL, (int64_t)build->mask_offset[n]);
    int n_tables = 0;
    for (int i = 0; i < PR_SHARD_N_TABLES; i++) {
        const bool of_masks =
            i == PR_SHARD_MASK_OFFSET || i == PR_SHARD_MASK_CRC || i == PR_SHARD_MASK;
        if ((of_masks && !build->has_masks) ||
            (i == PR_SHARD_LANDMARKS && build->n_landmarks == 0)) {
            continue;
        }
        tables[n_tables++] = all[i];
    }
    return n_tables;
}

static pr_status write_payloads(const shard_build *build, int fd, const char *path,
                                uint64_t image_at, uint64_t mask_at)
{
    for (int64_t i = 0; i < build->n; i++) {
        const pr_record *const record = build->sorted[i].from;
        PR_TRY(pr_h5_pwrite(fd, path, record->image, record->image_bytes,
                            image_at + build->image_offset[i]));
        PR_TRY(pr_h5_pwrite(fd, path, record->mask, record->mask_bytes,
                            mask_at + build->mask_offset[i]));
    }
    return PR_OK;
}

static pr_status write_file(const shard_build *build, uint64_t recipe, const char *dir,
                            const char *tmp, const char *path)
{
    pr_h5_table tables[PR_SHARD_N_TABLES];
    const int n_tables = list_tables(build, tables);
    const int n_summed = n_tables - 1 - (build->n_landmarks > 0) - build->has_masks;
    pr_h5_attr attrs[PR_SHARD_N_ATTRS];
    pr__shard_attrs(attrs);
    attrs[PR_ATTR_RECIPE].value = recipe;
    PR_TRY(pr__tables_checksum(tables, n_summed, &attrs[PR_ATTR_CHECKSUM].value));

    int fd = -1;
    PR_TRY(pr_h5_lay_out(tmp, tables, n_tables, attrs, PR_SHARD_N_ATTRS, &fd));
    const int image = build->has_masks ? n_tables - 2 : n_tables - 1;
    pr_status status = pr_h5_fill(fd, tmp, tables, n_tables);
    if (status == PR_OK) {
        status = write_payloads(build, fd, tmp, tables[image].at, tables[n_tables - 1].at);
    }
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

pr_status pr_shard_write(const char *dir, int shard, uint64_t recipe, const pr_record *records,
                         int64_t n_records)
{
    char path[PR_PATH_BYTES];
    char tmp[PR_PATH_BYTES + 8];
    PR_REQUIRE(shard >= 0 && n_records >= 0 && n_records <= INT32_MAX, PR_ERR_INVALID,
               "shard %d of %lld crops", shard, (long long)n_records);
    PR_TRY(pr__shard_path(path, sizeof(path), dir, shard));
    (void)snprintf(tmp, sizeof(tmp), "%s.tmp", path);
    shard_build build = {.n = n_records};
    pr_status status = build_shard(&build, records);
    if (status == PR_OK) {
        status = write_file(&build, recipe, dir, tmp, path);
    }
    free_build(&build);
    return status;
}

bool pr_shard_is_done(const char *dir, int shard, uint64_t recipe)
{
    char path[PR_PATH_BYTES];
    pr_shard *found = NULL;
    if (pr__shard_path(path, sizeof(path), dir, shard) != PR_OK ||
        pr__shard_open(path, &found) != PR_OK) {
        pr_error_clear();
        return false;
    }
    const bool done = found->recipe == recipe;
    pr__shard_close(&found);
    return done;
}
