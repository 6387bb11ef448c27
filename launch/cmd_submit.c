#include "engine/base/alloc.h"
#include "engine/base/log.h"
#include "engine/base/text.h"
#include "launch/command.h"
#include "launch/files.h"
#include "launch/run_config.h"
#include "launch/submit.h"
#include "trainer/objective.h"
#include "trainer/trainer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char synopsis[] =
    "pristine submit CONFIG --run DIR [--row NAME] [--set key=value ...] [--nodes N] [--go]\n"
    "Writes DIR/job.sbatch, which trains the run as a job of Slurm and puts itself back into the\n"
    "queue until the run is done; --go hands it to sbatch. What the job asks for are the keys\n"
    "`launch.` of the config; those of a site file (--site, or the file that PRISTINE_SITE names)\n"
    "hold where the config says nothing.";

enum { MAX_WORDS = 2 * PR_OPTION_LIST_MAX + 16, N_OVER = 4 };

typedef struct submit_words {
    const char *run, *row, *site, *template_file;
    const char *sets[PR_OPTION_LIST_MAX];
    const char *over[N_OVER]; /* --nodes and the like, or NULL; of the keys below */
    bool go;
} submit_words;

static const char *const over_keys[N_OVER] = {"launch.nodes", "launch.ranks_per_node",
                                              "launch.time", "launch.with"};

/* Settings and the structs that they fill. */
typedef struct launch_config {
    pr_train_options options;
    pr_config_schema schema;
    pr_settings *settings;
    pr_config *config;
} launch_config;

/* A site says how it starts jobs; what a run is, is not its business, and `train` would not see it. */
static pr_status check_site(const char *file)
{
    pr_settings *settings = NULL;
    PR_TRY(pr_settings_create(&settings));
    pr_status status = pr_settings_add_file(settings, file);
    for (int64_t i = 0; status == PR_OK && i < pr_settings_n(settings); i++) {
        const pr_setting *const s = pr_settings_at(settings, i);
        if (strncmp(s->key, "launch.", 7) != 0 || strcmp(s->key, "launch.stall_s") == 0) {
            status = PR_FAIL(PR_ERR_INVALID,
                             "%s:%d: %s is a key of runs; a site file has those of `launch.` that "
                             "make a batch script",
                             s->file, s->line, s->key);
        }
    }
    pr_settings_destroy(&settings);
    return status;
}

/* The site's file, the config over it, --set over both, and options over all. */
static pr_status read_launch(const char *file, const submit_words *words, launch_config *out)
{
    PR_TRY(pr_settings_create(&out->settings));
    if (words->site != NULL) {
        PR_TRY(check_site(words->site));
        PR_TRY(pr_settings_add_file(out->settings, words->site));
    }
    PR_TRY(pr_settings_add_file(out->settings, file));
    PR_TRY(pr_settings_choose_row(out->settings, words->row));
    for (int i = 0; words->sets[i] != NULL; i++) {
        PR_TRY(pr_settings_add_word(out->settings, words->sets[i]));
    }
    for (int i = 0; i < N_OVER; i++) {
        char word[256];
        if (words->over[i] != NULL) {
            (void)snprintf(word, sizeof(word), "%s='%s'", over_keys[i], words->over[i]);
            PR_TRY(pr_settings_add_word(out->settings, word));
        }
    }
    PR_TRY(pr_train_options_register(&out->schema, &out->options));
    return pr_config_apply(&out->schema, out->settings, &out->config);
}

/* More ranks than micro-batches of any phase are refused before the job has waited for them. */
static pr_status check_ranks(const pr_launch_options *launch, const pr_train_options *options)
{
    const pr_objective *objective = NULL;
    int64_t fewest = 0;
    int64_t most = 0;
    PR_TRY(pr_launch_nodes(launch, &fewest, &most));
    PR_TRY(pr_objective_find(options->objective, &objective));
    const int64_t n_ranks = most * launch->ranks_per_node;
    for (int s = 0; s < objective->n_stages; s++) {
        const pr_stage *const stage = &objective->stages[s];
        const pr_stage_options *given = NULL;
        PR_TRY(pr_stage_options_find(options, stage->name, &given));
        for (int p = 0; p < stage->n_phases; p++) {
            const int64_t n_micro =
                pr_stage_n_micro(options, pr_phase_n_views(options, given, &stage->phases[p]));
            PR_REQUIRE(n_ranks <= n_micro, PR_ERR_INVALID,
                       "%" PRId64 " nodes of %" PRId64 " ranks are %" PRId64
                       " ranks, and stage '%s' has %" PRId64 " micro-batches (train.n_micro)",
                       most, launch->ranks_per_node, n_ranks, stage->name, n_micro);
        }
    }
    return PR_OK;
}

/* PATH from the root on, as the job's hosts see it; whoever owns it calls free. */
static pr_status make_absolute(const char *path, char **out)
{
    *out = realpath(path, NULL);
    PR_REQUIRE(*out != NULL, PR_ERR_IO, "%s: %s", path, strerror(errno));
    return PR_OK;
}

/* "%" begins a placeholder both in Slurm's output names and in attempt.sh's run. */
static pr_status add_escaped(pr_text *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        PR_TRY(pr_text_add(out, "%.*s%s", 1, c, *c == '%' ? "%" : ""));
    }
    return PR_OK;
}

