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
    int64_t n;
    pr_image_fn fn;
    void *ctx;
    bool embeddings;
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
                                          .augment = t->options->augment,
                                          .n_loader_threads = t->n_loader_threads,
                                          .stop_on_bad =
                                              t->options->data.on_bad_sample == PR_BAD_STOP};
    pr_evaluator *evaluator = NULL;
    PR_TRY(pr_evaluator_create(&options, &evaluator));
    const pr_status status =
        what->samples != NULL
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
    pr_status status =
        stage->classifies ? pr_build_classifier(&build, graph) : pr_build_embedding(&build, graph);
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

pr_status pr_assess_images(pr_trainer *t, const pr_stage *stage, int64_t n, pr_image_fn fn,
                           void *ctx, bool embeddings, pr_eval_scores *out)
{
    const scoring what = {.n = n, .fn = fn, .ctx = ctx, .embeddings = embeddings};
    return score(t, stage, &what, out);
}

void pr_assess_list_free(pr_assess_list *list)
{
    pr_free(list->score);
    pr_free(list->label);
    pr_free(list->video);
    pr_free(list->method);
    pr_free(list->of);
    memset(list, 0, sizeof(*list));
}

pr_status pr_assess_list_create(const pr_samples *samples, const pr_eval_scores *scores,
                                pr_assess_list *out)
{
    memset(out, 0, sizeof(*out));
    out->score = pr_calloc(scores->n, sizeof(*out->score));
    out->label = pr_calloc(scores->n, sizeof(*out->label));
    out->video = pr_calloc(scores->n, sizeof(*out->video));
    out->method = pr_calloc(scores->n, sizeof(*out->method));
    out->of = pr_calloc(scores->n, sizeof(*out->of));
    if (out->score == NULL || out->label == NULL || out->video == NULL || out->method == NULL ||
        out->of == NULL) {
        pr_assess_list_free(out);
        return PR_FAIL(PR_ERR_NOMEM, "no memory for %lld scores", (long long)scores->n);
    }
    int64_t n = 0;
    for (int64_t i = 0; i < scores->n; i++) {
        if (scores->present[i]) {
            const pr_sample *const sample = pr_samples_at(samples, i);
            out->score[n] = scores->score[i];
            out->label[n] = sample->label;
            out->video[n] = sample->video_key;
            out->method[n] = sample->method;
            out->of[n] = i;
            n++;
        }
    }
    out->scores = (pr_scores){.n = n,
                              .score = out->score,
                              .label = out->label,
                              .video = out->video,
                              .method = out->method};
    return PR_OK;
}

pr_status pr_assess_metrics(const pr_train_options *options, const pr_samples *samples,
                            const pr_eval_scores *scores, double threshold, pr_metrics **out)
{
    pr_assess_list list;
    pr_metrics_options how = pr_metrics_options_default();
    how.threshold = threshold;
    how.video_agg = (pr_video_agg)options->eval.video_agg;
    PR_TRY(pr_assess_list_create(samples, scores, &list));
    const pr_status status = pr_metrics_compute(&list.scores, &how, out);
    pr_assess_list_free(&list);
    return status;
}

pr_status pr_assess_threshold(const pr_samples *samples, const pr_eval_scores *scores,
                              double *threshold, bool *fitted)
{
    pr_assess_list list;
    PR_TRY(pr_assess_list_create(samples, scores, &list));
    const pr_status status =
        pr_threshold_fit(&list.scores, PR_THRESHOLD_ACCURACY, threshold, fitted);
    pr_assess_list_free(&list);
    return status;
}
