/*
 * Forged datasets: the same bytes on any number of ranks and after a restart, real and forged crops
 * aligned, donors and backgrounds of one split, and nothing trivial that tells them apart.
 */
#include "dataset/forge.h"
#include "dataset/samples.h"
#include "engine/base/fs.h"
#include "tests/check.h"

#include <math.h>
#include <unistd.h>

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[4][PR_PATH_BYTES];
    static int next;
    char *const out = path[next++ % 4];
    CHECK_OK(pr_fs_join(out, folder, name));
    return out;
}

static pr_forge_options small_options(const char *out)
{
    pr_forge_options o = pr_forge_options_default();
    o.out = out;
    o.n_people = 10;
    o.size_px = 48;
    o.n_frames = 3;
    o.n_donors = 2;
    o.photos_per_shard = 3;
    o.seed = 4;
    return o;
}

/* What mpirun would do with N_RANKS, one rank after the other, the last first; shards written. */
static int forge(const pr_forge_options *o, int n_ranks)
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
static bool same_files(const char *a, const char *b, int64_t *n)
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

static pr_samples *open_set(const char *path, const char *compression)
{
    const char *const compressions[2] = {compression, NULL};
    const pr_selection selection = {.path = path,
                                    .compression = compression != NULL ? compressions : NULL};
    pr_samples *samples = NULL;
    CHECK_OK(pr_samples_open(&selection, 1, &samples));
    return samples;
}

static void check_ranks_and_restart(void)
{
    pr_forge_options o = small_options(path_of("one"));
    int64_t n_files = 0;
    CHECK(forge(&o, 1) == 7, "20 photographs in shards of 3");
    o.out = path_of("three");
    CHECK(forge(&o, 3) == 7, "three ranks write all shards");
    CHECK(same_files(path_of("one"), path_of("three"), &n_files) && n_files == 8,
          "files on 3 ranks differ from those on 1, of %lld", (long long)n_files);
    CHECK(forge(&o, 2) == 0, "a restart made shards again");

    /* Another option makes another recipe; sharding changes no crop. */
    o.style.softness = 0.06;
    CHECK(forge(&o, 1) == 7, "another softness left shards as they were");
    o = small_options(path_of("resharded"));
    o.n_shards = 2;
    CHECK(forge(&o, 1) == 2, "2 shards");
    pr_samples *a = open_set(path_of("one"), NULL);
    pr_samples *b = open_set(path_of("resharded"), NULL);
    CHECK(pr_samples_n(a) == 20 * 3 * 3 && pr_samples_hash(a) == pr_samples_hash(b),
          "%lld crops, other in 2 shards", (long long)pr_samples_n(a));
    pr_samples_close(&a);
    pr_samples_close(&b);
    o.seed = 5;
    (void)forge(&o, 1);
    a = open_set(path_of("one"), NULL);
    b = open_set(path_of("resharded"), NULL);
    CHECK(pr_samples_hash(a) != pr_samples_hash(b), "another seed gave the same crops");
    pr_samples_close(&a);
    pr_samples_close(&b);
}

/* The real sample with the background and frame of fake I, or -1. */
static int64_t real_of(const pr_samples *s, int64_t i)
{
    const pr_sample *const fake = pr_samples_at(s, i);
    for (int64_t j = 0; j < pr_samples_n(s); j++) {
        const pr_sample *const real = pr_samples_at(s, j);
        if (real->label == PR_REAL && real->video == fake->bg_video && real->frame == fake->frame &&
            real->compression == fake->compression) {
            return j;
        }
    }
    return -1;
}

static void read_crop(const pr_samples *s, int64_t i, const pr_image_u8 *out)
{
    const size_t n_bytes = pr_samples_payload_bytes(s, i);
    uint8_t *const bytes = pr_calloc((int64_t)n_bytes, 1);
    CHECK_OK(pr_samples_read(s, i, bytes));
    CHECK_OK(pr_image_decode_rgb(bytes, n_bytes, out));
    pr_free(bytes);
}

/* The difference between a fake and its real: mean inside the mouth's neighbourhood, and along the
 * crop's border. */
