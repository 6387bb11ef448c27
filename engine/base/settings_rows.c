/* Table files: one config, some keys of which vary by named row. */
#include "engine/base/alloc.h"
#include "engine/base/config_private.h"

#include <string.h>

enum { NAME_BYTES = 256 };

/* The row that KEY ("rows.NAME.rest") belongs to. */
static bool row_of(const char *key, char name[static NAME_BYTES], const char **rest)
{
    const char *below = NULL;
    if (!pr__key_is_below(key, "rows", &below)) {
        return false;
    }
    const size_t n = strcspn(below, ".");
    if (n == 0 || n >= NAME_BYTES) {
        return false;
    }
    memcpy(name, below, n);
    name[n] = '\0';
    *rest = below[n] == '.' ? below + n + 1 : below + n;
    return true;
}

static bool has_line(const char *lines, const char *line)
{
    const size_t n = strlen(line);
    while (*lines != '\0') {
        const size_t n_line = strcspn(lines, "\n");
        if (n_line == n && memcmp(lines, line, n) == 0) {
            return true;
        }
        lines += n_line + (lines[n_line] == '\n');
    }
    return false;
}

pr_status pr_settings_rows(const pr_settings *settings, char ***names, int64_t *n_names)
{
    pr_text lines = {0};
    pr_status status = PR_OK;
    for (int64_t i = 0; status == PR_OK && i < settings->n; i++) {
        char name[NAME_BYTES];
        const char *rest = NULL;
        if (row_of(settings->at[i].key, name, &rest) && !has_line(pr_text_chars(&lines), name)) {
            status = pr_text_add(&lines, "%s%s", lines.n_chars > 0 ? "\n" : "", name);
        }
    }
    if (status == PR_OK) {
        status = pr_text_split(pr_text_chars(&lines), '\n', names, n_names);
    }
    pr_text_free(&lines);
    return status;
}

/* Whether `varies` lists KEY, or something that KEY stands below. */
static bool may_vary(const pr_setting *varies, const char *key)
{
    const char *lines = varies->value;
    while (*lines != '\0') {
        const size_t n = strcspn(lines, "\n");
        if (strncmp(key, lines, n) == 0 && (key[n] == '\0' || key[n] == '.')) {
            return true;
        }
        lines += n + (lines[n] == '\n');
    }
    return false;
}

/* The keys of row NAME as settings of their own. */
static pr_status settings_of_row(const pr_settings *settings, const char *name, pr_settings *out)
{
    const pr_setting *const varies = pr_settings_find(settings, "varies");
    for (int64_t i = 0; i < settings->n; i++) {
        pr_setting moved = settings->at[i];
        char row[NAME_BYTES];
        if (!row_of(settings->at[i].key, row, &moved.key) || strcmp(row, name) != 0 ||
            moved.key[0] == '\0') {
            continue; /* another row's, or the mark of a row without keys of its own */
        }
        PR_REQUIRE(varies != NULL && may_vary(varies, moved.key), PR_ERR_INVALID,
                   "%s:%d: row '%s' sets %s, which `varies` does not list", moved.file, moved.line,
                   name, moved.key);
        PR_TRY(pr__settings_append(out, &moved));
    }
    for (int64_t i = 0; i < settings->n_lists; i++) {
        char row[NAME_BYTES];
        const char *key = NULL;
        if (row_of(settings->lists[i], row, &key) && strcmp(row, name) == 0) {
            PR_TRY(pr__settings_note_list(out, key));
        }
    }
    return PR_OK;
}

static pr_status join_names(char *const *names, int64_t n_names, pr_text *text)
{
    for (int64_t i = 0; i < n_names; i++) {
        PR_TRY(pr_text_add(text, "%s%s", i > 0 ? ", " : "", names[i]));
    }
    return PR_OK;
}

static pr_status check_name(char *const *names, int64_t n_names, const char *name)
{
    pr_text list = {0};
    pr_status status = join_names(names, n_names, &list);
    bool is_known = false;
    for (int64_t i = 0; i < n_names && name != NULL; i++) {
        is_known = is_known || strcmp(names[i], name) == 0;
    }
    if (status == PR_OK && name == NULL && n_names > 0) {
        status = PR_FAIL(PR_ERR_INVALID, "this config is a table: choose one with --row: %s",
                         pr_text_chars(&list));
    } else if (status == PR_OK && name != NULL && n_names == 0) {
        status = PR_FAIL(PR_ERR_INVALID, "--row %s, but this config has no `rows`", name);
    } else if (status == PR_OK && name != NULL && !is_known) {
        const char *const near = pr_text_nearest(name, (const char *const *)names, n_names);
        status = PR_FAIL(PR_ERR_INVALID, "--row %s: no such row%s%s%s; it has %s", name,
                         near != NULL ? ", did you mean '" : "", near != NULL ? near : "",
                         near != NULL ? "'" : "", pr_text_chars(&list));
    }
    pr_text_free(&list);
    return status;
}

pr_status pr_settings_choose_row(pr_settings *settings, const char *name)
{
    char **names = NULL;
    int64_t n_names = 0;
    PR_TRY(pr_settings_rows(settings, &names, &n_names));
    pr_settings *row = NULL;
    pr_status status = check_name(names, n_names, name);
    pr_free(names);
    if (status == PR_OK) {
        status = pr_settings_create(&row);
    }
    if (status == PR_OK && name != NULL) {
        status = settings_of_row(settings, name, row);
    }
    if (status == PR_OK) {
        pr__settings_remove(settings, "rows");
        pr__settings_remove(settings, "varies");
        status = pr__settings_merge(settings, row);
    }
    pr_settings_destroy(&row);
    return status;
}
