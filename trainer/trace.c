#include "trainer/trace.h"

#include "engine/base/alloc.h"
#include "engine/base/log.h"
#include "trainer/checkpoint_h5.h"
#include "trainer/meet.h"
#include "trainer/trace_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TRACE_VERSION = 1, NAME_BYTES = 512, N_WRITTEN_EACH = 16 };

struct pr_trace {
    char path[PR_PATH_BYTES];
    int64_t n_steps, n_done, n_views;
    int64_t n_written; /* steps that the file has */
    bool leads;
    hid_t file;          /* rank 0's; negative on the others */
    bool *seen;          /* [samples] rank 0: which of them were shown */
    char group[32];      /* of the step at hand */
    pr__trace_rows rows; /* of the step at hand */
};

void pr_trace_destroy(pr_trace **trace)
{
    if (*trace == NULL) {
        return;
    }
    if ((*trace)->file >= 0) {
        (void)H5Fclose((*trace)->file);
    }
    pr_free((*trace)->seen);
    pr__trace_rows_free(&(*trace)->rows);
    pr_free(*trace);
    *trace = NULL;
}

static pr_status begin(pr_trace *trace, const pr_trainer *t, const char *run_dir,
                       const char *config)
{
    PR_TRY(pr_fs_join(trace->path, run_dir, "trace.h5"));
    if (!trace->leads) {
        return PR_OK;
    }
    trace->seen = pr_calloc(pr_samples_n(t->samples), sizeof(*trace->seen));
    PR_REQUIRE(trace->seen != NULL, PR_ERR_NOMEM, "no memory for a trace");
    PR_TRY(pr__h5_create("trace", &trace->file));
    const pr_tensor text = pr_tensor_over(pr_desc_1(PR_U8, (int64_t)strlen(config)), config);
    return pr__h5_write_tensor(trace->file, "config", &text);
}

pr_status pr_trace_begin(pr_trainer *t, const char *run_dir, const char *config, int64_t n_steps)
{
    pr_trace *trace = pr_calloc(1, sizeof(*trace));
    PR_REQUIRE(trace != NULL, PR_ERR_NOMEM, "no memory for a trace");
    trace->n_steps = n_steps;
    trace->leads = pr_comm_rank(t->comm) == 0;
    trace->file = -1;
    const pr_status status = begin(trace, t, run_dir, config);
    if (status != PR_OK) {
        pr_trace_destroy(&trace);
        return status;
    }
    t->trace = trace;
    return PR_OK;
}

pr_status pr_trace_keep(pr_trainer *t, const pr_phase_run *run, int64_t first, int64_t n)
{
    return t->trace == NULL ? PR_OK : pr__trace_rows_keep(&t->trace->rows, t, run, first, n);
}

/* A dataset of the step's group. */
static pr_status put(const pr_trace *trace, const char *name, const pr_tensor *tensor)
{
    char full[NAME_BYTES + sizeof(trace->group)];
    (void)snprintf(full, sizeof(full), "%s/%s", trace->group, name);
    return pr__h5_write_tensor(trace->file, full, tensor);
}

static int64_t view_value(const pr_view *view, int what)
{
    switch (what) {
    case 0:
        return view->sample;
    case 1:
        return (int64_t)view->place;
    case 2:
        return view->view;
    case 3:
        return view->label;
    default:
        return view->level;
    }
}

static pr_status put_views(pr_trace *trace, const pr_feed_batch *batch, int64_t n_rows)
{
    static const char *const names[] = {"view/sample", "view/place", "view/view", "view/label",
                                        "view/level"};
    int64_t *const column = pr_calloc(n_rows, sizeof(*column));
    PR_REQUIRE(column != NULL, PR_ERR_NOMEM, "no memory for a trace of %lld rows",
               (long long)n_rows);
    const pr_tensor tensor = {PR_I64, {1, {n_rows}}, column};
    pr_status status = PR_OK;
    for (int what = 0; what < 5 && status == PR_OK; what++) {
        for (int64_t row = 0; row < n_rows; row++) {
            column[row] = view_value(&batch->views[row], what);
            trace->seen[batch->views[row].sample] = true;
        }
        status = put(trace, names[what], &tensor);
    }
    pr_free(column);
    return status;
}

static pr_status put_word(hid_t object, const char *name, const char *word)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    (void)H5Tset_size(type, strlen(word) + 1);
    const pr_status status = pr__h5_write_attribute(object, name, type, word);
    (void)H5Tclose(type);
    return status;
}

