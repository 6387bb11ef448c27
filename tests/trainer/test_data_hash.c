/*
 * What the data hash sees beyond the pixels: labels, persons and backgrounds, from which pairs come.
 * With a folder as argument, writes the datasets there that the tests of whole runs resume with.
 */
#include "tests/dataset/synthetic.h"
#include "trainer/data.h"

enum { N = 120, CHANGED = 7, N_CHANGES = 6 };

static const char *const names[N_CHANGES] = {"plain", "label",   "bg_video",
                                             "bg_id", "face_id", "face_video"};

/* Crop CHANGED is a real of the training split. */
static void change(int what, pr_record *record)
{
    const char **const words[N_CHANGES] = {NULL,           &record->label,   &record->bg_video,
                                           &record->bg_id, &record->face_id, &record->face_video};
    if (what > 0) {
        *words[what] = what == 1 ? "fake" : "another";
    }
}

static void write_dataset(const char *dir, int what, int n_shards)
{
    static synthetic crops[N];
    static pr_record records[N];
    for (int i = 0; i < N; i++) {
        synthetic_make(i, &crops[i]);
        records[i] = crops[i].record;
        records[i].split = i % 4 == 0 ? "val" : "train";
    }
    change(what, &records[CHANGED]);
    for (int s = 0; s < n_shards; s++) {
        const int first = s * N / n_shards;
        CHECK_OK(pr_shard_write(dir, s, 77, records + first, (s + 1) * N / n_shards - first));
    }
    CHECK_OK(pr_dataset_finish(dir, n_shards, "made by a test"));
}

static uint64_t hash_of(const char *dir, uint64_t *of_pixels)
{
    const pr_selection all = {.path = dir};
    pr_samples *samples = NULL;
    uint64_t hash = 0;
    CHECK_OK(pr_samples_open(&all, 1, &samples));
    if (samples != NULL) {
        hash = pr_data_hash(samples);
        *of_pixels = pr_samples_hash(samples);
    }
    pr_samples_close(&samples);
    return hash;
}

static void test_hashes(const char *dir)
{
    uint64_t hash[N_CHANGES + 1];
    uint64_t pixels[N_CHANGES + 1] = {0};
    for (int what = 0; what <= N_CHANGES; what++) {
        char path[512];
        synthetic_path(path, dir, what < N_CHANGES ? names[what] : "seven");
        CHECK(mkdir(path, 0777) == 0, "%s", path);
        write_dataset(path, what % N_CHANGES, what < N_CHANGES ? 2 : 7);
        hash[what] = hash_of(path, &pixels[what]);
        CHECK(pixels[what] == pixels[0], "%s: other pixels", path);
    }
    for (int what = 1; what < N_CHANGES; what++) {
        for (int other = 0; other < what; other++) {
            CHECK(hash[what] != hash[other], "another %s has the hash of another %s", names[what],
                  names[other]);
        }
    }
    CHECK(hash[N_CHANGES] == hash[0], "seven shards have another hash than two");
}

int main(int argc, char **argv)
{
    char dir[256];
    if (argc > 1) {
        test_hashes(argv[1]);
        return check_exit_code();
    }
    synthetic_folder(dir);
    test_hashes(dir);
    synthetic_remove(dir);
    return check_exit_code();
}
