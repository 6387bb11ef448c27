/*
 * Packing: a manifest in any order, into any shards, by any number of ranks gives one dataset;
 * restarts leave what is done alone; what is wrong with a file is said with the manifest's line.
 */
#include "dataset/inspect.h"
#include "dataset/pack.h"
#include "dataset/samples.h"
#include "engine/base/fs.h"
#include "engine/base/tree.h"
#include "tests/dataset/synthetic.h"

#include <fcntl.h>

enum { N = 60 };

static void write_file(const char *dir, const char *name, const void *bytes, size_t n_bytes)
{
    char path[512];
    synthetic_path(path, dir, name);
    /* Not pr_fs_write: a hundred files need no fsync each. */
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(write(fd, bytes, n_bytes) == (ssize_t)n_bytes && close(fd) == 0, "%s", path);
}

/* Line ROW of the manifest of a tree of synthetic crops, and its files. */
static void add_crop(const char *dir, int number, pr_text *manifest)
{
    static synthetic crop;
    char image[64];
    char mask[64] = "";
    char points[64] = "";
    pr_text text = {0};
    synthetic_make(number, &crop);
    const pr_record *const record = &crop.record;
    (void)snprintf(image, sizeof(image), "crop%d.%s", number, number % 4 == 3 ? "png" : "jpg");
    write_file(dir, image, record->image, record->image_bytes);
    if (record->mask != NULL) {
        (void)snprintf(mask, sizeof(mask), "mask%d.png", number);
        write_file(dir, mask, record->mask, record->mask_bytes);
    }
    if (record->n_landmarks > 0) {
        (void)snprintf(points, sizeof(points), "points%d.txt", number);
        for (int i = 0; i < 2 * record->n_landmarks; i++) {
            CHECK_OK(
                pr_text_add(&text, "%.9g%c", (double)crop.landmarks[i], i % 2 == 0 ? ' ' : '\n'));
        }
        write_file(dir, points, text.chars, text.n_chars);
        pr_text_free(&text);
    }
    CHECK_OK(pr_text_add(manifest, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s", image,
                         record->label, record->method, record->compression, record->split,
                         record->video, record->frame, record->bg_video, record->bg_id,
                         record->face_id, mask, points));
    for (int i = 0; i < 6; i++) {
        if (record->crop_map != NULL) {
            CHECK_OK(pr_text_add(manifest, "\t%.17g", record->crop_map[i]));
        } else {
            CHECK_OK(pr_text_add(manifest, "\t"));
        }
    }
    CHECK_OK(pr_text_add(manifest, "\n"));
}

/* A tree of N crops whose manifest lists number i at place i * STRIDE mod N. */
static void write_tree(const char *dir, int stride)
{
    pr_text manifest = {0};
    CHECK_OK(pr_text_add(&manifest,
                         "path\tlabel\tmethod\tcompression\tsplit\tvideo\tframe\tbg_video\tbg_id\t"
                         "face_id\tmask\tlandmarks\tcrop0\tcrop1\tcrop2\tcrop3\tcrop4\tcrop5\n"));
    for (int i = 0; i < N; i++) {
        add_crop(dir, i * stride % N, &manifest);
    }
    write_file(dir, "manifest.tsv", manifest.chars, manifest.n_chars);
    pr_text_free(&manifest);
}

/* What the command does on N_RANKS ranks, one after the other; returns how many shards were kept. */
static pr_status pack(const pr_pack_options *options, int n_ranks, int *n_kept)
{
    pr_pack *job = NULL;
    *n_kept = 0;
    PR_TRY(pr_pack_open(options, &job));
    pr_status status = PR_OK;
    for (int r = 0; status == PR_OK && r < n_ranks; r++) {
        int64_t first = 0;
        int64_t last = 0;
        pr_tree_block(pr_pack_n(job), n_ranks, r, &first, &last);
        status = pr_pack_measure(job, first, last);
    }
    status = status == PR_OK ? pr_pack_plan(job) : status;
    for (int r = n_ranks - 1; status == PR_OK && r >= 0; r--) {
        for (int s = r; status == PR_OK && s < pr_pack_n_shards(job); s += n_ranks) {
            bool kept = false;
            status = pr_pack_write(job, s, &kept);
            *n_kept += kept;
        }
    }
    status = status == PR_OK ? pr_pack_finish(job) : status;
    pr_pack_destroy(&job);
    return status;
}

static uint64_t hash_of(const char *dir)
{
    const pr_selection all = {.path = dir};
    pr_samples *samples = NULL;
    CHECK_OK(pr_samples_open(&all, 1, &samples));
    const uint64_t hash = samples != NULL ? pr_samples_hash(samples) : 0;
    CHECK(samples != NULL && pr_samples_n(samples) == N, "crops");
    pr_samples_close(&samples);
    return hash;
}

