/* Forged views through the loader: the generator's own pixels, from any number of threads. */
#include "dataset/codec.h"
#include "dataset/loader.h"
#include "tests/dataset/forged.h"
#include "tests/dataset/pixels.h"
#include "tests/dataset/synthetic.h"

enum { PX = 48, N_VIEWS = 24, N_IMAGE = PX * PX * 3 };

static pr_loader_options options_of(const pr_samples *samples, int n_threads)
{
    return (pr_loader_options){
        .samples = samples,
        .augment = {.mean = {0.5, 0.5, 0.5}, .std = {0.5, 0.5, 0.5}},
        .generate = {.forges = true, .addg = pr_addg_options_default(), .mixup_max = 1},
        .out_px = PX,
        .seed = 9,
        .n_threads = n_threads,
        .n_batches_ahead = 1};
}

/* Categories 1 to 9 forged and as X_P, then FWA and BI, then plain crops. */
static void plan(pr_view *views, const pr_samples *samples)
{
    const int64_t n = pr_samples_n(samples);
    for (int i = 0; i < N_VIEWS; i++) {
        const int kind = i < 9 ? PR_GEN_ADDG : (i < 18 ? PR_GEN_XP : (i < 20 ? PR_GEN_FWA : 0));
        views[i] = (pr_view){.sample = (int64_t)i * 5 % n,
                             .mate = -1,
                             .place = (uint32_t)(100 + i),
                             .generator = (uint8_t)(i >= 20 && i < 22 ? PR_GEN_BI : kind),
                             .category = (int16_t)(i < 18 ? i % 9 + 1 : 0),
                             .want_mask = true};
        const bool pristine = views[i].generator == PR_GEN_NONE || views[i].generator == PR_GEN_XP;
        views[i].label = pristine ? PR_REAL : PR_FAKE;
        if (pr_addg_needs_donor((pr_generator)views[i].generator, views[i].category)) {
            views[i].mate = (views[i].sample + n / 2) % n;
        }
    }
}

typedef struct shown {
    pr_view views[N_VIEWS];
    float image[N_VIEWS * N_IMAGE], mask[N_VIEWS * PX * PX];
} shown;

static pr_status show(const pr_loader_options *options, shown *out)
{
    pr_loader *loader = NULL;
    const pr_batch batch = {.views = out->views,
                            .n_views = N_VIEWS,
                            .epoch = 3,
                            .image = out->image,
                            .mask = out->mask};
    PR_TRY(pr_loader_create(options, &loader));
    pr_status status = pr_loader_submit(loader, &batch);
    if (status == PR_OK) {
        status = pr_loader_wait(loader, NULL);
    }
    pr_loader_destroy(&loader);
    return status;
}

static pr_addg_face read_face(const pr_samples *samples, int64_t i)
{
    pr_addg_face face = {0};
    int n = 0;
    const float *const p = pr_samples_landmarks(samples, i, &n);
    CHECK(n == PR_N_LANDMARKS, "%d landmarks", n);
    for (ptrdiff_t k = 0; k < n; k++) {
        face.points[k][0] = p[2 * k];
        face.points[k][1] = p[2 * k + 1];
    }
    CHECK_OK(pr_image_create(PX, PX, 3, &face.image));
    read_crop(samples, i, &face.image);
    return face;
}

