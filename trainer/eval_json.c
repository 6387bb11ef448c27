#include "trainer/eval_table.h"

#include "dataset/view.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"

#include <math.h>
#include <string.h>

enum { MAX_ROC_POINTS = 512, N_BINS = 40 };

static pr_status add_word(pr_text *text, const char *key, const char *word)
{
    PR_TRY(pr_text_add(text, "  \"%s\": ", key));
    PR_TRY(pr_text_add_json(text, word != NULL ? word : ""));
    return pr_text_add(text, ",\n");
}

static pr_status add_set(pr_text *text, const pr_metric_set *set)
{
    int n = 0;
    const pr_metric_field *fields = pr_metric_fields(&n);
    PR_TRY(pr_text_add(text, "{\"n\": %lld, \"n_real\": %lld, \"n_fake\": %lld", (long long)set->n,
                       (long long)set->n_real, (long long)set->n_fake));
    for (int f = 0; f < n; f++) {
        double value = 0.0;
        memcpy(&value, (const char *)set + fields[f].offset, sizeof(value));
        PR_TRY(pr_text_add(text, ", \"%s\": ", fields[f].name));
        PR_TRY(pr_text_add_json_real(text, value));
    }
    return pr_text_add(text, "}");
}

static pr_status add_pair(pr_text *text, const pr_metric_set *frame, const pr_metric_set *video)
{
    PR_TRY(pr_text_add(text, "{\n    \"frame\": "));
    PR_TRY(add_set(text, frame));
    PR_TRY(pr_text_add(text, ",\n    \"video\": "));
    PR_TRY(add_set(text, video));
    return pr_text_add(text, "}");
}

static pr_status add_metrics(pr_text *text, const pr_eval_info *info, const pr_metrics *m)
{
    static const char *const aggs[] = {"mean", "max", "median", "topk"};
    PR_TRY(pr_text_add(text, "  \"threshold\": {\"value\": "));
    PR_TRY(pr_text_add_json_real(text, m->options.threshold));
    PR_TRY(pr_text_add(text, ", \"from\": "));
    PR_TRY(pr_text_add_json(text, info->threshold));
    PR_TRY(pr_text_add(text, "},\n  \"video_agg\": \"%s\",\n", aggs[m->options.video_agg]));
    PR_TRY(pr_text_add(text, "  \"tpr_interpolated\": %s,\n",
                       m->options.tpr_interpolated ? "true" : "false"));
    PR_TRY(pr_text_add(text, "  \"frame\": "));
    PR_TRY(add_set(text, &m->frame));
    PR_TRY(pr_text_add(text, ",\n  \"video\": "));
    PR_TRY(add_set(text, &m->video));
    PR_TRY(pr_text_add(text, ",\n  \"methods\": {"));
    for (int k = 0; k < m->n_methods; k++) {
        PR_TRY(pr_text_add(text, k > 0 ? ",\n  " : "\n  "));
        PR_TRY(pr_text_add_json(text, info->method_name != NULL
                                          ? info->method_name(info->ctx, m->methods[k].method)
                                          : "?"));
        PR_TRY(pr_text_add(text, ": "));
        PR_TRY(add_pair(text, &m->methods[k].frame, &m->methods[k].video));
    }
    PR_TRY(pr_text_add(text, "},\n  \"methods_mean\": "));
    PR_TRY(add_pair(text, &m->frame_mean, &m->video_mean));
    PR_TRY(pr_text_add(text, ",\n  \"rccl\": {\"TPR\": "));
    PR_TRY(pr_text_add_json_real(text, m->frame.rccl_tpr));
    PR_TRY(pr_text_add(text, ", \"FPR\": "));
    PR_TRY(pr_text_add_json_real(text, m->frame.rccl_fpr));
    PR_TRY(pr_text_add(text, ", \"definition\": \"real is the positive class: TPR is the accuracy "
                             "on reals, FPR the accuracy on fakes\"},\n"));
    PR_TRY(pr_text_add(text, "  \"compat\": {\"video_auc\": "));
    PR_TRY(pr_text_add_json_real(text, m->compat_video_auc));
    return pr_text_add(text, "},\n");
}

/* Every point where there are few, else points at equal steps along the curve; the ends always. */
static pr_status add_roc(pr_text *text, const pr_scores *scores)
{
    pr_roc *roc = NULL;
    PR_TRY(pr_roc_create(scores, &roc));
    pr_status status = PR_OK;
    const bool drawn = roc->n_real > 0 && roc->n_fake > 0;
    const int64_t n = !drawn ? 0 : roc->n_points < MAX_ROC_POINTS ? roc->n_points : MAX_ROC_POINTS;
    for (int axis = 0; status == PR_OK && axis < 2; axis++) {
        status = pr_text_add(text, axis == 0 ? "  \"roc\": {\"fpr\": [" : "], \"tpr\": [");
        for (int64_t k = 0; status == PR_OK && k < n; k++) {
            const int64_t i = k * (roc->n_points - 1) / (n - 1);
            const double value = axis == 0 ? (double)roc->n_false[i] / (double)roc->n_real
                                           : (double)roc->n_true[i] / (double)roc->n_fake;
            status = pr_text_add(text, "%s%.17g", k > 0 ? ", " : "", value);
        }
    }
    pr_roc_destroy(&roc);
    PR_TRY(status);
    return pr_text_add(text, "]},\n");
}

