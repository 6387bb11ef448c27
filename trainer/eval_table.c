#include "trainer/eval_table.h"

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

static pr_status add_set(pr_text *text, int width, const char *name, const char *level,
                         const pr_metric_set *set)
{
    char counts[64];
    (void)snprintf(counts, sizeof(counts), "%lld+%lld", (long long)set->n_real,
                   (long long)set->n_fake);
    PR_TRY(pr_text_add(text, "%-*s  %-6s %15s", width, name, level, counts));
    for (int c = 0; c < N_COLUMNS; c++) {
        const double value = set_value(set, columns[c].metric);
        PR_TRY(isfinite(value) ? pr_text_add(text, "%*.2f", CELL, 100.0 * value)
                               : pr_text_add(text, "%*s", CELL, "n/a"));
    }
    const char *lacks = pr_metric_set_lacks(set);
    return lacks == NULL ? pr_text_add(text, "\n") : pr_text_add(text, "  (%s)\n", lacks);
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

static pr_status add_methods(pr_text *text, int width, const pr_eval_row *row)
{
    const pr_metrics *m = row->metrics;
    if (m->n_methods < 2) {
        return PR_OK; /* one method is the whole set */
    }
    for (int k = 0; k < m->n_methods; k++) {
        char name[160];
        (void)snprintf(name, sizeof(name), "  %s", method_name(row->info, m->methods[k].method));
        PR_TRY(add_set(text, width, name, "frame", &m->methods[k].frame));
        PR_TRY(add_set(text, width, name, "video", &m->methods[k].video));
    }
    PR_TRY(add_set(text, width, "  mean over methods", "frame", &m->frame_mean));
    return add_set(text, width, "  mean over methods", "video", &m->video_mean);
}

static pr_status add_percent(pr_text *text, const char *name, double value)
{
    return isfinite(value) ? pr_text_add(text, "%s %.2f %%", name, 100.0 * value)
                           : pr_text_add(text, "%s n/a", name);
}

static pr_status add_footing(pr_text *text, const pr_eval_row *row)
{
    const pr_eval_info *info = row->info;
    PR_TRY(pr_text_add(text, "%s: ", info->set));
    PR_TRY(add_percent(text, "rccl.TPR", row->metrics->frame.rccl_tpr));
    PR_TRY(add_percent(text, ", rccl.FPR", row->metrics->frame.rccl_fpr));
    PR_TRY(pr_text_add(text, " (RCCL's positive class is real: its \"FPR\" is the accuracy on "
                             "fakes)\n"));
    PR_TRY(pr_text_add(text, "  score %s, fake where it is at least %.6g (%s)\n", info->score,
                       row->metrics->options.threshold, info->threshold));
    PR_TRY(pr_text_add(text, "  checkpoint %s (%s), %s\n", info->checkpoint, info->selection,
                       info->init));
    PR_TRY(pr_text_add(text, "  config %016llx, data %016llx\n",
                       (unsigned long long)info->config_hash, (unsigned long long)info->data_hash));
    for (int i = 0; i < info->n_left_out; i++) {
        PR_TRY(pr_text_add(text, "  left out: %lld (%s)\n", (long long)info->left_out[i].n,
                           info->left_out[i].why));
    }
    for (int i = 0; i < info->n_notes; i++) {
        PR_TRY(pr_text_add(text, "  note: %s\n", info->notes[i]));
    }
    return PR_OK;
}

pr_status pr_eval_table_text(const pr_eval_row *rows, int n, pr_text *text)
{
    const int width = widest_name(rows, n);
    PR_TRY(pr_text_add(text, "%-*s  %-6s %15s", width, "set", "level", "reals+fakes"));
    for (int c = 0; c < N_COLUMNS; c++) {
        PR_TRY(pr_text_add(text, "%*s", CELL, columns[c].head));
    }
    PR_TRY(pr_text_add(text, "\n"));
    for (int i = 0; i < n; i++) {
        PR_TRY(add_set(text, width, rows[i].info->set, "frame", &rows[i].metrics->frame));
        PR_TRY(add_set(text, width, rows[i].info->set, "video", &rows[i].metrics->video));
        PR_TRY(add_methods(text, width, &rows[i]));
    }
    for (int i = 0; i < n; i++) {
        PR_TRY(add_footing(text, &rows[i]));
    }
    return PR_OK;
}
