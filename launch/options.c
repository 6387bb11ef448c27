#include "engine/base/alloc.h"
#include "engine/base/log.h"
#include "engine/base/text.h"
#include "launch/command.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 64, DEFAULTS_BYTES = 2048 };

/* One parse. */
typedef struct parser {
    const pr_command_call *call;
    const pr_option *options;
    int n_options;
    int at; /* the word at hand in argv */
} parser;

static const char *command_of(const parser *p)
{
    return p->call->argv[0];
}

static pr_status check_range(const parser *p, const pr_option *option, double value,
                             const char *word)
{
    const bool is_bounded = option->min != 0.0 || option->max != 0.0;
    PR_REQUIRE(!is_bounded || (value >= option->min && value <= option->max), PR_ERR_INVALID,
               "%s: --%s %s, must be between %.15g and %.15g", command_of(p), option->name, word,
               option->min, option->max);
    return PR_OK;
}

/* Appends WORD to the NULL-terminated list. */
static pr_status add_to_list(const parser *p, const pr_option *option, const char *word)
{
    const char **const list = option->target;
    int n = 0;
    while (list[n] != NULL) {
        n++;
    }
    PR_REQUIRE(n + 1 < PR_OPTION_LIST_MAX, PR_ERR_INVALID, "%s: --%s has more than %d words",
               command_of(p), option->name, PR_OPTION_LIST_MAX - 1);
    list[n] = word;
    return PR_OK;
}

static pr_status set_list(const parser *p, const pr_option *option, char *word)
{
    /* "key=value" is one word whatever commas its value has. */
    const bool is_one = strchr(word, '=') != NULL;
    for (char *comma = strchr(word, ','); !is_one && comma != NULL; comma = strchr(word, ',')) {
        *comma = '\0';
        PR_TRY(add_to_list(p, option, word));
        word = comma + 1;
    }
    return add_to_list(p, option, word);
}

static pr_status set_number(const parser *p, const pr_option *option, const char *word)
{
    if (option->kind == PR_OPTION_INT) {
        int64_t value = 0;
        PR_REQUIRE(pr_text_to_int(word, &value), PR_ERR_INVALID,
                   "%s: --%s %s is not a whole number", command_of(p), option->name, word);
        PR_TRY(check_range(p, option, (double)value, word));
        *(int64_t *)option->target = value;
        return PR_OK;
    }
    double value = 0.0;
    PR_REQUIRE(pr_text_to_real(word, &value), PR_ERR_INVALID, "%s: --%s %s is not a number",
               command_of(p), option->name, word);
    PR_TRY(check_range(p, option, value, word));
    *(double *)option->target = value;
    return PR_OK;
}

static pr_status set_option(const parser *p, const pr_option *option, char *word)
{
    switch (option->kind) {
    case PR_OPTION_FLAG:
        PR_REQUIRE(strcmp(word, "true") == 0 || strcmp(word, "false") == 0, PR_ERR_INVALID,
                   "%s: --%s=%s, must be true or false", command_of(p), option->name, word);
        *(bool *)option->target = strcmp(word, "true") == 0;
        return PR_OK;
    case PR_OPTION_WORD:
        *(const char **)option->target = word;
        return PR_OK;
    case PR_OPTION_INT:
    case PR_OPTION_REAL:
        return set_number(p, option, word);
    case PR_OPTION_LIST:
        return set_list(p, option, word);
    }
    return PR_FAIL(PR_ERR_INVALID, "--%s: an option of kind %d", option->name, (int)option->kind);
}

/* The default of a list, cut at its commas in memory that outlives the call: the words of a list
 * point to where they were read. */
static pr_status set_default_list(const parser *p, const pr_option *option)
{
    static char words[DEFAULTS_BYTES];
    static size_t n_used;
    const size_t n_bytes = strlen(option->default_value) + 1;
    PR_REQUIRE(n_used + n_bytes <= sizeof(words), PR_ERR_INVALID,
               "%s: the defaults of lists have more than %d bytes", command_of(p), DEFAULTS_BYTES);
    char *const copy = words + n_used;
    memcpy(copy, option->default_value, n_bytes);
    n_used += n_bytes;
    return set_list(p, option, copy);
}

static pr_status unknown_option(const parser *p, const char *name)
{
    const char *const words[] = {"help"};
    const char *best = pr_text_nearest(name, words, 1);
    for (int i = 0; i < p->n_options; i++) {
        const char *const other = pr_text_nearest(name, &p->options[i].name, 1);
        if (other != NULL &&
            (best == NULL || pr_text_distance(name, other) < pr_text_distance(name, best))) {
            best = other;
        }
    }
    return PR_FAIL(PR_ERR_INVALID, "%s: unknown option --%s%s%s%s (pristine %s --help)",
                   command_of(p), name, best != NULL ? "; did you mean --" : "",
                   best != NULL ? best : "", best != NULL ? "?" : "", command_of(p));
}

static const pr_option *find_option(const parser *p, const char *name)
{
    for (int i = 0; i < p->n_options; i++) {
        if (strcmp(p->options[i].name, name) == 0) {
            return &p->options[i];
        }
    }
    return NULL;
}

