/*
 * Shards and the index as files: equal bytes at different times, what a damaged or foreign file
 * says, what the writer refuses.
 */
#include "dataset/h5.h"
#include "dataset/inspect.h"
#include "dataset/samples.h"
#include "engine/base/fs.h"
#include "tests/dataset/synthetic.h"

#include <fcntl.h>

enum { N = 60, N_SHARDS = 3 };

static pr_status open_all(const char *dir, pr_samples **samples)
{
    const pr_selection all = {.path = dir};
    return pr_samples_open(&all, 1, samples);
}

static void copy(const char *from, const char *to)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    CHECK_OK(pr_fs_read(from, &bytes, &n_bytes));
    CHECK_OK(pr_fs_write(to, bytes, n_bytes));
    pr_free(bytes);
}

static bool same_bytes(const char *a, const char *b)
{
    char *x = NULL;
    char *y = NULL;
    size_t n_x = 0;
    size_t n_y = 0;
    CHECK_OK(pr_fs_read(a, &x, &n_x));
    CHECK_OK(pr_fs_read(b, &y, &n_y));
    const bool same = n_x == n_y && n_x > 0 && memcmp(x, y, n_x) == 0;
    pr_free(x);
    pr_free(y);
    return same;
}

/* HDF5 keeps whole seconds: the second writing happens in another one. */
static void test_equal_bytes(const char *dir)
{
    char other[256];
    char a[512];
    char b[512];
    static const char *const names[] = {"part-00000.h5", "part-00001.h5", "part-00002.h5",
                                        "dataset.h5"};
    synthetic_folder(other);
    synthetic_dataset(dir, N, N_SHARDS);
    (void)sleep(2);
    synthetic_dataset(other, N, N_SHARDS);
    for (int i = 0; i < 4; i++) {
        synthetic_path(a, dir, names[i]);
        synthetic_path(b, other, names[i]);
        CHECK(same_bytes(a, b), "%s differs when written at another time", names[i]);
    }
    synthetic_remove(other);
}

static void test_done(const char *dir)
{
    char path[512];
    CHECK(pr_shard_is_done(dir, 1, 77), "a whole shard");
    CHECK(!pr_shard_is_done(dir, 1, 78), "of another recipe");
    CHECK(!pr_shard_is_done(dir, 9, 77), "that is not there");
    synthetic_path(path, dir, "part-00009.h5");
    char whole[512];
    synthetic_path(whole, dir, "part-00001.h5");
    copy(whole, path);
    CHECK(pr_shard_is_done(dir, 9, 77), "a copy");
    CHECK(truncate(path, 5000) == 0, "%s", path);
    CHECK(!pr_shard_is_done(dir, 9, 77), "a truncated shard");
    CHECK(unlink(path) == 0, "%s", path);
    CHECK(pr_error_message()[0] == '\0', "asking leaves no cause: %s", pr_error_message());
}

/* Turns bit 0 of the byte of PATH at AT, in place: who has the file open sees it too. */
static void flip(const char *path, int64_t at)
{
    uint8_t byte = 0;
    const int fd = open(path, O_RDWR);
    CHECK(pread(fd, &byte, 1, at) == 1, "%s", path);
    byte ^= 1;
    CHECK(pwrite(fd, &byte, 1, at) == 1, "%s", path);
    CHECK(close(fd) == 0, "%s", path);
}

static void test_missing_or_swapped(const char *dir)
{
    char a[512];
    char b[512];
    char kept[512];
    pr_samples *samples = NULL;
    synthetic_path(a, dir, "part-00001.h5");
    synthetic_path(b, dir, "part-00002.h5");
    synthetic_path(kept, dir, "kept");

    CHECK(rename(a, kept) == 0, "%s", a);
    CHECK_FAILS(open_all(dir, &samples), PR_ERR_IO, "part-00001.h5: cannot be read");
    copy(kept, a);
    CHECK(truncate(a, 9000) == 0, "%s", a);
    CHECK_FAILS(open_all(dir, &samples), PR_ERR_FORMAT, "part-00001.h5: has 9000 bytes");

    /* The same size, another shard: crops of other pixels, encoded to as many bytes. */
    static synthetic crop[2];
    synthetic_make(1, &crop[0]);
    synthetic_make(1, &crop[1]);
    crop[1].image[crop[1].record.image_bytes - 3] ^= 1;
    CHECK_OK(pr_shard_write(dir, 1, 77, &crop[0].record, 1));
    CHECK_OK(pr_shard_write(dir, 0, 77, &(pr_record){.dataset = "x"}, 0));
    CHECK_OK(pr_dataset_finish(dir, 2, ""));
    CHECK_OK(pr_shard_write(dir, 1, 77, &crop[1].record, 1));
    CHECK_FAILS(open_all(dir, &samples), PR_ERR_FORMAT, "part-00001.h5: its checksum is");
    CHECK_OK(pr_shard_write(dir, 1, 77, &crop[0].record, 1));
    CHECK_OK(open_all(dir, &samples));
    pr_samples_close(&samples);
    CHECK(unlink(kept) == 0, "%s", kept);
    synthetic_dataset(dir, N, N_SHARDS);
}