/* The view that the loader made against one made by hand; both have the crop's size. */
static void check_view(pr_addg *addg, const pr_samples *samples, const shown *s, int i)
{
    const pr_view *const view = &s->views[i];
    pr_addg_face target = read_face(samples, view->sample);
    pr_addg_face donor = read_face(samples, view->mate >= 0 ? view->mate : 0);
    pr_image_u8 want = {0};
    pr_image_u8 mask = {0};
    CHECK_OK(pr_image_create(PX, PX, 3, &want));
    CHECK_OK(pr_image_create(PX, PX, 1, &mask));
    if (view->generator == PR_GEN_NONE) {
        memcpy(want.data, target.image.data, N_IMAGE);
    } else {
        pr_addg_draws draws;
        const pr_draw_key key = {9, 3, view->place, view->view, 0};
        CHECK_OK(pr_addg_draw(addg, &key, (pr_generator)view->generator, view->category, &draws));
        CHECK_OK(
            pr_addg_make(addg, &draws, &target, view->mate >= 0 ? &donor : NULL, &want, &mask));
    }
    double off = 0;
    double mask_off = 0;
    for (int k = 0; k < N_IMAGE; k++) {
        const double level = ((double)s->image[(ptrdiff_t)i * N_IMAGE + k] * 0.5 + 0.5) * 255;
        off = fmax(off, fabs(level - want.data[k]));
    }
    for (int k = 0; k < PX * PX; k++) {
        const double level = (double)s->mask[(ptrdiff_t)i * PX * PX + k] * 255;
        mask_off = fmax(mask_off, fabs(level - mask.data[k]));
    }
    CHECK(off < 1e-3, "view %d of generator %d is %g levels off", i, view->generator, off);
    CHECK(mask_off < 1e-3, "the mask of view %d is %g levels off", i, mask_off);
    pr_image_destroy(&target.image);
    pr_image_destroy(&donor.image);
    pr_image_destroy(&want);
    pr_image_destroy(&mask);
}

static void check_loader(const pr_samples *samples)
{
    shown *const s = pr_calloc(4, sizeof(*s));
    pr_addg *addg = NULL;
    const pr_addg_options o = pr_addg_options_default();
    CHECK_OK(pr_addg_create(&o, PX, PX, &addg));
    for (int threads = 0; threads < 4; threads++) {
        const pr_loader_options options = options_of(samples, threads);
        plan(s[threads].views, samples);
        CHECK_OK(show(&options, &s[threads]));
        CHECK(pixels_equal(s[threads].image, s[0].image, sizeof(s[0].image)) &&
                  pixels_equal(s[threads].mask, s[0].mask, sizeof(s[0].mask)),
              "%d threads show other views", threads);
    }
    for (int i = 0; i < N_VIEWS; i++) {
        check_view(addg, samples, &s[0], i);
    }
    pr_addg_destroy(&addg);

    pr_loader_options options = options_of(samples, 0);
    s->views[7].mate = -1;
    CHECK_FAILS(show(&options, s), PR_ERR_INVALID, "generator addg has mate -1");
    plan(s->views, samples);
    options.generate.forges = false;
    CHECK_FAILS(show(&options, s), PR_ERR_INVALID, "forging is off");
    pr_free(s);
}

/* Crops with five landmarks are refused by name. */
static void check_landmarks(void)
{
    const char *const dir = path_of("five");
    synthetic *const crops = pr_calloc(4, sizeof(*crops));
    shown *const s = pr_calloc(1, sizeof(*s));
    pr_record records[4];
    CHECK_OK(pr_fs_mkdirs(dir));
    for (int i = 0; i < 4; i++) {
        synthetic_make(2 * i, &crops[i]);
        records[i] = crops[i].record;
    }
    CHECK_OK(pr_shard_write(dir, 0, 1, records, 4));
    CHECK_OK(pr_dataset_finish(dir, 1, "made by a test"));
    pr_samples *samples = open_set(dir, NULL);
    const pr_loader_options options = options_of(samples, 0);
    for (int i = 0; i < N_VIEWS; i++) {
        s->views[i] = (pr_view){.mate = -1, .generator = PR_GEN_ADDG, .category = 1};
    }
    CHECK_FAILS(show(&options, s), PR_ERR_INVALID, "landmarks, a forged view needs the 68");
    pr_samples_close(&samples);
    pr_free(crops);
    pr_free(s);
}

int main(void)
{
    begin_sets();
    pr_forge_options o = small_options(path_of("real"));
    o.n_donors = 0;
    o.n_people = 4;
    o.n_frames = 2;
    (void)forge(&o, 1);
    pr_samples *samples = open_set(o.out, NULL);
    if (samples != NULL) {
        check_loader(samples);
    }
    pr_samples_close(&samples);
    check_landmarks();
    end_sets();
    return check_exit_code();
}
