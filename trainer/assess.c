#include "trainer/assess.h"

#include "engine/base/alloc.h"

#include <math.h>
#include <string.h>

/* The direction of the mean training real, of the last whole epoch or of what was shown so far. */
static pr_status centre_direction(const pr_centre *centre, double *direction)
{
    const double *const sum = centre->n_last > 0 ? centre->last : centre->sum;
    PR_REQUIRE(centre->n_last > 0 || centre->n > 0, PR_ERR_INVALID,
               "no real has been shown yet: a stage without a classifier is scored by the "
               "distance from their centre");
    double squares = 0.0;
    for (int64_t i = 0; i < centre->n_cols; i++) {
        squares += sum[i] * sum[i];
    }
    const double length = sqrt(squares);
    for (int64_t i = 0; i < centre->n_cols; i++) {
        direction[i] = length > 0.0 ? sum[i] / length : 0.0;
    }
    return PR_OK;
}

/* What is scored: samples, or images that FN makes. */
typedef struct scoring {
    const pr_samples *samples;
    pr_perturb perturb;
    double perturb_value;
    const pr_view *views; /* [n] of the samples, or NULL */
    int64_t n;
    pr_image_fn fn;
    void *ctx;
    bool embeddings;
    bool heads;         /* the embeddings are the probabilities of the stage's further heads */
    const char *output; /* what stands in place of the embeddings, without scores; or NULL */
} scoring;

static pr_status evaluate(pr_trainer *t, const pr_graph *graph, const double *centre,
                          const scoring *what, pr_eval_scores *out)
{
    const pr_evaluator_options options = {.comm = t->comm,
                                          .team = t->team,
                                          .store = t->store,
                                          .graph = graph,
                                          .backend = t->backend,
                                          .centre = centre,
                                          .output = what->output,
                                          .augment = t->options->augment,
                                          .addg = t->options->addg,
                                          .n_loader_threads = t->n_loader_threads,
                                          .stop_on_bad =
                                              t->options->data.on_bad_sample == PR_BAD_STOP};
    pr_evaluator *evaluator = NULL;
    PR_TRY(pr_evaluator_create(&options, &evaluator));
    const pr_status status =
        what->views != NULL ? pr_evaluate_views(evaluator, what->samples, what->views, what->n,
                                                (uint64_t)t->options->seed, out)
        : what->samples != NULL
            ? pr_evaluate(evaluator, what->samples, what->perturb, what->perturb_value,
                          what->embeddings, out)
            : pr_evaluate_images(evaluator, what->n, what->fn, what->ctx, what->embeddings, out);
    pr_evaluator_destroy(&evaluator);
    return status;
}

static pr_status score(pr_trainer *t, const pr_stage *stage, const scoring *what,
                       pr_eval_scores *out)
{
    const pr_build build = {
        .options = t->options, .n_rows = t->options->eval.batch, .mode = PR_MODE_EVAL};
    double *direction = NULL;
    pr_graph *graph = NULL;
    PR_TRY(pr_graph_create("evaluation", t->real, &graph));
    const pr_build_fn shared = stage->classifies ? pr_build_classifier : pr_build_embedding;
    const pr_build_fn own = what->heads ? stage->build_heads : stage->build_eval;
    pr_status status = (own != NULL ? own : shared)(&build, graph);
    if (status == PR_OK && !stage->classifies) {
        direction = pr_calloc(t->centre.n_cols, sizeof(*direction));
        status = PR_ERR_NOMEM;
        if (direction == NULL) {
            (void)PR_FAIL(status, "no memory for a centre");
        } else {
            status = centre_direction(&t->centre, direction);
        }
    }
    if (status == PR_OK) {
        status = evaluate(t, graph, direction, what, out);
    }
    pr_free(direction);
    pr_graph_destroy(&graph);
    return status;
}

pr_status pr_assess_scores(pr_trainer *t, const pr_stage *stage, const pr_samples *samples,
                           pr_perturb perturb, double perturb_value, bool embeddings,
                           pr_eval_scores *out)
{
    const scoring what = {.samples = samples,
                          .perturb = perturb,
                          .perturb_value = perturb_value,
                          .embeddings = embeddings};
    return score(t, stage, &what, out);
}

