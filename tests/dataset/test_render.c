/* One view: what is drawn, what the pixels become, and that nothing else has a say in it. */
#include "dataset/augment_private.h"
#include "dataset/resize.h"
#include "dataset/simd.h"
#include "tests/dataset/views.h"

#include <math.h>

static uint64_t hash_view(pr_renderer *renderer, const file *f, const pr_draw_key *key)
{
    static float image[N_OUT * 3];
    CHECK_OK(pr_render(renderer, key, f->image_bytes, f->n_image_bytes, NULL, 0, image, NULL));
    return pixels_hash(1, image, sizeof image);
}

/* What evaluation sees: resized, normalised, and nothing else. */
static void test_evaluation(void)
{
    const pr_augment_options options = evaluation();
    static float image[N_OUT * 3];
    static float single[N_OUT * 3];
    file f = make_file(0);
    pr_renderer *renderer = NULL;
    pr_resizer *resizer = NULL;
    pr_image_u8 small = pixels_make(OUT, OUT, 3, 2);
    CHECK_OK(pr_renderer_create(&options, 90, 70, OUT, &renderer));
    const pr_draw_key key = {1, 2, 3, 4, 0};
    CHECK_OK(pr_render(renderer, &key, f.image_bytes, f.n_image_bytes, NULL, 0, image, NULL));
    CHECK_OK(pr_resizer_create(90, OUT, &resizer));
    CHECK_OK(pr_resize(resizer, &f.image, false, &small));
    double most = 0.0;
    for (int i = 0; i < N_OUT * 3; i++) {
        const double want =
            ((double)small.data[i] / 255.0 - options.mean[i % 3]) / options.std[i % 3];
        most = fmax(most, fabs((double)image[i] - want));
    }
    CHECK(most < 1e-6, "normalised pixels are off by %g", most);
    CHECK_OK(pr_view_from_bytes(&options, f.image_bytes, f.n_image_bytes, OUT, single));
    CHECK(pixels_equal(image, single, sizeof image), "a single file is seen differently");
    CHECK_FAILS(pr_view_from_bytes(&options, f.image_bytes, 100, OUT, single), PR_ERR_FORMAT,
                "PNG: ");
    const pr_augment_options augmented = simclr();
    CHECK_FAILS(pr_view_from_bytes(&augmented, f.image_bytes, f.n_image_bytes, OUT, single),
                PR_ERR_INVALID, "must be off");
    pr_renderer_destroy(&renderer);
    CHECK_OK(pr_renderer_create(&options, 89, 70, OUT, &renderer));
    CHECK_FAILS(pr_render(renderer, &key, f.image_bytes, f.n_image_bytes, NULL, 0, image, NULL),
                PR_ERR_FORMAT, "90 x 70 px, its index says at most 89 x 70");
    pr_renderer_destroy(&renderer);
    pr_resizer_destroy(&resizer);
    pr_image_destroy(&small);
    free_file(&f);
}

static void test_perturbations(void)
{
    pr_augment_options options = evaluation();
    static float image[N_OUT * 3];
    static float want[N_OUT * 3];
    file f = make_file(0);
    const pr_draw_key key = {1, 2, 3, 4, 0};
    pr_renderer *renderer = NULL;
    options.perturb = PR_PERTURB_JPEG;
    options.perturb_value = 40.0;
    CHECK_OK(pr_renderer_create(&options, 90, 70, OUT, &renderer));
    CHECK_OK(pr_render(renderer, &key, f.image_bytes, f.n_image_bytes, NULL, 0, image, NULL));
    pr_renderer_destroy(&renderer);
    file worse = make_file(40);
    options.perturb = PR_PERTURB_NONE;
    CHECK_OK(pr_view_from_bytes(&options, worse.image_bytes, worse.n_image_bytes, OUT, want));
    CHECK(pixels_equal(image, want, sizeof image), "jpeg(40) is not the image saved at quality 40");

    options.perturb = PR_PERTURB_SCALE;
    options.perturb_value = 0.5;
    CHECK_OK(pr_renderer_create(&options, 90, 70, OUT, &renderer));
    CHECK_OK(pr_render(renderer, &key, f.image_bytes, f.n_image_bytes, NULL, 0, image, NULL));
    pr_renderer_destroy(&renderer);
    pr_resizer *resizer = NULL;
    pr_image_u8 half = pixels_make(45, 35, 3, 2);
    CHECK_OK(pr_resizer_create(90, 90, &resizer));
    CHECK_OK(pr_resize(resizer, &f.image, false, &half));
    CHECK_OK(pr_resize(resizer, &half, false, &f.image));
    pr_free(f.image_bytes);
    f.image_bytes = pixels_encode(&f.image, 0, PR_CHROMA_444, &f.n_image_bytes);
    options.perturb = PR_PERTURB_NONE;
    CHECK_OK(pr_view_from_bytes(&options, f.image_bytes, f.n_image_bytes, OUT, want));
    CHECK(pixels_equal(image, want, sizeof image), "scale(0.5) is not half the size and back");
    pr_resizer_destroy(&resizer);
    pr_image_destroy(&half);
    free_file(&worse);
    free_file(&f);
}

