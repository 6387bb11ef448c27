#include "dataset/pack.h"

#include "dataset/codec.h"
#include "dataset/manifest.h"
#include "dataset/rows.h"
#include "dataset/shard_writer.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/hash.h"
#include "engine/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct pr_pack {
    pr_pack_options options; /* texts borrowed */
    pr_manifest *manifest;
    pr_pack_size *sizes; /* [n] */
    int64_t *first;      /* [n_shards + 1] crops of shard s: first[s] .. first[s + 1] - 1 */
    int n_shards;
};

enum { MAX_SHARDS = 100000, MIB = 1 << 20 };

pr_status pr_pack_open(const pr_pack_options *options, pr_pack **out)
{
    PR_REQUIRE(options->n_shards >= 0 && options->n_shards <= MAX_SHARDS, PR_ERR_INVALID,
               "pack: %lld shards, want 1 to %d, or 0 for a size", (long long)options->n_shards,
               MAX_SHARDS);
    PR_REQUIRE(options->n_shards > 0 || options->shard_mb > 0, PR_ERR_INVALID,
               "pack: shards of %lld MiB", (long long)options->shard_mb);
    pr_pack *pack = pr_calloc(1, sizeof(*pack));
    PR_REQUIRE(pack != NULL, PR_ERR_NOMEM, "pack: out of memory");
    pack->options = *options;
    pr_status status = pr_manifest_read(options->source, options->dataset, &pack->manifest);
    if (status == PR_OK) {
        pack->sizes = pr_calloc(pack->manifest->n, sizeof(*pack->sizes));
        if (pack->sizes == NULL) {
            status = PR_FAIL(PR_ERR_NOMEM, "pack: no memory for %lld crops",
                             (long long)pack->manifest->n);
        }
    }
    if (status != PR_OK) {
        pr_pack_destroy(&pack);
        return status;
    }
    *out = pack;
    return PR_OK;
}

void pr_pack_destroy(pr_pack **pack)
{
    if (*pack != NULL) {
        pr_manifest_destroy(&(*pack)->manifest);
        pr_free((*pack)->sizes);
        pr_free((*pack)->first);
        pr_free(*pack);
        *pack = NULL;
    }
}

int64_t pr_pack_n(const pr_pack *pack)
{
    return pack->manifest->n;
}

pr_pack_size *pr_pack_sizes(pr_pack *pack)
{
    return pack->sizes;
}

int pr_pack_n_shards(const pr_pack *pack)
{
    return pack->n_shards;
}

static pr_status measure_file(const pr_manifest *manifest, const pr_manifest_row *row,
                              const char *file, int64_t *n_bytes, int64_t *modified_ns)
{
    char path[PR_PATH_BYTES];
    struct stat info;
    PR_TRY(pr_fs_join(path, manifest->folder, file));
    PR_REQUIRE(stat(path, &info) == 0, PR_ERR_IO, "%s:%lld: %s: %s", manifest->name,
               (long long)row->line, path, strerror(errno));
    PR_REQUIRE(S_ISREG(info.st_mode), PR_ERR_FORMAT, "%s:%lld: %s: is not a file", manifest->name,
               (long long)row->line, path);
    PR_REQUIRE(info.st_size > 0 && info.st_size <= UINT32_MAX, PR_ERR_FORMAT,
               "%s:%lld: %s: has %lld bytes, want 1 to %lld", manifest->name, (long long)row->line,
               path, (long long)info.st_size, (long long)UINT32_MAX);
    const int64_t modified =
        (int64_t)info.st_mtim.tv_sec * 1000000000 + (int64_t)info.st_mtim.tv_nsec;
    *n_bytes = info.st_size;
    *modified_ns = modified > *modified_ns ? modified : *modified_ns;
    return PR_OK;
}

pr_status pr_pack_measure(pr_pack *pack, int64_t first, int64_t last)
{
    for (int64_t i = first; i < last; i++) {
        const pr_manifest_row *const row = &pack->manifest->rows[i];
        pr_pack_size *const size = &pack->sizes[i];
        int64_t n_landmark_bytes = 0;
        PR_TRY(
            measure_file(pack->manifest, row, row->path, &size->image_bytes, &size->modified_ns));
        if (row->mask[0] != '\0') {
            PR_TRY(measure_file(pack->manifest, row, row->mask, &size->mask_bytes,
                                &size->modified_ns));
        }
        if (row->landmarks[0] != '\0') {
            PR_TRY(measure_file(pack->manifest, row, row->landmarks, &n_landmark_bytes,
                                &size->modified_ns));
        }
    }
    return PR_OK;
}

/* Where shards begin: as many crops in each, or as many as fit. */
static int64_t cut_shards(const pr_pack *pack, int64_t *first)
{
    const int64_t n = pack->manifest->n;
    if (pack->options.n_shards > 0) {
        for (int64_t s = 0; s <= pack->options.n_shards; s++) {
            first[s] = s * n / pack->options.n_shards;
        }
        return pack->options.n_shards;
    }
    int64_t n_shards = 0;
    int64_t n_bytes = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t more = pack->sizes[i].image_bytes + pack->sizes[i].mask_bytes;
        if (i == 0 || n_bytes + more > pack->options.shard_mb * MIB) {
            first[n_shards++] = i;
            n_bytes = 0;
        }
        n_bytes += more;
    }
    first[n_shards] = n;
    return n_shards;
}