pr_status pr_assess_heads(pr_trainer *t, const pr_stage *stage, const pr_samples *samples,
                          pr_perturb perturb, double perturb_value, pr_eval_scores *out)
{
    const scoring what = {.samples = samples,
                          .perturb = perturb,
                          .perturb_value = perturb_value,
                          .embeddings = true,
                          .heads = true};
    PR_REQUIRE(stage->build_heads != NULL, PR_ERR_INVALID,
               "stage '%s' has one head: --heads is for dadd", stage->name);
    return score(t, stage, &what, out);
}

pr_status pr_assess_images(pr_trainer *t, const pr_stage *stage, int64_t n, pr_image_fn fn,
                           void *ctx, bool embeddings, pr_eval_scores *out)
{
    const scoring what = {.n = n, .fn = fn, .ctx = ctx, .embeddings = embeddings};
    return score(t, stage, &what, out);
}

pr_status pr_assess_output(pr_trainer *t, pr_build_fn build_graph, const char *name, int64_t n,
                           pr_image_fn fn, void *ctx, pr_eval_scores *out)
{
    const scoring what = {.n = n, .fn = fn, .ctx = ctx, .embeddings = true, .output = name};
    const pr_build build = {
        .options = t->options, .n_rows = t->options->eval.batch, .mode = PR_MODE_EVAL};
    pr_graph *graph = NULL;
    PR_TRY(pr_graph_create(name, t->real, &graph));
    pr_status status = build_graph(&build, graph);
    if (status == PR_OK) {
        status = evaluate(t, graph, NULL, &what, out);
    }
    pr_graph_destroy(&graph);
    return status;
}

void pr_assess_list_free(pr_assess_list *list)
{
    pr_free(list->score);
    pr_free(list->label);
    pr_free(list->video);
    pr_free(list->method);
    pr_free(list->folder);
    pr_free(list->of);
    memset(list, 0, sizeof(*list));
}

static bool are_of_one_video(const pr_sample *a, const pr_sample *b)
{
    return a->dataset == b->dataset && a->method == b->method && a->compression == b->compression &&
           a->video == b->video;
}

/* The first sample of I's video stands for it; samples are in key order, so a video's are together. */
static int32_t video_of(const pr_samples *samples, int64_t i)
{
    while (i > 0 && are_of_one_video(pr_samples_at(samples, i - 1), pr_samples_at(samples, i))) {
        i--;
    }
    return (int32_t)i;
}

/* What one score is of; VIEWS is NULL where scores are of samples. */
static void list_add(const pr_samples *samples, const pr_view *views, double score, int64_t i,
                     pr_assess_list *out)
{
    const int64_t of = views == NULL ? i : views[i].sample;
    const pr_sample *const sample = pr_samples_at(samples, of);
    const bool forged = views != NULL && views[i].label == PR_FAKE;
    const int64_t n = out->scores.n++;
    out->score[n] = score;
    out->label[n] = sample->label;
    if (views != NULL) {
        out->label[n] = views[i].label;
    }
    out->video[n] = forged ? video_of(samples, of) | PR_ASSESS_FORGED : video_of(samples, of);
    out->folder[n] = sample->video;
    out->method[n] = forged ? views[i].category | PR_ASSESS_FORGED : sample->method;
    out->of[n] = i;
}

