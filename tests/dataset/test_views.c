/* Views that several crops make, and their masks: geometry, mix-ups, bad mates, threads. */
#include "dataset/augment_more.h"
#include "dataset/loader.h"
#include "dataset/mask.h"
#include "dataset/mixup.h"
#include "dataset/render.h"
#include "tests/dataset/aligned.h"

#include <math.h>

enum {
    OUT = 45, /* not divisible by 4, the tiles of RandomPatch */
    N_OUT = OUT * OUT,
    N_VIDEOS = 4,
    N_FRAMES = 3,
    N_CROPS = 2 * N_VIDEOS * N_FRAMES,
    N_VIEWS = 48
};

static const size_t IMAGE_BYTES = (size_t)N_OUT * 3 * sizeof(float);

/* Geometry alone: what moves pixels and changes none. */
static pr_augment_options geometry(void)
{
    return (pr_augment_options){.enabled = true,
                                .crop_scale_min = 0.3,
                                .crop_scale_max = 1.0,
                                .crop_ratio_min = 0.75,
                                .crop_ratio_max = 4.0 / 3.0,
                                .flip_prob = 0.5,
                                .whole_prob = 0.2,
                                .rotate_prob = 0.5,
                                .rotate_deg = 30,
                                .patch_prob = 0.5,
                                .patch_k = 4,
                                .std = {1.0, 1.0, 1.0}};
}

static pr_augment_options everything(void)
{
    pr_augment_options o = geometry();
    o.jitter_prob = 0.8;
    o.brightness = 0.4;
    o.contrast = 0.4;
    o.saturation = 0.4;
    o.hue = 0.1;
    o.grey_prob = 0.2;
    o.blur_prob = 0.5;
    o.blur_sigma_min = 0.1;
    o.blur_sigma_max = 2.0;
    o.jpeg_prob = 0.3;
    o.jpeg_quality_min = 60;
    o.jpeg_quality_max = 100;
    o.cutout_prob = 0.5;
    o.cutout_px = 9;
    o.noise_prob = 0.5;
    o.noise_var_min = 10;
    o.noise_var_max = 50;
    o.tone_prob = 0.7;
    o.tone_brightness = 0.2;
    o.tone_contrast = 0.2;
    o.tone_pca = 0.1;
    o.tone_hue = 0.1;
    o.tone_saturation = 0.1;
    o.tone_value = 0.1;
    o.srm_prob = 0.5;
    return o;
}

/* Bytes or pixels: the same view and mask. */
static void test_pixels_are_bytes(int64_t crop_px)
{
    static float image[2][3 * N_OUT];
    static float mask[2][N_OUT];
    pr_augment_options o = everything();
    pr_image_u8 crop = pixels_make(90, 70, 3, 1);
    pr_image_u8 forged = pixels_make(90, 70, 1, 2);
    size_t n_crop = 0;
    size_t n_forged = 0;
    uint8_t *crop_bytes = pixels_encode(&crop, 0, PR_CHROMA_444, &n_crop);
    uint8_t *forged_bytes = pixels_encode(&forged, 0, PR_CHROMA_444, &n_forged);
    pr_renderer *renderer = NULL;
    o.crop_px = crop_px;
    CHECK_OK(pr_renderer_create(&o, 90, 70, OUT, &renderer));
    for (uint32_t place = 0; place < 60; place++) {
        const pr_draw_key key = {3, 1, place, (uint16_t)(place % 2), 0};
        CHECK_OK(pr_render(renderer, &key, crop_bytes, n_crop, forged_bytes, n_forged, image[0],
                           mask[0]));
        CHECK_OK(pr_render_pixels(renderer, &key, &crop, &forged, image[1], mask[1]));
        CHECK(pixels_equal(image[0], image[1], sizeof image[0]), "place %u: the views differ",
              place);
        CHECK(pixels_equal(mask[0], mask[1], sizeof mask[0]), "place %u: the masks differ", place);
    }
    const pr_draw_key key = {3, 1, 0, 0, 0};
    pr_image_u8 small = pixels_make(89, 70, 1, 2);
    CHECK_FAILS(pr_render_pixels(renderer, &key, &crop, &small, image[0], mask[0]), PR_ERR_FORMAT,
                "mask: 89 x 70 px, its crop has 90 x 70");
    CHECK_FAILS(pr_render_pixels(renderer, &key, &crop, NULL, image[0], mask[0]), PR_ERR_INVALID,
                "a mask is wanted");
    pr_renderer_destroy(&renderer);
    pr_image_destroy(&crop);
    pr_image_destroy(&small);
    pr_image_destroy(&forged);
    pr_free(crop_bytes);
    pr_free(forged_bytes);
}

