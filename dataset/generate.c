#include "dataset/codec.h"
#include "dataset/generate_private.h"
#include "dataset/mask.h"
#include "dataset/mixup.h"
#include "engine/base/alloc.h"

#include <stdio.h>
#include <string.h>

#define N_GENERATORS (sizeof(generators) / sizeof(generators[0]))

/* Numbers of draws under PR_FOR_GENERATOR, which are part of a run's bits. */
enum { DRAW_SHARE = 16 };

static pr_status compose_mixup(pr__generators *g, pr__scene *scene)
{
    const double share =
        pr_draw_between(&scene->key, DRAW_SHARE, g->options.mixup_min, g->options.mixup_max);
    return pr_mixup(&scene->target, &scene->donor, share, &scene->image);
}

/* A bad fake's stand-in is mixed with its own real, or shown as it is where it has none. */
static int64_t mate_of_mixup(const pr__scene *scene)
{
    return pr_samples_aligned(scene->samples, scene->sample);
}

typedef struct generator {
    const char *name;
    pr_status (*compose)(pr__generators *g, pr__scene *scene); /* NULL: the crop as it is */
    bool needs_mate;
    /* The mate of a sample that stands in for a bad one, or -1: then it is shown as it is. NULL: the
       view's mate stays. */
    int64_t (*mate_of)(const pr__scene *scene);
} generator;

static const generator generators[] = {
    [PR_GEN_NONE] = {.name = "none"},
    [PR_GEN_MIXUP] = {.name = "mixup",
                      .compose = compose_mixup,
                      .needs_mate = true,
                      .mate_of = mate_of_mixup},
    [PR_GEN_ADDG] = {.name = "addg", .compose = pr__compose_forged, .mate_of = pr__mate_of_forged},
    [PR_GEN_XP] = {.name = "xp", .compose = pr__compose_forged, .mate_of = pr__mate_of_forged},
    [PR_GEN_FWA] = {.name = "fwa", .compose = pr__compose_forged},
    [PR_GEN_BI] = {.name = "bi",
                   .compose = pr__compose_forged,
                   .needs_mate = true,
                   .mate_of = pr__mate_of_forged},
};

pr_status pr__generate_check_view(const pr_view *view, int64_t number, int64_t n_samples)
{
    PR_REQUIRE(view->generator < N_GENERATORS && generators[view->generator].name != NULL,
               PR_ERR_INVALID,
               "loader: view %lld wants generator %d, which the loader does not have",
               (long long)number, (int)view->generator);
    const generator *const g = &generators[view->generator];
    const bool needs_mate =
        g->needs_mate || pr_addg_needs_donor((pr_generator)view->generator, view->category);
    PR_REQUIRE(view->mate >= -1 && view->mate < n_samples && (!needs_mate || view->mate >= 0),
               PR_ERR_INVALID,
               "loader: view %lld of generator %s has mate %lld, there are %lld samples",
               (long long)number, g->name, (long long)view->mate, (long long)n_samples);
    return PR_OK;
}

bool pr__generate_is_plain(const pr__generators *g, const pr_samples *samples, const pr_view *view,
                           int64_t sample)
{
    const bool real = pr_samples_at(samples, sample)->label != PR_FAKE;
    const bool has_file = pr_samples_mask_bytes(samples, sample) > 0;
    bool own_mask = !view->want_mask;
    if (g->options.mask == PR_MASK_FILE) {
        own_mask = own_mask || real || has_file;
    } else if (g->options.mask == PR_MASK_DIFF) {
        own_mask = own_mask || (real && !has_file);
    }
    return view->generator == PR_GEN_NONE && own_mask;
}

pr_status pr__generators_create(const pr_generate_options *options, int max_width, int max_height,
                                size_t max_bytes, pr__generators **out)
{
    PR_TRY(pr_generate_check(options));
    const int64_t n = (int64_t)max_width * max_height;
    pr__generators *g = pr_calloc(1, sizeof(*g));
    PR_REQUIRE(g != NULL, PR_ERR_NOMEM, "loader: no memory to make views in");
    g->options = *options;
    g->bytes = pr_calloc((int64_t)max_bytes, 1);
    g->target = pr_calloc(n, 3);
    g->donor = pr_calloc(n, 3);
    g->image = pr_calloc(n, 3);
    g->mask = pr_calloc(n, 1);
    g->scratch = pr_calloc(n, 1);
    if (g->bytes == NULL || g->target == NULL || g->donor == NULL || g->image == NULL ||
        g->mask == NULL || g->scratch == NULL) {
        pr__generators_destroy(&g);
        return PR_FAIL(PR_ERR_NOMEM, "loader: no memory to make views of %d x %d px in", max_width,
                       max_height);
    }
    if (options->forges) {
        const pr_status status = pr_addg_create(&options->addg, max_width, max_height, &g->addg);
        if (status != PR_OK) {
            pr__generators_destroy(&g);
            return status;
        }
    }
    *out = g;
    return PR_OK;
}

void pr__generators_destroy(pr__generators **generators_)
{
    pr__generators *const g = *generators_;
    if (g != NULL) {
        pr_free(g->bytes);
        pr_free(g->target);
        pr_free(g->donor);
        pr_free(g->image);
        pr_free(g->mask);
        pr_free(g->scratch);
        pr_addg_destroy(&g->addg);
        pr_free(g);
        *generators_ = NULL;
    }
}

