/*
 * Forged views: what they draw, what they change and what they leave alone. With arguments this is
 * the driver of addg_parity.py: it writes one view, its draws and all it is made from.
 */
#include "dataset/addg.h"
#include "dataset/forge_swap.h"
#include "dataset/procedural.h"
#include "tests/check.h"

#include <math.h>

enum { SIDE = 144, N_PX = SIDE * SIDE };

static pr_addg_face face_of(int person, int video, int side)
{
    pr_face face;
    pr_addg_face out = {0};
    const pr_procedural what = {.seed = 5, .identity = person, .video = video, .size_px = side};
    pr_procedural_face(&what, &face);
    CHECK_OK(pr_procedural_photo(&what, &out.image));
    memcpy(out.points, face.points, sizeof(out.points));
    return out;
}

static pr_draw_key key_of(uint32_t place)
{
    return (pr_draw_key){.seed = 11, .epoch = 2, .place = place};
}

typedef struct view {
    pr_addg_draws draws;
    pr_image_u8 image, mask;
} view;

static view view_of(pr_addg *addg, pr_generator generator, int category, uint32_t place,
                    const pr_addg_face *target, const pr_addg_face *donor)
{
    view v = {0};
    const pr_draw_key key = key_of(place);
    CHECK_OK(pr_image_create(target->image.width, target->image.height, 3, &v.image));
    CHECK_OK(pr_image_create(target->image.width, target->image.height, 1, &v.mask));
    CHECK_OK(pr_addg_draw(addg, &key, generator, category, &v.draws));
    CHECK_OK(pr_addg_make(addg, &v.draws, target, donor, &v.image, &v.mask));
    return v;
}

static void free_view(view *v)
{
    pr_image_destroy(&v->image);
    pr_image_destroy(&v->mask);
}

static double mask_area(const view *v)
{
    double sum = 0;
    for (int i = 0; i < N_PX; i++) {
        sum += v->mask.data[i] / 255.0;
    }
    return sum;
}

static double difference(const pr_image_u8 *a, const pr_image_u8 *b)
{
    double sum = 0;
    for (int i = 0; i < 3 * N_PX; i++) {
        sum += abs(a->data[i] - b->data[i]);
    }
    return sum / (3.0 * N_PX);
}

/* Outside of the mask a view is the crop, inside it is X_P; the reverse for outer categories. */
static void check_category(pr_addg *addg, int category, const pr_addg_face *target,
                           const pr_addg_face *donor)
{
    const pr_addg_face *const given = pr_addg_needs_donor(PR_GEN_ADDG, category) ? donor : NULL;
    for (uint32_t place = 0; place < 8; place++) {
        view forged = view_of(addg, PR_GEN_ADDG, category, place, target, given);
        view xp = view_of(addg, PR_GEN_XP, category, place, target, given);
        for (int i = 0; i < 3 * N_PX; i++) {
            const int m = forged.mask.data[i / 3];
            if (m == 0) {
                CHECK(forged.image.data[i] == target->image.data[i], "%s: sample %d changed",
                      PR_ADDG_WORDS[category - 1], i);
            } else if (m == 255) {
                CHECK(forged.image.data[i] == xp.image.data[i], "%s: sample %d is not X_P's",
                      PR_ADDG_WORDS[category - 1], i);
            }
        }
        const bool outer = category <= 6 && category % 2 == 0;
        CHECK(forged.draws.outer == outer, "category %d", category);
        CHECK((forged.mask.data[0] == 255) == outer, "%s: the corner's mask is %d",
              PR_ADDG_WORDS[category - 1], forged.mask.data[0]);
        CHECK(mask_area(&xp) == 0, "X_P has a mask of %g pixels", mask_area(&xp));
        CHECK(difference(&xp.image, &target->image) > 0.05, "%s changes nothing",
              PR_ADDG_WORDS[category - 1]);
        free_view(&forged);
        free_view(&xp);
    }
}

/* The same arguments give the same bytes, whatever was made in between with the same scratch. */
static void check_pure(pr_addg *addg, const pr_addg_face *target, const pr_addg_face *donor)
{
    const pr_addg_face small = face_of(7, 0, 97);
    for (int category = 1; category <= PR_ADDG_N; category++) {
        view a = view_of(addg, PR_GEN_ADDG, category, 3, target, donor);
        view other = view_of(addg, PR_GEN_ADDG, category, 4, &small, donor);
        view b = view_of(addg, PR_GEN_ADDG, category, 3, target, donor);
        CHECK(memcmp(a.image.data, b.image.data, pr_image_bytes(&a.image)) == 0,
              "category %d differs", category);
        CHECK(memcmp(a.mask.data, b.mask.data, N_PX) == 0, "its mask differs");
        free_view(&a);
        free_view(&b);
        free_view(&other);
    }
    pr_image_destroy((pr_image_u8 *)&small.image);
}

