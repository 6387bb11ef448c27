#include "trainer/eval_table.h"

#include "dataset/view.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "trainer/page.h"

#include <math.h>
#include <string.h>

enum { MAX_ROC_POINTS = 512, N_BINS = 40 };

static void add_word(pr_page *page, const char *key, const char *word)
{
    pr_page_put(page, "  \"%s\": ", key);
    pr_page_json(page, word != NULL ? word : "");
    pr_page_put(page, ",\n");
}

static void add_set(pr_page *page, const pr_metric_set *set)
{
    int n = 0;
    const pr_metric_field *fields = pr_metric_fields(&n);
    pr_page_put(page, "{\"n\": %lld, \"n_real\": %lld, \"n_fake\": %lld", (long long)set->n,
                (long long)set->n_real, (long long)set->n_fake);
    for (int f = 0; f < n; f++) {
        double value = 0.0;
        memcpy(&value, (const char *)set + fields[f].offset, sizeof(value));
        pr_page_put(page, ", \"%s\": ", fields[f].name);
        pr_page_json_real(page, value);
    }
    pr_page_put(page, "}");
}

static void add_pair(pr_page *page, const pr_metric_set *frame, const pr_metric_set *video)
{
    pr_page_put(page, "{\n    \"frame\": ");
    add_set(page, frame);
    pr_page_put(page, ",\n    \"video\": ");
    add_set(page, video);
    pr_page_put(page, "}");
}

static void add_metrics(pr_page *page, const pr_eval_info *info, const pr_metrics *m)
{
    static const char *const aggs[] = {"mean", "max", "median", "topk"};
    pr_page_put(page, "  \"threshold\": {\"value\": ");
    pr_page_json_real(page, m->options.threshold);
    pr_page_put(page, ", \"from\": ");
    pr_page_json(page, info->threshold);
    pr_page_put(page, "},\n  \"video_agg\": \"%s\",\n", aggs[m->options.video_agg]);
    pr_page_put(page, "  \"tpr_interpolated\": %s,\n",
                m->options.tpr_interpolated ? "true" : "false");
    pr_page_put(page, "  \"frame\": ");
    add_set(page, &m->frame);
    pr_page_put(page, ",\n  \"video\": ");
    add_set(page, &m->video);
    pr_page_put(page, ",\n  \"methods\": {");
    for (int k = 0; k < m->n_methods; k++) {
        pr_page_put(page, k > 0 ? ",\n  " : "\n  ");
        pr_page_json(page, info->method_name != NULL
                               ? info->method_name(info->ctx, m->methods[k].method)
                               : "?");
        pr_page_put(page, ": ");
        add_pair(page, &m->methods[k].frame, &m->methods[k].video);
    }
    pr_page_put(page, "},\n  \"methods_mean\": ");
    add_pair(page, &m->frame_mean, &m->video_mean);
    pr_page_put(page, ",\n  \"rccl\": {\"TPR\": ");
    pr_page_json_real(page, m->frame.rccl_tpr);
    pr_page_put(page, ", \"FPR\": ");
    pr_page_json_real(page, m->frame.rccl_fpr);
    pr_page_put(page, ", \"definition\": \"real is the positive class: TPR is the accuracy "
                      "on reals, FPR the accuracy on fakes\"},\n");
    pr_page_put(page, "  \"compat\": {\"video_auc\": ");
    pr_page_json_real(page, m->compat_video_auc);
    pr_page_put(page, "},\n");
}

/* N of the points at equal steps along the curve, which are all of them where there are few. */
static void add_points(pr_page *page, const pr_roc *roc, const int64_t *counts, int64_t n_class,
                       int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        const int64_t i = k * (roc->n_points - 1) / (n - 1);
        pr_page_put(page, "%s%.17g", k > 0 ? ", " : "", (double)counts[i] / (double)n_class);
    }
}

static void add_roc(pr_page *page, const pr_scores *scores)
{
    pr_roc *roc = NULL;
    const pr_status status = pr_roc_create(scores, &roc);
    if (status != PR_OK) {
        pr_page_take(page, status);
        return;
    }
    int64_t n = roc->n_points < MAX_ROC_POINTS ? roc->n_points : MAX_ROC_POINTS;
    n = roc->n_real > 0 && roc->n_fake > 0 ? n : 0;
    pr_page_put(page, "  \"roc\": {\"fpr\": [");
    add_points(page, roc, roc->n_false, roc->n_real, n);
    pr_page_put(page, "], \"tpr\": [");
    add_points(page, roc, roc->n_true, roc->n_fake, n);
    pr_page_put(page, "]},\n");
    pr_roc_destroy(&roc);
}

