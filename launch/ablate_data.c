/* Data that are not there. */
#include "launch/ablate_data.h"

#include "engine/base/alloc.h"
#include "trainer/data.h"

#include <stdio.h>
#include <string.h>

enum { MAX_LOOKS = 256 };

/* One list of selections that was looked at. */
typedef struct look {
    pr_text what;
    char why[PR_ABLATE_WHY_BYTES]; /* "": all is there */
} look;

struct pr_ablate_data {
    look looks[MAX_LOOKS];
    int n;
};

pr_status pr_ablate_data_create(pr_ablate_data **out)
{
    *out = pr_calloc(1, sizeof(**out));
    PR_REQUIRE(*out != NULL, PR_ERR_NOMEM, "no memory for %d selections", MAX_LOOKS);
    return PR_OK;
}

void pr_ablate_data_destroy(pr_ablate_data **data)
{
    if (*data != NULL) {
        for (int i = 0; i < (*data)->n; i++) {
            pr_text_free(&(*data)->looks[i].what);
        }
        pr_free(*data);
        *data = NULL;
    }
}

static pr_status add_words(pr_text *text, const pr_config_words *words)
{
    for (int64_t i = 0; i < words->n; i++) {
        PR_TRY(pr_text_add(text, "%s,", words->at[i]));
    }
    return pr_text_add(text, ";");
}

/* What decides whether a selection picks something. */
static pr_status add_selection(pr_text *text, const pr_selection_options *s)
{
    PR_TRY(pr_text_add(text, "%s;%d;", s->path, s->label));
    PR_TRY(add_words(text, &s->dataset));
    PR_TRY(add_words(text, &s->split));
    PR_TRY(add_words(text, &s->method));
    PR_TRY(add_words(text, &s->compression));
    return pr_text_add(text, "\n");
}

/* A message's text, without the place in the source that said it. */
static const char *without_place(const char *message)
{
    const char *const place = strstr(message, ".c:");
    const char *const end = place != NULL ? strstr(place, ": ") : NULL;
    return end != NULL ? end + 2 : message;
}

static pr_status look_at_folder(const pr_train_options *options, const char *key,
                                const pr_selection_options *s, char why[static PR_ABLATE_WHY_BYTES])
{
    char folder[PR_PATH_BYTES];
    char index[PR_PATH_BYTES];
    const char *const set = s->dataset.n > 0 ? s->dataset.at[0] : "";
    PR_REQUIRE(s->path[0] != '\0' || (options->data.root[0] != '\0' && set[0] != '\0'),
               PR_ERR_INVALID,
               "%s names no folder: set data.root, where the data sets' folders lie", key);
    PR_TRY(pr_fs_join(folder, options->data.root, s->path[0] != '\0' ? s->path : set));
    PR_TRY(pr_fs_join(index, folder, "dataset.h5"));
    if (!pr_fs_exists(index)) {
        (void)snprintf(why, PR_ABLATE_WHY_BYTES, "data set %.100s is not there: no %.300s",
                       set[0] != '\0' ? set : s->path, index);
    }
    return PR_OK;
}

static pr_status look_at(const pr_train_options *options, const char *key,
                         const pr_selection_options *selections, int64_t n,
                         char why[static PR_ABLATE_WHY_BYTES])
{
    for (int64_t i = 0; i < n && why[0] == '\0'; i++) {
        PR_TRY(look_at_folder(options, key, &selections[i], why));
    }
    if (why[0] != '\0' || n == 0) {
        return PR_OK;
    }
    pr_samples *samples = NULL;
    pr_perturb perturb = PR_PERTURB_NONE;
    double value = 0.0;
    const pr_status status = pr_data_open(options, key, selections, n, &perturb, &value, &samples);
    pr_samples_close(&samples);
    if (status == PR_ERR_INVALID) {
        (void)snprintf(why, PR_ABLATE_WHY_BYTES, "%s", without_place(pr_error_message()));
        pr_error_clear();
        return PR_OK;
    }
    return status;
}

/* Why the list KEY cannot be taken, "" where it can; *WHY is borrowed. */
static pr_status look_once(pr_ablate_data *data, const pr_train_options *options, const char *key,
                           const pr_selection_options *selections, int64_t n, const char **why)
{
    pr_text what = {0};
    pr_status status = pr_text_add(&what, "%s\n", options->data.root);
    for (int64_t i = 0; i < n && status == PR_OK; i++) {
        status = add_selection(&what, &selections[i]);
    }
    for (int i = 0; i < data->n && status == PR_OK; i++) {
        if (strcmp(pr_text_chars(&data->looks[i].what), pr_text_chars(&what)) == 0) {
            *why = data->looks[i].why;
            pr_text_free(&what);
            return PR_OK;
        }
    }
    if (status == PR_OK && data->n == MAX_LOOKS) {
        status = PR_FAIL(PR_ERR_INVALID, "a table of more than %d selections", MAX_LOOKS);
    }
    if (status != PR_OK) {
        pr_text_free(&what);
        return status;
    }
    look *const one = &data->looks[data->n++];
    one->what = what;
    *why = one->why;
    return look_at(options, key, selections, n, one->why);
}

static pr_status look_at_tests(pr_ablate_data *data, const pr_train_options *options,
                               pr_ablate_row *row)
{
    const pr_data_options *const all = &options->data;
    const pr_selection_options *const tests = all->test.at;
    int64_t n = 0;
    for (int64_t i = 0; i < all->test.n; i += n) {
        const char *const name = all->test.names[i];
        const char *why = NULL;
        char key[PR_ABLATE_NAME_BYTES + 16];
        (void)pr_data_test_find(options, name, &n);
        (void)snprintf(key, sizeof(key), "data.test.%.127s", name);
        PR_TRY(look_once(data, options, key, &tests[i], n, &why));
        if (why[0] == '\0') {
            continue;
        }
        PR_REQUIRE(row->n_left_out < PR_ABLATE_MAX_LISTS, PR_ERR_INVALID,
                   "row %s: more than %d test lists", row->name, PR_ABLATE_MAX_LISTS);
        pr_ablate_left_out *const out = &row->left_out[row->n_left_out++];
        (void)snprintf(out->list, sizeof(out->list), "%s", name);
        (void)snprintf(out->why, sizeof(out->why), "%s", why);
    }
    return PR_OK;
}

pr_status pr_ablate_data_look(pr_ablate_data *data, const pr_train_options *options,
                              pr_ablate_row *row)
{
    const pr_data_options *const all = &options->data;
    const char *why = NULL;
    PR_TRY(look_once(data, options, "data.train", all->train.at, all->train.n, &why));
    if (why[0] == '\0' && all->val.n > 0) {
        PR_TRY(look_once(data, options, "data.val", all->val.at, all->val.n, &why));
    }
    (void)snprintf(row->absent, sizeof(row->absent), "%s", why);
    return look_at_tests(data, options, row);
}
