/* What a config says of itself: as YAML, as a hash, against another, and as a page of the manual. */
#include "engine/base/alloc.h"
#include "engine/base/config_private.h"
#include "engine/base/hash.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 40 };

static bool is_list_row(const pr_config_row *row)
{
    return row->type == PR_CONFIG_WORDS || row->type == PR_CONFIG_REALS;
}

static bool is_number_row(const pr_config_row *row)
{
    return row->type == PR_CONFIG_INT || row->type == PR_CONFIG_REAL ||
           row->type == PR_CONFIG_REALS;
}

/* Words that YAML would read as themselves go plain; all others in JSON's quotes, which YAML has. */
static bool is_plain(const char *word)
{
    if (word[0] == '\0' || isalpha((unsigned char)word[0]) == 0) {
        return false;
    }
    for (const char *c = word; *c != '\0'; c++) {
        if (isalnum((unsigned char)*c) == 0 && strchr("_-./()", *c) == NULL) {
            return false;
        }
    }
    return true;
}

static pr_status add_word(pr_text *text, const pr_config_row *row, const char *word)
{
    return is_number_row(row) || is_plain(word) ? pr_text_add(text, "%s", word)
                                                : pr_text_add_json(text, word);
}

static pr_status add_value(pr_text *text, const pr_config_row *row, const char *value)
{
    if (!is_list_row(row)) {
        return add_word(text, row, value);
    }
    char **words = NULL;
    int64_t n = 0;
    PR_TRY(pr_text_split(value, '\n', &words, &n));
    pr_status status = pr_text_add(text, "[");
    for (int64_t i = 0; status == PR_OK && i + 1 < n; i++) {
        status = pr_text_add(text, "%s", i > 0 ? ", " : "");
        if (status == PR_OK) {
            status = add_word(text, row, words[i]);
        }
    }
    pr_free(words);
    PR_TRY(status);
    return pr_text_add(text, "]");
}

pr_status pr_config_dump(const pr_config *config, pr_text *text)
{
    for (int64_t i = 0; i < config->n_values; i++) {
        const pr__value *const value = &config->values[i];
        PR_TRY(pr_text_add(text, "%s: ", value->key));
        PR_TRY(add_value(text, value->row, value->text));
        PR_TRY(pr_text_add(text, "\n"));
    }
    return PR_OK;
}

static const pr__value *find(const pr_config *config, const char *key)
{
    for (int64_t i = 0; i < config->n_values; i++) {
        if (strcmp(config->values[i].key, key) == 0) {
            return &config->values[i];
        }
    }
    return NULL;
}

bool pr_config_is_set(const pr_config *config, const char *key)
{
    const pr__value *const value = find(config, key);
    return value != NULL && value->is_set;
}

const char *pr_config_value(const pr_config *config, const char *key)
{
    const pr__value *const value = find(config, key);
    return value != NULL ? value->text : NULL;
}

/* VALUE with each double as %.17g, chained into HASH. */
static uint64_t hash_of_value(const pr__value *value, uint64_t hash)
{
    hash = pr_hash64(value->key, strlen(value->key) + 1, hash);
    if (value->row->type != PR_CONFIG_REAL && value->row->type != PR_CONFIG_REALS) {
        return pr_hash64(value->text, strlen(value->text) + 1, hash);
    }
    for (const char *at = value->text; *at != '\0';) {
        char *end = NULL;
        char number[NUMBER_BYTES];
        const int n = snprintf(number, sizeof(number), "%.17g", strtod(at, &end));
        hash = pr_hash64(number, (size_t)n, hash);
        at = *end == '\n' ? end + 1 : end;
    }
    return hash;
}

/* By keys, so that neither the order of rows nor of elements' names in a file matters. */
static int by_key(const void *a, const void *b)
{
    const pr__value *const left = *(const pr__value *const *)a;
    const pr__value *const right = *(const pr__value *const *)b;
    return strcmp(left->key, right->key);
}

static bool enters_hash(const pr__value *value)
{
    return (value->row->flags & PR_CONFIG_IDENTITY) != 0 &&
           (value->default_text == NULL || strcmp(value->text, value->default_text) != 0);
}

pr_status pr_config_hash(const pr_config *config, uint64_t *hash)
{
    const pr__value **const sorted = pr_calloc(config->n_values, sizeof(pr__value *));
    PR_REQUIRE(sorted != NULL, PR_ERR_NOMEM, "no memory for the hash of a config");
    int64_t n = 0;
    for (int64_t i = 0; i < config->n_values; i++) {
        if (enters_hash(&config->values[i])) {
            sorted[n++] = &config->values[i];
        }
    }
    qsort(sorted, (size_t)n, sizeof(pr__value *), by_key); // NOLINT(bugprone-sizeof-expression)
    *hash = 0;
    for (int64_t i = 0; i < n; i++) {
        *hash = hash_of_value(sorted[i], *hash);
    }
    pr_free(sorted);
    return PR_OK;
}

