/*
 * Views whose own crop is whole and whose donor is not, under each policy for bad crops: the donor is
 * named, what stands in is a function of the view's place, and no thread's business.
 */
#include "dataset/loader.h"
#include "tests/dataset/forged.h"
#include "tests/dataset/synthetic.h"

enum { PX = 48, N_VIEWS = 6, N_IMAGE = PX * PX * 3, SEED = 9, EPOCH = 3, N_ATTEMPTS = 8 };

typedef struct shown {
    float image[N_VIEWS * N_IMAGE], mask[N_VIEWS * PX * PX];
    bool present[N_VIEWS];
    pr_bad_counts counts;
} shown;

/* The crops of FROM once more in folder DIR, those that IS_BAD says with the end of their JPEG cut off:
   whole records (their checksums fit), whose content is bad. */
static void copy_with_bad(const pr_samples *from, const char *dir, const bool *is_bad)
{
    const int64_t n = pr_samples_n(from);
    pr_record *const records = pr_calloc(n, sizeof(*records));
    uint8_t **const bytes = pr_calloc(n, sizeof(*bytes));
    CHECK_OK(pr_fs_mkdirs(dir));
    for (int64_t i = 0; i < n; i++) {
        const pr_sample *const s = pr_samples_at(from, i);
        pr_record *const r = &records[i];
        *r = (pr_record){.dataset = pr_samples_word(from, s->dataset),
                         .label = "real",
                         .method = pr_samples_word(from, s->method),
                         .compression = pr_samples_word(from, s->compression),
                         .split = pr_samples_word(from, s->split),
                         .video = pr_samples_word(from, s->video),
                         .frame = s->frame,
                         .face = s->face,
                         .bg_video = pr_samples_word(from, s->bg_video),
                         .bg_id = pr_samples_word(from, s->bg_id),
                         .face_id = pr_samples_word(from, s->face_id),
                         .face_video = pr_samples_word(from, s->face_video),
                         .crop_map = pr_samples_crop_map(from, i),
                         .image_bytes = pr_samples_payload_bytes(from, i)};
        pr_samples_size_px(from, i, &r->width, &r->height);
        r->landmarks = pr_samples_landmarks(from, i, &r->n_landmarks);
        bytes[i] = pr_calloc((int64_t)r->image_bytes, 1);
        CHECK_OK(pr_samples_read(from, i, bytes[i]));
        r->image = bytes[i];
        r->image_bytes -= is_bad[i] ? 60 : 0;
    }
    CHECK_OK(pr_shard_write(dir, 0, 5, records, n));
    CHECK_OK(pr_dataset_finish(dir, 1, "made by a test"));
    for (int64_t i = 0; i < n; i++) {
        pr_free(bytes[i]);
    }
    pr_free(bytes);
    pr_free(records);
}

/* Three views want donor BAD, one a whole donor, one is made of BAD itself, one has no donor. */
static void plan(pr_view *views, const pr_samples *samples, int64_t bad)
{
    const int64_t n = pr_samples_n(samples);
    for (int i = 0; i < N_VIEWS; i++) {
        views[i] = (pr_view){.sample = (bad + n / 2 + 2 * (int64_t)i) % n,
                             .mate = bad,
                             .place = (uint32_t)(40 + i),
                             .label = PR_FAKE,
                             .generator = PR_GEN_ADDG,
                             .category = PR_ADDG_SB_RAND,
                             .want_mask = true};
    }
    views[1].category = PR_ADDG_SB_SIM;
    views[2].generator = PR_GEN_BI;
    views[2].category = 0;
    views[3].mate = (bad + 4) % n;
    views[4].sample = bad;
    views[4].mate = (bad + 4) % n;
    views[5].category = PR_ADDG_INNER_BLUR;
    views[5].mate = -1;
}

static pr_status show(const pr_samples *samples, const pr_view *views, int64_t n_views,
                      pr_bad_sample policy, int n_threads, shown *out)
{
    const pr_loader_options options = {
        .samples = samples,
        .augment = {.mean = {0.5, 0.5, 0.5}, .std = {0.5, 0.5, 0.5}},
        .generate = {.forges = true, .addg = pr_addg_options_default(), .mixup_max = 1},
        .out_px = PX,
        .seed = SEED,
        .n_threads = n_threads,
        .n_batches_ahead = 1,
        .on_bad_sample = policy};
    const pr_batch batch = {.views = views,
                            .n_views = n_views,
                            .epoch = EPOCH,
                            .image = out->image,
                            .mask = out->mask,
                            .present = out->present};
    pr_loader *loader = NULL;
    memset(out, 0, sizeof(*out));
    for (int i = 0; i < N_VIEWS; i++) {
        out->present[i] = true;
    }
    PR_TRY(pr_loader_create(&options, &loader));
    pr_status status = pr_loader_submit(loader, &batch);
    if (status == PR_OK) {
        status = pr_loader_wait(loader, NULL);
    }
    pr_loader_bad_counts(loader, &out->counts);
    pr_loader_destroy(&loader);
    return status;
}

