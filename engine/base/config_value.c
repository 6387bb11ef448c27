/* One value: text to a member of a struct and to its canonical text. */
#include "engine/base/alloc.h"
#include "engine/base/config_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 40 };

const char *pr__place_text(pr__place place, char text[static PLACE_BYTES])
{
    if (place.line > 0) {
        (void)snprintf(text, PLACE_BYTES, "%s:%d: ", place.file, place.line);
    } else {
        (void)snprintf(text, PLACE_BYTES, "%s ", place.file);
    }
    return text;
}

/* What is being read, for messages and for the list of what to free. */
typedef struct reader {
    pr_config *config;
    const pr_config_row *row;
    const char *key;
    char place[PLACE_BYTES];
} reader;

static bool is_bounded(const pr_config_row *row)
{
    return row->min != 0.0 || row->max != 0.0;
}

static pr_status check_range(const reader *r, double value, const char *text)
{
    const pr_config_row *const row = r->row;
    if (!is_bounded(row) || (value >= row->min && value <= row->max)) {
        return PR_OK;
    }
    if (isinf(row->max)) {
        return PR_FAIL(PR_ERR_INVALID, "%s%s = %s, must be at least %.15g", r->place, r->key, text,
                       row->min);
    }
    return PR_FAIL(PR_ERR_INVALID, "%s%s = %s, must be between %.15g and %.15g", r->place, r->key,
                   text, row->min, row->max);
}

/* The shortest text that reads back as VALUE. */
static void real_text(double value, char text[static NUMBER_BYTES])
{
    for (int n_digits = 15; n_digits <= 17; n_digits++) {
        (void)snprintf(text, NUMBER_BYTES, "%.*g", n_digits, value);
        if (strtod(text, NULL) == value) { // NOLINT(cert-err34-c): our own digits.
            return;
        }
    }
}

static pr_status read_int(const reader *r, const char *value, void *member, pr_text *text)
{
    int64_t number = 0;
    PR_REQUIRE(pr_text_to_int(value, &number), PR_ERR_INVALID, "%s%s = %s is not a whole number",
               r->place, r->key, value);
    PR_TRY(check_range(r, (double)number, value));
    if (member != NULL) {
        memcpy(member, &number, sizeof(number));
    }
    return pr_text_add(text, "%lld", (long long)number);
}

static pr_status to_real(const reader *r, const char *value, double *number, pr_text *text)
{
    PR_REQUIRE(pr_text_to_real(value, number), PR_ERR_INVALID, "%s%s = %s is not a number",
               r->place, r->key, value);
    PR_TRY(check_range(r, *number, value));
    if (*number == 0.0) {
        *number = 0.0; /* no negative zero: it would be another text for the same value */
    }
    char digits[NUMBER_BYTES];
    real_text(*number, digits);
    return pr_text_add(text, "%s", digits);
}

static pr_status read_real(const reader *r, const char *value, void *member, pr_text *text)
{
    double number = 0.0;
    PR_TRY(to_real(r, value, &number, text));
    if (member != NULL) {
        memcpy(member, &number, sizeof(number));
    }
    return PR_OK;
}

static pr_status read_bool(const reader *r, const char *value, void *member, pr_text *text)
{
    const bool is_true = strcmp(value, "true") == 0;
    PR_REQUIRE(is_true || strcmp(value, "false") == 0, PR_ERR_INVALID,
               "%s%s = %s, must be true or false", r->place, r->key, value);
    if (member != NULL) {
        memcpy(member, &is_true, sizeof(is_true));
    }
    return pr_text_add(text, "%s", value);
}

/* The number of VALUE among the row's words. */
static pr_status find_word(const reader *r, const char *value, int *number)
{
    const char *const *const words = r->row->words;
    int64_t n = 0;
    for (; words[n] != NULL; n++) {
        if (strcmp(words[n], value) == 0) {
            *number = (int)n;
            return PR_OK;
        }
    }
    pr_text list = {0};
    for (int64_t i = 0; i < n; i++) {
        const pr_status status = pr_text_add(&list, "%s%s", i > 0 ? ", " : "", words[i]);
        if (status != PR_OK) {
            pr_text_free(&list);
            return status;
        }
    }
    const char *const near = pr_text_nearest(value, words, n);
    const pr_status status =
        PR_FAIL(PR_ERR_INVALID, "%s%s = %s, must be one of %s%s%s%s", r->place, r->key, value,
                pr_text_chars(&list), near != NULL ? "; did you mean '" : "",
                near != NULL ? near : "", near != NULL ? "'?" : "");
    pr_text_free(&list);
    return status;
}

static pr_status read_choice(const reader *r, const char *value, void *member, pr_text *text)
{
    int number = 0;
    PR_TRY(find_word(r, value, &number));
    if (member != NULL) {
        memcpy(member, &number, sizeof(number));
    }
    return pr_text_add(text, "%s", value);
}

static pr_status keep_text(pr_config *config, const char *text, const char **out)
{
    void *copy = NULL;
    const size_t n_bytes = strlen(text) + 1;
    PR_TRY(pr__config_keep(config, (int64_t)n_bytes, 1, &copy));
    memcpy(copy, text, n_bytes);
    *out = copy;
    return PR_OK;
}

