/* Repeated groups: data.train.0.path, stage.contrastive.epochs, data.test.ff.0.path. */
#include "engine/base/alloc.h"
#include "engine/base/config_private.h"

#include <stdio.h>
#include <string.h>

enum { MAX_ELEMENTS = 4096 };

/* The members that the settings name, in order of first appearance: "0", "ff", "ff.0". */
typedef struct members {
    char **at; /* [n] */
    int64_t n, n_room;
} members;

static void free_members(members *m)
{
    for (int64_t i = 0; i < m->n; i++) {
        pr_free(m->at[i]);
    }
    pr_free(m->at);
    *m = (members){0};
}

static size_t n_member_chars(const char *rest, pr_config_naming naming)
{
    size_t n = strcspn(rest, ".");
    if (naming == PR_CONFIG_BY_NAME_NUMBER && rest[n] == '.') {
        n += 1 + strcspn(rest + n + 1, ".");
    }
    return rest[n] == '.' ? n : 0;
}

static pr_status note_member(members *m, const char *name, size_t n_chars)
{
    for (int64_t i = 0; i < m->n; i++) {
        if (strlen(m->at[i]) == n_chars && memcmp(m->at[i], name, n_chars) == 0) {
            return PR_OK;
        }
    }
    void *at = m->at;
    PR_TRY(pr__grow(&at, m->n, &m->n_room, sizeof(char *)));
    m->at = at;
    char *const copy = pr_calloc((int64_t)n_chars + 1, 1);
    PR_REQUIRE(copy != NULL, PR_ERR_NOMEM, "no memory for a config's list");
    memcpy(copy, name, n_chars);
    m->at[m->n++] = copy;
    return PR_OK;
}

/* Names of elements become names of files, and keys of the dump. */
static pr_status check_name(const pr_config_group *group, const pr_setting *setting,
                            const char *name, size_t n_chars)
{
    char place[PLACE_BYTES];
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    PR_REQUIRE(strspn(name, letters) >= n_chars, PR_ERR_INVALID,
               "%s%s.%.*s: a name has letters, digits, '-' and '_'",
               pr__place_text((pr__place){setting->file, setting->line}, place), group->prefix,
               (int)n_chars, name);
    return PR_OK;
}

static pr_status find_members(pr__applier *a, const pr_config_group *group, members *m)
{
    for (int64_t i = 0; i < a->settings->n; i++) {
        const pr_setting *const s = &a->settings->at[i];
        const char *rest = NULL;
        if (!pr__key_is_below(s->key, group->prefix, &rest)) {
            continue;
        }
        const bool is_number = group->naming == PR_CONFIG_BY_NUMBER;
        if (rest[0] == '\0' && s->is_list && s->value[0] == '\0' && is_number) {
            a->is_used[i] = true; /* `data.val: []` */
            continue;
        }
        const size_t n_chars = n_member_chars(rest, group->naming);
        if (n_chars > 0) {
            PR_TRY(check_name(group, s, rest, n_chars));
            PR_TRY(note_member(m, rest, n_chars));
        }
        PR_REQUIRE(m->n <= MAX_ELEMENTS, PR_ERR_INVALID, "%s:%d: %s has more than %d elements",
                   s->file, s->line, group->prefix, MAX_ELEMENTS);
    }
    return PR_OK;
}

/* The characters of MEMBER that are its name: none in a group that only numbers. */
static size_t n_name_chars(const pr_config_group *group, const char *member)
{
    switch (group->naming) {
    case PR_CONFIG_BY_NUMBER:
        return 0;
    case PR_CONFIG_BY_NAME:
        return strlen(member);
    case PR_CONFIG_BY_NAME_NUMBER:
        break;
    }
    return strcspn(member, ".");
}

static bool has_name(const pr_config_group *group, const char *member, const char *name)
{
    const size_t n = n_name_chars(group, name);
    return n_name_chars(group, member) == n && memcmp(member, name, n) == 0;
}

