#include "trainer/eval_table.h"

#include "trainer/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct column {
    const char *head;
    const char *metric; /* of a set */
} column;

static const column columns[] = {{"AUC %", "auc"},
                                 {"AP %", "ap"},
                                 {"EER %", "eer"},
                                 {"acc %", "acc"},
                                 {"reals %", "acc_real"},
                                 {"fakes %", "acc_fake"},
                                 {"TPR@10%", "tpr_at_10pct"},
                                 {"TPR@1%", "tpr_at_1pct"}};

enum { N_COLUMNS = (int)(sizeof(columns) / sizeof(columns[0])), CELL = 9 };

static double set_value(const pr_metric_set *set, const char *name)
{
    int n = 0;
    const pr_metric_field *fields = pr_metric_fields(&n);
    double value = NAN;
    for (int f = 0; f < n; f++) {
        if (strcmp(fields[f].name, name) == 0) {
            memcpy(&value, (const char *)set + fields[f].offset, sizeof(value));
        }
    }
    return value;
}

static void add_set(pr_page *page, int width, const char *name, const char *level,
                    const pr_metric_set *set)
{
    char counts[64];
    (void)snprintf(counts, sizeof(counts), "%lld+%lld", (long long)set->n_real,
                   (long long)set->n_fake);
    pr_page_put(page, "%-*s  %-6s %15s", width, name, level, counts);
    for (int c = 0; c < N_COLUMNS; c++) {
        const double value = set_value(set, columns[c].metric);
        if (isfinite(value)) {
            pr_page_put(page, "%*.2f", CELL, 100.0 * value);
        } else {
            pr_page_put(page, "%*s", CELL, "n/a");
        }
    }
    const char *lacks = pr_metric_set_lacks(set);
    if (lacks != NULL) {
        pr_page_put(page, "  (%s)", lacks);
    }
    pr_page_put(page, "\n");
}

static const char *method_name(const pr_eval_info *info, int32_t method)
{
    return info->method_name != NULL ? info->method_name(info->ctx, method) : "?";
}

static int widest_name(const pr_eval_row *rows, int n)
{
    int width = (int)strlen("  mean over methods");
    for (int i = 0; i < n; i++) {
        const int n_set = (int)strlen(rows[i].info->set);
        width = n_set > width ? n_set : width;
        for (int k = 0; k < rows[i].metrics->n_methods; k++) {
            const int n_name =
                2 + (int)strlen(method_name(rows[i].info, rows[i].metrics->methods[k].method));
            width = n_name > width ? n_name : width;
        }
    }
    return width;
}

static void add_methods(pr_page *page, int width, const pr_eval_row *row)
{
    const pr_metrics *m = row->metrics;
    if (m->n_methods < 2) {
        return; /* one method is the whole set */
    }
    for (int k = 0; k < m->n_methods; k++) {
        char name[160];
        (void)snprintf(name, sizeof(name), "  %s", method_name(row->info, m->methods[k].method));
        add_set(page, width, name, "frame", &m->methods[k].frame);
        add_set(page, width, name, "video", &m->methods[k].video);
    }
    add_set(page, width, "  mean over methods", "frame", &m->frame_mean);
    add_set(page, width, "  mean over methods", "video", &m->video_mean);
}

static void add_percent(pr_page *page, const char *name, double value)
{
    if (isfinite(value)) {
        pr_page_put(page, "%s %.2f %%", name, 100.0 * value);
    } else {
        pr_page_put(page, "%s n/a", name);
    }
}

static void add_footing(pr_page *page, const pr_eval_row *row)
{
    const pr_eval_info *info = row->info;
    pr_page_put(page, "%s: ", info->set);
    add_percent(page, "rccl.TPR", row->metrics->frame.rccl_tpr);
    add_percent(page, ", rccl.FPR", row->metrics->frame.rccl_fpr);
    pr_page_put(page, " (RCCL's positive class is real: its \"FPR\" is the accuracy on "
                      "fakes)\n");
    pr_page_put(page, "  score %s, fake where it is at least %.6g (%s)\n", info->score,
                row->metrics->options.threshold, info->threshold);
    pr_page_put(page, "  checkpoint %s (%s), %s\n", info->checkpoint, info->selection, info->init);
    pr_page_put(page, "  config %016llx, data %016llx\n", (unsigned long long)info->config_hash,
                (unsigned long long)info->data_hash);
    for (int i = 0; i < info->n_left_out; i++) {
        pr_page_put(page, "  left out: %lld (%s)\n", (long long)info->left_out[i].n,
                    info->left_out[i].why);
    }
    for (int i = 0; i < info->n_notes; i++) {
        pr_page_put(page, "  note: %s\n", info->notes[i]);
    }
}

pr_status pr_eval_table_text(const pr_eval_row *rows, int n, pr_text *text)
{
    pr_page whole = {text, PR_OK};
    pr_page *page = &whole;
    const int width = widest_name(rows, n);
    pr_page_put(page, "%-*s  %-6s %15s", width, "set", "level", "reals+fakes");
    for (int c = 0; c < N_COLUMNS; c++) {
        pr_page_put(page, "%*s", CELL, columns[c].head);
    }
    pr_page_put(page, "\n");
    for (int i = 0; i < n; i++) {
        add_set(page, width, rows[i].info->set, "frame", &rows[i].metrics->frame);
        add_set(page, width, rows[i].info->set, "video", &rows[i].metrics->video);
        add_methods(page, width, &rows[i]);
    }
    for (int i = 0; i < n; i++) {
        add_footing(page, &rows[i]);
    }
    return page->status;
}
