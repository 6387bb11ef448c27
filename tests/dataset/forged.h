/** Small forged datasets, and what the tests of forging read from them. */
#ifndef PR_TESTS_DATASET_FORGED_H
#define PR_TESTS_DATASET_FORGED_H

#include "dataset/forge.h"
#include "dataset/samples.h"
#include "engine/base/fs.h"
#include "tests/check.h"

#include <math.h>
#include <unistd.h>

static char folder[64];

static inline const char *path_of(const char *name)
{
    static char path[4][PR_PATH_BYTES];
    static int next;
    char *const out = path[next++ % 4];
    CHECK_OK(pr_fs_join(out, folder, name));
    return out;
}

static inline pr_forge_options small_options(const char *out)
{
    pr_forge_options o = pr_forge_options_default();
    o.out = out;
    o.n_people = 10;
    o.n_videos = 2;
    o.size_px = 48;
    o.n_frames = 3;
    o.n_donors = 2;
    o.photos_per_shard = 3;
    o.seed = 4;
    return o;
}

/* What mpirun would do with N_RANKS, one rank after the other, the last first; shards written. */
static inline int forge(const pr_forge_options *o, int n_ranks)
{
    int n_written = 0;
    CHECK_OK(pr_fs_mkdirs(o->out));
    for (int rank = n_ranks - 1; rank >= 0; rank--) {
        pr_forge *f = NULL;
        pr_forge_counts counts = {0};
        CHECK_OK(pr_forge_open(o, &f));
        if (f == NULL) {
            return -1;
        }
        pr_forge_count(f, &counts);
        for (int shard = rank; shard < counts.n_shards; shard += n_ranks) {
            bool wrote = false;
            CHECK_OK(pr_forge_shard(f, shard, &wrote));
            n_written += wrote;
        }
        if (rank == 0) {
            CHECK_OK(pr_forge_finish(f));
        }
        pr_forge_close(&f);
    }
    return n_written;
}

/* Whether both folders hold the same files with the same bytes; how many in *N. */
static inline bool same_files(const char *a, const char *b, int64_t *n)
{
    char **names = NULL;
    bool same = true;
    CHECK_OK(pr_fs_list(a, &names, n));
    for (int64_t i = 0; i < *n; i++) {
        char path[2][PR_PATH_BYTES];
        char *bytes[2] = {NULL, NULL};
        size_t n_bytes[2] = {0, 1};
        CHECK_OK(pr_fs_join(path[0], a, names[i]));
        CHECK_OK(pr_fs_join(path[1], b, names[i]));
        CHECK_OK(pr_fs_read(path[0], &bytes[0], &n_bytes[0]));
        CHECK_OK(pr_fs_read(path[1], &bytes[1], &n_bytes[1]));
        same = same && n_bytes[0] == n_bytes[1] && memcmp(bytes[0], bytes[1], n_bytes[0]) == 0;
        pr_free(bytes[0]);
        pr_free(bytes[1]);
    }
    pr_free((void *)names);
    return same;
}

static inline pr_samples *open_set(const char *path, const char *compression)
{
    const char *const compressions[2] = {compression, NULL};
    const pr_selection selection = {.path = path,
                                    .compression = compression != NULL ? compressions : NULL};
    pr_samples *samples = NULL;
    CHECK_OK(pr_samples_open(&selection, 1, &samples));
    return samples;
}

static inline void read_crop(const pr_samples *s, int64_t i, const pr_image_u8 *out)
{
    const size_t n_bytes = pr_samples_payload_bytes(s, i);
    uint8_t *const bytes = pr_calloc((int64_t)n_bytes, 1);
    CHECK_OK(pr_samples_read(s, i, bytes));
    CHECK_OK(pr_image_decode_rgb(bytes, n_bytes, out));
    pr_free(bytes);
}

static inline bool same_values(const double *a, const double *b, int n)
{
    for (int i = 0; i < n; i++) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

/** Makes the folder in which the sets of a test stand, and removes it. */
static inline void begin_sets(void)
{
    (void)snprintf(folder, sizeof(folder), "forge-test-XXXXXX");
    CHECK(mkdtemp(folder) != NULL, "no folder for the test");
}

static inline void end_sets(void)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -r ./%s", folder);
    CHECK(system(command) == 0, "'%s' failed", command); /* NOLINT(cert-env33-c): a fixed word */
}

#endif