/* A crop that looks like its mask is shown as its mask is, whatever geometry is drawn. */
static void test_mask_follows(int64_t crop_px)
{
    static float image[3 * N_OUT];
    static float mask[N_OUT];
    pr_augment_options o = geometry();
    pr_image_u8 crop = pixels_make(90, 70, 3, 1);
    pr_image_u8 forged = pixels_make(90, 70, 1, 7);
    pr_renderer *renderer = NULL;
    uint64_t hash = 1;
    int n_alike = 0;
    o.crop_px = crop_px;
    for (int i = 0; i < 90 * 70; i++) {
        memset(crop.data + 3 * (size_t)i, forged.data[i], 3);
    }
    CHECK_OK(pr_renderer_create(&o, 90, 70, OUT, &renderer));
    for (uint32_t place = 0; place < 200; place++) {
        const pr_draw_key key = {3, 1, place, 0, 0};
        double most = 0.0;
        CHECK_OK(pr_render_pixels(renderer, &key, &crop, &forged, image, mask));
        for (int i = 0; i < N_OUT; i++) {
            most = fmax(most, fabs((double)image[3 * i + 1] - (double)mask[i]));
        }
        /* Either is rounded to a grey level once. */
        CHECK(most < 1.02 / 255.0, "place %u: image and mask differ by %g levels", place,
              255.0 * most);
        const uint64_t next = pixels_hash(1, mask, sizeof mask);
        n_alike += next == hash;
        hash = next;
    }
    CHECK(n_alike < 5, "%d masks are as the one before", n_alike);
    pr_renderer_destroy(&renderer);
    pr_image_destroy(&crop);
    pr_image_destroy(&forged);
}

/* Reals 0 .. 11 and, in the same order, the fakes 12 .. 23; BAD (or -1) is cut short. Fakes of video 3
   lie a pixel away from their reals. */
static pr_samples *make_world(const char *dir, int bad, bool with_masks)
{
    aligned_crop *crops = pr_calloc(N_CROPS, sizeof(*crops));
    for (int i = 0; i < N_CROPS; i++) {
        const bool fake = i >= N_CROPS / 2;
        const int video = i / N_FRAMES % N_VIDEOS;
        const double map[6] = {1, 0, fake && video == 3 ? 6 : 5, 0, 1, 7};
        aligned_make(&crops[i], video, fake ? 0 : -1, i % N_FRAMES, map, fake && with_masks);
        crops[i].record.image_bytes -= i == bad ? 200 : 0;
    }
    aligned_write(dir, crops, N_CROPS);
    pr_free(crops);
    return aligned_open(dir);
}

typedef struct shown {
    pr_view views[N_VIEWS];
    float image[N_VIEWS * 3 * N_OUT], mask[N_VIEWS * N_OUT];
    bool present[N_VIEWS];
    pr_bad_counts bad;
} shown;

static pr_loader_options options_of(const pr_samples *samples, int mask, pr_bad_sample policy)
{
    return (pr_loader_options){
        .samples = samples,
        .augment = everything(),
        .generate = {.mask = mask, .mask_threshold = 0.1, .mixup_min = 0.5, .mixup_max = 1.0},
        .out_px = OUT,
        .seed = 11,
        .n_threads = 2,
        .n_batches_ahead = 1,
        .on_bad_sample = policy};
}

