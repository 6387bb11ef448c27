/* The program: starts the ranks, finds the command, and ends the job when it fails. */
#include "engine/base/log.h"
#include "engine/base/team.h"
#include "engine/base/text.h"
#include "engine/comm/job.h"
#include "engine/comm/watchdog.h"
#include "launch/command.h"
#include "launch/program.h"
#include "launch/same_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PR_COMMAND(name, summary)       {#name, summary, pr_cmd_##name, false},
#define PR_COMMAND_ALONE(name, summary) {#name, summary, pr_cmd_##name, true},
static const pr_command COMMANDS[] = {
#include "launch/command_list.h"
};
#undef PR_COMMAND
#undef PR_COMMAND_ALONE

enum { N_COMMANDS = sizeof(COMMANDS) / sizeof(COMMANDS[0]) };

static void print_help(void)
{
    pr_log_print("pristine %s: trains detectors of forged faces on any number of ranks\n\n"
                 "    pristine COMMAND [options]\n"
                 "    mpirun -n RANKS --bind-to none pristine COMMAND [options]\n\n",
                 PR_VERSION);
    for (int i = 0; i < N_COMMANDS; i++) {
        pr_log_print("  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
    }
    pr_log_print("\npristine COMMAND --help says what a command takes.\n");
}

static pr_status find_command(const char *name, const pr_command **command)
{
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++) {
        names[i] = COMMANDS[i].name;
        if (strcmp(COMMANDS[i].name, name) == 0) {
            *command = &COMMANDS[i];
            return PR_OK;
        }
    }
    const char *const near = pr_text_nearest(name, names, N_COMMANDS);
    return PR_FAIL(PR_ERR_INVALID, "unknown command '%s'%s%s%s (pristine --help)", name,
                   near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                   near != NULL ? "'?" : "");
}

static pr_status run_command(int argc, char **argv, int *exit_code)
{
    const char *const word = argc > 1 ? argv[1] : "--help";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_help();
        return PR_OK;
    }
    if (strcmp(word, "--version") == 0) {
        pr_log_print("pristine %s\n", PR_VERSION);
        return PR_OK;
    }
    const pr_command *command = NULL;
    PR_TRY(find_command(word, &command));
    pr_comm *comm = NULL;
    PR_TRY(pr_comm_create(&comm));
    PR_TRY(pr_same_build(comm));
    pr_command_call call = {.argc = argc - 1, .argv = argv + 1, .comm = comm};
    const pr_status status = command->run(&call);
    if (status == PR_OK) {
        /* On a failure peers may be anywhere: nothing collective, not even this, may follow. */
        pr_watchdog_stop();
        pr_comm_destroy(&comm);
        *exit_code = call.exit_code;
    }
    return status;
}

/* The command that ARGV names, where that is one which runs alone; else NULL. */
static const pr_command *alone_command(int argc, char **argv)
{
    for (int i = 0; argc > 1 && i < N_COMMANDS; i++) {
        if (COMMANDS[i].is_alone && strcmp(COMMANDS[i].name, argv[1]) == 0) {
            return &COMMANDS[i];
        }
    }
    return NULL;
}

static int run_alone(const pr_command *command, int argc, char **argv)
{
    pr_status status = pr_job_init_alone(command->name);
    pr_log_begin(0, 1);
    pr_command_call call = {.argc = argc - 1, .argv = argv + 1};
    if (status == PR_OK) {
        status = command->run(&call);
    }
    if (status != PR_OK) {
        pr_job_abort(pr_job_run_dir(), status);
    }
    pr_job_finish();
    return call.exit_code;
}

int pr_program_main(int argc, char **argv)
{
    pr_team_float_mode();
    const pr_command *const alone = alone_command(argc, argv);
    if (alone != NULL) {
        return run_alone(alone, argc, argv);
    }
    if (pr_job_init(&argc, &argv) != PR_OK) {
        (void)fprintf(stderr, "fatal: %s\n", pr_error_message());
        return PR_EXIT_BASE + (int)PR_ERR_COMM;
    }
    pr_log_begin(pr_job_rank(), pr_job_n_ranks());
    int exit_code = EXIT_SUCCESS;
    const pr_status status = run_command(argc, argv, &exit_code);
    if (status != PR_OK) {
        pr_job_abort(pr_job_run_dir(), status);
    }
    pr_job_finish();
    return exit_code;
}