static void check_draws(const pr_addg *addg)
{
    enum { N = 4000 };
    int n_soft = 0;
    int n_blur[10] = {0};
    int n_mask[5] = {0};
    double most = 0;
    for (uint32_t place = 0; place < N; place++) {
        pr_addg_draws d;
        const pr_draw_key key = key_of(place);
        CHECK_OK(pr_addg_draw(addg, &key, PR_GEN_ADDG, PR_ADDG_INNER_BLUR, &d));
        n_soft += d.sigma > 0;
        n_blur[d.blur_px]++;
        n_mask[d.mask]++;
        CHECK(d.sigma == 0 || (d.sigma >= 2 && d.sigma < 7), "sigma %g", d.sigma);
        CHECK_OK(pr_addg_draw(addg, &key, PR_GEN_ADDG, PR_ADDG_ROTATION, &d));
        const double degrees = fabs(d.angle) * 180 / 3.14159265358979;
        CHECK(degrees >= 2 - 1e-9 && degrees <= 10, "%g degrees", degrees);
        for (int i = 0; i < PR_N_LANDMARKS; i++) {
            most = fmax(most, fabs(d.wiggle[i][0]));
        }
    }
    CHECK(abs(n_soft - N / 2) < 130, "%d of %d are soft", n_soft, N);
    for (int k = 3; k <= 9; k += 2) {
        CHECK(abs(n_blur[k] - N / 4) < 110, "k = %d is drawn %d times of %d", k, n_blur[k], N);
    }
    for (int i = 0; i < 5; i++) {
        CHECK(abs(n_mask[i] - N / 5) < 110, "mask %d is drawn %d times of %d", i, n_mask[i], N);
    }
    CHECK(most > 0.0124 && most <= 0.0125, "a landmark moves by up to %g widths", most);
}

/* Custom masks, and options that make no sense. */
static void check_options(void)
{
    pr_addg *addg = NULL;
    pr_addg_options o = pr_addg_options_default();
    const char *const words[] = {"17-26+30+31-35", "mouth", NULL};
    o.masks = (pr_config_words){words, 2};
    CHECK_OK(pr_addg_create(&o, SIDE, SIDE, &addg));
    int landmarks[PR_N_LANDMARKS];
    CHECK(pr_addg_n_masks(addg) == 2, "%d masks", pr_addg_n_masks(addg));
    CHECK(pr_addg_mask_landmarks(addg, 0, landmarks) == 16 && landmarks[10] == 30 &&
              landmarks[15] == 35,
          "landmark %d is last", landmarks[15]);
    CHECK(pr_addg_mask_landmarks(addg, 1, landmarks) == 20 && landmarks[0] == 48, "the mouth");
    pr_addg_destroy(&addg);

    const char *const bad[] = {"forehead", "1-2", "3-70+1", "5+", "9-4+1", "1-9,", ""};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *const one[] = {bad[i], NULL};
        o.masks = (pr_config_words){one, 1};
        CHECK_FAILS(pr_addg_create(&o, SIDE, SIDE, &addg), PR_ERR_INVALID, "is no mask");
    }
    o = pr_addg_options_default();
    o.blur_max = 8;
    CHECK_FAILS(pr_addg_create(&o, SIDE, SIDE, &addg), PR_ERR_INVALID, "odd");
    o = pr_addg_options_default();
    o.scale_min = 0.9;
    CHECK_FAILS(pr_addg_create(&o, SIDE, SIDE, &addg), PR_ERR_INVALID, "addg.scale");
}

/* The rows and the struct say the same. */
static void check_defaults(void)
{
    pr_addg_options read;
    pr_config_schema schema = {.n_modules = 0};
    pr_settings *settings = NULL;
    pr_config *config = NULL;
    memset(&read, 0, sizeof(read));
    const pr_config_module module = pr_addg_config(&read);
    CHECK_OK(pr_config_register(&schema, &module));
    CHECK_OK(pr_settings_create(&settings));
    CHECK_OK(pr_config_apply(&schema, settings, &config));
    pr_addg_options want = pr_addg_options_default();
    CHECK(read.masks.n == want.masks.n, "%lld masks", (long long)read.masks.n);
    for (int64_t i = 0; i < read.masks.n && i < want.masks.n; i++) {
        CHECK(strcmp(read.masks.at[i], want.masks.at[i]) == 0, "%s, %s", read.masks.at[i],
              want.masks.at[i]);
    }
    CHECK(read.blur_min == want.blur_min && read.blur_max == want.blur_max &&
              read.scale_min == want.scale_min && read.scale_max == want.scale_max &&
              read.iso_shift_min == want.iso_shift_min && read.iso_shift_max == want.iso_shift_max,
          "a default differs");
    CHECK(read.iso_intensity_min == want.iso_intensity_min &&
              read.iso_intensity_max == want.iso_intensity_max &&
              read.rotation_min == want.rotation_min && read.rotation_max == want.rotation_max &&
              read.deform == want.deform && read.soft_prob == want.soft_prob &&
              read.soft_min == want.soft_min && read.soft_max == want.soft_max,
          "a default differs");
    CHECK(read.sb_align == want.sb_align && read.sb_colour == want.sb_colour &&
              read.fwa_scale_min == want.fwa_scale_min &&
              read.fwa_scale_max == want.fwa_scale_max && read.fwa_blur == want.fwa_blur &&
              read.fwa_brightness == want.fwa_brightness && read.bi_colour == want.bi_colour,
          "a default differs");
    pr_config_destroy(&config);
    pr_settings_destroy(&settings);
}