static void count_scores(const pr_scores *scores, double low, double high,
                         int64_t counts[2][N_BINS])
{
    for (int64_t i = 0; i < scores->n; i++) {
        const int bin = (int)((scores->score[i] - low) / (high - low) * N_BINS);
        counts[scores->label[i] == PR_FAKE][bin < N_BINS ? bin : N_BINS - 1]++;
    }
}

static void add_histogram(pr_page *page, const pr_scores *scores)
{
    double low = 0.0;
    double high = 1.0; /* probabilities keep these ends; other scores widen them */
    for (int64_t i = 0; i < scores->n; i++) {
        low = scores->score[i] < low ? scores->score[i] : low;
        high = scores->score[i] > high ? scores->score[i] : high;
    }
    int64_t counts[2][N_BINS] = {{0}};
    count_scores(scores, low, high, counts);
    pr_page_put(page, "  \"histogram\": {\"low\": %.17g, \"high\": %.17g", low, high);
    for (int label = 0; label < 2; label++) {
        pr_page_put(page, ", \"%s\": [", label == PR_FAKE ? "fake" : "real");
        for (int b = 0; b < N_BINS; b++) {
            pr_page_put(page, "%s%lld", b > 0 ? ", " : "", (long long)counts[label][b]);
        }
        pr_page_put(page, "]");
    }
    pr_page_put(page, "},\n");
}

static void add_lists(pr_page *page, const pr_eval_info *info)
{
    pr_page_put(page, "  \"left_out\": [");
    for (int i = 0; i < info->n_left_out; i++) {
        pr_page_put(page, "%s{\"why\": ", i > 0 ? ", " : "");
        pr_page_json(page, info->left_out[i].why);
        pr_page_put(page, ", \"n\": %lld}", (long long)info->left_out[i].n);
    }
    pr_page_put(page, "],\n  \"notes\": [");
    for (int i = 0; i < info->n_notes; i++) {
        pr_page_put(page, i > 0 ? ", " : "");
        pr_page_json(page, info->notes[i]);
    }
    pr_page_put(page, "]\n}\n");
}

/* Writes the page and frees its text. */
static pr_status write_page(const char *path, pr_page *page)
{
    if (page->status == PR_OK) {
        page->status = pr_fs_write(path, pr_text_chars(page->text), page->text->n_chars);
    }
    pr_text_free(page->text);
    return page->status;
}

static void make_json(const pr_eval_info *info, const pr_metrics *metrics, const pr_scores *scores,
                      pr_page *page)
{
    pr_page_put(page, "{\n");
    add_word(page, "set", info->set);
    add_word(page, "run", info->run);
    add_word(page, "stage", info->stage);
    pr_page_put(page, "  \"epoch\": %lld,\n  \"step\": %lld,\n", (long long)info->epoch,
                (long long)info->step);
    add_word(page, "checkpoint", info->checkpoint);
    add_word(page, "selection", info->selection);
    add_word(page, "init", info->init);
    add_word(page, "score", info->score);
    pr_page_put(page, "  \"config_hash\": \"%016llx\",\n  \"data_hash\": \"%016llx\",\n",
                (unsigned long long)info->config_hash, (unsigned long long)info->data_hash);
    add_metrics(page, info, metrics);
    add_roc(page, scores);
    add_histogram(page, scores);
    add_lists(page, info);
}

pr_status pr_eval_write(const char *path, const pr_eval_info *info, const pr_metrics *metrics,
                        const pr_scores *scores)
{
    pr_text text = {0};
    pr_page page = {&text, PR_OK};
    make_json(info, metrics, scores, &page);
    return write_page(path, &page);
}

static void make_scores(const pr_eval_info *info, const pr_scores *scores, pr_page *page)
{
    pr_page_put(page, "sample\tlabel\tmethod\tvideo\tscore\n");
    for (int64_t i = 0; i < scores->n; i++) {
        const bool has_method = scores->method != NULL && info->method_name != NULL;
        pr_page_put(page, "%s\t%s\t%s\t%s\t%.17g\n",
                    info->sample_name != NULL ? info->sample_name(info->ctx, i) : "",
                    scores->label[i] == PR_FAKE ? "fake" : "real",
                    has_method ? info->method_name(info->ctx, scores->method[i]) : "",
                    info->video_name != NULL ? info->video_name(info->ctx, scores->video[i]) : "",
                    scores->score[i]);
    }
}

pr_status pr_eval_scores_write(const char *path, const pr_eval_info *info, const pr_scores *scores)
{
    pr_text text = {0};
    pr_page page = {&text, PR_OK};
    make_scores(info, scores, &page);
    return write_page(path, &page);
}
