#include "dataset/render.h"
#include "engine/base/alloc.h"
#include "report/shown.h"
#include "trainer/assess.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void pr_shown_rows_free(pr_shown_rows *rows)
{
    pr_free(rows->x);
    memset(rows, 0, sizeof(*rows));
}

pr_status pr_shown_run_open(const pr_train_options *options, const pr_config *config, pr_comm *comm,
                            const char *dir, pr_shown_run *out)
{
    size_t n = strlen(dir);
    memset(out, 0, sizeof(*out));
    out->dir = dir;
    out->options = options;
    out->config = config;
    while (n > 1 && dir[n - 1] == '/') {
        n--;
    }
    size_t first = n;
    while (first > 0 && dir[first - 1] != '/') {
        first--;
    }
    (void)snprintf(out->name, sizeof(out->name), "%.*s", (int)(n - first), dir + first);
    return pr_trained_open(options, comm, dir, "best", &out->trained);
}

void pr_shown_run_close(pr_shown_run *run)
{
    pr_shown_rows_free(&run->features);
    pr_trained_close(&run->trained);
}

pr_status pr_shown_view(const pr_shown_run *run, const pr_shown *shown, int64_t i, float *image)
{
    const size_t n_bytes = pr_samples_payload_bytes(shown->samples, i);
    pr_augment_options augment = run->options->augment;
    augment.enabled = false;
    augment.perturb = shown->perturb;
    augment.perturb_value = shown->perturb_value;
    uint8_t *const bytes = pr_calloc((int64_t)n_bytes, 1);
    PR_REQUIRE(bytes != NULL, PR_ERR_NOMEM, "no memory for a crop of %zu bytes", n_bytes);
    pr_status status = pr_samples_read(shown->samples, i, bytes);
    if (status == PR_OK) {
        status = pr_view_from_bytes(&augment, bytes, n_bytes, (int)run->options->model.px, image);
    }
    pr_free(bytes);
    return status;
}

/* What a forward pass is over. */
typedef struct viewing {
    const pr_shown_run *run;
    const pr_shown *shown;
    const int64_t *at;
} viewing;

/* All that is shown has been decoded once, so nothing is left out here. */
static pr_status view(void *ctx, int64_t i, int px, float *image, bool *present)
{
    const viewing *const v = ctx;
    (void)px;
    *present = true;
    return pr_shown_view(v->run, v->shown, v->at[i], image);
}

/* Takes the rows out of SCORES, which are then freed. */
static pr_status take_rows(pr_eval_scores *scores, const char *what, pr_shown_rows *out)
{
    *out = (pr_shown_rows){scores->n, scores->n_cols, scores->embedding};
    scores->embedding = NULL;
    pr_eval_scores_free(scores);
    for (int64_t i = 0; i < out->n * out->n_cols; i++) {
        if (!isfinite(out->x[i])) {
            const double value = (double)out->x[i];
            pr_shown_rows_free(out);
            return PR_FAIL(PR_ERR_NUMERIC, "report: a value of %s is %g", what, value);
        }
    }
    return PR_OK;
}

pr_status pr_shown_features(pr_shown_run *run, const pr_shown *shown, const pr_shown_rows **out)
{
    if (run->features.x == NULL) {
        pr_eval_scores scores;
        viewing v = {run, shown, shown->at};
        PR_TRY(pr_assess_images(run->trained.trainer, run->trained.stage, shown->n, view, &v, true,
                                &scores));
        PR_TRY(take_rows(&scores, "the features", &run->features));
    }
    *out = &run->features;
    return PR_OK;
}

pr_status pr_shown_output(pr_shown_run *run, const pr_shown *shown, pr_build_fn build,
                          const char *name, const int64_t *at, int64_t n, pr_shown_rows *out)
{
    pr_eval_scores scores;
    viewing v = {run, shown, at};
    PR_TRY(pr_assess_output(run->trained.trainer, build, name, n, view, &v, &scores));
    return take_rows(&scores, name, out);
}
