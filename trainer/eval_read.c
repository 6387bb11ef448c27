#include "trainer/eval_table.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

pr_status pr_eval_split_name(const char *name, char set[static 128], const char **metric)
{
    static const char *const starts[] = {"frame.", "video.",  "methods_mean.", "methods.",
                                         "rccl.",  "compat.", "centre."};
    for (const char *dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
            const size_t n_set = (size_t)(dot - name);
            if (n_set > 0 && n_set < 128 && strncmp(dot + 1, starts[i], strlen(starts[i])) == 0) {
                memcpy(set, name, n_set);
                set[n_set] = '\0';
                *metric = dot + 1;
                return PR_OK;
            }
        }
    }
    return PR_FAIL(PR_ERR_INVALID,
                   "'%s' is no metric of a set, such as val.frame.auc or test.celeb.video.eer",
                   name);
}

/* The value below ROOT whose keys, joined by dots, are NAME. A method's name may have dots, so each
 * key is tried as a whole. */
// NOLINTNEXTLINE(misc-no-recursion): as deep as the file's objects
static const json_t *find_dotted(const json_t *root, const char *name, int depth)
{
    const json_t *exact = json_object_get(root, name);
    if (exact != NULL || depth == 0) {
        return exact;
    }
    const char *key = NULL;
    json_t *child = NULL;
    json_object_foreach((json_t *)root, key, child)
    {
        const size_t n_key = strlen(key);
        if (json_is_object(child) && strncmp(name, key, n_key) == 0 && name[n_key] == '.') {
            const json_t *found = find_dotted(child, name + n_key + 1, depth - 1);
            if (found != NULL) {
                return found;
            }
        }
    }
    return NULL;
}

static pr_status find_metric(const char *path, const json_t *root, const char *metric, double *out)
{
    char name[256];
    const bool is_centre = strncmp(metric, "centre.", 7) == 0;
    PR_REQUIRE(strlen(metric) < sizeof(name) - 8, PR_ERR_INVALID, "a metric's name of %zu bytes",
               strlen(metric));
    (void)snprintf(name, sizeof(name), "%s%s", is_centre ? "frame." : "",
                   is_centre ? metric + 7 : metric);
    const json_t *value = find_dotted(root, name, 4);
    PR_REQUIRE(value != NULL && (json_is_number(value) || json_is_null(value)), PR_ERR_INVALID,
               "%s: has no metric '%s'", path, metric);
    *out = json_is_null(value) ? NAN : json_number_value(value);
    return PR_OK;
}

pr_status pr_eval_read_metric(const char *path, const char *metric, double *out)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    PR_TRY(pr_fs_read(path, &bytes, &n_bytes));
    json_error_t error = {.line = 0};
    json_t *root = json_loadb(bytes, n_bytes, JSON_REJECT_DUPLICATES, &error);
    pr_free(bytes);
    PR_REQUIRE(root != NULL, PR_ERR_FORMAT, "%s:%d: %s", path, error.line, error.text);
    const pr_status status = find_metric(path, root, metric, out);
    json_decref(root);
    return status;
}