static void differences(const pr_samples *s, int64_t fake, int64_t real, double out[2])
{
    pr_image_u8 a = {0};
    pr_image_u8 b = {0};
    int width = 0;
    int height = 0;
    pr_samples_size_px(s, fake, &width, &height);
    CHECK_OK(pr_image_create(width, height, 3, &a));
    CHECK_OK(pr_image_create(width, height, 3, &b));
    read_crop(s, fake, &a);
    read_crop(s, real, &b);
    double sum[2] = {0, 0};
    int count[2] = {0, 0};
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const bool border = x < 3 || y < 3 || x >= width - 3 || y >= height - 3;
            const bool middle = abs(2 * x - width) < width / 3 && abs(2 * y - height) < height / 3;
            for (int c = 0; c < 3 && (border || middle); c++) {
                const ptrdiff_t at = ((ptrdiff_t)y * width + x) * 3 + c;
                sum[border] += abs(a.data[at] - b.data[at]);
                count[border]++;
            }
        }
    }
    out[0] = sum[0] / count[0];
    out[1] = sum[1] / count[1];
    pr_image_destroy(&a);
    pr_image_destroy(&b);
}

static void check_pair(const pr_samples *s, int64_t i, double sum[2])
{
    const pr_sample *const fake = pr_samples_at(s, i);
    const int64_t j = real_of(s, i);
    CHECK(j >= 0, "%s has no real crop", pr_samples_word(s, fake->video));
    if (j < 0) {
        return;
    }
    const pr_sample *const real = pr_samples_at(s, j);
    const double *const a = pr_samples_crop_map(s, i);
    const double *const b = pr_samples_crop_map(s, j);
    int n[2] = {0, 0};
    const float *const p = pr_samples_landmarks(s, i, &n[0]);
    const float *const q = pr_samples_landmarks(s, j, &n[1]);
    CHECK(a != NULL && b != NULL && memcmp(a, b, 6 * sizeof(double)) == 0, "crop maps differ");
    CHECK(n[0] == PR_N_LANDMARKS && n[1] == PR_N_LANDMARKS &&
              memcmp(p, q, sizeof(float) * 2 * PR_N_LANDMARKS) == 0,
          "landmarks differ");
    CHECK(p[60] > 14 && p[60] < 34 && p[61] > 14 && p[61] < 40, "the nose is at %g,%g of 48",
          (double)p[60], (double)p[61]);
    CHECK(fake->split == real->split && fake->bg_id == real->bg_id &&
              real->face_id == real->bg_id && fake->face_id != fake->bg_id &&
              fake->face_video != fake->bg_video,
          "words of %s", pr_samples_word(s, fake->video));
    double d[2];
    differences(s, i, j, d);
    sum[0] += d[0];
    sum[1] += d[1];
}

static void check_pairs(void)
{
    pr_samples *s = open_set(path_of("one"), NULL);
    double sum[2] = {0, 0};
    int n_fakes = 0;
    for (int64_t i = 0; i < pr_samples_n(s); i++) {
        const pr_sample *const sample = pr_samples_at(s, i);
        if (sample->label == PR_FAKE) {
            CHECK(strcmp(pr_samples_word(s, sample->method), "swap") == 0, "method");
            check_pair(s, i, sum);
            n_fakes++;
            /* The donor's person is of the same split as the background's. */
            for (int64_t j = 0; j < pr_samples_n(s); j++) {
                const pr_sample *const other = pr_samples_at(s, j);
                CHECK(other->bg_id != sample->face_id || other->split == sample->split,
                      "donor %s is of another split", pr_samples_word(s, sample->face_id));
            }
        }
    }
    CHECK(n_fakes == 20 * 2 * 3, "%d fakes", n_fakes);
    /* Faces differ by much more than the codec; the border by nothing but the codec. */
    CHECK(sum[0] / n_fakes > 8 && sum[1] / n_fakes < 1.5,
          "fakes differ from reals by %g in the middle, %g at the border", sum[0] / n_fakes,
          sum[1] / n_fakes);
    pr_samples_close(&s);
}