/* Each crop twice: as it is, and mixed with its real where it has one. */
static void plan_all(const pr_samples *samples, shown *s)
{
    for (int i = 0; i < N_VIEWS; i++) {
        const int64_t sample = i / 2;
        const int64_t real = i % 2 == 1 ? pr_samples_aligned(samples, sample) : -1;
        s->views[i] = (pr_view){.sample = sample,
                                .mate = real,
                                .place = (uint32_t)(500 + i),
                                .view = (uint16_t)(i % 2),
                                .generator = (uint8_t)(real >= 0 ? PR_GEN_MIXUP : PR_GEN_NONE),
                                .label = pr_samples_at(samples, sample)->label,
                                .want_mask = true};
    }
}

/* Views FIRST .. LAST - 1, as a rank that owns them would load them. */
static pr_status show_part(const pr_loader_options *options, shown *s, int first, int last)
{
    pr_loader *loader = NULL;
    const size_t at = (size_t)first * N_OUT;
    const pr_batch batch = {.views = s->views + first,
                            .n_views = last - first,
                            .epoch = 2,
                            .image = s->image + 3 * at,
                            .mask = s->mask + at,
                            .present = s->present + first};
    PR_TRY(pr_loader_create(options, &loader));
    pr_status status = pr_loader_submit(loader, &batch);
    if (status == PR_OK) {
        status = pr_loader_wait(loader, NULL);
    }
    pr_loader_bad_counts(loader, &s->bad);
    pr_loader_destroy(&loader);
    return status;
}

static pr_status show(const pr_loader_options *options, shown *s)
{
    return show_part(options, s, 0, N_VIEWS);
}

/* The same bytes from two, three and five ranks that share the batch unevenly. */
static void check_ranks(const pr_loader_options *options, const shown *whole)
{
    static shown s;
    for (int n_ranks = 2; n_ranks <= 5; n_ranks += n_ranks == 2 ? 1 : 2) {
        memcpy(s.views, whole->views, sizeof s.views);
        memset(s.image, 0xff, sizeof s.image);
        memset(s.mask, 0xff, sizeof s.mask);
        for (int rank = n_ranks - 1; rank >= 0; rank--) {
            CHECK_OK(
                show_part(options, &s, rank * N_VIEWS / n_ranks, (rank + 1) * N_VIEWS / n_ranks));
        }
        CHECK(pixels_equal(s.image, whole->image, sizeof s.image) &&
                  pixels_equal(s.mask, whole->mask, sizeof s.mask),
              "%d ranks show something else", n_ranks);
    }
}

static void read_image(const pr_samples *samples, int64_t i, const pr_image_u8 *out)
{
    static uint8_t bytes[1 << 16];
    CHECK_OK(pr_samples_read(samples, i, bytes));
    CHECK_OK(pr_image_decode_rgb(bytes, pr_samples_payload_bytes(samples, i), out));
}

/* View I by hand: crops decoded whole, mixed, their difference; then the same rendering. */
static void check_by_hand(const pr_samples *samples, pr_renderer *renderer, const shown *s, int i)
{
    static float image[3 * N_OUT];
    static float mask[N_OUT];
    static uint8_t scratch[ALIGNED_W * ALIGNED_H];
    const pr_view *const view = &s->views[i];
    const int64_t real = pr_samples_aligned(samples, view->sample);
    pr_draw_key key = {11, 2, view->place, view->view, PR_FOR_GENERATOR};
    pr_image_u8 crop = pixels_make(ALIGNED_W, ALIGNED_H, 3, 0);
    pr_image_u8 pristine = pixels_make(ALIGNED_W, ALIGNED_H, 3, 0);
    pr_image_u8 forged = pixels_make(ALIGNED_W, ALIGNED_H, 1, 0);
    read_image(samples, view->sample, &crop);
    memset(forged.data, view->label == PR_FAKE ? 255 : 0, pr_image_bytes(&forged));
    if (real >= 0) {
        read_image(samples, real, &pristine);
        CHECK_OK(pr_mask_difference(&crop, &pristine, 0.1, &forged, scratch));
    }
    if (view->generator == PR_GEN_MIXUP) {
        const double share = pr_draw_between(&key, 16, 0.5, 1.0);
        CHECK_OK(pr_mixup(&crop, &pristine, share, &crop));
    }
    CHECK_OK(pr_render_pixels(renderer, &key, &crop, &forged, image, mask));
    CHECK(pixels_equal(image, s->image + (size_t)i * 3 * N_OUT, sizeof image),
          "view %d is not what its crops make", i);
    CHECK(pixels_equal(mask, s->mask + (size_t)i * N_OUT, sizeof mask), "mask %d", i);
    pr_image_destroy(&crop);
    pr_image_destroy(&pristine);
    pr_image_destroy(&forged);
}