static pr_status add_histogram(pr_text *text, const pr_scores *scores)
{
    double low = 0.0;
    double high = 1.0; /* probabilities keep these ends; other scores widen them */
    for (int64_t i = 0; i < scores->n; i++) {
        low = scores->score[i] < low ? scores->score[i] : low;
        high = scores->score[i] > high ? scores->score[i] : high;
    }
    int64_t counts[2][N_BINS] = {{0}};
    for (int64_t i = 0; i < scores->n; i++) {
        const int bin = (int)((scores->score[i] - low) / (high - low) * N_BINS);
        counts[scores->label[i] == PR_FAKE][bin < N_BINS ? bin : N_BINS - 1]++;
    }
    PR_TRY(pr_text_add(text, "  \"histogram\": {\"low\": %.17g, \"high\": %.17g", low, high));
    for (int label = 0; label < 2; label++) {
        PR_TRY(pr_text_add(text, ", \"%s\": [", label == PR_FAKE ? "fake" : "real"));
        for (int b = 0; b < N_BINS; b++) {
            PR_TRY(pr_text_add(text, "%s%lld", b > 0 ? ", " : "", (long long)counts[label][b]));
        }
        PR_TRY(pr_text_add(text, "]"));
    }
    return pr_text_add(text, "},\n");
}

static pr_status add_lists(pr_text *text, const pr_eval_info *info)
{
    PR_TRY(pr_text_add(text, "  \"left_out\": ["));
    for (int i = 0; i < info->n_left_out; i++) {
        PR_TRY(pr_text_add(text, "%s{\"why\": ", i > 0 ? ", " : ""));
        PR_TRY(pr_text_add_json(text, info->left_out[i].why));
        PR_TRY(pr_text_add(text, ", \"n\": %lld}", (long long)info->left_out[i].n));
    }
    PR_TRY(pr_text_add(text, "],\n  \"notes\": ["));
    for (int i = 0; i < info->n_notes; i++) {
        PR_TRY(pr_text_add(text, i > 0 ? ", " : ""));
        PR_TRY(pr_text_add_json(text, info->notes[i]));
    }
    return pr_text_add(text, "]\n}\n");
}

static pr_status make_json(const pr_eval_info *info, const pr_metrics *metrics,
                           const pr_scores *scores, pr_text *text)
{
    PR_TRY(pr_text_add(text, "{\n"));
    PR_TRY(add_word(text, "set", info->set));
    PR_TRY(add_word(text, "run", info->run));
    PR_TRY(add_word(text, "stage", info->stage));
    PR_TRY(pr_text_add(text, "  \"epoch\": %lld,\n  \"step\": %lld,\n", (long long)info->epoch,
                       (long long)info->step));
    PR_TRY(add_word(text, "checkpoint", info->checkpoint));
    PR_TRY(add_word(text, "selection", info->selection));
    PR_TRY(add_word(text, "init", info->init));
    PR_TRY(add_word(text, "score", info->score));
    PR_TRY(pr_text_add(text, "  \"config_hash\": \"%016llx\",\n  \"data_hash\": \"%016llx\",\n",
                       (unsigned long long)info->config_hash, (unsigned long long)info->data_hash));
    PR_TRY(add_metrics(text, info, metrics));
    PR_TRY(add_roc(text, scores));
    PR_TRY(add_histogram(text, scores));
    return add_lists(text, info);
}

pr_status pr_eval_write(const char *path, const pr_eval_info *info, const pr_metrics *metrics,
                        const pr_scores *scores)
{
    pr_text text = {0};
    pr_status status = make_json(info, metrics, scores, &text);
    if (status == PR_OK) {
        status = pr_fs_write(path, pr_text_chars(&text), text.n_chars);
    }
    pr_text_free(&text);
    return status;
}

static pr_status make_scores(const pr_eval_info *info, const pr_scores *scores, pr_text *text)
{
    PR_TRY(pr_text_add(text, "sample\tlabel\tmethod\tvideo\tscore\n"));
    for (int64_t i = 0; i < scores->n; i++) {
        const bool has_method = scores->method != NULL && info->method_name != NULL;
        PR_TRY(pr_text_add(text, "%s\t%s\t%s\t%s\t%.17g\n",
                           info->sample_name != NULL ? info->sample_name(info->ctx, i) : "",
                           scores->label[i] == PR_FAKE ? "fake" : "real",
                           has_method ? info->method_name(info->ctx, scores->method[i]) : "",
                           info->video_name != NULL ? info->video_name(info->ctx, scores->video[i])
                                                    : "",
                           scores->score[i]));
    }
    return PR_OK;
}

pr_status pr_eval_scores_write(const char *path, const pr_eval_info *info, const pr_scores *scores)
{
    pr_text text = {0};
    pr_status status = make_scores(info, scores, &text);
    if (status == PR_OK) {
        status = pr_fs_write(path, pr_text_chars(&text), text.n_chars);
    }
    pr_text_free(&text);
    return status;
}
