/* How each key varies: from the lines below `parameters` of a spec. */
#include "engine/base/alloc.h"
#include "engine/base/math.h"
#include "launch/sweep_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 512 };

#define FAIL_AT(at, ...) FAIL_AT_((at), __VA_ARGS__, "")
#define FAIL_AT_(at, fmt, ...)                                                                     \
    PR_FAIL(PR_ERR_INVALID, "%s:%d: parameters.%s: " fmt "%s", (at)->file, (at)->line, (at)->key,  \
            __VA_ARGS__)
#define REQUIRE_AT(cond, at, ...)                                                                  \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            return FAIL_AT((at), __VA_ARGS__);                                                     \
        }                                                                                          \
    } while (0)

/* The words that may end a line's key, and what they make of it. */
static const struct {
    const char *word;
    pr_sweep_kind kind;
} KINDS[] = {{"grid", PR_SWEEP_LIST},       {"choice", PR_SWEEP_LIST},
             {"linear", PR_SWEEP_LINEAR},   {"log", PR_SWEEP_LOG},
             {"integer", PR_SWEEP_INTEGER}, {"log_integer", PR_SWEEP_LOG_INTEGER}};
enum { N_KINDS = sizeof(KINDS) / sizeof(KINDS[0]) };

/* Cuts "optim.lr.log" into key and word, "rccl.k.when.objective" into "rccl.k" and "when". */
static void cut(const char *line, char key[static KEY_BYTES], const char **word)
{
    const char *const when = strstr(line, ".when.");
    const char *const dot = when != NULL ? when : strrchr(line, '.');
    const size_t n = dot != NULL ? (size_t)(dot - line) : strlen(line);
    (void)snprintf(key, KEY_BYTES, "%.*s", (int)n, line);
    *word = when != NULL ? "when" : dot != NULL ? dot + 1 : "";
}

static pr_sweep_parameter *find(pr_sweep *s, const char *key)
{
    for (int p = 0; p < s->n_parameters; p++) {
        if (strcmp(s->parameters[p].key, key) == 0) {
            return &s->parameters[p];
        }
    }
    return NULL;
}

static pr_status keep_text(pr_sweep *s, const char *text, const char **out)
{
    char *const copy = pr_strdup(text);
    PR_REQUIRE(copy != NULL, PR_ERR_NOMEM, "no memory for a parameter");
    PR_TRY(pr__sweep_keep_take(s, copy));
    *out = copy;
    return PR_OK;
}

static pr_status find_or_add(pr_sweep *s, const char *key, const pr_setting *at,
                             pr_sweep_parameter **out)
{
    *out = find(s, key);
    if (*out != NULL) {
        return PR_OK;
    }
    pr_sweep_parameter *const p = &s->parameters[s->n_parameters];
    *p = (pr_sweep_parameter){.place = at};
    PR_TRY(keep_text(s, key, &p->key));
    s->n_parameters++;
    *out = p;
    return PR_OK;
}

static bool has_values(const pr_sweep_parameter *p)
{
    return p->words != NULL || p->high != 0.0 || p->low != 0.0;
}

static pr_status read_list(pr_sweep_parameter *p, const pr_setting *at)
{
    REQUIRE_AT(!has_values(p), at, "two ways to vary one key");
    REQUIRE_AT(at->is_list, at, "one value; a list [a, b] was wanted");
    int64_t n = 0;
    REQUIRE_AT(at->value[0] != '\0', at, "an empty list");
    PR_TRY(pr_text_split(at->value, '\n', &p->words, &n));
    p->words[n - 1] = NULL; /* behind the last line feed there is nothing */
    p->n = n - 1;
    p->kind = PR_SWEEP_LIST;
    p->place = at;
    return PR_OK;
}