/* An index copied over from another dataset of as many shards. */
static void test_foreign_index(const char *dir)
{
    char other[256];
    char from[512];
    char to[512];
    pr_samples *samples = NULL;
    synthetic_folder(other);
    synthetic_dataset(other, N - 10, N_SHARDS);
    synthetic_path(from, other, "dataset.h5");
    synthetic_path(to, dir, "dataset.h5");
    copy(from, to);
    CHECK_FAILS(open_all(dir, &samples), PR_ERR_FORMAT, "part-00000.h5: has ");
    synthetic_path(from, other, "part-00000.h5");
    copy(from, to);
    CHECK_FAILS(open_all(dir, &samples), PR_ERR_FORMAT, "dataset.h5: ");
    CHECK(unlink(to) == 0, "%s", to);
    CHECK_FAILS(open_all(dir, &samples), PR_ERR_IO, "dataset.h5: is not there");
    synthetic_remove(other);
    synthetic_dataset(dir, N, N_SHARDS);
}

/* A flipped byte of a payload is that crop's; of a table, the file's; and verify finds them all. */
static void test_flipped(const char *dir)
{
    char path[512];
    uint8_t bytes[SYN_BYTES];
    pr_samples *samples = NULL;
    synthetic_path(path, dir, "part-00002.h5");
    char *file = NULL;
    size_t n_bytes = 0;
    CHECK_OK(open_all(dir, &samples));
    CHECK_OK(pr_fs_read(path, &file, &n_bytes));
    int64_t at = -1;
    int64_t victim = -1;
    for (int64_t i = 0; i < pr_samples_n(samples) && at < 0; i++) {
        const size_t n = pr_samples_payload_bytes(samples, i);
        CHECK_OK(pr_samples_read(samples, i, bytes));
        for (size_t k = 0; k + n <= n_bytes && at < 0; k++) {
            if (memcmp(file + k, bytes, n) == 0) {
                at = (int64_t)(k + n / 2);
                victim = i;
            }
        }
    }
    pr_free(file);
    CHECK(at >= 0, "no image is in %s", path);
    flip(path, at);
    CHECK_FAILS(pr_samples_read(samples, victim, bytes), PR_ERR_FORMAT, "part-00002.h5, record ");
    CHECK_FAILS(pr_samples_read(samples, victim, bytes), PR_ERR_FORMAT, "synth/");
    CHECK_OK(pr_samples_read(samples, victim == 0 ? 1 : 0, bytes));
    pr_samples_close(&samples);

    pr_verify_result result = {0};
    CHECK_OK(pr_verify(dir, 0, 1, 10, &result));
    CHECK(result.n_bad == 1 && result.n_crops == N, "%lld of %lld", (long long)result.n_bad,
          (long long)result.n_crops);
    CHECK(strstr(pr_text_chars(&result.messages), "the CRC of its image") != NULL, "%s",
          pr_text_chars(&result.messages));
    pr_text_free(&result.messages);
    CHECK(pr_error_message()[0] == '\0', "%s", pr_error_message());
    flip(path, at);
}

