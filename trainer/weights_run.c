#include "trainer/weights_run.h"

#include "engine/base/log.h"
#include "models/weights.h"
#include "trainer/detector.h"
#include "trainer/trained.h"

#include <string.h>

/* All of the run's tensors with what detector.py needs, and detector.py. */
static pr_status export_detector(const pr_export_request *request, const pr_trained *trained)
{
    pr_safetensor_note notes[PR_DETECTOR_MAX_NOTES];
    pr_safetensor_source centre;
    pr_weights_export_options options = {.prefix = "", .notes = notes, .extra = &centre};
    bool has_centre = false;
    char path[PR_PATH_BYTES];
    PR_TRY(pr_detector_notes(request->config, notes, &options.n_notes));
    PR_TRY(pr_detector_centre(trained, &has_centre, &centre));
    options.n_extra = has_centre ? 1 : 0;
    PR_TRY(pr_weights_export(trained->trainer->store, request->out, &options, trained->path));
    PR_TRY(pr_detector_write(request->out, path));
    pr_log_info("%s: the detector in PyTorch: python3 %s %s IMAGE...", path, path, request->out);
    return PR_OK;
}

static pr_status export_tensors(const pr_export_request *request, const pr_trained *trained)
{
    const pr_weights_export_options all = {.prefix = request->prefix, .strip = request->strip};
    const pr_weights_export_options torch = {
        .prefix = "backbone.",
        .strip = true,
        .head = pr_weights_head_name(request->options->model.name)};
    const bool is_whole = !request->torch && !request->strip && request->prefix[0] == '\0';
    if (is_whole && pr_detector_knows(request->options)) {
        return export_detector(request, trained);
    }
    return pr_weights_export(trained->trainer->store, request->out, request->torch ? &torch : &all,
                             trained->path);
}

pr_status pr_export(const pr_export_request *request)
{
    pr_trained trained;
    PR_TRY(pr_trained_open(request->options, request->comm, request->run_dir, request->checkpoint,
                           &trained));
    pr_status status = PR_OK;
    if (pr_comm_rank(request->comm) == 0) {
        status = export_tensors(request, &trained);
    }
    status = pr_comm_agree(request->comm, "export", status);
    if (status == PR_OK) {
        pr_log_info("%s: weights of %s (%s)", request->out, trained.path, trained.selection);
    }
    pr_trained_close(&trained);
    return status;
}

static pr_status report(const pr_store *store, const char *file, bool partial, pr_text *text,
                        bool *fits)
{
    const pr_weights_options options = {"backbone.", false, partial};
    pr_weights_report *rows = NULL;
    PR_TRY(pr_weights_plan(file, store, &options, &rows));
    const int n_wrong =
        rows->n[PR_WEIGHT_UNKNOWN] + rows->n[PR_WEIGHT_MISFIT] + rows->n[PR_WEIGHT_MISSING];
    const int n_right = rows->n[PR_WEIGHT_MATCHED] + rows->n[PR_WEIGHT_RESHAPED];
    *fits = n_right > 0 && (partial || n_wrong == 0);
    const pr_status status = pr_weights_report_text(rows, store, text);
    pr_weights_report_destroy(&rows);
    return status;
}

pr_status pr_import_report(const pr_train_options *options, pr_comm *comm, const char *file,
                           pr_text *text, bool *fits)
{
    pr_trainer *trainer = NULL;
    PR_TRY(pr_trainer_create(options, NULL, comm, &trainer));
    pr_status status = PR_OK;
    if (pr_comm_rank(comm) == 0) {
        status = report(trainer->store, file, options->model.init_partial, text, fits);
    }
    pr_trainer_destroy(&trainer);
    PR_TRY(pr_comm_agree(comm, "import", status));
    return pr_comm_broadcast(comm, "import", fits, sizeof(*fits), 0);
}
