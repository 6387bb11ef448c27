#include "dataset/loader_private.h"

#include "engine/base/alloc.h"

#include <stdio.h>
#include <string.h>

static int class_of(const pr_samples *samples, int64_t i)
{
    return pr_samples_at(samples, i)->label == PR_FAKE ? PR_FAKE : PR_REAL;
}

static void plan_measure(pr__loader_plan *plan)
{
    const pr_samples *samples = plan->options.samples;
    for (int64_t i = 0; i < pr_samples_n(samples); i++) {
        int width = 0;
        int height = 0;
        pr_samples_size_px(samples, i, &width, &height);
        plan->max_width = width > plan->max_width ? width : plan->max_width;
        plan->max_height = height > plan->max_height ? height : plan->max_height;
        const size_t image_bytes = pr_samples_payload_bytes(samples, i);
        const size_t mask_bytes = pr_samples_mask_bytes(samples, i);
        plan->max_image_bytes =
            image_bytes > plan->max_image_bytes ? image_bytes : plan->max_image_bytes;
        plan->max_mask_bytes =
            mask_bytes > plan->max_mask_bytes ? mask_bytes : plan->max_mask_bytes;
        plan->n_of_class[class_of(samples, i)]++;
    }
}

pr_status pr__loader_plan_make(const pr_loader_options *options, pr__loader_plan *plan)
{
    *plan = (pr__loader_plan){.options = *options};
    plan_measure(plan);
    for (int c = 0; c < 2; c++) {
        plan->of_class[c] = pr_calloc(plan->n_of_class[c], sizeof(int64_t));
        if (plan->of_class[c] == NULL) {
            pr__loader_plan_free(plan);
            return PR_FAIL(PR_ERR_NOMEM, "loader: no memory for the list of a class");
        }
    }
    int64_t at[2] = {0, 0};
    for (int64_t i = 0; i < pr_samples_n(options->samples); i++) {
        const int c = class_of(options->samples, i);
        plan->of_class[c][at[c]++] = i;
    }
    return PR_OK;
}

void pr__loader_plan_free(pr__loader_plan *plan)
{
    pr_free(plan->of_class[0]);
    pr_free(plan->of_class[1]);
    plan->of_class[0] = NULL;
    plan->of_class[1] = NULL;
}

pr_status pr__loader_worker_make(const pr__loader_plan *plan, pr__loader_worker *worker)
{
    PR_TRY(pr_renderer_create(&plan->options.augment, plan->max_width, plan->max_height,
                              plan->options.out_px, &worker->renderer));
    PR_TRY(pr__generators_create(
        &plan->options.generate, plan->max_width, plan->max_height,
        plan->max_image_bytes > plan->max_mask_bytes ? plan->max_image_bytes : plan->max_mask_bytes,
        &worker->generators));
    worker->image_bytes = pr_calloc((int64_t)plan->max_image_bytes, 1);
    worker->mask_bytes = pr_calloc((int64_t)plan->max_mask_bytes, 1);
    PR_REQUIRE(worker->image_bytes != NULL && worker->mask_bytes != NULL, PR_ERR_NOMEM,
               "loader: no memory for crops of %zu bytes and masks of %zu", plan->max_image_bytes,
               plan->max_mask_bytes);
    return PR_OK;
}

void pr__loader_worker_free(pr__loader_worker *worker)
{
    pr_renderer_destroy(&worker->renderer);
    pr__generators_destroy(&worker->generators);
    pr_free(worker->image_bytes);
    pr_free(worker->mask_bytes);
    *worker = (pr__loader_worker){NULL, NULL, NULL, NULL};
}

static size_t view_px(const pr__loader_plan *plan)
{
    return (size_t)plan->options.out_px * (size_t)plan->options.out_px;
}

/* The bytes of the mask of SAMPLE, where it has a file and the view wants one. */
static pr_status read_mask(const pr__loader_plan *plan, const pr__loader_worker *worker,
                           int64_t sample, size_t *n_bytes)
{
    const pr_samples *samples = plan->options.samples;
    *n_bytes = pr_samples_mask_bytes(samples, sample);
    return *n_bytes > 0 ? pr_samples_read_mask(samples, sample, worker->mask_bytes) : PR_OK;
}

/* A view that several crops make, or whose mask is made of pixels. */
static pr_status show_scene(const pr__loader_plan *plan, pr__loader_worker *worker,
                            const pr_view *view, int64_t sample, const pr_draw_key *key,
                            float *image, float *mask)
{
    pr__scene scene;
    PR_TRY(pr__generate(worker->generators, plan->options.samples, view, sample, key, &scene));
    return pr_render_pixels(worker->renderer, key, &scene.image, &scene.mask, image, mask);
}

