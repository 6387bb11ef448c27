#include "models/weights.h"

#include "engine/base/alloc.h"
#include "models/safetensors.h"
#include "models/weights_names.h"

#include <stdio.h>
#include <string.h>

static const char *const fate_names[PR_WEIGHT_FATES] = {"matched", "reshaped", "skipped", "unknown",
                                                        "misfit",  "missing",  "kept"};

const char *pr_weight_fate_name(pr_weight_fate fate)
{
    return fate_names[fate];
}

static bool begins_with(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Whether the shapes are equal but for dimensions of one. */
static bool is_same_but_ones(const pr_safetensor *tensor, const pr_shape *shape)
{
    int d = 0;
    for (int i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] == 1) {
            continue;
        }
        while (d < shape->n_dims && shape->dims[d] == 1) {
            d++;
        }
        if (d == shape->n_dims || shape->dims[d] != tensor->dims[i]) {
            return false;
        }
        d++;
    }
    while (d < shape->n_dims && shape->dims[d] == 1) {
        d++;
    }
    return d == shape->n_dims;
}

static bool is_same_shape(const pr_safetensor *tensor, const pr_shape *shape)
{
    bool same = tensor->n_dims == shape->n_dims;
    for (int d = 0; same && d < shape->n_dims; d++) {
        same = tensor->dims[d] == shape->dims[d];
    }
    return same;
}

static void shape_text(const pr_safetensor *tensor, char text[static 96])
{
    size_t n = 0;
    text[0] = '\0';
    for (int d = 0; d < tensor->n_dims && n < 70; d++) {
        n += (size_t)snprintf(text + n, 96 - n, "%s%lld", d == 0 ? "[" : ", ",
                              (long long)tensor->dims[d]);
    }
    (void)snprintf(text + n, 96 - n, tensor->n_dims == 0 ? "[]" : "]");
}

/* What tensor I of the file is to the store. TAKEN_BY [n of the store]: 1 + the tensor that means
 * this one, or 0. */
static pr_status plan_tensor(const pr_safetensors *file, int i, const pr_store *store,
                             const pr_weights_options *options, int *taken_by, pr_weight_row *row)
{
    const pr_safetensor *tensor = pr_safetensors_at(file, i);
    const char *producer = pr_safetensors_note(file, "producer");
    const bool is_ours = producer != NULL && strcmp(producer, "pristine") == 0;
    shape_text(tensor, row->file_shape);
    row->file_idx = i;
    row->store_idx = pr__weights_resolve(store, options, is_ours, tensor->name, &row->note);
    if (row->store_idx < 0) {
        row->fate = row->note[0] != '\0' ? PR_WEIGHT_SKIPPED : PR_WEIGHT_UNKNOWN;
        return PR_OK;
    }
    const pr_store_entry *entry = pr_store_at(store, row->store_idx);
    const int other = taken_by[row->store_idx];
    PR_REQUIRE(other == 0, PR_ERR_FORMAT, "%s: tensors '%s' and '%s' both mean '%s'",
               pr_safetensors_path(file), other > 0 ? pr_safetensors_at(file, other - 1)->name : "",
               tensor->name, entry->name);
    taken_by[row->store_idx] = i + 1;
    row->fate = is_same_shape(tensor, &entry->desc.shape)      ? PR_WEIGHT_MATCHED
                : is_same_but_ones(tensor, &entry->desc.shape) ? PR_WEIGHT_RESHAPED
                                                               : PR_WEIGHT_MISFIT;
    return PR_OK;
}

static pr_status plan_file(const pr_safetensors *file, const pr_store *store,
                           const pr_weights_options *options, int *taken_by,
                           pr_weights_report *report)
{
    for (int i = 0; i < pr_safetensors_n(file); i++) {
        pr_weight_row *row = &report->rows[report->n_rows];
        row->file_name = pr_strdup(pr_safetensors_at(file, i)->name);
        PR_REQUIRE(row->file_name != NULL, PR_ERR_NOMEM, "weights: out of memory");
        report->n_rows++;
        PR_TRY(plan_tensor(file, i, store, options, taken_by, row));
    }
    return PR_OK;
}

static void plan_rest(const pr_store *store, const pr_weights_options *options, const int *taken_by,
                      pr_weights_report *report)
{
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *entry = pr_store_at(store, i);
        if (entry->kind != PR_VALUE_PARAM && entry->kind != PR_VALUE_BUFFER) {
            continue;
        }
        if (taken_by[i] == 0) {
            report->rows[report->n_rows++] = (pr_weight_row){
                .fate =
                    begins_with(entry->name, options->prefix) ? PR_WEIGHT_MISSING : PR_WEIGHT_KEPT,
                .file_idx = -1,
                .store_idx = i,
                .note = ""};
        }
    }
    for (int i = 0; i < report->n_rows; i++) {
        report->n[report->rows[i].fate]++;
    }
}

static pr_status plan(const pr_safetensors *file, const pr_store *store,
                      const pr_weights_options *options, pr_weights_report *report)
{
    report->path = pr_strdup(pr_safetensors_path(file));
    report->rows =
        pr_calloc((int64_t)pr_safetensors_n(file) + pr_store_n(store), sizeof(*report->rows));
    int *taken_by = pr_calloc(pr_store_n(store), sizeof(*taken_by));
    pr_status status = PR_OK;
    if (report->path == NULL || report->rows == NULL || taken_by == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "%s: no memory for %d tensors", pr_safetensors_path(file),
                         pr_safetensors_n(file));
    } else {
        status = plan_file(file, store, options, taken_by, report);
    }
    if (status == PR_OK) {
        plan_rest(store, options, taken_by, report);
    }
    pr_free(taken_by);
    return status;
}