/* Whichever byte of a file is damaged, it is said, or verify finds it, or it means nothing. */
static void test_any_byte(const char *dir)
{
    static const char *const names[] = {"dataset.h5", "part-00001.h5"};
    pr_samples *samples = NULL;
    CHECK_OK(open_all(dir, &samples));
    const uint64_t hash = pr_samples_hash(samples);
    pr_samples_close(&samples);
    for (int f = 0; f < 2; f++) {
        char path[512];
        char kept[512];
        struct stat info;
        synthetic_path(path, dir, names[f]);
        synthetic_path(kept, dir, "kept");
        copy(path, kept);
        CHECK(stat(path, &info) == 0, "%s", path);
        int n_said = 0;
        for (int64_t at = 0; at < info.st_size; at += info.st_size / 150 + 1) {
            flip(path, at);
            pr_verify_result result = {0};
            const pr_status status = open_all(dir, &samples);
            const pr_status verified = pr_verify(dir, 0, 1, 1, &result);
            n_said += status != PR_OK || verified != PR_OK || result.n_bad > 0;
            CHECK(status != PR_OK || pr_samples_hash(samples) == hash || f == 0,
                  "%s: byte %lld changes what is read", names[f], (long long)at);
            pr_samples_close(&samples);
            pr_text_free(&result.messages);
            pr_error_clear();
            flip(path, at);
        }
        CHECK(n_said > 75, "%s: %d of 150 damaged bytes were seen", names[f], n_said);
        CHECK(rename(kept, path) == 0, "%s", kept);
    }
}

/* The last letter of WORD changed in the file NAME: the order of words stays, only the sum tells. */
static void change_word(const char *dir, const char *name, const char *word)
{
    char path[512];
    char *bytes = NULL;
    size_t n_bytes = 0;
    int64_t at = -1;
    synthetic_path(path, dir, name);
    CHECK_OK(pr_fs_read(path, &bytes, &n_bytes));
    for (size_t k = 0; k + strlen(word) <= n_bytes && at < 0; k++) {
        at = memcmp(bytes + k, word, strlen(word)) == 0 ? (int64_t)(k + strlen(word) - 1) : -1;
    }
    pr_free(bytes);
    CHECK(at >= 0, "%s is not in %s", word, path);
    flip(path, at);
}

static void test_checksums(const char *dir)
{
    pr_samples *samples = NULL;
    change_word(dir, "dataset.h5", "original");
    CHECK_FAILS(open_all(dir, &samples), PR_ERR_FORMAT, "dataset.h5: the checksum of its tables");
    change_word(dir, "dataset.h5", "originam");
    change_word(dir, "part-00000.h5", "original");
    CHECK(!pr_shard_is_done(dir, 0, 77), "a shard with a changed word is done");
    CHECK_FAILS(pr_dataset_finish(dir, N_SHARDS, ""), PR_ERR_FORMAT,
                "part-00000.h5: the checksum of its metadata");
    change_word(dir, "part-00000.h5", "originam");
    CHECK_OK(open_all(dir, &samples));
    pr_samples_close(&samples);
}

static void test_other_version(const char *dir)
{
    char path[512];
    char kept[512];
    int fd = -1;
    pr_samples *samples = NULL;
    const pr_h5_attr attrs[] = {{"format_version", 9, 0}, {"metadata_checksum", 0, 0}};
    synthetic_path(path, dir, "dataset.h5");
    synthetic_path(kept, dir, "kept");
    CHECK(rename(path, kept) == 0, "%s", path);
    CHECK_OK(pr_h5_lay_out(path, NULL, 0, attrs, 2, &fd));
    CHECK(close(fd) == 0, "%s", path);
    CHECK_FAILS(open_all(dir, &samples), PR_ERR_FORMAT,
                "dataset.h5: format_version is 9, this program reads 1");
    CHECK_OK(pr_h5_lay_out(path, NULL, 0, NULL, 0, &fd));
    CHECK(close(fd) == 0, "%s", path);
    CHECK_FAILS(open_all(dir, &samples), PR_ERR_FORMAT, "has no attribute format_version");
    CHECK_OK(pr_fs_write(path, "no HDF5", 7));
    CHECK_FAILS(open_all(dir, &samples), PR_ERR_FORMAT, "7 bytes that are no whole HDF5 file");
    CHECK(rename(kept, path) == 0, "%s", kept);
}

/* A shard that goes away under an open dataset is the disk's fault, not a bad sample. */
static void test_lost_while_open(const char *dir)
{
    char path[512];
    uint8_t bytes[SYN_BYTES];
    pr_samples *samples = NULL;
    CHECK_OK(open_all(dir, &samples));
    synthetic_path(path, dir, "part-00000.h5");
    CHECK(truncate(path, 100) == 0, "%s", path);
    CHECK_FAILS(pr_samples_read(samples, 0, bytes), PR_ERR_IO, "part-00000.h5: ends at byte");
    pr_samples_close(&samples);
    synthetic_dataset(dir, N, N_SHARDS);
}