pr_status pr_pack_plan(pr_pack *pack)
{
    const int64_t n = pack->manifest->n;
    PR_REQUIRE(pack->options.n_shards <= n, PR_ERR_INVALID, "pack: %lld shards for %lld crops",
               (long long)pack->options.n_shards, (long long)n);
    pr_free(pack->first);
    pack->first = pr_calloc(n + 1, sizeof(*pack->first));
    PR_REQUIRE(pack->first != NULL, PR_ERR_NOMEM, "pack: no memory for %lld crops", (long long)n);
    const int64_t n_shards = cut_shards(pack, pack->first);
    PR_REQUIRE(n_shards <= MAX_SHARDS, PR_ERR_INVALID,
               "pack: %lld shards of %lld MiB, at most %d: give a larger --shard-mb",
               (long long)n_shards, (long long)pack->options.shard_mb, MAX_SHARDS);
    pack->n_shards = (int)n_shards;
    return pr_fs_mkdirs(pack->options.out);
}

static void add_text(pr_hash *hash, const char *text)
{
    pr_hash_add(hash, text, strlen(text) + 1);
}

/* Everything that the bytes of a shard follow from, but for the content of the files. */
static pr_status recipe_of(const pr_pack *pack, int shard, uint64_t *recipe)
{
    pr_hash *hash = NULL;
    PR_TRY(pr_hash_create(PR_FORMAT_VERSION, &hash));
    for (int64_t i = pack->first[shard]; i < pack->first[shard + 1]; i++) {
        const pr_manifest_row *const row = &pack->manifest->rows[i];
        const char *const texts[] = {row->path,      row->mask,     row->landmarks,   row->dataset,
                                     row->label,     row->method,   row->compression, row->split,
                                     row->video,     row->bg_video, row->bg_id,       row->face_id,
                                     row->face_video};
        for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++) {
            add_text(hash, texts[k]);
        }
        const int64_t numbers[] = {row->frame, row->face, row->has_crop, pack->sizes[i].image_bytes,
                                   pack->sizes[i].mask_bytes};
        pr_hash_add(hash, numbers, sizeof(numbers));
        pr_hash_add(hash, row->crop, sizeof(row->crop));
    }
    *recipe = pr_hash_value(hash);
    pr_hash_destroy(&hash);
    return PR_OK;
}

static bool is_done(const pr_pack *pack, int shard, uint64_t recipe)
{
    char path[PR_PATH_BYTES];
    struct stat info;
    if (pr__shard_path(path, sizeof(path), pack->options.out, shard) != PR_OK ||
        stat(path, &info) != 0) {
        return false;
    }
    const int64_t written =
        (int64_t)info.st_mtim.tv_sec * 1000000000 + (int64_t)info.st_mtim.tv_nsec;
    for (int64_t i = pack->first[shard]; i < pack->first[shard + 1]; i++) {
        if (pack->sizes[i].modified_ns > written) {
            return false;
        }
    }
    return pr_shard_is_done(pack->options.out, shard, recipe);
}

/* A shard's crops in memory: the records, and what they point to. */
typedef struct load {
    pr_record *records; /* [n] */
    char **files;       /* [2 n] images, then masks */
    float **landmarks;  /* [n] */
    int64_t n;
} load;

static void free_load(load *crops)
{
    for (int64_t i = 0; i < crops->n; i++) {
        if (crops->files != NULL) {
            pr_free(crops->files[i]);
            pr_free(crops->files[crops->n + i]);
        }
        if (crops->landmarks != NULL) {
            pr_free(crops->landmarks[i]);
        }
    }
    pr_free(crops->files);
    pr_free(crops->landmarks);
    pr_free(crops->records);
}

static pr_status load_file(const pr_pack *pack, const pr_manifest_row *row, const char *file,
                           int64_t wanted, char **bytes)
{
    char path[PR_PATH_BYTES];
    size_t n_bytes = 0;
    PR_TRY(pr_fs_join(path, pack->manifest->folder, file));
    PR_TRY(pr_fs_read(path, bytes, &n_bytes));
    PR_REQUIRE(wanted == 0 || n_bytes == (size_t)wanted, PR_ERR_IO,
               "%s:%lld: %s: has %zu bytes, had %lld when packing began", pack->manifest->name,
               (long long)row->line, path, n_bytes, (long long)wanted);
    return PR_OK;
}