/* The member of the name of NAME and this number, or NULL. */
static char *member_at(const pr_config_group *group, const members *m, const char *name,
                       int64_t number)
{
    const size_t n_name = n_name_chars(group, name);
    char wanted[MAX_KEY_BYTES];
    (void)snprintf(wanted, sizeof(wanted), "%.*s%s%lld", (int)n_name, name, n_name > 0 ? "." : "",
                   (long long)number);
    for (int64_t i = 0; i < m->n; i++) {
        if (strcmp(m->at[i], wanted) == 0) {
            return m->at[i];
        }
    }
    return NULL;
}

/* Writes the members of M to SORTED: names as they first appear, numbers 0, 1, 2, ... in each. */
static pr_status sort_into(const pr_config_group *group, const members *m, char **sorted)
{
    int64_t n_sorted = 0;
    for (int64_t i = 0; i < m->n; i++) {
        const char *const name = m->at[i];
        bool is_done = false;
        for (int64_t k = 0; k < n_sorted; k++) {
            is_done = is_done || has_name(group, sorted[k], name);
        }
        if (is_done) {
            continue;
        }
        int64_t n_of_name = 0;
        for (int64_t k = i; k < m->n; k++) {
            n_of_name += has_name(group, m->at[k], name);
        }
        for (int64_t number = 0; number < n_of_name; number++) {
            const size_t n_name = n_name_chars(group, name);
            char *const found = member_at(group, m, name, number);
            PR_REQUIRE(found != NULL, PR_ERR_INVALID,
                       "%s%s%.*s has %lld elements, and none with the number %lld", group->prefix,
                       n_name > 0 ? "." : "", (int)n_name, name, (long long)n_of_name,
                       (long long)number);
            sorted[n_sorted++] = found;
        }
    }
    return PR_OK;
}

static pr_status sort_members(const pr_config_group *group, members *m)
{
    char **const sorted = pr_calloc(m->n, sizeof(char *));
    PR_REQUIRE(sorted != NULL, PR_ERR_NOMEM, "no memory for a config's list");
    const pr_status status = sort_into(group, m, sorted);
    if (status != PR_OK) {
        pr_free(sorted);
        return status;
    }
    pr_free(m->at);
    m->at = sorted;
    m->n_room = m->n;
    return PR_OK;
}

/* The names of BY_NAME and BY_NAME_NUMBER, without the numbers. */
static pr_status keep_names(pr_config *config, const pr_config_group *group, const members *m,
                            const char *const **out)
{
    void *block = NULL;
    PR_TRY(pr__config_keep(config, m->n + 1, sizeof(char *), &block));
    const char **const names = (const char **)block;
    for (int64_t i = 0; i < m->n; i++) {
        void *name = NULL;
        const size_t n_chars = n_name_chars(group, m->at[i]);
        PR_TRY(pr__config_keep(config, (int64_t)n_chars + 1, 1, &name));
        memcpy(name, m->at[i], n_chars);
        names[i] = name;
    }
    *out = names;
    return PR_OK;
}

static pr_status apply_elements(pr__applier *a, const pr_config_group *group, const members *m,
                                void *target)
{
    pr_config_array array = {.n = m->n};
    if (target != NULL) {
        PR_TRY(pr__config_keep(a->config, m->n, group->element_bytes, &array.at));
        PR_TRY(keep_names(a->config, group, m, &array.names));
        memcpy((char *)target + group->offset, &array, sizeof(array));
    }
    for (int64_t i = 0; i < m->n; i++) {
        char prefix[MAX_KEY_BYTES];
        (void)snprintf(prefix, sizeof(prefix), "%s.%s", group->prefix, m->at[i]);
        void *const element =
            target != NULL ? (char *)array.at + (size_t)i * group->element_bytes : NULL;
        for (int64_t r = 0; r < group->n_rows; r++) {
            PR_TRY(pr__apply_row(a, &group->rows[r], prefix, group->fallback_prefix, element));
        }
    }
    return PR_OK;
}

pr_status pr__apply_group(pr__applier *a, const pr_config_group *group, void *target)
{
    members m = {0};
    pr_status status = find_members(a, group, &m);
    if (status == PR_OK && group->naming != PR_CONFIG_BY_NAME) {
        status = sort_members(group, &m);
    }
    if (status == PR_OK) {
        status = apply_elements(a, group, &m, target);
    }
    free_members(&m);
    return status;
}