/* The mask goes through the crop, the resize and the flip of the image, and through nothing else. */
static void test_mask(void)
{
    pr_augment_options options = simclr();
    options.jitter_prob = 0.0;
    options.grey_prob = 0.0;
    options.blur_prob = 0.0;
    options.jpeg_prob = 0.0;
    static float image[N_OUT * 3];
    static float mask[N_OUT];
    file f = make_file(0);
    pr_renderer *renderer = NULL;
    CHECK_OK(pr_renderer_create(&options, 90, 70, OUT, &renderer));
    double most = 0.0;
    for (uint32_t place = 0; place < 20; place++) {
        const pr_draw_key key = {7, 0, place, 1, 0};
        CHECK_OK(pr_render(renderer, &key, f.image_bytes, f.n_image_bytes, f.mask_bytes,
                           f.n_mask_bytes, image, mask));
        for (size_t i = 0; i < N_OUT; i++) {
            most = fmax(most, fabs((double)mask[i] - ((double)image[3 * i] * 0.5 + 0.5)));
        }
    }
    CHECK(most < 0.0041, "the mask is off its image by %g of 1", most);
    const pr_draw_key key = {7, 0, 0, 1, 0};
    CHECK_OK(pr_render(renderer, &key, f.image_bytes, f.n_image_bytes, NULL, 0, image, mask));
    CHECK(mask[0] == 0.0F && mask[N_OUT - 1] == 0.0F, "no mask is not an empty mask");
    pr_image_u8 small = {89, 70, 1, f.mask.data};
    size_t n_bytes = 0;
    uint8_t *bytes = pixels_encode(&small, 0, PR_CHROMA_444, &n_bytes);
    CHECK_FAILS(
        pr_render(renderer, &key, f.image_bytes, f.n_image_bytes, bytes, n_bytes, image, mask),
        PR_ERR_FORMAT, "mask: 89 x 70 px, its crop has 90 x 70");
    pr_free(bytes);
    pr_renderer_destroy(&renderer);
    free_file(&f);
}

/* A view is its key: each part of it matters, and nothing that was rendered before does. */
static void test_keys(void)
{
    const pr_augment_options options = simclr();
    file f = make_file(90);
    pr_renderer *renderer = NULL;
    CHECK_OK(pr_renderer_create(&options, 90, 70, OUT, &renderer));
    const pr_draw_key keys[] = {{1, 0, 0, 0, 0}, {2, 0, 0, 0, 0}, {1, 1, 0, 0, 0},
                                {1, 0, 1, 0, 0}, {1, 0, 0, 1, 0}, {1, 0, 0, 2, 0}};
    uint64_t hashes[6];
    pr_alloc_fail_on(0); /* nothing may be allocated for a view */
    for (int i = 0; i < 6; i++) {
        hashes[i] = hash_view(renderer, &f, &keys[i]);
        for (int j = 0; j < i; j++) {
            CHECK(hashes[i] != hashes[j], "keys %d and %d draw one view", j, i);
        }
    }
    for (int i = 5; i >= 0; i--) {
        CHECK(hash_view(renderer, &f, &keys[i]) == hashes[i], "key %d: two views of one key", i);
    }
    pr_alloc_fail_on(-1);
    pr_renderer_destroy(&renderer);
    free_file(&f);
}

typedef struct tally {
    int flips, jitters, greys, blurs, jpegs, outside;
    int first[4], orders[256];
    double least_share, most_share;
} tally;

