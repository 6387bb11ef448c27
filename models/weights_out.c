#include "models/weights.h"

#include "engine/base/alloc.h"
#include "models/safetensors.h"

#include <stdio.h>
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

enum { NAME_BYTES = 160 };

static const char HEAD[] = "fc.";

/* One tensor of the file; NAMES has room for its new name. False where it is not written. */
static bool take(const pr_store_entry *entry, const pr_weights_export_options *options, char *name,
                 pr_safetensor_source *source)
{
    const size_t n_prefix = strlen(options->prefix);
    const bool is_head = options->head != NULL && strncmp(entry->name, HEAD, strlen(HEAD)) == 0;
    if ((entry->kind != PR_VALUE_PARAM && entry->kind != PR_VALUE_BUFFER) ||
        (!is_head && strncmp(entry->name, options->prefix, n_prefix) != 0)) {
        return false;
    }
    *source = (pr_safetensor_source){entry->name + (options->strip ? n_prefix : 0), entry->desc,
                                     entry->data};
    if (is_head) {
        (void)snprintf(name, NAME_BYTES, "%s%s", options->head, entry->name + strlen(HEAD));
        source->name = name;
    }
    return true;
}

/* SOURCES, NAMES and NOTES have room for all of them. */
static pr_status write_tensors(const pr_store *store, const char *path,
                               const pr_weights_export_options *options, const char *run,
                               pr_safetensor_source *sources, char (*names)[NAME_BYTES],
                               pr_safetensor_note *notes)
{
    int n = 0;
    int n_notes = 0;
    notes[n_notes++] = (pr_safetensor_note){"format", "pt"};
    notes[n_notes++] = (pr_safetensor_note){"producer", "pristine"};
    if (run != NULL) {
        notes[n_notes++] = (pr_safetensor_note){"run", run};
    }
    for (int i = 0; i < options->n_notes; i++) {
        notes[n_notes++] = options->notes[i];
    }
    for (int i = 0; i < pr_store_n(store); i++) {
        n += take(pr_store_at(store, i), options, names[n], &sources[n]) ? 1 : 0;
    }
    PR_REQUIRE(n > 0, PR_ERR_INVALID, "%s: no tensor begins with '%s'", path, options->prefix);
    for (int i = 0; i < options->n_extra; i++) {
        sources[n++] = options->extra[i];
    }
    return pr_safetensors_write(path, sources, n, notes, n_notes);
}

pr_status pr_weights_export(const pr_store *store, const char *path,
                            const pr_weights_export_options *options, const char *run)
{
    enum { OWN_NOTES = 3 };
    const int n = pr_store_n(store);
    pr_safetensor_source *sources = pr_calloc((int64_t)n + options->n_extra, sizeof(*sources));
    char(*names)[NAME_BYTES] = pr_calloc(n, sizeof(*names));
    pr_safetensor_note *notes = pr_calloc((int64_t)OWN_NOTES + options->n_notes, sizeof(*notes));
    pr_status status = PR_OK;
    if (sources == NULL || names == NULL || notes == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "weights: no memory for %d tensors", n);
    } else {
        status = write_tensors(store, path, options, run, sources, names, notes);
    }
    pr_free(notes);
    pr_free(names);
    pr_free(sources);
    return status;
}
