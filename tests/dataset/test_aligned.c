/* Which real a fake is aligned with: against brute force, at the limit of half a pixel, on forgeries. */
#include "tests/dataset/aligned.h"
#include "tests/dataset/forged.h"

/* The largest distance over every pixel of the crop, through the inverse by Cramer's rule. */
static double apart(const double *a, const double *b, int width, int height)
{
    const double det = a[0] * a[4] - a[1] * a[3];
    double most = 0.0;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const double u = (double)x - a[2];
            const double v = (double)y - a[5];
            const double frame_x = (a[4] * u - a[1] * v) / det;
            const double frame_y = (a[0] * v - a[3] * u) / det;
            const double dx = b[0] * frame_x + b[1] * frame_y + b[2] - (double)x;
            const double dy = b[3] * frame_x + b[4] * frame_y + b[5] - (double)y;
            most = fmax(most, sqrt(dx * dx + dy * dy));
        }
    }
    return most;
}

static int64_t by_search(const pr_samples *s, int64_t i)
{
    const pr_sample *const fake = pr_samples_at(s, i);
    int64_t found = -1;
    double least = 0.5;
    int width = 0;
    int height = 0;
    pr_samples_size_px(s, i, &width, &height);
    for (int64_t k = 0; k < pr_samples_n(s) && fake->label == PR_FAKE && fake->bg_video != 0; k++) {
        const pr_sample *const real = pr_samples_at(s, k);
        int w = 0;
        int h = 0;
        pr_samples_size_px(s, k, &w, &h);
        const bool equal = real->label == PR_REAL && real->dataset == fake->dataset &&
                           real->compression == fake->compression &&
                           real->bg_video == fake->bg_video && real->frame == fake->frame &&
                           w == width && h == height;
        if (!equal || pr_samples_crop_map(s, k) == NULL || pr_samples_crop_map(s, i) == NULL) {
            continue;
        }
        const double d = apart(pr_samples_crop_map(s, i), pr_samples_crop_map(s, k), w, h);
        if (d < least || (found < 0 && d <= least)) {
            least = d;
            found = k;
        }
    }
    return found;
}

static void compare(const pr_samples *s, int64_t *n_aligned, int64_t *n_fakes)
{
    *n_aligned = 0;
    *n_fakes = 0;
    for (int64_t i = 0; i < pr_samples_n(s); i++) {
        const int64_t want = by_search(s, i);
        CHECK(pr_samples_aligned(s, i) == want, "sample %lld: %lld, want %lld", (long long)i,
              (long long)pr_samples_aligned(s, i), (long long)want);
        *n_aligned += want >= 0;
        *n_fakes += pr_samples_at(s, i)->label == PR_FAKE;
    }
}

/* Random worlds: maps near each other and not, missing maps, two faces of a frame. */
static void test_search(void)
{
    enum { N_VIDEOS = 8, N_FRAMES = 4, N_FAKES = 3, N = N_VIDEOS * N_FRAMES * (N_FAKES + 2) };
    int64_t n_aligned = 0;
    int64_t n_fakes = 0;
    uint32_t state = 3;
    char dir[256];
    aligned_crop *crops = pr_calloc(N, sizeof(*crops));
    int n = 0;
    synthetic_folder(dir);
    for (int video = 0; video < N_VIDEOS; video++) {
        for (int number = -2; number < N_FAKES; number++) {
            for (int frame = 0; frame < N_FRAMES; frame++) {
                /* -2 is a second face of the real: it lies elsewhere, by a pixel or by far. */
                const double scale = 0.5 + 0.0005 * pixels_below(&state, 10);
                const double turn = 0.0005 * pixels_below(&state, 10);
                const double shift = number == -2 ? 0.1 * pixels_below(&state, 100) : 0.0;
                const double map[6] = {scale, -turn, 3.0 + video + shift,
                                       turn,  scale, 0.05 * pixels_below(&state, 20)};
                aligned_make(&crops[n], video, number < 0 ? -1 : number, frame, map, false);
                crops[n].record.face = number == -2 ? 1 : 0;
                if (pixels_below(&state, 10) == 0) {
                    crops[n].record.crop_map = NULL;
                }
                n++;
            }
        }
    }
    aligned_write(dir, crops, n);
    pr_samples *samples = aligned_open(dir);
    compare(samples, &n_aligned, &n_fakes);
    CHECK(n_aligned > n_fakes / 10 && n_aligned < n_fakes * 9 / 10,
          "%lld of %lld fakes are aligned", (long long)n_aligned, (long long)n_fakes);
    pr_samples_close(&samples);
    synthetic_remove(dir);
    pr_free(crops);
}

/* Half a pixel is aligned, more is not; the nearer of two is taken; other frames never are. */
static void test_limit(void)
{
    const double own[6] = {1, 0, 5, 0, 1, 7};
    const double half[6] = {1, 0, 5.5, 0, 1, 7};
    const double more[6] = {1, 0, 5.5009765625, 0, 1, 7};
    const double near[6] = {1, 0, 5.25, 0, 1, 7};
    /* Nowhere but at the right edge, where 0.0155 makes 34 * 0.0155 / 1.0155 = 0.519. */
    const double wider[6] = {1.0155, 0, 5, 0, 1, 7};
    char dir[256];
    aligned_crop crops[11];
    synthetic_folder(dir);
    aligned_make(&crops[0], 1, -1, 0, own, false);
    aligned_make(&crops[1], 1, 0, 0, half, false);
    aligned_make(&crops[2], 2, -1, 0, own, false);
    aligned_make(&crops[3], 2, 0, 0, more, false);
    aligned_make(&crops[4], 3, -1, 0, own, false);
    aligned_make(&crops[5], 3, -1, 0, near, false);
    crops[5].record.face = 1;
    aligned_make(&crops[6], 3, 0, 0, half, false);
    aligned_make(&crops[7], 4, -1, 0, own, false);
    aligned_make(&crops[8], 4, 0, 1, own, false);
    aligned_make(&crops[9], 5, -1, 0, own, false);
    aligned_make(&crops[10], 5, 0, 0, wider, false);
    aligned_write(dir, crops, 11);
    pr_samples *samples = aligned_open(dir);
    /* Reals come first in key order: "original" before "swap"; two faces of video 3. */
    const int64_t want[11] = {-1, -1, -1, -1, -1, -1, 0, -1, 3, -1, -1};
    CHECK(pr_samples_n(samples) == 11, "%lld samples", (long long)pr_samples_n(samples));
    for (int64_t i = 0; i < pr_samples_n(samples); i++) {
        CHECK(pr_samples_aligned(samples, i) == want[i], "sample %lld: %lld, want %lld",
              (long long)i, (long long)pr_samples_aligned(samples, i), (long long)want[i]);
    }
    pr_samples_close(&samples);
    synthetic_remove(dir);
}

/* Every forgery has its real, in its own compression, and they differ where the mask says. */
static void test_forged(void)
{
    int64_t n_aligned = 0;
    int64_t n_fakes = 0;
    begin_sets();
    const char *const set = path_of("set");
    pr_forge_options o = small_options(set);
    o.n_crf = 1;
    o.crf[0] = 23;
    CHECK(forge(&o, 1) > 0, "nothing was forged");
    pr_samples *samples = open_set(set, NULL);
    compare(samples, &n_aligned, &n_fakes);
    CHECK(n_fakes > 0 && n_aligned == n_fakes, "%lld of %lld fakes have their real",
          (long long)n_aligned, (long long)n_fakes);
    pr_samples_close(&samples);
    end_sets();
}

int main(void)
{
    test_search();
    test_limit();
    test_forged();
    return check_exit_code();
}