/* raw, c23 and c40 hold the same crops; raw ones are what they are without the others. */
static void check_compressions(void)
{
    pr_forge_options o = small_options(path_of("crf"));
    o.n_crf = 2;
    o.crf[0] = 23;
    o.crf[1] = 40;
    (void)forge(&o, 1);
    o.out = path_of("no_asm");
    o.no_asm = true;
    (void)forge(&o, 1);
    pr_samples *all[4];
    static const char *const words[4] = {"raw", "raw", "c23", "c40"};
    for (int k = 0; k < 4; k++) {
        all[k] = open_set(path_of(k == 0 ? "one" : "crf"), words[k]);
        CHECK(pr_samples_n(all[k]) == pr_samples_n(all[0]), "%s has %lld crops", words[k],
              (long long)pr_samples_n(all[k]));
    }
    CHECK(pr_samples_hash(all[0]) == pr_samples_hash(all[1]), "--crf changes raw crops");
    for (int64_t i = 0; i < pr_samples_n(all[1]); i++) {
        const pr_sample *const raw = pr_samples_at(all[1], i);
        for (int k = 2; k < 4; k++) {
            const pr_sample *const s = pr_samples_at(all[k], i);
            CHECK(strcmp(pr_samples_word(all[1], raw->video), pr_samples_word(all[k], s->video)) ==
                          0 &&
                      raw->frame == s->frame && raw->label == s->label &&
                      memcmp(pr_samples_crop_map(all[1], i), pr_samples_crop_map(all[k], i),
                             6 * sizeof(double)) == 0,
                  "crop %lld of %s", (long long)i, words[k]);
        }
    }
    for (int k = 0; k < 4; k++) {
        pr_samples_close(&all[k]);
    }
    int64_t n_files = 0;
    CHECK(same_files(path_of("crf"), path_of("no_asm"), &n_files),
          "x264's assembler changes the dataset");
}

static void check_folds(void)
{
    pr_forge_options o = small_options(path_of("folds"));
    o.n_folds = 5;
    o.n_donors = 1;
    o.n_frames = 1;
    o.codec = PR_CODEC_PNG;
    (void)forge(&o, 1);
    pr_samples *s = open_set(o.out, NULL);
    int count[5] = {0};
    for (int64_t i = 0; i < pr_samples_n(s); i++) {
        const char *const word = pr_samples_word(s, pr_samples_at(s, i)->split);
        CHECK(strncmp(word, "fold", 4) == 0 && word[4] >= '0' && word[4] <= '4', "'%s'", word);
        count[word[4] - '0']++;
    }
    for (int k = 0; k < 5; k++) { /* two people, two videos each, one fake of each */
        CHECK(count[k] == 8, "fold%d has %d crops", k, count[k]);
    }
    pr_samples_close(&s);
}

enum { SIZE, BRIGHTNESS, GRADIENT, N_STATISTICS };

static void statistics_of(const pr_samples *s, int64_t i, double out[N_STATISTICS])
{
    pr_image_u8 view = {0};
    int w = 0;
    int h = 0;
    pr_samples_size_px(s, i, &w, &h);
    CHECK_OK(pr_image_create(w, h, 3, &view));
    read_crop(s, i, &view);
    out[SIZE] = (double)pr_samples_payload_bytes(s, i);
    out[BRIGHTNESS] = 0;
    out[GRADIENT] = 0;
    for (ptrdiff_t at = 0; at < (ptrdiff_t)3 * w * h; at++) {
        out[BRIGHTNESS] += view.data[at];
        if (at / 3 % w + 1 < w) {
            out[GRADIENT] += abs(view.data[at] - view.data[at + 3]);
        }
        if (at / 3 / w + 1 < h) {
            out[GRADIENT] += abs(view.data[at] - view.data[at + (ptrdiff_t)3 * w]);
        }
    }
    pr_image_destroy(&view);
}

/* max(AUC, 1 - AUC) of each statistic as a score. */
static void check_trivial(const char *path, const char *compression)
{
    static const char *const names[N_STATISTICS] = {"bytes", "brightness", "gradient"};
    pr_samples *s = open_set(path, compression);
    const int64_t n = pr_samples_n(s);
    double *const all = pr_calloc(n * N_STATISTICS, sizeof(double));
    for (int64_t i = 0; i < n; i++) {
        statistics_of(s, i, all + i * N_STATISTICS);
    }
    for (int k = 0; k < N_STATISTICS; k++) {
        double won = 0;
        double n_pairs = 0;
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; j < n && pr_samples_at(s, i)->label == PR_FAKE; j++) {
                if (pr_samples_at(s, j)->label == PR_REAL) {
                    const double d = all[i * N_STATISTICS + k] - all[j * N_STATISTICS + k];
                    won += d > 0 ? 1 : (d < 0 ? 0 : 0.5);
                    n_pairs++;
                }
            }
        }
        const double auc = fmax(won / n_pairs, 1 - won / n_pairs);
        (void)printf("%s %s: max(AUC, 1 - AUC) of %s is %.3f\n", path, compression, names[k], auc);
        CHECK(auc < 0.7, "%s alone tells reals from fakes: %g", names[k], auc);
    }
    pr_free(all);
    pr_samples_close(&s);
}

