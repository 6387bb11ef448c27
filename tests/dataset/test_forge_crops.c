/*
 * What forged crops are: aligned with their reals, different from them in the face and nowhere
 * else, of one split with their donors, and not to be told apart by anything trivial.
 */
#include "dataset/forge_plan.h"
#include "tests/dataset/forged.h"

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

enum { MIDDLE, BORDER, COLOUR, N_DIFFERENCES };

/* Between a fake and its real: the mean difference inside the face and along the crop's border, and
 * the difference of the means inside the face. */
static void differences(const pr_samples *s, int64_t fake, int64_t real, double out[N_DIFFERENCES])
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
    double shift = 0;
    int count[2] = {0, 0};
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const bool border = x < 3 || y < 3 || x >= width - 3 || y >= height - 3;
            const bool middle = abs(2 * x - width) < width / 3 && abs(2 * y - height) < height / 3;
            for (int c = 0; c < 3 && (border || middle); c++) {
                const ptrdiff_t at = ((ptrdiff_t)y * width + x) * 3 + c;
                sum[border] += abs(a.data[at] - b.data[at]);
                shift += middle ? a.data[at] - b.data[at] : 0;
                count[border]++;
            }
        }
    }
    out[MIDDLE] = sum[0] / count[0];
    out[BORDER] = sum[1] / count[1];
    out[COLOUR] = fabs(shift) / count[0];
    pr_image_destroy(&a);
    pr_image_destroy(&b);
}

static void check_pair(const pr_samples *s, int64_t i, double sum[N_DIFFERENCES])
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
    CHECK(a != NULL && b != NULL && same_values(a, b, 6), "crop maps differ");
    CHECK(n[0] == PR_N_LANDMARKS && n[1] == PR_N_LANDMARKS, "%d and %d landmarks", n[0], n[1]);
    for (int k = 0; k < 2 * PR_N_LANDMARKS; k++) {
        CHECK(p[k] == q[k], "landmark %d differs", k / 2);
    }
    CHECK(p[60] > 14 && p[60] < 34 && p[61] > 14 && p[61] < 40, "the nose is at %g,%g of 48",
          (double)p[60], (double)p[61]);
    CHECK(fake->split == real->split && fake->bg_id == real->bg_id &&
              real->face_id == real->bg_id && fake->face_id != fake->bg_id &&
              fake->face_video != fake->bg_video,
          "words of %s", pr_samples_word(s, fake->video));
    double d[N_DIFFERENCES];
    differences(s, i, j, d);
    for (int k = 0; k < N_DIFFERENCES; k++) {
        sum[k] += d[k];
    }
}

/* The mean difference of colour. */
static double check_pairs(const char *path)
{
    pr_samples *s = open_set(path, NULL);
    double sum[N_DIFFERENCES] = {0, 0, 0};
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
    /* Faces differ by much more than the codec; the border by nothing else. */
    CHECK(sum[MIDDLE] / n_fakes > 8 && sum[BORDER] / n_fakes < 1.5,
          "fakes differ from reals by %g in the middle, %g at the border", sum[MIDDLE] / n_fakes,
          sum[BORDER] / n_fakes);
    pr_samples_close(&s);
    return sum[COLOUR] / n_fakes;
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

/* A few people have most of the photographs: the folds are of one size all the same. */
static void check_fold_sizes(const pr_forge_options *photographs)
{
    pr_forge_options o = *photographs;
    o.limit_identities = 0;
    o.n_folds = 5;
    o.out = path_of("folds");
    pr_forge *f = NULL;
    CHECK_OK(pr_fs_mkdirs(o.out));
    CHECK_OK(pr_forge_open(&o, &f));
    if (f == NULL) {
        return;
    }
    int64_t count[5] = {0};
    for (int64_t i = 0; i < f->n_photos; i++) {
        count[f->photos[i].split]++;
    }
    for (int k = 0; k < 5; k++) {
        CHECK(llabs(5 * count[k] - f->n_photos) <= 10, "fold%d has %lld of %lld photographs", k,
              (long long)count[k], (long long)f->n_photos);
    }
    pr_forge_close(&f);
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
    check_fold_sizes(&o);

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
    begin_sets();
    pr_forge_options o = small_options(path_of("one"));
    (void)forge(&o, 1);
    const double matched = check_pairs(o.out);
    check_trivial(o.out, "raw");
    o.out = path_of("unmatched");
    o.style.colour = 0;
    (void)forge(&o, 1);
    const double unmatched = check_pairs(o.out);
    CHECK(matched < 0.5 * unmatched, "colours are off by %g, by %g where they are not matched",
          matched, unmatched);
    o.style.colour = 1;
    o.out = path_of("crf");
    o.n_crf = 1;
    o.crf[0] = 40;
    (void)forge(&o, 1);
    check_trivial(o.out, "c40");
    check_photographs();
    end_sets();
    return check_exit_code();
}
