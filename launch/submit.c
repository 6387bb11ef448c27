#include "launch/submit.h"

#include "engine/base/alloc.h"
#include "engine/base/text.h"
#include "launch/files.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 32 };

/* What a placeholder stands for: one text, or a list, each of whose words makes a line of its own. */
typedef struct value {
    const char *name;
    const char *text; /* NULL or "": not given */
    const pr_config_words *words;
    bool is_quoted; /* one word of the shell, whatever is in it */
} value;

enum { MAX_VALUES = 32, NUMBER_BYTES = 24, N_NUMBERS = 7 };

typedef struct values {
    value at[MAX_VALUES];
    int n;
    char numbers[N_NUMBERS][NUMBER_BYTES];
    char attempt[PR_PATH_BYTES];
    pr_text command;
} values;

/* TEXT as one word of a shell; sbatch reads its own lines by the same rules. */
static pr_status add_quoted(pr_text *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_./:=,+@%-";
    PR_REQUIRE(strchr(text, '\n') == NULL, PR_ERR_INVALID,
               "a batch script cannot have a line break in '%s'", text);
    if (text[0] != '\0' && strspn(text, plain) == strlen(text)) {
        return pr_text_add(out, "%s", text);
    }
    PR_TRY(pr_text_add(out, "'"));
    for (const char *c = text; *c != '\0'; c++) {
        PR_TRY(*c == '\'' ? pr_text_add(out, "'\\''") : pr_text_add_bytes(out, c, 1));
    }
    return pr_text_add(out, "'");
}

/* NAME=value as `export` wants it: the name stays outside of the quotes. */
static pr_status add_assignment(pr_text *out, const char *text)
{
    const char *const equals = strchr(text, '=');
    PR_REQUIRE(equals != NULL && equals != text, PR_ERR_INVALID,
               "launch.environment has '%s', wanted NAME=value", text);
    PR_TRY(pr_text_add(out, "%.*s=", (int)(equals - text), text));
    return equals[1] == '\0' ? PR_OK : add_quoted(out, equals + 1);
}

static pr_status add_command(const pr_submit *submit, pr_text *out)
{
    if (submit->starts_ranks) {
        char script[PR_PATH_BYTES];
        PR_TRY(pr_files_launch("run.sh", script));
        PR_TRY(add_quoted(out, script));
        PR_TRY(pr_text_add(out, " \"$ranks\" "));
    }
    for (int i = 0; submit->command[i] != NULL; i++) {
        PR_TRY(i == 0 ? PR_OK : pr_text_add(out, " "));
        PR_TRY(add_quoted(out, submit->command[i]));
    }
    return submit->ends_with == NULL ? PR_OK : pr_text_add(out, " %s", submit->ends_with);
}

static void add_value(values *v, const char *name, const char *text, bool is_quoted)
{
    v->at[v->n++] = (value){name, text, NULL, is_quoted};
}

static void add_words(values *v, const char *name, const pr_config_words *words, bool is_quoted)
{
    v->at[v->n++] = (value){name, NULL, words, is_quoted};
}

/* 0 is "not given". */
static void add_number(values *v, int place, const char *name, int64_t number)
{
    if (number > 0) {
        (void)snprintf(v->numbers[place], NUMBER_BYTES, "%" PRId64, number);
    }
    add_value(v, name, v->numbers[place], false);
}

static pr_status gather(const pr_submit *submit, const char *name, values *v)
{
    const pr_launch_options *const launch = submit->launch;
    int64_t fewest = 0;
    int64_t most = 0;
    PR_TRY(pr_launch_nodes(launch, &fewest, &most));
    PR_TRY(pr_files_launch("slurm/attempt.sh", v->attempt));
    PR_TRY(add_command(submit, &v->command));
    add_number(v, 0, "RANKS_PER_NODE", launch->ranks_per_node);
    add_number(v, 1, "CPUS_PER_TASK", launch->cpus_per_task);
    add_number(v, 2, "GPUS_PER_NODE", launch->gpus_per_node);
    add_number(v, 3, "SIGNAL_S", launch->signal_s);
    (void)snprintf(v->numbers[4], NUMBER_BYTES, "%" PRId64, launch->requeue_max);
    /* A job that names its tasks gets the fewest nodes of a range; one that names the cores that each
     * node has to have gets as many as there are. */
    const bool is_range = fewest < most;
    const int64_t n_cpus = launch->cpus_per_task > 0 ? launch->cpus_per_task : 1;
    add_number(v, 5, "TASKS_PER_NODE", is_range ? 0 : launch->ranks_per_node);
    add_number(v, 6, "LEAST_CPUS", is_range ? launch->ranks_per_node * n_cpus : 0);
    add_value(v, "REQUEUE_MAX", v->numbers[4], false);
    add_value(v, "NAME", launch->name[0] != '\0' ? launch->name : name, true);
    add_value(v, "NODES", launch->nodes, false);
    add_value(v, "MEMORY", launch->memory, true);
    add_value(v, "TIME", launch->time, true);
    add_value(v, "PARTITION", launch->partition, true);
    add_value(v, "ACCOUNT", launch->account, true);
    add_value(v, "QOS", launch->qos, true);
    add_value(v, "ARRAY", submit->array, true);
    add_value(v, "FOLDER", submit->folder, true);
    add_value(v, "OUTPUT", submit->output, true);
    add_value(v, "WITH", pr_launch_with_word(launch), false);
    add_value(v, "BIND", pr_launch_bind_word(launch), false);
    add_value(v, "ATTEMPT", v->attempt, true);
    add_value(v, "RUN", submit->run, true);
    add_value(v, "COMMAND", pr_text_chars(&v->command), false);
    add_words(v, "EXTRA", &launch->extra, false);
    add_words(v, "MODULES", &launch->modules, true);
    add_words(v, "ENVIRONMENT", &launch->environment, false);
    return PR_OK;
}

