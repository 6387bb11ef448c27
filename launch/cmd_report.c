#include "engine/base/fs.h"
#include "launch/command.h"
#include "launch/run_config.h"
#include "report/run_report.h"

static const char synopsis[] = "pristine report RUN\n"
                               "Writes RUN/report.html: one page that needs nothing but itself.";

pr_status pr_cmd_report(pr_command_call *call)
{
    const char *run_dir = NULL;
    char path[PR_PATH_BYTES];
    int n_positional = 0;
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, NULL, 0, &run_dir, 1, &n_positional, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_REQUIRE(n_positional == 1, PR_ERR_INVALID, "report: no run directory");
    PR_TRY(pr_fs_join(path, run_dir, "config.yaml"));
    pr_run_config *config = NULL;
    PR_TRY(pr_run_config_load(call->comm, path, NULL, NULL, &config));
    const pr_status status = pr_run_report(&config->options, config->config, call->comm, run_dir);
    pr_run_config_destroy(&config);
    return status;
}