static pr_addg_face read_face(const pr_samples *samples, int64_t i)
{
    pr_addg_face face = {0};
    int n = 0;
    const float *const p = pr_samples_landmarks(samples, i, &n);
    for (ptrdiff_t k = 0; k < PR_N_LANDMARKS; k++) {
        face.points[k][0] = p[2 * k];
        face.points[k][1] = p[2 * k + 1];
    }
    CHECK_OK(pr_image_create(PX, PX, 3, &face.image));
    read_crop(samples, i, &face.image);
    return face;
}

/*
 * What stands in for VIEW, by the rule in words: attempt a draws any crop, its donor is drawn anew (of
 * another video; for SB-Sim of another person), and the first attempt without the bad crop is shown.
 */
static bool stand_in(const pr_samples *samples, const pr_view *view, int64_t bad, int64_t *sample,
                     int64_t *mate)
{
    const pr_draw_key key = {SEED, EPOCH, view->place, view->view, PR_FOR_REPLACE};
    const int64_t n = pr_samples_n(samples);
    for (uint32_t a = 0; a < N_ATTEMPTS; a++) {
        *sample = pr_draw_below(&key, a, n);
        *mate = -1;
        for (uint32_t b = 0; b < 64 && *mate < 0 && view->mate >= 0; b++) {
            const int64_t i = pr_draw_below(&key, 65536 + (uint32_t)*sample * 64 + b, n);
            const pr_sample *const one = pr_samples_at(samples, *sample);
            const pr_sample *const other = pr_samples_at(samples, i);
            const bool fits = view->category == PR_ADDG_SB_SIM ? one->bg_id != other->bg_id
                                                               : one->video != other->video;
            *mate = fits ? i : -1;
        }
        if (*sample != bad && *mate != bad) {
            return true;
        }
    }
    return false;
}

/* View I of S is what the generator makes of SAMPLE and MATE. */
static void check_view(const pr_samples *samples, const pr_view *view, int64_t sample, int64_t mate,
                       const shown *s, int i)
{
    const pr_addg_options options = pr_addg_options_default();
    const pr_draw_key key = {SEED, EPOCH, view->place, view->view, 0};
    pr_addg *addg = NULL;
    pr_addg_draws draws;
    pr_addg_face target = read_face(samples, sample);
    pr_addg_face donor = read_face(samples, mate >= 0 ? mate : sample);
    pr_image_u8 want = {0};
    pr_image_u8 mask = {0};
    double off = 0;
    CHECK_OK(pr_addg_create(&options, PX, PX, &addg));
    CHECK_OK(pr_image_create(PX, PX, 3, &want));
    CHECK_OK(pr_image_create(PX, PX, 1, &mask));
    CHECK_OK(pr_addg_draw(addg, &key, (pr_generator)view->generator, view->category, &draws));
    CHECK_OK(pr_addg_make(addg, &draws, &target, mate >= 0 ? &donor : NULL, &want, &mask));
    for (int k = 0; k < N_IMAGE; k++) {
        const double level = ((double)s->image[(ptrdiff_t)i * N_IMAGE + k] * 0.5 + 0.5) * 255;
        off = fmax(off, fabs(level - want.data[k]));
    }
    for (int k = 0; k < PX * PX; k++) {
        const double level = (double)s->mask[(ptrdiff_t)i * PX * PX + k] * 255;
        off = fmax(off, fabs(level - mask.data[k]));
    }
    CHECK(s->present[i] && off < 1e-3, "view %d is %g levels off", i, off);
    pr_addg_destroy(&addg);
    pr_image_destroy(&target.image);
    pr_image_destroy(&donor.image);
    pr_image_destroy(&want);
    pr_image_destroy(&mask);
}

