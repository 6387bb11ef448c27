#include "engine/base/log.h"
#include "engine/base/text.h"
#include "engine/comm/job.h"
#include "engine/comm/watchdog.h"
#include "launch/command.h"
#include "launch/run_config.h"
#include "trainer/staged.h"
#include "trainer/train.h"

#include <stddef.h>

static const char synopsis[] =
    "pristine train --config FILE --run DIR [--row NAME] [--set key=value ...]\n"
    "Trains one run, or goes on with it from its newest checkpoint. mpirun starts the ranks.";

typedef struct train_words {
    const char *config, *run, *row;
    const char *sets[PR_OPTION_LIST_MAX];
    bool dry_run, help_config;
    int64_t trace;
} train_words;

static pr_status print_config_help(void)
{
    pr_config_schema schema = {.n_modules = 0};
    pr_text text = {0};
    PR_TRY(pr_train_options_register(&schema, NULL));
    const pr_status status = pr_config_document(&schema, &text);
    if (status == PR_OK) {
        pr_log_print("%s", pr_text_chars(&text));
    }
    pr_text_free(&text);
    return status;
}

static pr_status train(pr_command_call *call, const train_words *words)
{
    pr_run_config *config = NULL;
    pr_train_end end = PR_TRAIN_DONE;
    PR_TRY(pr_run_config_load(call->comm, words->config, words->row, words->sets, &config));
    pr_status status = words->dry_run ? PR_OK : pr_job_begin(words->run);
    if (status == PR_OK && !words->dry_run) {
        status = pr_watchdog_start(words->run, config->options.stall_s);
    }
    if (status == PR_OK && !words->dry_run) {
        status = pr_staged_make(&config->options, call->comm);
    }
    if (status == PR_OK) {
        const pr_train_request request = {.options = &config->options,
                                          .config = config->config,
                                          .comm = call->comm,
                                          .run_dir = words->run,
                                          .dry_run = words->dry_run,
                                          .n_trace_steps = words->trace};
        status = pr_train(&request, &end);
    }
    pr_run_config_destroy(&config);
    PR_TRY(status);
    if (end == PR_TRAIN_SIGNAL) {
        pr_log_info("stopped by a signal after a checkpoint: start again to go on");
        call->exit_code = PR_EXIT_STOPPED;
    }
    return PR_OK;
}

pr_status pr_cmd_train(pr_command_call *call)
{
    train_words words = {0};
    const pr_option options[] = {
        {"config", PR_OPTION_WORD, NULL, 0, 0, &words.config, "YAML file of the run"},
        {"run", PR_OPTION_WORD, NULL, 0, 0, &words.run, "run directory, made if it is not there"},
        {"row", PR_OPTION_WORD, NULL, 0, 0, &words.row, "which row of a table config"},
        {"set", PR_OPTION_LIST, NULL, 0, 0, words.sets, "key=value over the file; repeatable"},
        {"dry-run", PR_OPTION_FLAG, "false", 0, 0, &words.dry_run,
         "print config, memory plan and the first rows of the plan, and train nothing"},
        {"trace", PR_OPTION_INT, "0", 0, 1e6, &words.trace,
         "write the arithmetic of the first N steps to RUN/trace.h5"},
        {"help-config", PR_OPTION_FLAG, "false", 0, 0, &words.help_config,
         "print every config key with its default and meaning"},
    };
    const char *positional[1];
    int n_positional = 0;
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, options, (int)(sizeof(options) / sizeof(options[0])),
                            positional, 0, &n_positional, &helped));
    if (helped) {
        return PR_OK;
    }
    if (words.help_config) {
        return print_config_help();
    }
    PR_REQUIRE(words.config != NULL, PR_ERR_INVALID, "train: --config FILE must be given");
    PR_REQUIRE(words.run != NULL || words.dry_run, PR_ERR_INVALID,
               "train: --run DIR must be given");
    return train(call, &words);
}