static pr_status read_range(pr_sweep_parameter *p, const pr_setting *at, pr_sweep_kind kind)
{
    char **ends = NULL;
    int64_t n = 0;
    REQUIRE_AT(!has_values(p), at, "two ways to vary one key");
    REQUIRE_AT(at->is_list && at->value[0] != '\0', at, "wanted a range, [low, high]");
    PR_TRY(pr_text_split(at->value, '\n', &ends, &n));
    const bool is_good =
        n == 3 && pr_text_to_real(ends[0], &p->low) && pr_text_to_real(ends[1], &p->high);
    pr_free((void *)ends);
    REQUIRE_AT(is_good, at, "wanted a range of two numbers, [low, high]");
    REQUIRE_AT(p->low < p->high, at, "an empty range: low %.6g, high %.6g", p->low, p->high);
    const bool is_log = kind == PR_SWEEP_LOG || kind == PR_SWEEP_LOG_INTEGER;
    REQUIRE_AT(!is_log || p->low > 0.0, at, "a logarithmic range begins at %.6g, must be above 0",
               p->low);
    const bool is_integer = kind == PR_SWEEP_INTEGER || kind == PR_SWEEP_LOG_INTEGER;
    REQUIRE_AT(!is_integer || (p->low == floor(p->low) && p->high == floor(p->high)), at,
               "the ends of whole numbers are %.6g and %.6g", p->low, p->high);
    p->kind = kind;
    p->place = at;
    return PR_OK;
}

static pr_status read_points(pr_sweep_parameter *p, const pr_setting *at)
{
    int64_t n = 0;
    REQUIRE_AT(!at->is_list && pr_text_to_int(at->value, &n) && n >= 2 && n <= 100000, at,
               "%s points, must be 2 to 100000", at->value);
    p->n = n;
    return PR_OK;
}

static pr_status read_condition(pr_sweep_parameter *p, const pr_setting *at)
{
    REQUIRE_AT(p->n_conditions < PR_SWEEP_MAX_CONDITIONS, at, "more than 4 conditions");
    p->conditions[p->n_conditions++] = at;
    return PR_OK;
}

static pr_status unknown_word(const pr_setting *at, const char *word)
{
    static const char *const words[] = {"grid",    "choice",      "linear", "log",
                                        "integer", "log_integer", "points", "when"};
    const char *const near =
        pr_text_nearest(word, words, (int64_t)(sizeof(words) / sizeof(words[0])));
    return PR_FAIL(
        PR_ERR_INVALID,
        "%s:%d: parameters.%s: '%s' is no way to vary a key%s%s%s; there are grid, choice, "
        "linear, log, integer, log_integer, with points and when",
        at->file, at->line, at->key, word, near != NULL ? "; did you mean " : "",
        near != NULL ? near : "", near != NULL ? "?" : "");
}

static pr_status read_line(pr_sweep *s, const pr_setting *at)
{
    char key[KEY_BYTES];
    const char *word = NULL;
    pr_sweep_parameter *p = NULL;
    cut(at->key, key, &word);
    for (size_t k = 0; k < N_KINDS; k++) {
        if (strcmp(word, KINDS[k].word) == 0) {
            PR_TRY(find_or_add(s, key, at, &p));
            return KINDS[k].kind == PR_SWEEP_LIST ? read_list(p, at)
                                                  : read_range(p, at, KINDS[k].kind);
        }
    }
    if (strcmp(word, "points") == 0 || strcmp(word, "when") == 0) {
        PR_TRY(find_or_add(s, key, at, &p));
        return word[0] == 'p' ? read_points(p, at) : read_condition(p, at);
    }
    if (pr_config_value(s->defaults->config, at->key) != NULL && at->is_list) {
        PR_TRY(find_or_add(s, at->key, at, &p)); /* `key: [a, b]` is `key: {choice: [a, b]}` */
        return read_list(p, at);
    }
    return unknown_word(at, word);
}