/* Under stop the donor is named first, and then whose view needed it. */
static void check_stop(const pr_samples *samples, const pr_view *views, int64_t bad, shown *s)
{
    char names[2][512];
    char want[1200];
    (void)pr_samples_name(samples, bad, names[0], sizeof(names[0]));
    for (int i = 0; i < 3; i++) {
        (void)pr_samples_name(samples, views[i].sample, names[1], sizeof(names[1]));
        CHECK(show(samples, &views[i], 1, PR_BAD_STOP, 0, s) == PR_ERR_FORMAT, "view %d", i);
        const char *const donor = strstr(pr_error_message(), names[0]);
        const char *const target = strstr(pr_error_message(), names[1]);
        CHECK(donor != NULL && target != NULL && donor < target,
              "'%s' is not named before '%s' in: %s", names[0], names[1], pr_error_message());
        (void)snprintf(want, sizeof(want), "; a view of %s needs it", names[1]);
        CHECK(strstr(pr_error_message(), want) != NULL, "'%s' is not in: %s", want,
              pr_error_message());
        pr_error_clear();
    }
    CHECK(show(samples, &views[4], 1, PR_BAD_STOP, 0, s) == PR_ERR_FORMAT &&
              strstr(pr_error_message(), "needs it") == NULL,
          "a target that is bad itself: %s", pr_error_message());
    pr_error_clear();
    CHECK_OK(show(samples, &views[3], 1, PR_BAD_STOP, 0, s));
    CHECK_OK(show(samples, &views[5], 1, PR_BAD_STOP, 0, s));
}

static void check_leave_out(const pr_samples *samples, const pr_view *views, shown *s)
{
    CHECK_OK(show(samples, views, N_VIEWS, PR_BAD_LEAVE_OUT, 2, s));
    CHECK(s->counts.n_bad == 4 && s->counts.n_left_out == 4 && s->counts.n_replaced == 0,
          "%lld bad, %lld left out", (long long)s->counts.n_bad, (long long)s->counts.n_left_out);
    for (int i = 0; i < N_VIEWS; i++) {
        double sum = 0;
        for (int k = 0; k < N_IMAGE; k++) {
            sum += fabs((double)s->image[(ptrdiff_t)i * N_IMAGE + k]);
        }
        const bool whole = i == 3 || i == 5;
        CHECK(s->present[i] == whole && (sum > 0) == whole, "view %d: present %d, sum %g", i,
              s->present[i], sum);
    }
    check_view(samples, &views[3], views[3].sample, views[3].mate, s, 3);
}

static void check_replace(const pr_samples *samples, const pr_view *views, int64_t bad, shown *s)
{
    for (int threads = 0; threads < 4; threads += 3) {
        CHECK_OK(show(samples, views, N_VIEWS, PR_BAD_REPLACE, threads, s));
        CHECK(s->counts.n_replaced == 4 && s->counts.n_left_out == 0 && s->counts.n_bad >= 4,
              "%lld bad, %lld replaced", (long long)s->counts.n_bad,
              (long long)s->counts.n_replaced);
        for (int i = 0; i < N_VIEWS; i++) {
            int64_t sample = views[i].sample;
            int64_t mate = views[i].mate;
            if (i != 3 && i != 5) {
                CHECK(stand_in(samples, &views[i], bad, &sample, &mate), "view %d: no stand-in", i);
            }
            CHECK(sample != bad && mate != bad, "view %d shows what is bad", i);
            check_view(samples, &views[i], sample, mate, s, i);
        }
    }
}

int main(void)
{
    begin_sets();
    pr_forge_options o = small_options(path_of("whole"));
    shown *const s = pr_calloc(1, sizeof(*s));
    pr_view views[N_VIEWS];
    o.n_donors = 0;
    o.n_people = 4;
    o.n_frames = 2;
    (void)forge(&o, 1);
    pr_samples *whole = open_set(o.out, NULL);
    bool *const is_bad = pr_calloc(pr_samples_n(whole), sizeof(*is_bad));
    const int64_t bad = 3;
    is_bad[bad] = true;
    copy_with_bad(whole, path_of("one"), is_bad);
    pr_samples *one = open_set(path_of("one"), NULL);
    plan(views, one, bad);
    check_stop(one, views, bad, s);
    check_leave_out(one, views, s);
    check_replace(one, views, bad, s);

    /* Where all crops but the view's own are bad, no donor can stand in. */
    for (int64_t i = 0; i < pr_samples_n(whole); i++) {
        is_bad[i] = i != views[0].sample;
    }
    copy_with_bad(whole, path_of("all"), is_bad);
    pr_samples *all = open_set(path_of("all"), NULL);
    CHECK_FAILS(show(all, views, 1, PR_BAD_REPLACE, 0, s), PR_ERR_FORMAT,
                "8 crops drawn to replace it were bad too");
    pr_samples_close(&whole);
    pr_samples_close(&one);
    pr_samples_close(&all);
    pr_free(is_bad);
    pr_free(s);
    end_sets();
    return check_exit_code();
}