/* WORD is "--name", "--name=value": takes its value, here or from the next word. */
static pr_status take_option(parser *p, char *word, bool *is_given)
{
    static char yes[] = "true";
    char name[NAME_BYTES];
    const size_t n_name = strcspn(word + 2, "=");
    (void)snprintf(name, sizeof(name), "%.*s", (int)n_name, word + 2);
    const pr_option *const option = find_option(p, name);
    if (option == NULL) {
        return unknown_option(p, name);
    }
    is_given[option - p->options] = true;
    char *value = word[2 + n_name] == '=' ? word + 3 + n_name : NULL;
    if (value == NULL && option->kind == PR_OPTION_FLAG) {
        value = yes;
    } else if (value == NULL) {
        PR_REQUIRE(p->at + 1 < p->call->argc, PR_ERR_INVALID, "%s: --%s without its value: %s",
                   command_of(p), name, option->doc);
        value = p->call->argv[++p->at];
    }
    return set_option(p, option, value);
}

static pr_status set_defaults(const parser *p)
{
    for (int i = 0; i < p->n_options; i++) {
        const pr_option *const option = &p->options[i];
        const char *const usual = option->default_value;
        if (option->kind == PR_OPTION_LIST) {
            *(const char **)option->target = NULL;
        }
        if (usual == NULL || strcmp(usual, "!") == 0) {
            continue;
        }
        if (option->kind == PR_OPTION_WORD) {
            *(const char **)option->target = usual;
        } else if (option->kind != PR_OPTION_LIST) {
            char word[NAME_BYTES];
            (void)snprintf(word, sizeof(word), "%s", usual);
            PR_TRY(set_option(p, option, word));
        }
    }
    return PR_OK;
}

static const char *value_name(pr_option_kind kind)
{
    switch (kind) {
    case PR_OPTION_FLAG:
        return "";
    case PR_OPTION_WORD:
        return " WORD";
    case PR_OPTION_INT:
        return " N";
    case PR_OPTION_REAL:
        return " X";
    case PR_OPTION_LIST:
        return " WORD,...";
    }
    return "";
}

static void print_range(const pr_option *option)
{
    if (option->min == 0.0 && option->max == 0.0) {
        return;
    }
    if (isinf(option->max)) {
        pr_log_print(", at least %.15g", option->min);
    } else {
        pr_log_print(", %.15g to %.15g", option->min, option->max);
    }
}

static void print_help(const parser *p, const char *synopsis)
{
    pr_log_print("%s\n", synopsis);
    for (int i = 0; i < p->n_options; i++) {
        const pr_option *const option = &p->options[i];
        char left[NAME_BYTES + 32];
        (void)snprintf(left, sizeof(left), "--%s%s", option->name, value_name(option->kind));
        pr_log_print("%s  %-26s %s", i == 0 ? "\n" : "", left, option->doc);
        if (option->kind == PR_OPTION_INT || option->kind == PR_OPTION_REAL) {
            print_range(option);
        }
        const char *const usual = option->default_value;
        if (usual != NULL && strcmp(usual, "!") == 0) {
            pr_log_print(" (must be given)");
        } else if (usual != NULL && usual[0] != '\0' && option->kind != PR_OPTION_FLAG) {
            pr_log_print(" (default %s)", usual);
        }
        pr_log_print("\n");
    }
}

static bool asks_for_help(const pr_command_call *call)
{
    for (int i = 1; i < call->argc && strcmp(call->argv[i], "--") != 0; i++) {
        if (strcmp(call->argv[i], "--help") == 0 || strcmp(call->argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

static pr_status parse_words(parser *p, bool *is_given, const char **positional, int max_positional,
                             int *n_positional)
{
    bool options_end = false;
    for (p->at = 1; p->at < p->call->argc; p->at++) {
        char *const word = p->call->argv[p->at];
        if (!options_end && strcmp(word, "--") == 0) {
            options_end = true;
            continue;
        }
        if (!options_end && strncmp(word, "--", 2) == 0) {
            PR_TRY(take_option(p, word, is_given));
            continue;
        }
        PR_REQUIRE(options_end || word[0] != '-' || word[1] == '\0', PR_ERR_INVALID,
                   "%s: unknown option %s; options are --name (pristine %s --help)", command_of(p),
                   word, command_of(p));
        PR_REQUIRE(*n_positional < max_positional, PR_ERR_INVALID,
                   "%s: '%s' is one word too many; it takes %d besides its options", command_of(p),
                   word, max_positional);
        positional[(*n_positional)++] = word;
    }
    for (int i = 0; i < p->n_options; i++) {
        const pr_option *const option = &p->options[i];
        if (is_given[i] || option->default_value == NULL) {
            continue;
        }
        PR_REQUIRE(strcmp(option->default_value, "!") != 0, PR_ERR_INVALID,
                   "%s: --%s must be given: %s", command_of(p), option->name, option->doc);
        if (option->kind == PR_OPTION_LIST) {
            PR_TRY(set_default_list(p, option));
        }
    }
    return PR_OK;
}

pr_status pr_options_parse(const pr_command_call *call, const char *synopsis,
                           const pr_option *options, int n_options, const char **positional,
                           int max_positional, int *n_positional, bool *helped)
{
    parser p = {.call = call, .options = options, .n_options = n_options};
    *n_positional = 0;
    *helped = asks_for_help(call);
    if (*helped) {
        print_help(&p, synopsis);
        return PR_OK;
    }
    PR_TRY(set_defaults(&p));
    bool *const is_given = pr_calloc(n_options, sizeof(bool));
    PR_REQUIRE(is_given != NULL, PR_ERR_NOMEM, "no memory for %d options", n_options);
    const pr_status status = parse_words(&p, is_given, positional, max_positional, n_positional);
    pr_free(is_given);
    return status;
}