/* Mix-ups and masks by difference through the loader, on any number of threads and in any order. */
static void test_loader(const char *dir)
{
    static shown s[2];
    static float turned[3 * N_OUT];
    const pr_augment_options augment = everything();
    pr_samples *samples = make_world(dir, -1, false);
    pr_renderer *renderer = NULL;
    CHECK_OK(pr_renderer_create(&augment, ALIGNED_W, ALIGNED_H, OUT, &renderer));
    plan_all(samples, &s[0]);
    pr_loader_options o = options_of(samples, PR_MASK_DIFF, PR_BAD_STOP);
    CHECK_FAILS(show(&o, &s[0]), PR_ERR_INVALID, "003_0/frame 0");
    o.generate.mask_missing = PR_MASK_MISSING_ONES;
    CHECK_OK(show(&o, &s[0]));
    int n_mixed = 0;
    for (int i = 0; i < N_VIEWS; i++) {
        check_by_hand(samples, renderer, &s[0], i);
        n_mixed += s[0].views[i].generator == PR_GEN_MIXUP;
    }
    CHECK(n_mixed == (N_VIDEOS - 1) * N_FRAMES, "%d views were mixed", n_mixed);
    check_ranks(&o, &s[0]);
    for (int n_threads = 0; n_threads <= 3; n_threads += 3) {
        o.n_threads = n_threads;
        plan_all(samples, &s[1]);
        for (int i = 0; i < N_VIEWS / 2; i++) {
            const pr_view view = s[1].views[i];
            s[1].views[i] = s[1].views[N_VIEWS - 1 - i];
            s[1].views[N_VIEWS - 1 - i] = view;
        }
        CHECK_OK(show(&o, &s[1]));
        for (int i = 0; i < N_VIEWS; i++) {
            const size_t k = (size_t)(N_VIEWS - 1 - i);
            memcpy(turned, s[1].image + k * 3 * N_OUT, sizeof turned);
            CHECK(pixels_equal(turned, s[0].image + (size_t)i * 3 * N_OUT, sizeof turned) &&
                      pixels_equal(s[1].mask + k * N_OUT, s[0].mask + (size_t)i * N_OUT,
                                   N_OUT * sizeof(float)),
                  "%d threads: view %d differs", n_threads, i);
        }
    }
    pr_renderer_destroy(&renderer);
    pr_samples_close(&samples);
}

static double mean_of(const float *mask)
{
    double sum = 0.0;
    for (int i = 0; i < N_OUT; i++) {
        sum += (double)mask[i];
    }
    return sum / N_OUT;
}

/* Masks from files, by difference and all ones; reals have none. */
static void test_sources(const char *dir)
{
    static shown by_file;
    static shown by_diff;
    static shown ones;
    pr_samples *samples = make_world(dir, -1, true);
    pr_loader_options o = options_of(samples, PR_MASK_FILE, PR_BAD_STOP);
    plan_all(samples, &by_file);
    plan_all(samples, &by_diff);
    plan_all(samples, &ones);
    CHECK_OK(show(&o, &by_file));
    o.generate.mask = PR_MASK_DIFF;
    o.generate.mask_missing = PR_MASK_MISSING_ONES;
    CHECK_OK(show(&o, &by_diff));
    o.generate.mask = PR_MASK_ONES;
    CHECK_OK(show(&o, &ones));
    for (int i = 0; i < N_VIEWS; i++) {
        const size_t at = (size_t)i * N_OUT;
        const bool fake = by_file.views[i].label == PR_FAKE;
        CHECK(mean_of(ones.mask + at) == (fake ? 1.0 : 0.0), "view %d: ones are %g", i,
              mean_of(ones.mask + at));
        /* The image is the same one, whichever mask goes with it. */
        CHECK(pixels_equal(by_file.image + 3 * at, by_diff.image + 3 * at, IMAGE_BYTES) &&
                  pixels_equal(by_file.image + 3 * at, ones.image + 3 * at, IMAGE_BYTES),
              "view %d depends on its mask", i);
        if (!fake) {
            CHECK(mean_of(by_file.mask + at) == 0.0 && mean_of(by_diff.mask + at) == 0.0,
                  "real view %d has a mask", i);
        } else if (pr_samples_aligned(samples, by_file.views[i].sample) >= 0) {
            CHECK(pixels_equal(by_file.mask + at, by_diff.mask + at, N_OUT * sizeof(float)),
                  "view %d: the difference is not the file", i);
        }
    }
    pr_samples_close(&samples);
}

