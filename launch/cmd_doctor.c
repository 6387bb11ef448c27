#include "engine/base/log.h"
#include "launch/command.h"
#include "launch/run_config.h"
#include "launch/same_build.h"
#include "trainer/doctor.h"

#include <stddef.h>

static const char synopsis[] =
    "pristine doctor [--mpi] [--folder DIR] [--config FILE [--row NAME] [--set key=value ...]]\n"
    "What this machine and launch can do: build, libraries, ranks, cores and threads, whether all\n"
    "ranks compute the same bits, whether a run can live in DIR, and with --mpi how fast the "
    "ranks\n"
    "talk, beside MPI's own collectives; with --config whether they see the same data. Start it as "
    "the\n"
    "run will be started. What is wrong has a line with !!, and the exit code is 1.";

/* The network of the canned micro-batch, small enough for any machine. */
static const char *const small[] = {"objective=cross_entropy",
                                    "stage.classifier.epochs=1",
                                    "model.init=random",
                                    "model.width=0.25",
                                    "model.depth=0.125",
                                    "model.px=96",
                                    "batch=16",
                                    "train.n_micro=1",
                                    "data.train.0.path=none",
                                    NULL};

pr_status pr_cmd_doctor(pr_command_call *call)
{
    pr_doctor_request request = {.comm = call->comm};
    const char *none[1];
    const char *file = NULL;
    const char *row = NULL;
    const char *sets[PR_OPTION_LIST_MAX] = {NULL};
    const pr_option options[] = {
        {"mpi", PR_OPTION_FLAG, "false", 0, 0, &request.times_collectives,
         "time broadcast, ordered sum and allgather, ours and MPI's"},
        {"config", PR_OPTION_WORD, NULL, 0, 0, &file,
         "a run's YAML file, whose data every rank opens and whose threads it has"},
        {"row", PR_OPTION_WORD, NULL, 0, 0, &row, "which row of a table config"},
        {"set", PR_OPTION_LIST, NULL, 0, 0, sets, "key=value over the file; repeatable"},
        {"folder", PR_OPTION_WORD, ".", 0, 0, &request.folder, "where runs will be written"},
    };
    int n_positional = 0;
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, options, (int)(sizeof(options) / sizeof(options[0])),
                            none, 0, &n_positional, &helped));
    if (helped) {
        return PR_OK;
    }
    pr_run_config *config = NULL;
    pr_text text = {0};
    int n_bad = 0;
    PR_TRY(pr_build_hash(&request.build_hash));
    PR_TRY(pr_run_config_load(call->comm, file, row, file == NULL ? small : sets, &config));
    request.options = &config->options;
    request.looks_at_data = file != NULL;
    const pr_status status = pr_doctor(&request, &text, &n_bad);
    if (status == PR_OK) {
        pr_log_print("%s%s\n", pr_text_chars(&text),
                     n_bad == 0 ? "Nothing is wrong." : "See the lines with !!.");
        call->exit_code = n_bad > 0;
    }
    pr_text_free(&text);
    pr_run_config_destroy(&config);
    return status;
}
