#include "launch/command.h"
#include "launch/run_config.h"
#include "report/run_report.h"
#include "report/shown.h"

static const char synopsis[] = "pristine report RUN [RUN ...] [--out PAGE.html] [--samples N]\n"
                               "One page that needs nothing but itself: of a run, metrics, curves, "
                               "figures, the hard sets' crops, "
                               "config and hashes (RUN/report.html); of several, the same beside "
                               "each other on the same samples.";

/* The configs of all runs, and what they are the source of. */
typedef struct sources {
    pr_run_config *config[PR_SHOWN_MAX_RUNS];
    pr_report_source run[PR_SHOWN_MAX_RUNS];
} sources;

static pr_status make_report(pr_report_request *request, const char *const *dirs, sources *s)
{
    for (int i = 0; i < request->n_runs; i++) {
        PR_TRY(pr_run_config_of_run(request->comm, dirs[i], NULL, &s->config[i]));
        s->run[i] = (pr_report_source){&s->config[i]->options, s->config[i]->config, dirs[i]};
    }
    request->runs = s->run;
    return pr_run_report(request);
}

pr_status pr_cmd_report(pr_command_call *call)
{
    pr_report_request request = {.comm = call->comm};
    const char *dirs[PR_SHOWN_MAX_RUNS] = {NULL};
    const pr_option options[] = {
        {"out", PR_OPTION_WORD, NULL, 0, 0, &request.out,
         "the page; must be given for several runs"},
        {"samples", PR_OPTION_INT, "600", 0, 3000, &request.n_samples,
         "test crops that figures show at most, balanced over methods; 0: no figures"},
    };
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, options, (int)(sizeof(options) / sizeof(options[0])),
                            dirs, PR_SHOWN_MAX_RUNS, &request.n_runs, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_REQUIRE(request.n_runs >= 1, PR_ERR_INVALID, "report: no run directory");
    sources s = {.config = {NULL}};
    const pr_status status = make_report(&request, dirs, &s);
    for (int i = 0; i < request.n_runs; i++) {
        pr_run_config_destroy(&s.config[i]);
    }
    return status;
}
