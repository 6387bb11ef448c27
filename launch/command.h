/**
 * The program's commands: one file launch/cmd_<name>.c each, one row in launch/command_list.h.
 *
 * PR_COMMAND is run by every rank. PR_COMMAND_ALONE is for commands that start other programs: it
 * runs in one process, where MPI is never initialised (the ranks that it starts must not find
 * themselves in a job already), and refuses to be one of several ranks.
 */
#ifndef PR_LAUNCH_COMMAND_H
#define PR_LAUNCH_COMMAND_H

#include "engine/base/status.h"
#include "engine/comm/comm.h"

#include <stdbool.h>

/** What a command is given: its own words, argv[0] being its name. All ranks have the same. */
typedef struct pr_command_call {
    int argc;
    char **argv;
    pr_comm *comm; /* borrowed; NULL where the command runs alone */
    int exit_code; /* the command may set it; 0 at first, used only if it returned PR_OK */
} pr_command_call;

typedef struct pr_command {
    const char *name;
    const char *summary; /* one line for `pristine --help` */
    pr_status (*run)(pr_command_call *call);
    bool is_alone;
} pr_command;

/* pr_status pr_cmd_pack(pr_command_call *call); and so on. */
#define PR_COMMAND(name, summary)       pr_status pr_cmd_##name(pr_command_call *call);
#define PR_COMMAND_ALONE(name, summary) pr_status pr_cmd_##name(pr_command_call *call);
#include "launch/command_list.h"
#undef PR_COMMAND
#undef PR_COMMAND_ALONE

/** A command's options, for one parser and one help text. */
typedef enum pr_option_kind {
    PR_OPTION_FLAG,
    PR_OPTION_WORD,
    PR_OPTION_INT,
    PR_OPTION_REAL,
    PR_OPTION_LIST
} pr_option_kind;

typedef struct pr_option {
    const char *name; /* "frames-per-photo" for --frames-per-photo */
    pr_option_kind kind;
    const char *default_value; /* as text; NULL: no default, stays as it is; "!" : required */
    double min, max;           /* INT and REAL */
    /* bool, const char *, int64_t, double; LIST: const char *[PR_OPTION_LIST_MAX], NULL-terminated,
     * repeated or separated by commas ("key=value" is one word with its commas). */
    void *target;
    const char *doc;
} pr_option;

enum { PR_OPTION_LIST_MAX = 64 };

/**
 * Parses the words of CALL: --name value, --name=value; the rest are positional, at most
 * MAX_POSITIONAL, in *POSITIONAL (borrowed) and *N_POSITIONAL. --help prints SYNOPSIS and the
 * options on rank 0 and sets *HELPED.
 *
 * Errors: PR_ERR_INVALID naming the option (and the nearest known one).
 */
pr_status pr_options_parse(const pr_command_call *call, const char *synopsis,
                           const pr_option *options, int n_options, const char **positional,
                           int max_positional, int *n_positional, bool *helped);

#endif
