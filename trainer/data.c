#include "trainer/data.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/hash.h"
#include "engine/base/text.h"
#include "trainer/staged.h"

#include <stdio.h>
#include <string.h>

/* The number in "WORD(number)"; false where TEXT is something else. */
static bool parse_call(const char *text, const char *word, double *value)
{
    char number[32];
    const size_t n_word = strlen(word);
    const size_t n = strlen(text);
    if (strncmp(text, word, n_word) != 0 || n < n_word + 3 || n - n_word - 2 >= sizeof(number) ||
        text[n_word] != '(' || text[n - 1] != ')') {
        return false;
    }
    (void)snprintf(number, sizeof(number), "%.*s", (int)(n - n_word - 2), text + n_word + 1);
    return pr_text_to_real(number, value);
}

/* "none", "jpeg(40)", "scale(0.5)". */
static pr_status parse_perturb(const char *key, const char *text, pr_perturb *kind, double *value)
{
    *value = 0.0;
    if (strcmp(text, "none") == 0) {
        *kind = PR_PERTURB_NONE;
        return PR_OK;
    }
    if (parse_call(text, "jpeg", value)) {
        *kind = PR_PERTURB_JPEG;
        PR_REQUIRE(*value >= 1.0 && *value <= 100.0, PR_ERR_INVALID,
                   "%s.perturb: quality %g is outside [1, 100]", key, *value);
        return PR_OK;
    }
    if (parse_call(text, "scale", value)) {
        *kind = PR_PERTURB_SCALE;
        PR_REQUIRE(*value > 0.0 && *value <= 1.0, PR_ERR_INVALID,
                   "%s.perturb: factor %g is outside (0, 1]", key, *value);
        return PR_OK;
    }
    return PR_FAIL(PR_ERR_INVALID, "%s.perturb: '%s' is none of none, jpeg(quality), scale(factor)",
                   key, text);
}

pr_status pr_data_folder(const pr_train_options *options, const char *key,
                         const pr_selection_options *from, char out[static PR_PATH_BYTES])
{
    const char *name = from->path;
    if (name[0] == '\0') {
        PR_REQUIRE(options->data.root[0] != '\0' && from->dataset.n > 0, PR_ERR_INVALID,
                   "%s.path must be given (or data.root and %s.dataset)", key, key);
        name = from->dataset.at[0];
    }
    return pr_fs_join(out, options->data.root, name);
}

static const char *const *words_of(const pr_config_words *words)
{
    return words->n == 0 ? NULL : words->at;
}

static pr_status convert(const pr_train_options *options, const char *key,
                         const pr_selection_options *from, char folder[static PR_PATH_BYTES],
                         pr_selection *to)
{
    static const char *const labels[] = {NULL, "real", "fake"};
    PR_TRY(pr_data_folder(options, key, from, folder));
    if (options->data.is_staged) {
        char source[PR_PATH_BYTES];
        memcpy(source, folder, sizeof(source));
        PR_TRY(pr_staged_folder(options->data.stage, source, folder));
    }
    *to = (pr_selection){.path = folder,
                         .dataset = words_of(&from->dataset),
                         .split = words_of(&from->split),
                         .method = words_of(&from->method),
                         .compression = words_of(&from->compression),
                         .label = labels[from->label],
                         .n_frames = from->n_frames,
                         .frame_rule = (pr_frame_rule)from->frame_rule,
                         .frame_seed = (uint64_t)options->seed};
    return PR_OK;
}

pr_status pr_data_open(const pr_train_options *options, const char *key,
                       const pr_selection_options *selections, int64_t n, pr_perturb *perturb,
                       double *perturb_value, pr_samples **out)
{
    enum { MAX_SELECTIONS = 64 };
    PR_REQUIRE(n >= 1 && n <= MAX_SELECTIONS, PR_ERR_INVALID,
               "%s has %lld selections, wanted 1 to %d", key, (long long)n, MAX_SELECTIONS);
    pr_selection wanted[MAX_SELECTIONS];
    char(*const folders)[PR_PATH_BYTES] = pr_calloc(n, PR_PATH_BYTES);
    PR_REQUIRE(folders != NULL, PR_ERR_NOMEM, "no memory for %lld selections", (long long)n);

    pr_perturb kind = PR_PERTURB_NONE;
    double value = 0.0;
    pr_status status = PR_OK;
    for (int64_t i = 0; i < n && status == PR_OK; i++) {
        pr_perturb this_kind = PR_PERTURB_NONE;
        double this_value = 0.0;
        status = convert(options, key, &selections[i], folders[i], &wanted[i]);
        if (status == PR_OK) {
            status = parse_perturb(key, selections[i].perturb, &this_kind, &this_value);
        }
        if (status == PR_OK && i > 0 && (this_kind != kind || this_value != value)) {
            status = PR_FAIL(PR_ERR_INVALID, "%s: its selections ask for different perturb", key);
        }
        kind = this_kind;
        value = this_value;
    }
    if (status == PR_OK && perturb == NULL && kind != PR_PERTURB_NONE) {
        status = PR_FAIL(PR_ERR_INVALID, "%s.perturb: only tests are perturbed", key);
    }
    if (status == PR_OK) {
        status = pr_samples_open(wanted, (int)n, out);
    }
    pr_free(folders);
    PR_TRY(status);
    if (perturb != NULL) {
        *perturb = kind;
        *perturb_value = value;
    }
    return PR_OK;
}

int64_t pr_data_test_find(const pr_train_options *options, const char *name, int64_t *n)
{
    const pr_config_array *const tests = &options->data.test;
    int64_t first = -1;
    *n = 0;
    for (int64_t i = 0; i < tests->n; i++) {
        if (strcmp(tests->names[i], name) == 0) {
            first = first < 0 ? i : first;
            (*n)++;
        }
    }
    return first;
}

static uint64_t add_word(uint64_t hash, const pr_samples *samples, pr_word word)
{
    const char *const text = pr_samples_word(samples, word);
    return pr_hash64(text, strlen(text), hash);
}

uint64_t pr_data_hash(const pr_samples *samples)
{
    uint64_t hash = pr_samples_hash(samples);
    for (int64_t i = 0; i < pr_samples_n(samples); i++) {
        const pr_sample *const sample = pr_samples_at(samples, i);
        hash = pr_hash64(&sample->label, sizeof(sample->label), hash);
        hash = add_word(hash, samples, sample->bg_video);
        hash = add_word(hash, samples, sample->bg_id);
        hash = add_word(hash, samples, sample->face_id);
        hash = add_word(hash, samples, sample->face_video);
    }
    return hash;
}