/* A bad real spoils the views that need it, and no other. */
static void test_bad_mate(const char *dir)
{
    enum { BAD = 4 };
    static shown good;
    static shown s;
    pr_samples *samples = make_world(dir, -1, false);
    pr_loader_options o = options_of(samples, PR_MASK_DIFF, PR_BAD_STOP);
    o.generate.mask_missing = PR_MASK_MISSING_ONES;
    plan_all(samples, &good);
    CHECK_OK(show(&o, &good));
    pr_samples_close(&samples);
    samples = make_world(dir, BAD, false);
    o.samples = samples;
    plan_all(samples, &s);
    CHECK_FAILS(show(&o, &s), PR_ERR_FORMAT, "original/raw/001/frame 1");
    for (int policy = PR_BAD_REPLACE; policy <= PR_BAD_LEAVE_OUT; policy++) {
        o.on_bad_sample = (pr_bad_sample)policy;
        plan_all(samples, &s);
        CHECK_OK(show(&o, &s));
        CHECK(s.bad.n_bad >= 4, "%lld bad crops", (long long)s.bad.n_bad);
        CHECK((policy == PR_BAD_REPLACE ? s.bad.n_replaced : s.bad.n_left_out) == 4,
              "%lld replaced, %lld left out, want 4", (long long)s.bad.n_replaced,
              (long long)s.bad.n_left_out);
        for (int i = 0; i < N_VIEWS; i++) {
            const int64_t sample = s.views[i].sample;
            const bool needs = sample == BAD || sample == BAD + N_CROPS / 2;
            const size_t at = (size_t)i * 3 * N_OUT;
            const bool same = pixels_equal(s.image + at, good.image + at, IMAGE_BYTES);
            CHECK(same != needs, "policy %d: view %d of sample %lld is %s", policy, i,
                  (long long)sample, same ? "the same" : "another");
            CHECK(s.present[i] == !(needs && policy == PR_BAD_LEAVE_OUT), "view %d is present: %d",
                  i, s.present[i]);
        }
    }
    pr_samples_close(&samples);
}

static void test_errors(const char *dir)
{
    static shown s;
    pr_samples *samples = make_world(dir, -1, false);
    pr_loader_options o = options_of(samples, PR_MASK_FILE, PR_BAD_STOP);
    plan_all(samples, &s);
    CHECK_FAILS(show(&o, &s), PR_ERR_INVALID, "has no mask in its file");
    o.generate.mask = PR_MASK_ONES;
    plan_all(samples, &s);
    s.views[25].mate = -1;
    s.views[25].generator = PR_GEN_MIXUP;
    CHECK_FAILS(show(&o, &s), PR_ERR_INVALID, "generator mixup has mate -1");
    o.generate.mixup_min = 1.5;
    CHECK_FAILS(show(&o, &s), PR_ERR_INVALID, "data.mixup_min 1.5");
    o.generate.mixup_min = 0.5;
    o.generate.mask_threshold = -1.0;
    CHECK_FAILS(show(&o, &s), PR_ERR_INVALID, "data.mask_threshold is -1");
    pr_samples_close(&samples);
}

int main(void)
{
    char dir[256];
    test_pixels_are_bytes(0);
    test_pixels_are_bytes(120);
    test_mask_follows(0);
    test_mask_follows(20);
    synthetic_folder(dir);
    test_loader(dir);
    test_sources(dir);
    test_bad_mate(dir);
    test_errors(dir);
    synthetic_remove(dir);
    return check_exit_code();
}