static void check_refusals(void)
{
    pr_forge *f = NULL;
    pr_forge_options o = small_options(path_of("refused"));
    o.n_people = 4;
    CHECK_FAILS(pr_forge_open(&o, &f), PR_ERR_INVALID, "has 1 of the 4 identities");
    o = small_options(o.out);
    o.split[0] = 0.7;
    CHECK_FAILS(pr_forge_open(&o, &f), PR_ERR_INVALID, "sums to 1.1, must be 1");
    o = small_options(o.out);
    o.n_crf = 2;
    o.crf[0] = o.crf[1] = 23;
    CHECK_FAILS(pr_forge_open(&o, &f), PR_ERR_INVALID, "crf 23 is asked for twice");
    o = small_options(o.out);
    o.style.softness = 0.7;
    CHECK_FAILS(pr_forge_open(&o, &f), PR_ERR_INVALID, "softness = 0.7");
    o = small_options(o.out);
    o.n_shards = 21;
    CHECK_FAILS(pr_forge_open(&o, &f), PR_ERR_INVALID, "21 shards of 20 photographs");
    CHECK(f == NULL, "a forge came out");

    /* Each allocation of the plan made to fail in turn. */
    o = small_options(o.out);
    for (long n = 0; n < 1000; n++) {
        pr_alloc_fail_on(n);
        const pr_status status = pr_forge_open(&o, &f);
        pr_alloc_fail_on(-1);
        pr_forge_close(&f);
        if (status == PR_OK) {
            CHECK(n > 20, "%ld allocations", n);
            break;
        }
        CHECK(status == PR_ERR_NOMEM, "allocation %ld gave %d", n, (int)status);
        pr_error_clear();
    }
}

static void check_photographs(void)
{
    const char *const given = getenv("PR_FACES");
    const char *const faces = given != NULL ? given : PR_SOURCE_ROOT "/../shared/data/faces";
    char landmarks[PR_PATH_BYTES];
    char identities[PR_PATH_BYTES];
    CHECK_OK(pr_fs_join(landmarks, faces, "landmarks68.tsv"));
    CHECK_OK(pr_fs_join(identities, faces, "manifest.tsv"));
    if (!pr_fs_exists(landmarks)) {
        (void)printf("skipped: no photographs in %s (set PR_FACES)\n", faces);
        return;
    }
    pr_forge_options o = small_options(path_of("photographs"));
    o.photos = faces;
    o.landmarks = landmarks;
    o.identities = identities;
    o.limit_identities = 10;
    o.n_frames = 1;
    o.n_donors = 1;
    o.photos_per_shard = 16;
    (void)forge(&o, 2);
    check_trivial(o.out, "raw");

    /* A picture that is not there is named. */
    pr_forge *f = NULL;
    bool wrote = false;
    o.photos = path_of("one");
    o.out = path_of("missing");
    CHECK_OK(pr_fs_mkdirs(o.out));
    CHECK_OK(pr_forge_open(&o, &f));
    CHECK_FAILS(pr_forge_shard(f, 0, &wrote), PR_ERR_IO, "one/caltech/image_");
    pr_forge_close(&f);
}

int main(void)
{
    (void)snprintf(folder, sizeof(folder), "forge-test-XXXXXX");
    CHECK(mkdtemp(folder) != NULL, "no folder for the test");
    check_ranks_and_restart();
    check_pairs();
    check_trivial(path_of("one"), "raw");
    check_compressions();
    check_trivial(path_of("crf"), "c40");
    check_folds();
    check_refusals();
    check_photographs();
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -r ./%s", folder);
    CHECK(system(command) == 0, "'%s' failed", command); /* NOLINT(cert-env33-c): a fixed word */
    return check_exit_code();
}
