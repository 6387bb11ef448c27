#include "engine/base/log.h"
#include "launch/command.h"
#include "launch/run_config.h"
#include "trainer/weights_run.h"

#include <stddef.h>

static const char synopsis[] =
    "pristine import FILE.safetensors --config FILE [--row NAME] [--set key=value ...]\n"
    "What `model.init: FILE` would read into the config's model: a line a tensor, and how many\n"
    "match. Writes nothing; the exit code is 1 where a run would refuse the file.";

static pr_status import(pr_command_call *call, const char *file, const char *config_file,
                        const char *row, const char *const *sets)
{
    pr_run_config *config = NULL;
    pr_text text = {0};
    bool fits = false;
    PR_TRY(pr_run_config_load(call->comm, config_file, row, sets, &config));
    const pr_status status = pr_import_report(&config->options, call->comm, file, &text, &fits);
    if (status == PR_OK) {
        pr_log_print("%s%s\n", pr_text_chars(&text),
                     fits ? "A run would take it."
                          : "A run would refuse it (model.init_partial: true takes what fits).");
        call->exit_code = fits ? 0 : 1;
    }
    pr_text_free(&text);
    pr_run_config_destroy(&config);
    return status;
}

pr_status pr_cmd_import(pr_command_call *call)
{
    const char *config = NULL;
    const char *row = NULL;
    const char *file = NULL;
    const char *sets[PR_OPTION_LIST_MAX] = {NULL};
    const pr_option options[] = {
        {"config", PR_OPTION_WORD, "!", 0, 0, &config, "YAML file of the run"},
        {"row", PR_OPTION_WORD, NULL, 0, 0, &row, "which row of a table config"},
        {"set", PR_OPTION_LIST, NULL, 0, 0, sets, "key=value over the file; repeatable"},
    };
    int n_positional = 0;
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, options, (int)(sizeof(options) / sizeof(options[0])),
                            &file, 1, &n_positional, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_REQUIRE(n_positional == 1, PR_ERR_INVALID, "import: no file (pristine import --help)");
    return import(call, file, config, row, sets);
}