static bool may_change(const pr__value *value)
{
    return (value->row->flags & PR_CONFIG_FREE_ON_RESUME) != 0;
}

void pr_config_compare(const pr_config *before, const pr_config *now, pr_config_change *change)
{
    *change = (pr_config_change){0};
    for (int64_t i = 0; i < now->n_values; i++) {
        const pr__value *const value = &now->values[i];
        const pr__value *const old = find(before, value->key);
        if (!may_change(value) && (old == NULL || strcmp(old->text, value->text) != 0)) {
            *change = (pr_config_change){value->key, old != NULL ? old->text : NULL, value->text};
            return;
        }
    }
    for (int64_t i = 0; i < before->n_values; i++) {
        const pr__value *const old = &before->values[i];
        if (!may_change(old) && find(now, old->key) == NULL) {
            *change = (pr_config_change){old->key, old->text, NULL};
            return;
        }
    }
}

static const char *const TYPE_NAMES[] = {"whole number", "number", "true, false", "word",
                                         "text",         "words",  "numbers"};

/* A '|' would end the cell. */
static pr_status add_cell(pr_text *text, const char *cell)
{
    for (; *cell != '\0'; cell++) {
        PR_TRY(pr_text_add(text, "%s%c", *cell == '|' ? "\\" : "", *cell));
    }
    return PR_OK;
}

static pr_status add_allowed(pr_text *text, const pr_config_row *row)
{
    if (row->words != NULL) {
        for (int64_t i = 0; row->words[i] != NULL; i++) {
            PR_TRY(pr_text_add(text, "%s`%s`", i > 0 ? ", " : "", row->words[i]));
        }
        return PR_OK;
    }
    PR_TRY(pr_text_add(text, "%s", TYPE_NAMES[row->type]));
    if (!is_number_row(row) || (row->min == 0.0 && row->max == 0.0)) {
        return PR_OK;
    }
    return isinf(row->max) ? pr_text_add(text, ", at least %.15g", row->min)
                           : pr_text_add(text, ", %.15g to %.15g", row->min, row->max);
}

static pr_status add_rows(pr_text *text, const char *prefix, const pr_config_row *rows, int64_t n)
{
    PR_TRY(pr_text_add(text, "| key | default | values | meaning |\n|---|---|---|---|\n"));
    for (int64_t i = 0; i < n; i++) {
        const pr_config_row *const row = &rows[i];
        const char *const usual = row->default_value;
        PR_TRY(pr_text_add(text, "| `%s%s` | ", prefix, row->key));
        if (usual == NULL) {
            PR_TRY(pr_text_add(text, "must be given"));
        } else if (usual[0] != '\0') {
            PR_TRY(pr_text_add(text, "`%s`", usual));
        }
        PR_TRY(pr_text_add(text, " | "));
        PR_TRY(add_allowed(text, row));
        PR_TRY(pr_text_add(text, " | "));
        PR_TRY(add_cell(text, row->doc));
        PR_TRY(
            pr_text_add(text, "%s |\n",
                        (row->flags & PR_CONFIG_FREE_ON_RESUME) != 0 ? " *(free on resume)*" : ""));
    }
    return PR_OK;
}

static const char *const MEMBER_NAMES[] = {"N", "NAME", "NAME.N"};

static pr_status add_group(pr_text *text, const pr_config_group *group)
{
    pr_text prefix = {0};
    pr_status status = pr_text_add(&prefix, "%s.%s.", group->prefix, MEMBER_NAMES[group->naming]);
    if (status == PR_OK) {
        status = pr_text_add(text, "\n### %s%s\n\n%s\n\n", group->prefix,
                             group->naming == PR_CONFIG_BY_NUMBER ? "" : ".NAME", group->doc);
    }
    if (status == PR_OK) {
        status = add_rows(text, pr_text_chars(&prefix), group->rows, group->n_rows);
    }
    pr_text_free(&prefix);
    return status;
}

pr_status pr_config_document(const pr_config_schema *schema, pr_text *text)
{
    for (int i = 0; i < schema->n_modules; i++) {
        const pr_config_module *const module = &schema->modules[i];
        PR_TRY(pr_text_add(text, "%s## %s\n\n", i > 0 ? "\n" : "", module->title));
        if (module->n_rows > 0) {
            PR_TRY(add_rows(text, "", module->rows, module->n_rows));
        }
        for (int64_t g = 0; g < module->n_groups; g++) {
            PR_TRY(add_group(text, &module->groups[g]));
        }
    }
    return PR_OK;
}