/* After the first dataset, which makes the group. */
static pr_status put_head(const pr_trace *trace, const pr_trainer *t, const pr_phase_run *run,
                          const pr_feed_batch *batch, const pr_step_report *report)
{
    const struct {
        const char *name;
        int64_t value;
    } counts[] = {{"epoch", (int64_t)batch->epoch},
                  {"epoch_step", batch->epoch_step},
                  {"step", t->position.step}};
    const struct {
        const char *name;
        double value;
    } reals[] = {{"loss", report->loss}, {"lr", report->lr}, {"grad_norm", report->grad_norm}};
    const hid_t group = H5Gopen2(trace->file, trace->group, H5P_DEFAULT);
    PR__TRY_H5(group, "open a step's group");
    pr_status status = put_word(group, "stage", t->stage->name);
    if (status == PR_OK) {
        status = put_word(group, "phase", run->phase->name);
    }
    for (int i = 0; i < 3 && status == PR_OK; i++) {
        status = pr__h5_write_attribute(group, counts[i].name, H5T_STD_I64LE, &counts[i].value);
        if (status == PR_OK) {
            status = pr__h5_write_attribute(group, reals[i].name, H5T_IEEE_F64LE, &reals[i].value);
        }
    }
    (void)H5Gclose(group);
    return status;
}

/* What the loss graph names, as far as it does. */
static pr_status put_synthetic(const pr_trace *trace, pr_exec *exec)
{
    static const char *const names[] = {"tp",       "tp_label", "tp_valid", "mn",
                                        "mn_valid", "tp_index", "mn_index"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[64];
        pr_tensor tensor;
        if (pr_exec_value(exec, names[i], &tensor) != PR_OK) {
            pr_error_clear();
            continue;
        }
        (void)snprintf(name, sizeof(name), "synthetic/%s", names[i]);
        PR_TRY(put(trace, name, &tensor));
    }
    return PR_OK;
}

static pr_status put_bank(const pr_trace *trace, const pr_store *store)
{
    static const char prefix[] = "bank.";
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *const entry = pr_store_at(store, i);
        char name[NAME_BYTES];
        if (entry->kind != PR_VALUE_STATE) {
            continue;
        }
        const size_t skip =
            strncmp(entry->name, prefix, sizeof(prefix) - 1) == 0 ? sizeof(prefix) - 1 : 0;
        (void)snprintf(name, sizeof(name), "bank/%.500s", entry->name + skip);
        PR_TRY(put(trace, name, &(pr_tensor){entry->desc.dtype, entry->desc.shape, entry->data}));
    }
    return PR_OK;
}

/* Z_GRAD holds the gradient of all rows. */
static pr_status put_step(pr_trace *trace, const pr_trainer *t, const pr_phase_run *run,
                          const pr_feed_batch *batch, const pr_step_report *report, void *z_grad)
{
    (void)snprintf(trace->group, sizeof(trace->group), "step-%06" PRId64, t->position.step);
    const pr_shape rows = {1, {run->n_rows}};
    const pr_shape matrix = {2, {run->n_rows, run->n_cols}};
    PR_TRY(put_views(trace, batch, run->n_views));
    PR_TRY(put_head(trace, t, run, batch, report));
    PR_TRY(put(trace, "row_loss", &(pr_tensor){PR_F64, rows, t->row_loss}));
    if (run->loss_plan != NULL) {
        PR_TRY(put(trace, "z", &(pr_tensor){t->real, matrix, t->z}));
        PR_TRY(put(trace, "z_grad", &(pr_tensor){t->real, matrix, z_grad}));
        if (run->key_plan != NULL) {
            PR_TRY(put(trace, "k", &(pr_tensor){t->real, matrix, t->k}));
        }
        if (run->loss.lambda.data != NULL) {
            PR_TRY(put(trace, "lambda", &run->loss.lambda));
        }
        PR_TRY(put_synthetic(trace, run->loss.exec));
    }
    for (int i = 0; i < PR__TRACE_MAX_ROWS; i++) {
        if (trace->rows.tensor[i].data != NULL) {
            PR_TRY(put(trace, trace->rows.name[i], &trace->rows.tensor[i]));
        }
    }
    return put_bank(trace, t->store);
}

/* Collective: every rank has its own rows of what is traced, and rank 0 writes all. */
static pr_status take_step(pr_trainer *t, const pr_phase_run *run, const pr_feed_batch *batch,
                           const pr_step_report *report, void *z_grad)
{
    pr_trace *const trace = t->trace;
    const size_t row_bytes = (size_t)run->n_cols * pr_dtype_bytes(t->real);
    if (run->loss_plan != NULL) {
        memcpy(z_grad, run->loss.z_grad.data, row_bytes * (size_t)run->n_rows);
        PR_TRY(pr_gather_rows(t, run, "trace of gradients", z_grad, row_bytes));
    }
    PR_TRY(pr__trace_rows_gather(&trace->rows, t));
    return trace->leads ? put_step(trace, t, run, batch, report, z_grad) : PR_OK;
}

static pr_status write_file(pr_trace *trace, const pr_samples *samples);