static uint64_t hash_of_file(const char *dir, const char *name)
{
    char path[512];
    char *bytes = NULL;
    size_t n_bytes = 0;
    synthetic_path(path, dir, name);
    CHECK_OK(pr_fs_read(path, &bytes, &n_bytes));
    uint64_t hash = n_bytes;
    for (size_t i = 0; i < n_bytes; i++) {
        hash = hash * 1099511628211U + (uint8_t)bytes[i];
    }
    pr_free(bytes);
    return hash;
}

static void test_any_way(const char *tree, const char *out)
{
    static const int shards[] = {1, 3, 7};
    static const int strides[] = {1, 7, 49};
    int n_kept = 0;
    uint64_t samples[6];
    uint64_t files[2] = {0, 0};
    for (int k = 0; k < 6; k++) {
        const pr_pack_options options = {
            .source = tree, .out = out, .dataset = "synth", .n_shards = shards[k % 3]};
        write_tree(tree, strides[k / 2]);
        CHECK_OK(pack(&options, k < 3 ? 1 : 3, &n_kept));
        samples[k] = hash_of(out);
        CHECK(samples[k] == samples[0], "%d shards, %d ranks", shards[k % 3], k < 3 ? 1 : 3);
        if (k % 3 == 2) {
            files[k / 3] = hash_of_file(out, "part-00004.h5") ^ hash_of_file(out, "dataset.h5");
        }
    }
    CHECK(files[0] == files[1], "bytes depend on the order of lines or on ranks");
    /* The same crops by way of records have the same hash: nothing was lost on the way. */
    char other[256];
    synthetic_folder(other);
    synthetic_dataset(other, N, 2);
    CHECK(hash_of(other) == samples[0], "manifest and records give different datasets");
    synthetic_remove(other);
    pr_verify_result result = {0};
    CHECK_OK(pr_verify(out, 0, 2, 5, &result));
    CHECK_OK(pr_verify(out, 1, 2, 5, &result));
    CHECK(result.n_bad == 0 && result.n_crops == N, "%s", pr_text_chars(&result.messages));
    pr_text_free(&result.messages);
}

static void test_restart(const char *tree, const char *out)
{
    const pr_pack_options options = {.source = tree, .out = out, .dataset = "synth", .n_shards = 5};
    char path[512];
    int n_kept = 0;
    CHECK_OK(pack(&options, 2, &n_kept));
    CHECK(n_kept == 0, "%d shards of another cut were kept", n_kept);
    const uint64_t hash = hash_of(out);
    synthetic_path(path, out, "part-00002.h5");
    CHECK(truncate(path, 3000) == 0, "%s", path);
    synthetic_path(path, out, "dataset.h5");
    CHECK(unlink(path) == 0, "%s", path);
    CHECK_OK(pack(&options, 3, &n_kept));
    CHECK(n_kept == 4, "%d shards were kept, want 4", n_kept);
    CHECK(hash_of(out) == hash, "a restart changes the data");

    /* A source that is newer than its shard is packed again, though its size is the same. */
    static synthetic crop;
    synthetic_make(0, &crop);
    synthetic_path(path, tree, "crop0.jpg");
    const struct timespec later[2] = {{.tv_sec = 4000000000}, {.tv_sec = 4000000000}};
    CHECK(utimensat(AT_FDCWD, path, later, 0) == 0, "%s", path);
    CHECK_OK(pack(&options, 1, &n_kept));
    CHECK(n_kept == 4, "%d shards were kept, want 4", n_kept);
    write_tree(tree, 1);

    const pr_pack_options small = {.source = tree, .out = out, .dataset = "synth", .shard_mb = 1};
    CHECK_OK(pack(&small, 1, &n_kept));
    synthetic_path(path, out, "part-00001.h5");
    CHECK(access(path, F_OK) != 0, "%s is left", path);
    CHECK(hash_of(out) == hash, "shards by size");
}

/* One bad file in a tree of good ones; TEXT is what must be said. */
static void bad_file(const char *tree, const char *out, const char *name, const void *bytes,
                     size_t n_bytes, pr_status code, const char *text)
{
    const pr_pack_options options = {.source = tree, .out = out, .dataset = "synth", .n_shards = 1};
    int n_kept = 0;
    write_file(tree, name, bytes, n_bytes);
    CHECK_FAILS(pack(&options, 1, &n_kept), code, text);
    write_tree(tree, 1);
}

