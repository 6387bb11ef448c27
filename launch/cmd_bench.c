#include "engine/base/log.h"
#include "launch/command.h"
#include "launch/run_config.h"
#include "trainer/speed.h"

#include <stddef.h>
#include <string.h>

static const char synopsis[] =
    "pristine bench loader|step --config FILE [--row NAME] [--set key=value ...]\n"
    "Views a second of the config's first stage on this machine, as training would have them: of\n"
    "the loader alone, or of whole steps from the initial weights. Nothing is written.";

typedef struct bench_words {
    const char *config, *row;
    const char *sets[PR_OPTION_LIST_MAX];
} bench_words;

static pr_status bench(pr_speed_request *request, const bench_words *words, const char *what)
{
    const bool is_step = strcmp(what, "step") == 0;
    PR_REQUIRE(is_step || strcmp(what, "loader") == 0, PR_ERR_INVALID,
               "bench: '%s' is neither loader nor step", what);
    pr_run_config *config = NULL;
    pr_text text = {0};
    PR_TRY(pr_run_config_load(request->comm, words->config, words->row, words->sets, &config));
    request->options = &config->options;
    const pr_status status =
        is_step ? pr_speed_step(request, &text) : pr_speed_loader(request, &text);
    if (status == PR_OK) {
        pr_log_print("%s", pr_text_chars(&text));
    }
    pr_text_free(&text);
    pr_run_config_destroy(&config);
    return status;
}

pr_status pr_cmd_bench(pr_command_call *call)
{
    bench_words words = {0};
    pr_speed_request request = {.comm = call->comm};
    const char *what = NULL;
    const pr_option options[] = {
        {"config", PR_OPTION_WORD, "!", 0, 0, &words.config, "YAML file of the run"},
        {"row", PR_OPTION_WORD, NULL, 0, 0, &words.row, "which row of a table config"},
        {"set", PR_OPTION_LIST, NULL, 0, 0, words.sets, "key=value over the file; repeatable"},
        {"steps", PR_OPTION_INT, "10", 1, 1e9, &request.n_steps, "steps that are timed"},
        {"warm", PR_OPTION_INT, "2", 0, 1e9, &request.n_warm, "steps before them"},
    };
    int n_positional = 0;
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, options, (int)(sizeof(options) / sizeof(options[0])),
                            &what, 1, &n_positional, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_REQUIRE(n_positional == 1, PR_ERR_INVALID, "bench: loader or step? (pristine bench --help)");
    return bench(&request, &words, what);
}