/* SAMPLE in the place of view I: its own crop, or what stands in for it. */
static pr_status show_sample(const pr__loader_plan *plan, pr__loader_worker *worker,
                             const pr_batch *batch, int64_t i, int64_t sample)
{
    const pr_samples *samples = plan->options.samples;
    const pr_view *view = &batch->views[i];
    const pr_draw_key key = {plan->options.seed, batch->epoch, view->place, view->view,
                             PR_FOR_AUGMENT};
    float *image = batch->image + (size_t)i * view_px(plan) * 3;
    float *mask = view->want_mask ? batch->mask + (size_t)i * view_px(plan) : NULL;
    size_t n_mask_bytes = 0;
    if (!pr__generate_is_plain(worker->generators, samples, view, sample)) {
        return show_scene(plan, worker, view, sample, &key, image, mask);
    }
    PR_TRY(pr_samples_read(samples, sample, worker->image_bytes));
    if (view->want_mask) {
        PR_TRY(read_mask(plan, worker, sample, &n_mask_bytes));
    }
    return pr_render(worker->renderer, &key, worker->image_bytes,
                     pr_samples_payload_bytes(samples, sample), worker->mask_bytes, n_mask_bytes,
                     image, mask);
}

/*
 * Takes this thread's cause, which becomes part of the outcome, with the name of the bad crop first. The
 * reader names it, and so does the generator, whose bad crop may be the donor of SAMPLE; the codecs do
 * not know it.
 */
static void note_bad(const pr__loader_plan *plan, const pr__loader_worker *worker,
                     const pr_view *view, int64_t sample, pr__loader_outcome *outcome)
{
    char name[512];
    const pr_samples *const samples = plan->options.samples;
    (void)pr_samples_name(samples, sample, name, sizeof name);
    if (outcome->n_bad++ == 0) {
        const char *cause = pr_error_message();
        if (strstr(cause, name) != NULL) {
            (void)snprintf(outcome->first, sizeof outcome->first, "%s", cause);
        } else if (pr__generate_is_plain(worker->generators, samples, view, sample)) {
            (void)snprintf(outcome->first, sizeof outcome->first, "%s: %s", name, cause);
        } else {
            (void)snprintf(outcome->first, sizeof outcome->first, "%s; a view of %s needs it",
                           cause, name);
        }
    }
    pr_error_clear();
}

/* Draws crops of the same class until one is whole: a function of the view's place in the plan. */
static pr_status replace(const pr__loader_plan *plan, pr__loader_worker *worker,
                         const pr_batch *batch, int64_t i, pr__loader_outcome *outcome)
{
    const pr_view *view = &batch->views[i];
    const int c = class_of(plan->options.samples, view->sample);
    const pr_draw_key key = {plan->options.seed, batch->epoch, view->place, view->view,
                             PR_FOR_REPLACE};
    for (uint32_t a = 0; a < PR__REPLACE_ATTEMPTS; a++) {
        const int64_t sample = plan->of_class[c][pr_draw_below(&key, a, plan->n_of_class[c])];
        const pr_status status = show_sample(plan, worker, batch, i, sample);
        if (status == PR_OK) {
            outcome->replaced = true;
        }
        if (status != PR_ERR_FORMAT) {
            return status;
        }
        note_bad(plan, worker, view, sample, outcome);
    }
    return PR_FAIL(PR_ERR_FORMAT, "loader: %d crops drawn to replace it were bad too: %s",
                   PR__REPLACE_ATTEMPTS, outcome->first);
}

pr_status pr__loader_show(const pr__loader_plan *plan, pr__loader_worker *worker,
                          const pr_batch *batch, int64_t i, pr__loader_outcome *outcome)
{
    const pr_view *view = &batch->views[i];
    *outcome = (pr__loader_outcome){.n_bad = 0};
    PR_TRY(pr__generate_check_view(view, i, pr_samples_n(plan->options.samples)));
    const pr_status status = show_sample(plan, worker, batch, i, view->sample);
    if (status != PR_ERR_FORMAT) {
        return status;
    }
    note_bad(plan, worker, view, view->sample, outcome);
    if (plan->options.on_bad_sample == PR_BAD_REPLACE) {
        return replace(plan, worker, batch, i, outcome);
    }
    PR_REQUIRE(plan->options.on_bad_sample == PR_BAD_LEAVE_OUT, PR_ERR_FORMAT, "bad crop: %s",
               outcome->first);
    outcome->left_out = true;
    memset(batch->image + (size_t)i * view_px(plan) * 3, 0, view_px(plan) * 3 * sizeof(float));
    if (view->want_mask) {
        memset(batch->mask + (size_t)i * view_px(plan), 0, view_px(plan) * sizeof(float));
    }
    return PR_OK;
}