/* Says of which crop a failure was: the codecs do not know, and a view is made of several. */
static pr_status name_crop(pr_status status, const pr_samples *samples, int64_t sample)
{
    char name[512];
    char cause[512];
    (void)pr_samples_name(samples, sample, name, sizeof(name));
    if (status != PR_ERR_FORMAT || strstr(pr_error_message(), name) != NULL) {
        return status;
    }
    (void)snprintf(cause, sizeof(cause), "%s", pr_error_message());
    pr_error_clear();
    return PR_FAIL(PR_ERR_FORMAT, "%s: %s", name, cause);
}

/* OUT has the pixels' memory, and is given the crop's size. */
static pr_status read_crop(pr__generators *g, const pr_samples *samples, int64_t sample,
                           pr_image_u8 *out)
{
    pr_samples_size_px(samples, sample, &out->width, &out->height);
    pr_status status = pr_samples_read(samples, sample, g->bytes);
    if (status == PR_OK) {
        status = pr_image_decode_rgb(g->bytes, pr_samples_payload_bytes(samples, sample), out);
    }
    return name_crop(status, samples, sample);
}

static pr_status read_mask(pr__generators *g, const pr_samples *samples, int64_t sample,
                           const pr_image_u8 *out)
{
    pr_status status = pr_samples_read_mask(samples, sample, g->bytes);
    if (status == PR_OK) {
        status = pr_image_decode_grey(g->bytes, pr_samples_mask_bytes(samples, sample), out);
    }
    return name_crop(status, samples, sample);
}

/* A fake without what its mask is made from is all forged, or an error. */
static pr_status mask_missing(const pr__generators *g, const pr__scene *scene, const char *what)
{
    char name[512];
    PR_REQUIRE(g->options.mask_missing == PR_MASK_MISSING_ONES, PR_ERR_INVALID,
               "loader: a mask is wanted of the forged crop %s, which has no %s",
               pr_samples_name(scene->samples, scene->sample, name, sizeof(name)), what);
    memset(scene->mask.data, 255, pr_image_bytes(&scene->mask));
    return PR_OK;
}

static pr_status difference(pr__generators *g, pr__scene *scene, int64_t real)
{
    pr_image_u8 pristine = scene->donor;
    if (real != scene->mate) {
        /* The image is composed later: until then its memory is free. */
        pristine = (pr_image_u8){.channels = 3, .data = g->image};
        PR_TRY(read_crop(g, scene->samples, real, &pristine));
    }
    return pr_mask_difference(&scene->target, &pristine, g->options.mask_threshold, &scene->mask,
                              g->scratch);
}

/* The mask of the sample itself: what is forged in its own pixels. */
static pr_status own_mask(pr__generators *g, pr__scene *scene)
{
    const pr_samples *const samples = scene->samples;
    const size_t n = pr_image_bytes(&scene->mask);
    const bool forged = pr_samples_at(samples, scene->sample)->label == PR_FAKE;
    const bool from_file = g->options.mask == PR_MASK_FILE;
    if (g->options.mask == PR_MASK_ONES) {
        memset(scene->mask.data, scene->view->label == PR_FAKE ? 255 : 0, n);
        return PR_OK;
    }
    if (from_file && pr_samples_mask_bytes(samples, scene->sample) > 0) {
        return read_mask(g, samples, scene->sample, &scene->mask);
    }
    if (!forged) {
        memset(scene->mask.data, 0, n);
        return PR_OK;
    }
    const int64_t real = pr_samples_aligned(samples, scene->sample);
    if (!from_file && real >= 0) {
        return difference(g, scene, real);
    }
    return mask_missing(g, scene, from_file ? "mask in its file" : "aligned real");
}

pr_status pr__generate(pr__generators *g, const pr_samples *samples, const pr_view *view,
                       int64_t sample, const pr_draw_key *key, pr__scene *scene)
{
    const generator *const row = &generators[view->generator];
    const bool replaced = sample != view->sample;
    *scene = (pr__scene){
        .samples = samples, .view = view, .sample = sample, .mate = view->mate, .key = *key};
    scene->key.purpose = PR_FOR_GENERATOR;
    if (replaced && row->mate_of != NULL) {
        scene->mate = row->mate_of(scene);
    }
    scene->target = (pr_image_u8){.channels = 3, .data = g->target};
    PR_TRY(read_crop(g, samples, sample, &scene->target));
    if (scene->mate >= 0) {
        scene->donor = (pr_image_u8){.channels = 3, .data = g->donor};
        PR_TRY(read_crop(g, samples, scene->mate, &scene->donor));
    }
    scene->image = scene->target;
    scene->image.data = g->image;
    scene->mask = (pr_image_u8){scene->target.width, scene->target.height, 1, g->mask};
    if (view->want_mask) {
        PR_TRY(own_mask(g, scene));
    }
    if (row->compose == NULL || (row->needs_mate && scene->mate < 0)) {
        scene->image = scene->target;
        return PR_OK;
    }
    return row->compose(g, scene);
}
