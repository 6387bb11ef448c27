#include "launch/command.h"
#include "launch/run_config.h"
#include "trainer/weights_run.h"

#include <stddef.h>

static const char synopsis[] =
    "pristine export RUN --out FILE.safetensors [--torch | --prefix backbone. [--strip]]\n"
    "The weights of a run, f32, without optimizer and bank; detector.py beside them runs it\n"
    "in PyTorch. --torch gives backbone and classifier the names that the model has in timm\n"
    "or DeepfakeBench, so that load_state_dict takes the file.";

pr_status pr_cmd_export(pr_command_call *call)
{
    pr_export_request request = {.comm = call->comm};
    const pr_option options[] = {
        {"out", PR_OPTION_WORD, "!", 0, 0, &request.out, "the safetensors file"},
        {"checkpoint", PR_OPTION_WORD, "best", 0, 0, &request.checkpoint,
         "best on validation, last, or a checkpoint's file"},
        {"prefix", PR_OPTION_WORD, "", 0, 0, &request.prefix,
         "only tensors whose names begin so: backbone., projector., fc."},
        {"strip", PR_OPTION_FLAG, "false", 0, 0, &request.strip, "names without the prefix"},
        {"torch", PR_OPTION_FLAG, "false", 0, 0, &request.torch,
         "backbone and classifier as a state_dict of timm's or DeepfakeBench's model"},
    };
    int n_positional = 0;
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, options, (int)(sizeof(options) / sizeof(options[0])),
                            &request.run_dir, 1, &n_positional, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_REQUIRE(n_positional == 1, PR_ERR_INVALID,
               "export: no run directory (pristine export --help)");
    pr_run_config *config = NULL;
    PR_TRY(pr_run_config_of_run(call->comm, request.run_dir, NULL, &config));
    request.options = &config->options;
    request.config = config->config;
    const pr_status status = pr_export(&request);
    pr_run_config_destroy(&config);
    return status;
}