static pr_status plan_open(const pr_safetensors *file, const pr_store *store,
                           const pr_weights_options *options, pr_weights_report **out)
{
    pr_weights_report *report = pr_calloc(1, sizeof(*report));
    PR_REQUIRE(report != NULL, PR_ERR_NOMEM, "weights: out of memory");
    const pr_status status = plan(file, store, options, report);
    if (status != PR_OK) {
        pr_weights_report_destroy(&report);
        return status;
    }
    *out = report;
    return PR_OK;
}

pr_status pr_weights_plan(const char *path, const pr_store *store,
                          const pr_weights_options *options, pr_weights_report **out)
{
    pr_safetensors *file = NULL;
    PR_TRY(pr_safetensors_open(path, &file));
    const pr_status status = plan_open(file, store, options, out);
    pr_safetensors_close(&file);
    return status;
}

void pr_weights_report_destroy(pr_weights_report **report)
{
    if (*report != NULL) {
        for (int i = 0; i < (*report)->n_rows; i++) {
            pr_free((*report)->rows[i].file_name);
        }
        pr_free((*report)->rows);
        pr_free((*report)->path);
        pr_free(*report);
        *report = NULL;
    }
}

static const char *row_name(const pr_weight_row *row, const pr_store *store)
{
    return row->file_name != NULL ? row->file_name : pr_store_at(store, row->store_idx)->name;
}

/* Refuses the first row of FATE, with how many more there are. */
static pr_status refuse(const pr_weights_report *report, const pr_store *store, pr_weight_fate fate,
                        const char *what)
{
    for (int i = 0; i < report->n_rows; i++) {
        const pr_weight_row *row = &report->rows[i];
        if (row->fate == fate) {
            char wanted[96] = "";
            if (row->store_idx >= 0) {
                (void)pr_shape_text(&pr_store_at(store, row->store_idx)->desc.shape, wanted);
            }
            return PR_FAIL(PR_ERR_INVALID,
                           "%s: tensor '%s' %s (file %s, model %s); %d matched, %d such: "
                           "model.init_partial loads what fits",
                           report->path, row_name(row, store), what,
                           row->file_idx >= 0 ? row->file_shape : "has none",
                           row->store_idx >= 0 ? wanted : "has none",
                           report->n[PR_WEIGHT_MATCHED] + report->n[PR_WEIGHT_RESHAPED],
                           report->n[fate]);
        }
    }
    return PR_OK;
}

static pr_status check(const pr_weights_report *report, const pr_store *store,
                       const pr_weights_options *options)
{
    const int n_fit = report->n[PR_WEIGHT_MATCHED] + report->n[PR_WEIGHT_RESHAPED];
    if (!options->partial || n_fit == 0) {
        PR_TRY(refuse(report, store, PR_WEIGHT_MISFIT, "has another shape"));
        PR_TRY(refuse(report, store, PR_WEIGHT_UNKNOWN, "is none of the model's"));
        PR_TRY(refuse(report, store, PR_WEIGHT_MISSING, "is missing"));
    }
    PR_REQUIRE(n_fit > 0, PR_ERR_INVALID, "%s: none of its tensors is one of the model's",
               report->path);
    return PR_OK;
}

/* Twice: into SCRATCH to see that every value can be read, then into the store. */
static pr_status read_all(const pr_safetensors *file, const pr_weights_report *report,
                          pr_store *store, void *scratch)
{
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < report->n_rows; i++) {
            const pr_weight_row *row = &report->rows[i];
            if (row->fate == PR_WEIGHT_MATCHED || row->fate == PR_WEIGHT_RESHAPED) {
                const pr_store_entry *entry = pr_store_at(store, row->store_idx);
                PR_TRY(pr_safetensors_read(file, row->file_idx, entry->desc.dtype,
                                           pass == 0 ? scratch : entry->data));
            }
        }
    }
    return PR_OK;
}

static pr_status load(const pr_safetensors *file, pr_store *store,
                      const pr_weights_options *options, const pr_weights_report *report)
{
    PR_TRY(check(report, store, options));
    size_t n_bytes = 0;
    for (int i = 0; i < pr_store_n(store); i++) {
        const size_t n = pr_desc_bytes(&pr_store_at(store, i)->desc);
        n_bytes = n > n_bytes ? n : n_bytes;
    }
    void *scratch = pr_calloc((int64_t)n_bytes, 1);
    PR_REQUIRE(scratch != NULL, PR_ERR_NOMEM, "weights: no memory for a tensor of %zu bytes",
               n_bytes);
    const pr_status status = read_all(file, report, store, scratch);
    pr_free(scratch);
    return status;
}

pr_status pr_weights_load(const char *path, pr_store *store, const pr_weights_options *options,
                          pr_weights_report **report)
{
    pr_safetensors *file = NULL;
    pr_weights_report *planned = NULL;
    PR_TRY(pr_safetensors_open(path, &file));
    pr_status status = plan_open(file, store, options, &planned);
    if (status == PR_OK) {
        status = load(file, store, options, planned);
    }
    pr_safetensors_close(&file);
    if (status != PR_OK) {
        pr_weights_report_destroy(&planned);
        return status;
    }
    *report = planned;
    return PR_OK;
}
