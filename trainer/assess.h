/**
 * From a model and samples to metrics: the evaluation that training, `eval` and `predict` share.
 */
#ifndef PR_TRAINER_ASSESS_H
#define PR_TRAINER_ASSESS_H

#include "trainer/evaluate.h"
#include "trainer/metrics.h"
#include "trainer/trainer.h"

/**
 * Collective: scores SAMPLES with the trainer's parameters, as STAGE is scored: by P(fake), or by
 * 1 - cos(z, centre). The result is the caller's (pr_eval_scores_free).
 *
 * Errors: PR_ERR_INVALID where a stage without a classifier has no centre yet.
 */
pr_status pr_assess_scores(pr_trainer *trainer, const pr_stage *stage, const pr_samples *samples,
                           pr_perturb perturb, double perturb_value, bool embeddings,
                           pr_eval_scores *out);

/**
 * Collective: the same, with the answers of the stage's further heads in place of embeddings: column
 * 2 h + 1 is head h's P(fake).
 *
 * Errors: PR_ERR_INVALID where the stage has no further heads.
 */
pr_status pr_assess_heads(pr_trainer *trainer, const pr_stage *stage, const pr_samples *samples,
                          pr_perturb perturb, double perturb_value, pr_eval_scores *out);

/**
 * Views of SAMPLES that validation scores each time, where the trainer's objective draws them: the
 * whole of epoch 0 of its val_sampler's plan. *N is 0 where it does not. VIEWS is freed by pr_free.
 */
pr_status pr_assess_views(const pr_trainer *trainer, const pr_samples *samples, pr_view **views,
                          int64_t *n);

/** Collective: scores N such VIEWS. */
pr_status pr_assess_view_scores(pr_trainer *trainer, const pr_stage *stage,
                                const pr_samples *samples, const pr_view *views, int64_t n,
                                pr_eval_scores *out);

/** Collective: their metrics; a forged view's method is its category. */
pr_status pr_assess_view_metrics(pr_trainer *trainer, const pr_stage *stage,
                                 const pr_samples *samples, const pr_view *views, int64_t n,
                                 pr_metrics **out);

/** Collective: the same for N images that FN makes (trainer/evaluate.h). */
pr_status pr_assess_images(pr_trainer *trainer, const pr_stage *stage, int64_t n, pr_image_fn fn,
                           void *ctx, bool embeddings, pr_eval_scores *out);

/**
 * Collective: of N images that FN makes, what the output NAME [B, ...] of the graph that BUILD makes is,
 * flattened, as the embeddings of OUT [N, ...]; its scores are 0. The graph's input is "image".
 *
 * Errors: those of BUILD; PR_ERR_INVALID where the graph has no such output.
 */
pr_status pr_assess_output(pr_trainer *trainer, pr_build_fn build, const char *name, int64_t n,
                           pr_image_fn fn, void *ctx, pr_eval_scores *out);

/** The metrics of SCORES of SAMPLES; what was left out does not count. Not collective. */
pr_status pr_assess_metrics(const pr_train_options *options, const pr_samples *samples,
                            const pr_eval_scores *scores, double threshold, pr_metrics **out);

/**
 * The columns of SCORES that are present, as metrics want them; `of` gives each its sample. A video
 * is (dataset, method, compression, video) and is numbered by its first sample: where a selection
 * holds several compressions of a method, each of them counts.
 */
typedef struct pr_assess_list {
    pr_scores scores; /* its columns are those below */
    int64_t *of;      /* [scores.n] owned, as are the columns */
    double *score;
    int8_t *label;
    int32_t *video, *method;
    int32_t *folder; /* the word of the video alone, whatever the method */
} pr_assess_list;

pr_status pr_assess_list_create(const pr_samples *samples, const pr_eval_scores *scores,
                                pr_assess_list *out);
/** Added to the video of a view forged in memory, and to its category, which is its method. */
enum { PR_ASSESS_FORGED = 1 << 30 };

/** The same for scores of VIEWS, by their labels; `of` gives each its view. */
pr_status pr_assess_list_of_views(const pr_samples *samples, const pr_view *views,
                                  const pr_eval_scores *scores, pr_assess_list *out);
void pr_assess_list_free(pr_assess_list *list);

#endif