/* A shard that no sample stands in must be there all the same. */
static void test_unused_shard(const char *dir)
{
    static const char *const swap[] = {"swap", NULL};
    static synthetic crop;
    char path[512];
    pr_samples *samples = NULL;
    const pr_selection fakes = {.path = dir, .method = swap};
    synthetic_make(0, &crop);
    crop.record.frame = 1000;
    CHECK_OK(pr_shard_write(dir, N_SHARDS, 77, &crop.record, 1));
    CHECK_OK(pr_dataset_finish(dir, N_SHARDS + 1, ""));
    CHECK_OK(pr_samples_open(&fakes, 1, &samples));
    pr_samples_close(&samples);
    synthetic_path(path, dir, "part-00003.h5");
    CHECK(unlink(path) == 0, "%s", path);
    CHECK_FAILS(pr_samples_open(&fakes, 1, &samples), PR_ERR_IO, "part-00003.h5: cannot be read");
    synthetic_dataset(dir, N, N_SHARDS);
}

static void test_refused(const char *dir)
{
    static synthetic crop[2];
    pr_record two[2];
    synthetic_make(4, &crop[0]);
    synthetic_make(4, &crop[1]);
    two[0] = crop[0].record;
    two[1] = crop[1].record;
    CHECK_FAILS(pr_shard_write(dir, 5, 1, two, 2), PR_ERR_INVALID,
                "two crops are synth/original/c23/000/frame 40");
    two[1].frame = -3;
    CHECK_FAILS(pr_shard_write(dir, 5, 1, two, 2), PR_ERR_INVALID, "frame -3");
    two[1].frame = 5;
    two[1].label = "Fake";
    CHECK_FAILS(pr_shard_write(dir, 5, 1, two, 2), PR_ERR_INVALID, "'Fake', want real or fake");
    two[1].label = "fake";
    two[1].video = "";
    CHECK_FAILS(pr_shard_write(dir, 5, 1, two, 2), PR_ERR_INVALID, "neither may be empty");
    two[1].video = "v";
    two[1].method = "a/b";
    CHECK_FAILS(pr_shard_write(dir, 5, 1, two, 2), PR_ERR_INVALID, "'/' in dataset");
    two[1].method = "tab\t";
    CHECK_FAILS(pr_shard_write(dir, 5, 1, two, 2), PR_ERR_INVALID, "control character");
    two[1].method = "";
    two[1].image = (const uint8_t *)"GIF89a";
    CHECK_FAILS(pr_shard_write(dir, 5, 1, two, 2), PR_ERR_INVALID, "neither JPEG nor PNG");
    CHECK(!pr_shard_is_done(dir, 5, 1), "a refused shard is there");
    CHECK_FAILS(pr_shard_write("/nowhere/at/all", 5, 1, two, 1), PR_ERR_IO, "/nowhere/at/all");

    /* The same crop in two shards, and a dataset of no crops. */
    char other[256];
    synthetic_folder(other);
    CHECK_OK(pr_shard_write(other, 0, 1, two, 1));
    CHECK_OK(pr_shard_write(other, 1, 1, two, 1));
    CHECK_FAILS(pr_dataset_finish(other, 2, ""), PR_ERR_INVALID,
                "is in part-00000.h5, record 0, and in part-00001.h5, record 0");
    CHECK_OK(pr_shard_write(other, 0, 1, two, 0));
    CHECK_FAILS(pr_dataset_finish(other, 1, ""), PR_ERR_INVALID, "a dataset of no crops");
    CHECK_FAILS(pr_dataset_finish(other, 3, ""), PR_ERR_IO, "part-00002.h5");
    synthetic_remove(other);
}

int main(void)
{
    char dir[256];
    synthetic_folder(dir);
    test_equal_bytes(dir);
    test_done(dir);
    test_missing_or_swapped(dir);
    test_foreign_index(dir);
    test_flipped(dir);
    test_any_byte(dir);
    test_checksums(dir);
    test_other_version(dir);
    test_lost_while_open(dir);
    test_unused_shard(dir);
    test_refused(dir);
    synthetic_remove(dir);
    return check_exit_code();
}