static pr_status check(const pr_sweep *s, int number)
{
    const pr_sweep_parameter *const p = &s->parameters[number];
    const pr_setting *const at = p->place;
    REQUIRE_AT(has_values(p), at, "how %s varies is not said (grid, choice, linear, log, ...)",
               p->key);
    REQUIRE_AT(p->kind == PR_SWEEP_LIST || p->n > 0 || s->options.search != PR_SWEEP_GRID, at,
               "a range in a grid needs points: N");
    REQUIRE_AT(strcmp(p->key, "seed") != 0 || s->options.seeds.n == 0, at,
               "seed varies, and `seeds` are given too");
    for (int c = 0; c < p->n_conditions; c++) {
        const char *const other = strstr(p->conditions[c]->key, ".when.") + 6;
        bool is_before = false;
        bool is_there = false;
        for (int q = 0; q < s->n_parameters; q++) {
            is_there = is_there || strcmp(s->parameters[q].key, other) == 0;
            is_before = is_before || (q < number && strcmp(s->parameters[q].key, other) == 0);
        }
        REQUIRE_AT(is_before || !is_there, p->conditions[c],
                   "%s must stand before what depends on it", other);
        REQUIRE_AT(is_there || pr_config_value(s->defaults->config, other) != NULL,
                   p->conditions[c], "there is no key %s", other);
    }
    return PR_OK;
}

pr_status pr__parameters_read(pr_sweep *s)
{
    const int64_t n = pr_settings_n(s->space);
    PR_REQUIRE(n > 0, PR_ERR_INVALID, "%s: nothing varies: parameters: {key: {choice: [a, b]}}",
               pr_settings_at(s->spec, 0)->file);
    s->parameters = pr_calloc(n, sizeof(*s->parameters));
    PR_REQUIRE(s->parameters != NULL, PR_ERR_NOMEM, "no memory for %lld parameters", (long long)n);
    for (int64_t i = 0; i < n; i++) {
        PR_TRY(read_line(s, pr_settings_at(s->space, i)));
    }
    for (int p = 0; p < s->n_parameters; p++) {
        PR_TRY(check(s, p));
    }
    return PR_OK;
}

static double between(const pr_sweep_parameter *p, double share)
{
    const bool is_log = p->kind == PR_SWEEP_LOG || p->kind == PR_SWEEP_LOG_INTEGER;
    return is_log ? pr_exp(pr_log(p->low) + share * (pr_log(p->high) - pr_log(p->low)))
                  : p->low + share * (p->high - p->low);
}

static pr_status text_of(const pr_sweep_parameter *p, double value, char **out)
{
    char text[64];
    const bool is_integer = p->kind == PR_SWEEP_INTEGER || p->kind == PR_SWEEP_LOG_INTEGER;
    value = value < p->low ? p->low : value > p->high ? p->high : value;
    (void)snprintf(text, sizeof(text), is_integer ? "%.0f" : "%.6g", value);
    *out = pr_strdup(text);
    PR_REQUIRE(*out != NULL, PR_ERR_NOMEM, "no memory for a value");
    return PR_OK;
}

pr_status pr__parameter_at(const pr_sweep_parameter *p, double u, char **out)
{
    if (p->kind == PR_SWEEP_LIST) {
        const int64_t i = (int64_t)(u * (double)p->n);
        *out = pr_strdup(p->words[i < p->n ? i : p->n - 1]);
        PR_REQUIRE(*out != NULL, PR_ERR_NOMEM, "no memory for a value");
        return PR_OK;
    }
    if (p->kind == PR_SWEEP_INTEGER) { /* each whole number has the same part of [0, 1) */
        return text_of(p, floor(p->low + u * (p->high - p->low + 1.0)), out);
    }
    const double value = between(p, u);
    return text_of(p, p->kind == PR_SWEEP_LOG_INTEGER ? floor(value + 0.5) : value, out);
}

pr_status pr__parameter_point(const pr_sweep_parameter *p, int64_t i, char **out)
{
    if (p->kind == PR_SWEEP_LIST) {
        *out = pr_strdup(p->words[i]);
        PR_REQUIRE(*out != NULL, PR_ERR_NOMEM, "no memory for a value");
        return PR_OK;
    }
    const double value = between(p, (double)i / (double)(p->n - 1));
    const bool is_integer = p->kind == PR_SWEEP_INTEGER || p->kind == PR_SWEEP_LOG_INTEGER;
    return text_of(p, is_integer ? floor(value + 0.5) : value, out);
}