pr_status pr_assess_list_of_views(const pr_samples *samples, const pr_view *views,
                                  const pr_eval_scores *scores, pr_assess_list *out)
{
    memset(out, 0, sizeof(*out));
    out->score = pr_calloc(scores->n, sizeof(*out->score));
    out->label = pr_calloc(scores->n, sizeof(*out->label));
    out->video = pr_calloc(scores->n, sizeof(*out->video));
    out->method = pr_calloc(scores->n, sizeof(*out->method));
    out->folder = pr_calloc(scores->n, sizeof(*out->folder));
    out->of = pr_calloc(scores->n, sizeof(*out->of));
    if (out->score == NULL || out->label == NULL || out->video == NULL || out->method == NULL ||
        out->folder == NULL || out->of == NULL) {
        pr_assess_list_free(out);
        return PR_FAIL(PR_ERR_NOMEM, "no memory for %lld scores", (long long)scores->n);
    }
    for (int64_t i = 0; i < scores->n; i++) {
        if (scores->present[i]) {
            list_add(samples, views, scores->score[i], i, out);
        }
    }
    out->scores.score = out->score;
    out->scores.label = out->label;
    out->scores.video = out->video;
    out->scores.method = out->method;
    out->scores.compat_video = out->folder;
    return PR_OK;
}

pr_status pr_assess_list_create(const pr_samples *samples, const pr_eval_scores *scores,
                                pr_assess_list *out)
{
    return pr_assess_list_of_views(samples, NULL, scores, out);
}

static pr_status compute(const pr_train_options *options, const pr_assess_list *list,
                         double threshold, pr_metrics **out)
{
    const pr_metrics_options how = pr_eval_options_metrics(&options->eval, threshold);
    return pr_metrics_compute(&list->scores, &how, out);
}

pr_status pr_assess_metrics(const pr_train_options *options, const pr_samples *samples,
                            const pr_eval_scores *scores, double threshold, pr_metrics **out)
{
    pr_assess_list list;
    PR_TRY(pr_assess_list_create(samples, scores, &list));
    const pr_status status = compute(options, &list, threshold, out);
    pr_assess_list_free(&list);
    return status;
}

/* All steps of epoch 0. */
static pr_status plan_views(const pr_samples *samples, const pr_sampler_options *options,
                            pr_view **views, int64_t *n)
{
    pr_sampler *sampler = NULL;
    PR_TRY(pr_sampler_create(samples, options, &sampler));
    const int64_t n_steps = pr_sampler_n_steps(sampler);
    const int64_t n_views = pr_sampler_n_views(sampler);
    pr_view *const made = pr_calloc(n_steps * n_views, sizeof(*made));
    pr_status status = PR_OK;
    if (made == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "no memory for %lld views", (long long)(n_steps * n_views));
    } else {
        status = pr_sampler_begin_epoch(sampler, 0);
    }
    for (int64_t step = 0; step < n_steps && status == PR_OK; step++) {
        status = pr_sampler_step(sampler, step, made + step * n_views);
    }
    pr_sampler_destroy(&sampler);
    if (status != PR_OK) {
        pr_free(made);
        return status;
    }
    *views = made;
    *n = n_steps * n_views;
    return PR_OK;
}

pr_status pr_assess_views(const pr_trainer *t, const pr_samples *samples, pr_view **views,
                          int64_t *n)
{
    pr_sampler_options options = t->options->sampler;
    *n = 0;
    *views = NULL;
    options.seed = (uint64_t)t->options->seed;
    options.views_per_item = 1;
    options.n_micro = 1;
    options.pairing = PR_PAIR_NONE;
    if (t->objective->val_sampler == NULL || !t->objective->val_sampler(t->options, &options)) {
        return PR_OK;
    }
    return plan_views(samples, &options, views, n);
}

pr_status pr_assess_view_scores(pr_trainer *t, const pr_stage *stage, const pr_samples *samples,
                                const pr_view *views, int64_t n, pr_eval_scores *out)
{
    const scoring what = {.samples = samples, .views = views, .n = n};
    return score(t, stage, &what, out);
}

pr_status pr_assess_view_metrics(pr_trainer *t, const pr_stage *stage, const pr_samples *samples,
                                 const pr_view *views, int64_t n, pr_metrics **out)
{
    pr_eval_scores scores;
    pr_assess_list list;
    PR_TRY(pr_assess_view_scores(t, stage, samples, views, n, &scores));
    pr_status status = pr_assess_list_of_views(samples, views, &scores, &list);
    if (status == PR_OK) {
        status = compute(t->options, &list, t->options->eval.threshold, out);
        pr_assess_list_free(&list);
    }
    pr_eval_scores_free(&scores);
    return status;
}