static const value *find(const values *v, const char *name, size_t n_name)
{
    for (int i = 0; i < v->n; i++) {
        if (strlen(v->at[i].name) == n_name && memcmp(v->at[i].name, name, n_name) == 0) {
            return &v->at[i];
        }
    }
    return NULL;
}

/* The value of the placeholder that begins at AT, and what follows it. */
static pr_status read_name(const values *v, const char *at, const char *where, const value **found,
                           const char **rest)
{
    const char *const name = at + 2;
    const char *const end = strstr(name, "}}");
    PR_REQUIRE(end != NULL, PR_ERR_INVALID, "%s: '{{' without '}}'", where);
    *found = find(v, name, (size_t)(end - name));
    PR_REQUIRE(*found != NULL, PR_ERR_INVALID, "%s: {{%.*s}} stands for nothing that is known",
               where, (int)(end - name < NAME_BYTES ? end - name : NAME_BYTES), name);
    *rest = end + 2;
    return PR_OK;
}

/* How many lines LINE becomes: 0 where a value is missing, the words of a list, else 1. */
static pr_status count_lines(const values *v, const char *line, const char *where, int64_t *n)
{
    *n = 1;
    for (const char *at = strstr(line, "{{"); at != NULL; at = strstr(at, "{{")) {
        const value *found = NULL;
        PR_TRY(read_name(v, at, where, &found, &at));
        if (found->words != NULL) {
            *n = *n == 0 ? 0 : found->words->n;
        } else if (found->text == NULL || found->text[0] == '\0') {
            *n = 0;
        }
    }
    return PR_OK;
}

static pr_status add_one(pr_text *out, const value *v, int64_t i)
{
    const char *const text = v->words == NULL ? v->text : v->words->at[i];
    if (v->is_quoted) {
        return add_quoted(out, text);
    }
    PR_REQUIRE(strchr(text, '\n') == NULL, PR_ERR_INVALID,
               "a batch script cannot have a line break in '%s'", text);
    return strcmp(v->name, "ENVIRONMENT") == 0 ? add_assignment(out, text)
                                               : pr_text_add(out, "%s", text);
}

static pr_status fill_line(const values *v, const char *line, const char *where, pr_text *out)
{
    int64_t n = 1;
    if (line[0] == '#' && (line[1] == ' ' || line[1] == '!')) {
        return pr_text_add(out, "%s\n", line); /* a comment may speak of placeholders */
    }
    PR_TRY(count_lines(v, line, where, &n));
    for (int64_t i = 0; i < n; i++) {
        const char *from = line;
        for (const char *at = strstr(from, "{{"); at != NULL; at = strstr(from, "{{")) {
            const value *found = NULL;
            PR_TRY(pr_text_add_bytes(out, from, (size_t)(at - from)));
            PR_TRY(read_name(v, at, where, &found, &from));
            PR_TRY(add_one(out, found, i));
        }
        PR_TRY(pr_text_add(out, "%s\n", from));
    }
    return PR_OK;
}

static pr_status fill(const values *v, const char *file, const char *text, pr_text *out)
{
    char **lines = NULL;
    int64_t n_lines = 0;
    PR_TRY(pr_text_split(text, '\n', &lines, &n_lines));
    pr_status status = PR_OK;
    for (int64_t i = 0; i < n_lines && status == PR_OK; i++) {
        char where[PR_PATH_BYTES + NAME_BYTES];
        (void)snprintf(where, sizeof(where), "%s:%" PRId64, file, i + 1);
        if (i + 1 < n_lines || lines[i][0] != '\0') {
            status = fill_line(v, lines[i], where, out);
        }
    }
    pr_free(lines);
    return status;
}

static pr_status write_script(const pr_submit *submit, const char *template_file, const char *name,
                              const char *path)
{
    values *const v = pr_calloc(1, sizeof(*v));
    pr_text script = {0};
    char *text = NULL;
    PR_REQUIRE(v != NULL, PR_ERR_NOMEM, "no memory for a batch script");
    pr_status status = gather(submit, name, v);
    if (status == PR_OK) {
        status = pr_fs_read(template_file, &text, NULL);
    }
    if (status == PR_OK) {
        status = fill(v, template_file, text, &script);
    }
    if (status == PR_OK) {
        status = pr_fs_write(path, pr_text_chars(&script), script.n_chars);
    }
    pr_text_free(&script);
    pr_text_free(&v->command);
    pr_free(text);
    pr_free(v);
    return status;
}

pr_status pr_submit_write(const pr_submit *submit, const char *path)
{
    char template_file[PR_PATH_BYTES];
    PR_TRY(submit->template_file == NULL ? pr_files_launch("slurm/job.sbatch", template_file)
                                         : pr_fs_join(template_file, "", submit->template_file));
    const char *const slash = strrchr(submit->run, '/');
    return write_script(submit, template_file, slash == NULL ? submit->run : slash + 1, path);
}