static void count_draws(const pr_augment_options *options, uint32_t place, tally *t)
{
    const pr_draw_key key = {5, 1, place, 0, PR_FOR_AUGMENT};
    pr__augment_draws d;
    pr__augment_draw(options, &key, 200, 160, &d);
    const bool grey = d.n_ops > 0 && d.ops[d.n_ops - 1].kind == PR__SATURATION &&
                      d.ops[d.n_ops - 1].amount == 0.0;
    const int n_jitter = d.n_ops - (grey ? 1 : 0);
    const double share = (double)d.crop.width * d.crop.height / (200.0 * 160.0);
    t->least_share = fmin(t->least_share, share);
    t->most_share = fmax(t->most_share, share);
    t->outside += pr_rect_is_inside(&d.crop, 200, 160) ? 0 : 1;
    t->flips += d.flip ? 1 : 0;
    t->greys += grey ? 1 : 0;
    t->blurs += d.blur_sigma > 0.0 ? 1 : 0;
    t->jpegs += d.jpeg_quality > 0 ? 1 : 0;
    CHECK(d.jpeg_quality == 0 || (d.jpeg_quality >= 60 && d.jpeg_quality <= 80), "quality %d",
          d.jpeg_quality);
    CHECK(n_jitter == 0 || n_jitter == 4, "%d of the four operations", n_jitter);
    if (n_jitter == 4) {
        int order = 0;
        t->jitters++;
        t->first[d.ops[0].kind]++;
        for (int i = 0; i < 4; i++) {
            const double low = d.ops[i].kind == PR__HUE ? -0.1 : 0.6;
            const double high = d.ops[i].kind == PR__HUE ? 0.1 : 1.4;
            CHECK(d.ops[i].amount >= low && d.ops[i].amount < high, "operation %d by %g",
                  (int)d.ops[i].kind, d.ops[i].amount);
            order = order * 4 + (int)d.ops[i].kind;
        }
        t->orders[order]++;
    }
}

static void test_draws(void)
{
    enum { N = 8000 };
    const pr_augment_options options = simclr();
    tally t = {.least_share = 1.0};
    for (uint32_t place = 0; place < N; place++) {
        count_draws(&options, place, &t);
    }
    int n_orders = 0;
    for (int i = 0; i < 256; i++) {
        n_orders += t.orders[i] > 0 ? 1 : 0;
    }
    /* Bounds are five standard deviations. */
    CHECK(abs(t.flips - N / 2) < 224, "%d flips of %d", t.flips, N);
    CHECK(abs(t.jitters - N * 8 / 10) < 179, "%d jitters of %d", t.jitters, N);
    CHECK(abs(t.greys - N / 5) < 179, "%d greys of %d", t.greys, N);
    CHECK(abs(t.blurs - N / 2) < 224, "%d blurs of %d", t.blurs, N);
    CHECK(abs(t.jpegs - N * 3 / 10) < 205, "%d JPEGs of %d", t.jpegs, N);
    CHECK(n_orders == 24, "%d orders of the jitter, there are 24", n_orders);
    for (int i = 0; i < 4; i++) {
        CHECK(abs(t.first[i] - t.jitters / 4) < 174, "operation %d is first %d times", i,
              t.first[i]);
    }
    CHECK(t.outside == 0, "%d crops are not inside the image", t.outside);
    CHECK(t.least_share > 0.19 && t.least_share < 0.22 && t.most_share > 0.95, "shares %g to %g",
          t.least_share, t.most_share);
}

/* Ten attempts cannot succeed where the image is far from any permitted ratio. */
static void test_narrow_crop(void)
{
    const pr_augment_options options = simclr();
    const pr_draw_key key = {5, 1, 0, 0, PR_FOR_AUGMENT};
    pr__augment_draws d;
    pr__augment_draw(&options, &key, 300, 10, &d);
    CHECK(d.crop.width == 13 && d.crop.height == 10 && d.crop.x == 143, "%d x %d at %d",
          d.crop.width, d.crop.height, d.crop.x);
    pr__augment_draw(&options, &key, 1, 1, &d);
    CHECK(d.crop.width == 1 && d.crop.height == 1, "%d x %d of one pixel", d.crop.width,
          d.crop.height);
}

#define CHECK_REFUSED(change, text)                                                                \
    do {                                                                                           \
        pr_augment_options o = simclr();                                                           \
        change;                                                                                    \
        CHECK_FAILS(pr_augment_check(&o), PR_ERR_INVALID, text);                                   \
    } while (0)