pr_status pr_trace_step(pr_trainer *t, const pr_phase_run *run, const pr_feed_batch *batch,
                        const pr_step_report *report)
{
    if (t->trace == NULL) {
        return PR_OK;
    }
    void *const z_grad = pr_calloc(run->n_rows * run->n_cols + 1, pr_dtype_bytes(t->real));
    PR_REQUIRE(z_grad != NULL, PR_ERR_NOMEM, "no memory for a trace of %lld rows",
               (long long)run->n_rows);
    const pr_status status = take_step(t, run, batch, report, z_grad);
    pr_free(z_grad);
    PR_TRY(status);
    pr__trace_rows_free(&t->trace->rows);
    t->trace->n_views += run->n_views;
    t->trace->n_done++;
    if (t->trace->n_done == t->trace->n_steps) {
        return pr_trace_finish(t);
    }
    /* Each of the first steps; later whenever as many again are done: the work stays linear. */
    const bool is_due =
        t->trace->n_done <= N_WRITTEN_EACH || t->trace->n_done >= 2 * t->trace->n_written;
    return t->trace->leads && is_due ? write_file(t->trace, t->samples) : PR_OK;
}

/* dataset/method/compression/video/frame/face: the sample's key, whatever the shards. */
static void key_of(const pr_samples *samples, int64_t i, char text[static NAME_BYTES])
{
    const pr_sample *const s = pr_samples_at(samples, i);
    (void)snprintf(text, NAME_BYTES, "%s/%s/%s/%s/%d/%d", pr_samples_word(samples, s->dataset),
                   pr_samples_word(samples, s->method), pr_samples_word(samples, s->compression),
                   pr_samples_word(samples, s->video), s->frame, s->face);
}

/* Names of a fixed width, NUL-padded. */
static pr_status put_names(hid_t file, int64_t n, size_t width, const char *names)
{
    const hsize_t dims[1] = {(hsize_t)n};
    const hid_t type = H5Tcopy(H5T_C_S1);
    (void)H5Tset_size(type, width);
    const hid_t space = H5Screate_simple(1, dims, NULL);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    (void)H5Pset_obj_track_times(creation, false);
    const hid_t dataset =
        H5Dcreate2(file, "sample/name", type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    const herr_t written =
        dataset < 0 ? -1 : H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, names);
    (void)H5Dclose(dataset);
    (void)H5Pclose(creation);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    PR__TRY_H5(written, "write the samples' names");
    return PR_OK;
}

static pr_status put_samples(const pr_trace *trace, const pr_samples *samples)
{
    char name[NAME_BYTES];
    int64_t n = 0;
    size_t width = 1;
    for (int64_t i = 0; i < pr_samples_n(samples); i++) {
        if (trace->seen[i]) {
            key_of(samples, i, name);
            width = strlen(name) + 1 > width ? strlen(name) + 1 : width;
            n++;
        }
    }
    int64_t *const id = pr_calloc(n, sizeof(*id));
    char *const names = pr_calloc(n, width);
    pr_status status = PR_OK;
    if (id == NULL || names == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "no memory for the names of %lld samples", (long long)n);
    }
    for (int64_t i = 0, at = 0; status == PR_OK && i < pr_samples_n(samples); i++) {
        if (trace->seen[i]) {
            key_of(samples, i, name);
            (void)snprintf(names + (size_t)at * width, width, "%s", name);
            id[at++] = i;
        }
    }
    if (status == PR_OK) {
        status = pr__h5_write_tensor(trace->file, "sample/id", &(pr_tensor){PR_I64, {1, {n}}, id});
    }
    if (status == PR_OK) {
        status = put_names(trace->file, n, width, names);
    }
    pr_free(id);
    pr_free(names);
    return status;
}

/* What is in the file besides the steps is made anew each time. */
static pr_status put_summary(pr_trace *trace, const pr_samples *samples)
{
    const struct {
        const char *name;
        int64_t value;
    } counts[] = {{"version", TRACE_VERSION},
                  {"n_steps", trace->n_done},
                  {"n_views", trace->n_views},
                  {"partial", trace->n_done < trace->n_steps}};
    if (trace->n_written > 0) {
        PR__TRY_H5(H5Ldelete(trace->file, "sample", H5P_DEFAULT), "renew the samples' names");
    }
    PR_TRY(put_samples(trace, samples));
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (trace->n_written > 0) {
            PR__TRY_H5(H5Adelete(trace->file, counts[i].name), "renew a count");
        }
        PR_TRY(
            pr__h5_write_attribute(trace->file, counts[i].name, H5T_STD_I64LE, &counts[i].value));
    }
    return PR_OK;
}

static pr_status write_file(pr_trace *trace, const pr_samples *samples)
{
    pr_image image = {NULL, 0};
    PR_TRY(put_summary(trace, samples));
    PR_TRY(pr__h5_image(trace->file, &image));
    const pr_status status = pr_fs_write(trace->path, image.bytes, image.n_bytes);
    pr_free(image.bytes);
    PR_TRY(status);
    trace->n_written = trace->n_done;
    return PR_OK;
}

pr_status pr_trace_finish(pr_trainer *t)
{
    pr_trace *const trace = t->trace;
    if (trace == NULL) {
        return PR_OK;
    }
    const bool is_due = trace->leads && trace->n_done > trace->n_written;
    const pr_status status = is_due ? write_file(trace, t->samples) : PR_OK;
    if (status == PR_OK && trace->n_done > 0) {
        pr_log_info("%" PRId64 " steps are traced in %s", trace->n_done, trace->path);
    }
    pr_trace_destroy(&t->trace);
    return status;
}