static void check_refusals(pr_addg *addg, const pr_addg_face *target)
{
    pr_addg_draws d;
    const pr_draw_key key = key_of(0);
    pr_addg_face blank = {.image = target->image};
    view v = view_of(addg, PR_GEN_ADDG, 1, 0, target, NULL);
    CHECK_FAILS(pr_addg_draw(addg, &key, PR_GEN_NONE, 1, &d), PR_ERR_INVALID, "generator 0");
    CHECK_FAILS(pr_addg_draw(addg, &key, PR_GEN_ADDG, 10, &d), PR_ERR_INVALID, "category 10");
    CHECK_OK(pr_addg_draw(addg, &key, PR_GEN_BI, 0, &d));
    CHECK_FAILS(pr_addg_make(addg, &d, target, NULL, &v.image, &v.mask), PR_ERR_INVALID,
                "without a donor");
    CHECK_FAILS(pr_addg_make(addg, &d, &blank, target, &v.image, &v.mask), PR_ERR_INVALID,
                "hull of");
    free_view(&v);
}

static void put(const double *values, int n)
{
    (void)fwrite(values, sizeof(double), (size_t)n, stdout);
}

static void put_image(const pr_image_u8 *image)
{
    (void)fwrite(image->data, 1, pr_image_bytes(image), stdout);
}

/* GENERATOR CATEGORY PLACE DEFORM COLOUR: doubles in the order that addg_parity.py reads, then
 * bytes. */
static int drive(char **argv)
{
    pr_addg *addg = NULL;
    pr_addg_options o = pr_addg_options_default();
    const pr_addg_face target = face_of(1, 0, SIDE);
    const pr_addg_face donor = face_of(2, 1, SIDE);
    const int generator = (int)strtol(argv[0], NULL, 10);
    const int category = (int)strtol(argv[1], NULL, 10);
    o.deform = strtod(argv[3], NULL);
    o.sb_colour = strtod(argv[4], NULL);
    CHECK_OK(pr_addg_create(&o, SIDE, SIDE, &addg));
    view v = view_of(addg, (pr_generator)generator, category, (uint32_t)strtoul(argv[2], NULL, 10),
                     &target, &donor);
    const pr_addg_draws *const d = &v.draws;
    const double head[] = {SIDE,         d->perturb, d->blur_px, d->scale,      d->shift,
                           d->intensity, d->angle,   d->colour,  d->brightness, d->align,
                           d->masked,    d->outer,   d->mask,    d->sigma};
    int landmarks[PR_N_LANDMARKS];
    const int n = pr_addg_mask_landmarks(addg, d->mask, landmarks);
    const double count = n;
    put(head, sizeof(head) / sizeof(head[0]));
    put(&d->matrix[0][0], 4);
    put(d->move, 2);
    put(&d->wiggle[0][0], 2 * PR_N_LANDMARKS);
    put(&target.points[0][0], 2 * PR_N_LANDMARKS);
    put(&donor.points[0][0], 2 * PR_N_LANDMARKS);
    put(&count, 1);
    for (int i = 0; i < n; i++) {
        const double landmark = landmarks[i];
        put(&landmark, 1);
    }
    put_image(&target.image);
    put_image(&donor.image);
    put_image(&v.image);
    put_image(&v.mask);
    free_view(&v);
    pr_addg_destroy(&addg);
    return check_n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    enum { N_ARGS = 6 };
    if (argc == N_ARGS) {
        return drive(argv + 1);
    }
    pr_addg *addg = NULL;
    const pr_addg_options o = pr_addg_options_default();
    pr_addg_face target = face_of(1, 0, SIDE);
    pr_addg_face donor = face_of(2, 1, SIDE);
    CHECK_OK(pr_addg_create(&o, SIDE, SIDE, &addg));
    for (int category = 1; category <= PR_ADDG_N; category++) {
        check_category(addg, category, &target, &donor);
    }
    check_pure(addg, &target, &donor);
    check_draws(addg);
    check_refusals(addg, &target);
    check_options();
    check_defaults();
    pr_addg_destroy(&addg);
    pr_image_destroy(&target.image);
    pr_image_destroy(&donor.image);
    return check_exit_code();
}
