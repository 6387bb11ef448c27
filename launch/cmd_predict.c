#include "engine/base/log.h"
#include "launch/command.h"
#include "launch/run_config.h"
#include "trainer/predict.h"

#include <inttypes.h>
#include <stddef.h>

static const char synopsis[] =
    "pristine predict RUN PATH... [--checkpoint best|last|FILE] [--embeddings FILE] [--out FILE]\n"
    "Scores images: a line of path and score, separated by a tab, for each; for a dataset the\n"
    "sample's name, its score and its label. PATH is an image, a folder of .jpg, .jpeg and .png\n"
    "files at any depth, or a dataset's folder. The exit code is 1 if there was nothing to score.";

enum { MAX_PATHS = 4096 };

static pr_status predict(pr_command_call *call, pr_predict_request *request,
                         const char *const *sets)
{
    pr_run_config *config = NULL;
    pr_predict_counts counts = {0, 0};
    PR_TRY(pr_run_config_of_run(call->comm, request->run_dir, sets, &config));
    request->options = &config->options;
    request->comm = call->comm;
    const pr_status status = pr_predict(request, &counts);
    pr_run_config_destroy(&config);
    PR_TRY(status);
    if (counts.n_left_out > 0) {
        const int64_t n = counts.n_left_out + counts.n_scored;
        pr_log_warn("%" PRId64 " of %" PRId64 " images do not decode and are left out",
                    counts.n_left_out, n);
    }
    call->exit_code = counts.n_scored == 0;
    return PR_OK;
}

pr_status pr_cmd_predict(pr_command_call *call)
{
    static const char *words[1 + MAX_PATHS];
    pr_predict_request request = {0};
    const char *sets[PR_OPTION_LIST_MAX] = {NULL};
    const pr_option options[] = {
        {"checkpoint", PR_OPTION_WORD, "best", 0, 0, &request.checkpoint,
         "best on validation, last, or a checkpoint's file"},
        {"embeddings", PR_OPTION_WORD, NULL, 0, 0, &request.embeddings,
         "NumPy file for the features, f32, a row an image; FILE.tsv says which"},
        {"out", PR_OPTION_WORD, NULL, 0, 0, &request.out, "file for the lines instead of stdout"},
        {"set", PR_OPTION_LIST, NULL, 0, 0, sets, "key=value over the run's config; repeatable"},
    };
    int n_words = 0;
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, options, (int)(sizeof(options) / sizeof(options[0])),
                            words, 1 + MAX_PATHS, &n_words, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_REQUIRE(n_words >= 2, PR_ERR_INVALID,
               "predict: a run and at least one path must be given (pristine predict --help)");
    request.run_dir = words[0];
    request.paths = &words[1];
    request.n_paths = n_words - 1;
    return predict(call, &request, sets);
}