static void test_check(void)
{
    CHECK_REFUSED(o.crop_scale_min = 0.0, "crop scale from 0");
    CHECK_REFUSED(o.crop_ratio_min = 2.0, "crop ratio from 2");
    CHECK_REFUSED(o.flip_prob = 1.5, "flip_prob from 1.5");
    CHECK_REFUSED(o.hue = 0.6, "hue from 0.6");
    CHECK_REFUSED(o.brightness = -1.0, "brightness from -1");
    CHECK_REFUSED(o.blur_sigma_min = 0.0, "blur sigma from 0");
    CHECK_REFUSED(o.jpeg_quality_max = 101, "jpeg quality from 60 to 101");
    CHECK_REFUSED(o.std[1] = 0.0, "channel 1");
    CHECK_REFUSED(o.jitter_prob = NAN, "jitter_prob");
    CHECK_REFUSED(o.perturb = PR_PERTURB_SCALE, "for evaluation");
    CHECK_REFUSED((o.enabled = false, o.perturb = PR_PERTURB_JPEG, o.perturb_value = 40.5),
                  "whole number");
    const pr_augment_options options = simclr();
    pr_renderer *renderer = NULL;
    CHECK_FAILS(pr_renderer_create(&options, 0, 5, OUT, &renderer), PR_ERR_INVALID, "0 x 5");
    CHECK_FAILS(pr_renderer_create(&options, 5, 5, 0, &renderer), PR_ERR_INVALID, "views of 0");
    for (long n = 0; n < 13; n++) {
        pr_alloc_fail_on(n);
        CHECK_FAILS(pr_renderer_create(&options, 90, 70, OUT, &renderer), PR_ERR_NOMEM, "memory");
    }
    pr_alloc_fail_on(-1);
}

/* Views of many keys, for the comparison of instruction sets. */
static uint64_t hash_views(void)
{
    const pr_augment_options options = simclr();
    file f = make_file(90);
    pr_renderer *renderer = NULL;
    uint64_t hash = 1;
    CHECK_OK(pr_renderer_create(&options, 90, 70, OUT, &renderer));
    for (uint32_t place = 0; place < 100; place++) {
        const pr_draw_key key = {3, 0, place, 0, 0};
        const uint64_t view = hash_view(renderer, &f, &key);
        hash = pixels_hash(hash, &view, sizeof view);
    }
    pr_renderer_destroy(&renderer);
    free_file(&f);
    return hash;
}

/* With crop_px a random window is resized twice, and a whole crop once. */
static void test_between(void)
{
    enum { WIDTH = 90, HEIGHT = 70, SIDE = 48, BETWEEN = 20, N_FLOATS = 3 * SIDE * SIDE };
    static float image[N_FLOATS];
    pr_augment_options o = {.enabled = true,
                            .crop_scale_min = 1.0,
                            .crop_scale_max = 1.0,
                            .crop_ratio_min = 9.0 / 7.0,
                            .crop_ratio_max = 9.0 / 7.0,
                            .crop_px = BETWEEN,
                            .std = {1.0, 1.0, 1.0}};
    const pr_draw_key key = {3, 1, 0, 0, 0};
    pr_image_u8 crop = pixels_make(WIDTH, HEIGHT, 3, 1);
    pr_image_u8 between = pixels_make(BETWEEN, BETWEEN, 3, 0);
    pr_image_u8 want[2] = {pixels_make(SIDE, SIDE, 3, 0), pixels_make(SIDE, SIDE, 3, 0)};
    pr_resizer *resizer = NULL;
    CHECK_OK(pr_resizer_create(WIDTH, WIDTH, &resizer));
    CHECK_OK(pr_resize(resizer, &crop, false, &between));
    CHECK_OK(pr_resize(resizer, &between, false, &want[0]));
    CHECK_OK(pr_resize(resizer, &crop, false, &want[1]));
    for (int whole = 0; whole < 2; whole++) {
        pr_renderer *renderer = NULL;
        double error[2] = {0.0, 0.0};
        o.whole_prob = whole;
        CHECK_OK(pr_renderer_create(&o, WIDTH, HEIGHT, SIDE, &renderer));
        CHECK_OK(pr_render_pixels(renderer, &key, &crop, NULL, image, NULL));
        for (int i = 0; i < N_FLOATS; i++) {
            for (int w = 0; w < 2; w++) {
                error[w] = fmax(error[w], fabs(255.0 * (double)image[i] - (double)want[w].data[i]));
            }
        }
        CHECK(error[whole] < 1.01 && error[1 - whole] > 5.0,
              "whole %d: %g levels from the view resized twice, %g from that resized once", whole,
              error[0], error[1]);
        pr_renderer_destroy(&renderer);
    }
    pr_resizer_destroy(&resizer);
    pr_image_destroy(&crop);
    pr_image_destroy(&between);
    pr_image_destroy(&want[0]);
    pr_image_destroy(&want[1]);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        pr__simd_force_plain(strcmp(argv[1], "plain") == 0);
        (void)printf("%016llx\n", (unsigned long long)hash_views());
        return check_exit_code();
    }
    test_evaluation();
    test_perturbations();
    test_mask();
    test_keys();
    test_draws();
    test_narrow_crop();
    test_check();
    test_between();
    return check_exit_code();
}