static pr_status read_string(const reader *r, const char *value, void *member, pr_text *text)
{
    const char *const usual = r->row->default_value;
    PR_REQUIRE(value[0] != '\0' || (usual != NULL && usual[0] == '\0'), PR_ERR_INVALID,
               "%s%s is empty: %s", r->place, r->key, r->row->doc);
    if (member != NULL) {
        const char *copy = NULL;
        PR_TRY(keep_text(r->config, value, &copy));
        memcpy(member, &copy, sizeof(copy));
    }
    return pr_text_add(text, "%s", value);
}

static pr_status read_words(const reader *r, char *const *words, int64_t n, void *member,
                            pr_text *text)
{
    void *block = NULL;
    PR_TRY(pr__config_keep(r->config, n + 1, sizeof(char *), &block));
    const char **const table = (const char **)block;
    for (int64_t i = 0; i < n; i++) {
        int number = 0;
        if (r->row->words != NULL) {
            PR_TRY(find_word(r, words[i], &number));
        }
        PR_TRY(keep_text(r->config, words[i], &table[i]));
        PR_TRY(pr_text_add(text, "%s\n", words[i]));
    }
    if (member != NULL) {
        const pr_config_words list = {table, n};
        memcpy(member, &list, sizeof(list));
    }
    return PR_OK;
}

static pr_status read_reals(const reader *r, char *const *words, int64_t n, void *member,
                            pr_text *text)
{
    void *block = NULL;
    PR_TRY(pr__config_keep(r->config, n, sizeof(double), &block));
    double *const numbers = block;
    for (int64_t i = 0; i < n; i++) {
        PR_TRY(to_real(r, words[i], &numbers[i], text));
        PR_TRY(pr_text_add_bytes(text, "\n", 1));
    }
    if (member != NULL) {
        const pr_config_reals list = {numbers, n};
        memcpy(member, &list, sizeof(list));
    }
    return PR_OK;
}

static bool is_list_type(pr_config_type type)
{
    return type == PR_CONFIG_WORDS || type == PR_CONFIG_REALS;
}

/* The words of VALUE: of a list its lines, of one word given for a list that word. */
static pr_status read_list(const reader *r, const char *value, bool is_list, void *member,
                           pr_text *text)
{
    pr_text lines = {0};
    char **words = NULL;
    int64_t n = 0;
    /* Every word ends with a line feed now, so that a list of one empty word is told from an empty
     * list; what would stand behind the last is none. */
    pr_status status = pr_text_add(&lines, "%s%s", value, is_list || value[0] == '\0' ? "" : "\n");
    if (status == PR_OK) {
        status = pr_text_split(pr_text_chars(&lines), '\n', &words, &n);
    }
    n = n > 0 ? n - 1 : 0;
    if (status == PR_OK && r->row->type == PR_CONFIG_WORDS) {
        status = read_words(r, words, n, member, text);
    } else if (status == PR_OK) {
        status = read_reals(r, words, n, member, text);
    }
    pr_free(words);
    pr_text_free(&lines);
    return status;
}

static pr_status read_scalar(const reader *r, const char *value, void *member, pr_text *text)
{
    switch (r->row->type) {
    case PR_CONFIG_INT:
        return read_int(r, value, member, text);
    case PR_CONFIG_REAL:
        return read_real(r, value, member, text);
    case PR_CONFIG_BOOL:
        return read_bool(r, value, member, text);
    case PR_CONFIG_CHOICE:
        return read_choice(r, value, member, text);
    case PR_CONFIG_STRING:
        return read_string(r, value, member, text);
    case PR_CONFIG_WORDS:
    case PR_CONFIG_REALS:
        break;
    }
    return PR_FAIL(PR_ERR_INVALID, "%s: a row of type %d", r->key, (int)r->row->type);
}

pr_status pr__value_read(pr_config *config, const pr_config_row *row, const char *key,
                         const char *value, bool is_list, pr__place place, void *member,
                         char **text)
{
    reader r = {.config = config, .row = row, .key = key};
    (void)pr__place_text(place, r.place);
    PR_REQUIRE(!is_list || is_list_type(row->type), PR_ERR_INVALID,
               "%s%s is a list; one value was wanted", r.place, key);
    pr_text canonical = {0};
    pr_status status = is_list_type(row->type) ? read_list(&r, value, is_list, member, &canonical)
                                               : read_scalar(&r, value, member, &canonical);
    if (status == PR_OK && canonical.chars == NULL) {
        status = pr_text_add(&canonical, "%s", ""); /* an empty list is a text too */
    }
    if (status != PR_OK) {
        pr_text_free(&canonical);
        return status;
    }
    *text = canonical.chars;
    return PR_OK;
}

pr_status pr__default_of(const pr_config_row *row, char **value, bool *is_list)
{
    *is_list = is_list_type(row->type);
    pr_text text = {0};
    pr_status status = PR_OK;
    if (*is_list) {
        char **words = NULL;
        int64_t n = 0;
        PR_TRY(pr_text_split(row->default_value, ',', &words, &n));
        for (int64_t i = 0; status == PR_OK && i < n; i++) {
            status = pr_text_add(&text, "%s\n", words[i]);
        }
        pr_free(words);
        if (status == PR_OK && n == 0) {
            status = pr_text_add(&text, "%s", "");
        }
    } else {
        status = pr_text_add(&text, "%s", row->default_value);
    }
    if (status != PR_OK) {
        pr_text_free(&text);
        return status;
    }
    *value = text.chars;
    return PR_OK;
}
