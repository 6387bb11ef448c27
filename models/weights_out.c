#include "models/weights.h"

#include "engine/base/alloc.h"
#include "models/safetensors.h"

#include <string.h>

static pr_status add_row(pr_text *text, const pr_weight_row *row, const pr_store *store, int width)
{
    char wanted[96] = "";
    const char *target = row->note;
    if (row->store_idx >= 0) {
        const pr_store_entry *entry = pr_store_at(store, row->store_idx);
        (void)pr_shape_text(&entry->desc.shape, wanted);
        target = entry->name;
    }
    return pr_text_add(text, "%-9s %-*s %-18s -> %s %s\n", pr_weight_fate_name(row->fate), width,
                       row->file_name != NULL ? row->file_name : "-", row->file_shape, target,
                       wanted);
}

pr_status pr_weights_report_text(const pr_weights_report *report, const pr_store *store,
                                 pr_text *text)
{
    int width = 1;
    for (int i = 0; i < report->n_rows; i++) {
        const char *name = report->rows[i].file_name;
        const int n = name != NULL ? (int)strlen(name) : 0;
        width = n > width ? n : width;
    }
    for (int i = 0; i < report->n_rows; i++) {
        PR_TRY(add_row(text, &report->rows[i], store, width));
    }
    PR_TRY(pr_text_add(text, "%s:", report->path));
    for (int f = 0; f < PR_WEIGHT_FATES; f++) {
        PR_TRY(pr_text_add(text, "%s %d %s", f > 0 ? "," : "", report->n[f],
                           pr_weight_fate_name((pr_weight_fate)f)));
    }
    return pr_text_add(text, "\n");
}

static bool is_exported(const pr_store_entry *entry, const char *prefix)
{
    return (entry->kind == PR_VALUE_PARAM || entry->kind == PR_VALUE_BUFFER) &&
           strncmp(entry->name, prefix, strlen(prefix)) == 0;
}

pr_status pr_weights_export(const pr_store *store, const char *path, const char *prefix, bool strip,
                            const char *run)
{
    pr_safetensor_source *sources = pr_calloc(pr_store_n(store), sizeof(*sources));
    PR_REQUIRE(sources != NULL, PR_ERR_NOMEM, "weights: no memory for %d tensors",
               pr_store_n(store));
    int n = 0;
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *entry = pr_store_at(store, i);
        if (is_exported(entry, prefix)) {
            const char *name = entry->name + (strip ? strlen(prefix) : 0);
            sources[n++] = (pr_safetensor_source){name, entry->desc, entry->data};
        }
    }
    const pr_safetensor_note notes[] = {
        {"format", "pt"}, {"producer", "pristine"}, {"run", run != NULL ? run : ""}};
    pr_status status = PR_OK;
    if (n == 0) {
        status = PR_FAIL(PR_ERR_INVALID, "%s: no tensor begins with '%s'", path, prefix);
    } else {
        status = pr_safetensors_write(path, sources, n, notes, run != NULL ? 3 : 2);
    }
    pr_free(sources);
    return status;
}
