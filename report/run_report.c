#include "report/run_report.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/log.h"
#include "engine/base/text.h"
#include "report/compare.h"
#include "report/figure.h"
#include "report/run_page.h"
#include "report/shown.h"

#include <stdio.h>
#include <string.h>

/* A page on its way. */
typedef struct job {
    const pr_report_request *request;
    pr_shown_run runs[PR_SHOWN_MAX_RUNS];
    pr_shown_run *run_of[PR_SHOWN_MAX_RUNS];
    int n_open;
    pr_shown *shown;
    pr_text figures;
    char path[PR_PATH_BYTES];
} job;

/* Runs of one name in different folders are told apart by those. */
static void tell_apart(job *j)
{
    for (int i = 0; i < j->n_open; i++) {
        bool is_alone = true;
        for (int k = 0; k < j->n_open; k++) {
            is_alone = is_alone && (k == i || strcmp(j->runs[k].name, j->runs[i].name) != 0);
        }
        j->run_of[i] = &j->runs[i];
        if (!is_alone) {
            (void)snprintf(j->runs[i].name, sizeof(j->runs[i].name), "%s", j->runs[i].dir);
        }
    }
}

static pr_status open_runs(job *j)
{
    const pr_report_request *const request = j->request;
    for (int i = 0; i < request->n_runs; i++) {
        const pr_report_source *const from = &request->runs[i];
        PR_TRY(pr_shown_run_open(from->options, from->config, request->comm, from->run_dir,
                                 &j->runs[i]));
        j->n_open++;
    }
    tell_apart(j);
    return PR_OK;
}

/* Whether a page can be there at all, before minutes go into it. */
static pr_status check_path(job *j)
{
    char folder[PR_PATH_BYTES];
    if (j->request->out == NULL) {
        return pr_fs_join(j->path, j->request->runs[0].run_dir, "report.html");
    }
    const size_t n = strlen(j->request->out);
    PR_REQUIRE(n > 0 && n < sizeof(j->path), PR_ERR_INVALID,
               "report: a path of %zu bytes, wanted 1 to %zu", n, sizeof(j->path) - 1);
    memcpy(j->path, j->request->out, n + 1);
    pr_fs_folder_of(folder, j->path);
    PR_REQUIRE(pr_fs_is_folder(folder), PR_ERR_IO, "%s: there is no folder %s", j->path, folder);
    PR_REQUIRE(!pr_fs_is_folder(j->path), PR_ERR_IO, "%s is a folder, a page was wanted", j->path);
    return PR_OK;
}

static pr_status make(job *j)
{
    const pr_report_request *const request = j->request;
    pr_page page = {&j->figures, PR_OK};
    PR_TRY(pr_comm_agree(request->comm, "report", check_path(j)));
    PR_TRY(open_runs(j));
    PR_TRY(pr_comm_agree(request->comm, "data",
                         pr_shown_open(j->run_of, request->n_runs, request->n_samples, &j->shown)));
    PR_TRY(pr_figures_add(&page, j->shown, j->run_of, request->n_runs));
    pr_status status = PR_OK;
    if (pr_comm_rank(request->comm) == 0) {
        status = request->n_runs == 1
                     ? pr__run_page_write(&j->runs[0], pr_text_chars(&j->figures), j->path)
                     : pr__compare_write(j->run_of, request->n_runs, pr_text_chars(&j->figures),
                                         j->path);
    }
    PR_TRY(pr_comm_agree(request->comm, "report", status));
    pr_log_print("%s\n", j->path);
    return PR_OK;
}

pr_status pr_run_report(const pr_report_request *request)
{
    PR_REQUIRE(request->n_runs >= 1 && request->n_runs <= PR_SHOWN_MAX_RUNS, PR_ERR_INVALID,
               "report of %d runs, wanted 1 to %d", request->n_runs, PR_SHOWN_MAX_RUNS);
    PR_REQUIRE(request->n_runs == 1 || request->out != NULL, PR_ERR_INVALID,
               "report of %d runs: --out PAGE.html must say where it goes", request->n_runs);
    job *const j = pr_calloc(1, sizeof(*j));
    PR_REQUIRE(j != NULL, PR_ERR_NOMEM, "no memory for a report");
    j->request = request;
    const pr_status status = make(j);
    for (int i = 0; i < j->n_open; i++) {
        pr_shown_run_close(&j->runs[i]);
    }
    pr_shown_close(&j->shown);
    pr_text_free(&j->figures);
    pr_free(j);
    return status;
}
