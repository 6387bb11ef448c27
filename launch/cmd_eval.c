#include "launch/command.h"
#include "launch/run_config.h"
#include "trainer/test_run.h"

static const char synopsis[] =
    "pristine eval RUN [--checkpoint best|last|FILE] [--test NAME] [--val] [--scores] [--heads] "
    "[--set key=value ...]\n"
    "Metrics of a run's validation split and of each list in data.test; writes RUN/eval/*.json.";

static pr_status evaluate(pr_command_call *call, pr_test_request *request, const char *const *sets)
{
    pr_run_config *config = NULL;
    PR_TRY(pr_run_config_of_run(call->comm, request->run_dir, sets, &config));
    request->options = &config->options;
    request->config = config->config;
    request->comm = call->comm;
    request->heads = request->heads || config->options.eval.heads;
    const pr_status status = pr_test_run(request);
    pr_run_config_destroy(&config);
    return status;
}

pr_status pr_cmd_eval(pr_command_call *call)
{
    pr_test_request request = {0};
    const char *sets[PR_OPTION_LIST_MAX] = {NULL};
    const pr_option options[] = {
        {"checkpoint", PR_OPTION_WORD, "best", 0, 0, &request.checkpoint,
         "best on validation, last, or a checkpoint's file"},
        {"test", PR_OPTION_WORD, NULL, 0, 0, &request.only, "one list of data.test only"},
        {"val", PR_OPTION_FLAG, "false", 0, 0, &request.val_only, "the validation split only"},
        {"scores", PR_OPTION_FLAG, "false", 0, 0, &request.write_scores,
         "write every sample's score to RUN/eval/*.tsv"},
        {"heads", PR_OPTION_FLAG, "false", 0, 0, &request.heads,
         "also what each sub-task's head says, as NAME.task1 ... (dadd)"},
        {"set", PR_OPTION_LIST, NULL, 0, 0, sets, "key=value over the run's config; repeatable"},
    };
    int n_positional = 0;
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, options, (int)(sizeof(options) / sizeof(options[0])),
                            &request.run_dir, 1, &n_positional, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_REQUIRE(n_positional == 1, PR_ERR_INVALID, "eval: no run directory (pristine eval --help)");
    return evaluate(call, &request, sets);
}