typedef struct paths {
    char *config, *run, *folder, *template_file;
    pr_text output, run_format;
    char program[PR_PATH_BYTES];
} paths;

static pr_status find_paths(const char *file, const submit_words *words, paths *p)
{
    PR_TRY(pr_fs_mkdirs(words->run));
    PR_TRY(make_absolute(file, &p->config));
    PR_TRY(make_absolute(words->run, &p->run));
    PR_TRY(make_absolute(".", &p->folder));
    if (words->template_file != NULL) {
        PR_TRY(make_absolute(words->template_file, &p->template_file));
    }
    PR_TRY(pr_files_program(p->program));
    PR_TRY(add_escaped(&p->run_format, p->run));
    PR_TRY(add_escaped(&p->output, p->run));
    return pr_text_add(&p->output, "/slurm-%%j.out");
}

static void free_paths(paths *p)
{
    free(p->config);
    free(p->run);
    free(p->folder);
    free(p->template_file);
    pr_text_free(&p->output);
    pr_text_free(&p->run_format);
}

static pr_status write_script(const submit_words *words, const pr_launch_options *launch,
                              const paths *p, const char *script)
{
    const char *command[MAX_WORDS] = {p->program, "train", "--config", p->config, "--run", p->run};
    int n = 6;
    if (words->row != NULL) {
        command[n++] = "--row";
        command[n++] = words->row;
    }
    for (int i = 0; words->sets[i] != NULL; i++) {
        command[n++] = "--set";
        command[n++] = words->sets[i];
    }
    const pr_submit submit = {.launch = launch,
                              .template_file = p->template_file,
                              .folder = p->folder,
                              .run = pr_text_chars(&p->run_format),
                              .output = pr_text_chars(&p->output),
                              .command = command,
                              .starts_ranks = true};
    return pr_submit_write(&submit, script);
}

static pr_status submit(const char *file, const submit_words *words, const launch_config *launch)
{
    paths p = {0};
    char script[PR_PATH_BYTES];
    char job[64] = "";
    pr_status status = find_paths(file, words, &p);
    if (status == PR_OK) {
        status = pr_fs_join(script, p.run, "job.sbatch");
    }
    if (status == PR_OK) {
        status = write_script(words, &launch->options.launch, &p, script);
    }
    if (status == PR_OK && words->go) {
        status = pr_submit_sbatch(script, job, sizeof(job));
    }
    if (status == PR_OK) {
        pr_log_print(words->go ? "%s: job %s\n" : "%s: sbatch takes it, or --go does%s\n", script,
                     job);
    }
    free_paths(&p);
    return status;
}

static pr_status check_and_submit(const char *file, const submit_words *words)
{
    pr_run_config *run = NULL;
    launch_config *const launch = pr_calloc(1, sizeof(*launch));
    PR_REQUIRE(launch != NULL, PR_ERR_NOMEM, "no memory for a config");
    pr_status status = pr_run_config_load(NULL, file, words->row, words->sets, &run);
    if (status == PR_OK) {
        status = read_launch(file, words, launch);
    }
    if (status == PR_OK) {
        status = check_ranks(&launch->options.launch, &run->options);
    }
    if (status == PR_OK) {
        status = submit(file, words, launch);
    }
    pr_config_destroy(&launch->config);
    pr_settings_destroy(&launch->settings);
    pr_free(launch);
    pr_run_config_destroy(&run);
    return status;
}

pr_status pr_cmd_submit(pr_command_call *call)
{
    submit_words words = {.site = getenv("PRISTINE_SITE")};
    const pr_option options[] = {
        {"run", PR_OPTION_WORD, "!", 0, 0, &words.run, "run directory, made if it is not there"},
        {"row", PR_OPTION_WORD, NULL, 0, 0, &words.row, "which row of a table config"},
        {"set", PR_OPTION_LIST, NULL, 0, 0, words.sets, "key=value over the file; repeatable"},
        {"nodes", PR_OPTION_WORD, NULL, 0, 0, &words.over[0], "launch.nodes: N, or FEWEST-MOST"},
        {"ranks-per-node", PR_OPTION_WORD, NULL, 0, 0, &words.over[1], "launch.ranks_per_node"},
        {"time", PR_OPTION_WORD, NULL, 0, 0, &words.over[2], "launch.time: limit of one start"},
        {"with", PR_OPTION_WORD, NULL, 0, 0, &words.over[3], "launch.with: srun or mpirun"},
        {"site", PR_OPTION_WORD, NULL, 0, 0, &words.site, "YAML file of the site's `launch.` keys"},
        {"template", PR_OPTION_WORD, NULL, 0, 0, &words.template_file,
         "batch script to fill in, in place of launch/slurm/job.sbatch"},
        {"go", PR_OPTION_FLAG, "false", 0, 0, &words.go, "hand the script to sbatch"},
    };
    const char *file[1] = {NULL};
    int n_files = 0;
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, options, (int)(sizeof(options) / sizeof(options[0])),
                            file, 1, &n_files, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_REQUIRE(n_files == 1, PR_ERR_INVALID, "submit: no config given");
    if (words.site != NULL && words.site[0] == '\0') {
        words.site = NULL;
    }
    return check_and_submit(file[0], &words);
}