/* The header of an image or mask; a codec's own message is put behind file and line. */
static pr_status probe(const pr_pack *pack, const pr_manifest_row *row, const char *file,
                       const char *bytes, int64_t n_bytes, pr_codec *codec, int *width, int *height)
{
    const pr_status status =
        pr_image_probe((const uint8_t *)bytes, (size_t)n_bytes, codec, width, height);
    if (status == PR_OK) {
        return PR_OK;
    }
    char why[512];
    (void)snprintf(why, sizeof(why), "%s", pr_error_message());
    pr_error_clear();
    return PR_FAIL(status, "%s:%lld: %s/%s: %s", pack->manifest->name, (long long)row->line,
                   pack->manifest->folder, file, why);
}

static pr_status load_mask(const pr_pack *pack, const pr_manifest_row *row, int64_t wanted,
                           char **bytes, pr_record *record)
{
    pr_codec codec = PR_CODEC_JPEG;
    int width = 0;
    int height = 0;
    PR_TRY(load_file(pack, row, row->mask, wanted, bytes));
    PR_TRY(probe(pack, row, row->mask, *bytes, wanted, &codec, &width, &height));
    PR_REQUIRE(codec == PR_CODEC_PNG && width == record->width && height == record->height,
               PR_ERR_FORMAT, "%s:%lld: %s: a mask in %s of %d x %d pixels, want png of %d x %d",
               pack->manifest->name, (long long)row->line, row->mask, pr_codec_name(codec), width,
               height, record->width, record->height);
    record->mask = (const uint8_t *)*bytes;
    record->mask_bytes = (size_t)wanted;
    return PR_OK;
}

static pr_status load_crop(const pr_pack *pack, int64_t i, load *crops, int64_t k)
{
    const pr_manifest_row *const row = &pack->manifest->rows[i];
    pr_record *const record = &crops->records[k];
    pr_codec codec = PR_CODEC_JPEG;
    *record = (pr_record){
        .dataset = row->dataset,
        .label = row->label,
        .method = row->method,
        .compression = row->compression,
        .split = row->split,
        .video = row->video,
        .frame = row->frame,
        .face = row->face,
        .bg_video = row->bg_video,
        .bg_id = row->bg_id,
        .face_id = row->face_id,
        .face_video = row->face_video,
        .image_bytes = (size_t)pack->sizes[i].image_bytes,
        .crop_map = row->has_crop ? row->crop : NULL,
    };
    PR_TRY(load_file(pack, row, row->path, pack->sizes[i].image_bytes, &crops->files[k]));
    PR_TRY(probe(pack, row, row->path, crops->files[k], pack->sizes[i].image_bytes, &codec,
                 &record->width, &record->height));
    record->image = (const uint8_t *)crops->files[k];
    if (row->mask[0] != '\0') {
        PR_TRY(
            load_mask(pack, row, pack->sizes[i].mask_bytes, &crops->files[crops->n + k], record));
    }
    if (row->landmarks[0] != '\0') {
        char *text = NULL;
        PR_TRY(load_file(pack, row, row->landmarks, 0, &text));
        const pr_status status =
            pr_points_parse(row->landmarks, text, &crops->landmarks[k], &record->n_landmarks);
        pr_free(text);
        PR_TRY(status);
        record->landmarks = crops->landmarks[k];
    }
    return PR_OK;
}

static pr_status load_crops(const pr_pack *pack, int shard, load *crops)
{
    crops->records = pr_calloc(crops->n, sizeof(*crops->records));
    crops->files = pr_calloc(2 * crops->n, sizeof(*crops->files));
    crops->landmarks = pr_calloc(crops->n, sizeof(*crops->landmarks));
    PR_REQUIRE(crops->records != NULL && crops->files != NULL && crops->landmarks != NULL,
               PR_ERR_NOMEM, "pack: no memory for the %lld crops of a shard", (long long)crops->n);
    for (int64_t k = 0; k < crops->n; k++) {
        PR_TRY(load_crop(pack, pack->first[shard] + k, crops, k));
    }
    return PR_OK;
}

pr_status pr_pack_write(const pr_pack *pack, int shard, bool *kept)
{
    uint64_t recipe = 0;
    PR_TRY(recipe_of(pack, shard, &recipe));
    *kept = is_done(pack, shard, recipe);
    if (*kept) {
        return PR_OK;
    }
    load crops = {.n = pack->first[shard + 1] - pack->first[shard]};
    pr_status status = load_crops(pack, shard, &crops);
    if (status == PR_OK) {
        status = pr_shard_write(pack->options.out, shard, recipe, crops.records, crops.n);
    }
    free_load(&crops);
    return status;
}

/* Without time or host: equal crops give an equal dataset.h5. */
pr_status pr_pack_finish(const pr_pack *pack)
{
    pr_text text = {0};
    const char *const slash = strrchr(pack->manifest->name, '/');
    pr_status status = pr_text_add(&text, "pristine %s pack\nmanifest: %s, %lld crops\n%s\n",
                                   PR_VERSION, slash != NULL ? slash + 1 : pack->manifest->name,
                                   (long long)pack->manifest->n, pr_codec_versions());
    if (status == PR_OK) {
        status = pr_dataset_finish(pack->options.out, pack->n_shards, pr_text_chars(&text));
    }
    pr_text_free(&text);
    return status;
}