static void test_bad_files(const char *tree, const char *out)
{
    static synthetic crop;
    synthetic_make(3, &crop);
    int n_kept = 0;
    char path[512];
    const pr_pack_options options = {.source = tree, .out = out, .dataset = "synth", .n_shards = 1};
    synthetic_path(path, tree, "crop3.png");
    CHECK(unlink(path) == 0, "%s", path);
    CHECK_FAILS(pack(&options, 1, &n_kept), PR_ERR_IO, "manifest.tsv:5: ");
    CHECK_FAILS(pack(&options, 1, &n_kept), PR_ERR_IO, "crop3.png: No such file");
    bad_file(tree, out, "crop3.png", "", 0, PR_ERR_FORMAT, "crop3.png: has 0 bytes");
    bad_file(tree, out, "crop3.png", "GIF89a not ours", 15, PR_ERR_FORMAT, "manifest.tsv:5: ");
    bad_file(tree, out, "crop3.png", crop.image, 20, PR_ERR_FORMAT, "crop3.png: ");
    bad_file(tree, out, "crop1.jpg", "\xff\xd8\xff\xe0 and then?", 14, PR_ERR_FORMAT,
             "crop1.jpg: ");
    synthetic_make(0, &crop);
    bad_file(tree, out, "mask20.png", crop.image, crop.record.image_bytes, PR_ERR_FORMAT,
             "a mask in jpeg");
    bad_file(tree, out, "points2.txt", "1 2\nthree 4\n", 12, PR_ERR_FORMAT, "points2.txt:2: want");

    const pr_pack_options many = {.source = tree, .out = out, .dataset = "synth", .n_shards = 61};
    CHECK_FAILS(pack(&many, 1, &n_kept), PR_ERR_INVALID, "61 shards for 60 crops");
    const pr_pack_options none = {.source = tree, .out = out, .dataset = "synth"};
    CHECK_FAILS(pack(&none, 1, &n_kept), PR_ERR_INVALID, "shards of 0 MiB");
    const pr_pack_options unnamed = {.source = tree, .out = out, .n_shards = 1};
    CHECK_FAILS(pack(&unnamed, 1, &n_kept), PR_ERR_FORMAT, "no --dataset");
}

static void test_inspect(const char *tree, const char *out)
{
    const pr_pack_options options = {.source = tree, .out = out, .dataset = "synth", .n_shards = 2};
    int n_kept = 0;
    pr_text text = {0};
    CHECK_OK(pack(&options, 1, &n_kept));
    CHECK_OK(pr_inspect(out, &text));
    static const char *const wanted[] = {
        "60 crops (40 real, 20 fake) in 2 shards",
        "codecs: 45 jpeg, 15 png; 24 x 20 to 24 x 20 pixels",
        "crops with a mask: 20, landmarks: 30, a crop map: 52",
        "synth            train    fake  swap             c23                  10        2",
        "identities (face_id): 6; 0 crops of unknown persons",
        "manifest: manifest.tsv, 60 crops",
        "libspng",
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
        CHECK(strstr(pr_text_chars(&text), wanted[i]) != NULL, "no '%s' in:\n%s", wanted[i],
              pr_text_chars(&text));
    }
    pr_text_free(&text);

    const double map[6] = {0.5, 0.1, 3.0, -0.1, 0.5, 4.0};
    double near[6];
    memcpy(near, map, sizeof(near));
    near[2] += 0.49;
    CHECK(pr_crop_maps_agree(map, near, 200, 200), "half a pixel");
    near[2] += 0.02;
    CHECK(!pr_crop_maps_agree(map, near, 200, 200), "more than half a pixel");
    near[2] = map[2];
    near[0] *= 1.01;
    CHECK(!pr_crop_maps_agree(map, near, 200, 200), "scales that differ by two pixels at the edge");
    const double flat[6] = {0};
    CHECK(!pr_crop_maps_agree(flat, flat, 200, 200), "a map without inverse");
}

/* Two crops of one scene, a fake and a real: aligned only where the crop maps agree. */
static void test_aligned(void)
{
    static synthetic crop[3];
    pr_record records[3];
    char dir[256];
    pr_text text = {0};
    synthetic_folder(dir);
    for (int i = 0; i < 3; i++) {
        synthetic_make(0, &crop[i]);
        records[i] = crop[i].record;
        records[i].frame = 7;
        crop[i].crop_map[2] = i == 2 ? 9.0 : 0.25 * i;
    }
    records[1].label = "fake";
    records[1].method = "swap";
    records[2].label = "fake";
    records[2].method = "other";
    CHECK_OK(pr_shard_write(dir, 0, 1, records, 3));
    CHECK_OK(pr_dataset_finish(dir, 1, ""));
    CHECK_OK(pr_inspect(dir, &text));
    CHECK(strstr(pr_text_chars(&text), "aligned pairs of a fake and a real: 1, of 1 fakes") != NULL,
          "%s", pr_text_chars(&text));
    pr_text_free(&text);
    synthetic_remove(dir);
}

/* With a folder, only a tree to pack is written into it: for pack_ranks.sh. */
int main(int argc, char **argv)
{
    if (argc > 1) {
        write_tree(argv[1], argc > 2 ? 7 : 1);
        return check_exit_code();
    }
    char tree[256];
    char out[256];
    synthetic_folder(tree);
    synthetic_folder(out);
    test_any_way(tree, out);
    test_restart(tree, out);
    test_bad_files(tree, out);
    test_inspect(tree, out);
    test_aligned();
    synthetic_remove(tree);
    synthetic_remove(out);
    return check_exit_code();
}
