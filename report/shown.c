#include "report/shown.h"

#include "engine/base/alloc.h"
#include "engine/base/log.h"
#include "report/shown_choose.h"
#include "trainer/data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One run's list of the name SET: opened, with what `eval` does to its crops. */
static pr_status open_list(const pr_shown_run *run, const char *set, pr_perturb *perturb,
                           double *value, pr_samples **out)
{
    const pr_data_options *const data = &run->options->data;
    char key[160];
    int64_t n = 0;
    (void)snprintf(key, sizeof(key), "data.%s", set);
    if (strcmp(set, "val") == 0) {
        PR_REQUIRE(data->val.n > 0, PR_ERR_INVALID, "%s has no data.val", run->dir);
        return pr_data_open(run->options, key, data->val.at, data->val.n, perturb, value, out);
    }
    const int64_t first = pr_data_test_find(run->options, set + strlen("test."), &n);
    PR_REQUIRE(
        first >= 0, PR_ERR_INVALID,
        "%s has no list %s, which the first run is shown on: runs beside each other need one "
        "list of test samples",
        run->dir, key);
    const pr_selection_options *const tests = data->test.at;
    return pr_data_open(run->options, key, tests + first, n, perturb, value, out);
}

static int compare_words(const pr_samples *a, pr_word x, const pr_samples *b, pr_word y)
{
    return strcmp(pr_samples_word(a, x), pr_samples_word(b, y));
}

/* The order of keys over two tables of words. */
static int compare_samples(const pr_samples *a, int64_t i, const pr_samples *b, int64_t j)
{
    const pr_sample *const x = pr_samples_at(a, i);
    const pr_sample *const y = pr_samples_at(b, j);
    int order = compare_words(a, x->dataset, b, y->dataset);
    order = order != 0 ? order : compare_words(a, x->method, b, y->method);
    order = order != 0 ? order : compare_words(a, x->compression, b, y->compression);
    order = order != 0 ? order : compare_words(a, x->video, b, y->video);
    order = order != 0 ? order : (x->frame > y->frame) - (x->frame < y->frame);
    return order != 0 ? order : (x->face > y->face) - (x->face < y->face);
}

/* Fails where OTHER, the list of RUN, is not the page's. */
static pr_status compare_lists(const pr_shown *s, const pr_shown_run *first,
                               const pr_shown_run *run, const pr_samples *other)
{
    const int64_t n = pr_samples_n(s->samples);
    const int64_t n_other = pr_samples_n(other);
    char name[256];
    int64_t i = 0;
    while (i < n && i < n_other && compare_samples(s->samples, i, other, i) == 0) {
        i++;
    }
    if (i < n || i < n_other) {
        const bool other_lacks =
            i == n_other || (i < n && compare_samples(s->samples, i, other, i) < 0);
        (void)pr_samples_name(other_lacks ? s->samples : other, i, name, sizeof(name));
        return PR_FAIL(PR_ERR_INVALID,
                       "%s and %s have different samples in data.%s, %" PRId64 " and %" PRId64
                       ": the first that %s lacks is %s",
                       first->dir, run->dir, s->set, n, n_other,
                       other_lacks ? run->dir : first->dir, name);
    }
    PR_REQUIRE(pr_samples_hash(s->samples) == pr_samples_hash(other), PR_ERR_INVALID,
               "%s and %s have the same samples in data.%s, but other images: data hash %016" PRIx64
               " and %016" PRIx64,
               first->dir, run->dir, s->set, pr_samples_hash(s->samples), pr_samples_hash(other));
    return PR_OK;
}

static pr_status compare_run(const pr_shown *s, const pr_shown_run *first, const pr_shown_run *run)
{
    pr_samples *other = NULL;
    pr_perturb perturb = PR_PERTURB_NONE;
    double value = 0.0;
    PR_TRY(open_list(run, s->set, &perturb, &value, &other));
    pr_status status = compare_lists(s, first, run, other);
    if (status == PR_OK && (perturb != s->perturb || value != s->perturb_value)) {
        status = PR_FAIL(PR_ERR_INVALID, "%s and %s perturb data.%s differently", first->dir,
                         run->dir, s->set);
    }
    pr_samples_close(&other);
    return status;
}

static const char *method_of(const pr_samples *samples, int64_t i)
{
    const char *const word = pr_samples_word(samples, pr_samples_at(samples, i)->method);
    return word[0] != '\0' ? word : "fake";
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Names every group; methods that find no room share the last one. */
static void name_groups(pr_shown *s)
{
    s->group_names[0] = "real";
    s->n_groups = 1;
    for (int64_t i = 0; i < pr_samples_n(s->samples); i++) {
        if (pr_samples_at(s->samples, i)->label == PR_REAL) {
            continue;
        }
        const char *const method = method_of(s->samples, i);
        int g = 1;
        while (g < s->n_groups && strcmp(s->group_names[g], method) != 0) {
            g++;
        }
        if (g == s->n_groups && s->n_groups < PR_SHOWN_MAX_GROUPS) {
            s->group_names[s->n_groups++] = method;
        }
    }
    if (s->n_groups == PR_SHOWN_MAX_GROUPS) {
        s->group_names[s->n_groups - 1] = "other methods";
    }
    const int n_methods = s->n_groups - 1 - (s->n_groups == PR_SHOWN_MAX_GROUPS ? 1 : 0);
    qsort(s->group_names + 1, (size_t)n_methods, sizeof(s->group_names[0]), compare_names);
}

int32_t pr_shown_group(const pr_shown *s, int64_t i)
{
    if (pr_samples_at(s->samples, i)->label == PR_REAL) {
        return 0;
    }
    const char *const method = method_of(s->samples, i);
    int32_t g = 1;
    while (g < s->n_groups - 1 && strcmp(s->group_names[g], method) != 0) {
        g++;
    }
    return g;
}

/* What a crop is tried with before it is shown. */
typedef struct trial {
    const pr_shown_run *run;
    const pr_shown *shown;
    const pr_shown_pair *pairs; /* of the candidates, or NULL where place k is sample k */
    float *image;
} trial;

static pr_status try_sample(const trial *t, int64_t i, bool *is_good)
{
    const pr_status status = pr_shown_view(t->run, t->shown, i, t->image);
    if (status == PR_ERR_FORMAT) {
        pr_error_clear();
        *is_good = false;
        return PR_OK;
    }
    return status;
}

static pr_status check(void *ctx, int64_t place, bool *is_good)
{
    const trial *const t = ctx;
    PR_TRY(try_sample(t, t->pairs == NULL ? place : t->pairs[place].fake, is_good));
    return t->pairs == NULL ? PR_OK : try_sample(t, t->pairs[place].real, is_good);
}

/* Samples for embeddings, and of those the pictures. */
static pr_status choose_samples(pr_shown *s, trial *t, int64_t n_max)
{
    const int64_t n = pr_samples_n(s->samples);
    int32_t *const group = pr_calloc(n, sizeof(*group));
    PR_REQUIRE(group != NULL, PR_ERR_NOMEM, "no memory for the groups of %" PRId64 " samples", n);
    for (int64_t i = 0; i < n; i++) {
        group[i] = pr_shown_group(s, i);
    }
    const pr__choice all = {
        .samples = s->samples, .group = group, .n = n, .check = check, .ctx = t};
    const pr_status status = pr__choose(&all, n_max, &s->n_left_out, &s->at, &s->n);
    pr_free(group);
    PR_TRY(status);
    s->group = pr_calloc(s->n, sizeof(*s->group));
    PR_REQUIRE(s->group != NULL, PR_ERR_NOMEM, "no memory for %" PRId64 " groups", s->n);
    for (int64_t k = 0; k < s->n; k++) {
        s->group[k] = pr_shown_group(s, s->at[k]);
    }
    const pr__choice few = {.samples = s->samples, .at = s->at, .group = s->group, .n = s->n};
    PR_TRY(pr__choose(&few, PR_SHOWN_N_PICTURES, &s->n_left_out, &s->pictures, &s->n_pictures));
    for (int64_t k = 0; k < s->n_pictures; k++) {
        s->pictures[k] = s->at[s->pictures[k]];
    }
    return PR_OK;
}

/* CANDIDATES [n], their AT and GROUP [n] are the fakes that have an aligned real. */
static int64_t list_pairs(const pr_shown *s, pr_shown_pair *candidates, int64_t *at, int32_t *group)
{
    int64_t n = 0;
    for (int64_t i = 0; i < pr_samples_n(s->samples); i++) {
        const int64_t real = pr_samples_aligned(s->samples, i);
        if (real >= 0) {
            candidates[n] = (pr_shown_pair){i, real};
            at[n] = i;
            group[n++] = pr_shown_group(s, i);
        }
    }
    return n;
}

static pr_status choose_pairs(pr_shown *s, trial *t)
{
    const int64_t n_all = pr_samples_n(s->samples);
    pr_shown_pair *const candidates = pr_calloc(n_all, sizeof(*candidates));
    int64_t *const at = pr_calloc(n_all, sizeof(*at));
    int32_t *const group = pr_calloc(n_all, sizeof(*group));
    int64_t *places = NULL;
    int64_t n_bad = 0;
    pr_status status = PR_OK;
    s->pairs = pr_calloc(PR_SHOWN_N_PAIRS, sizeof(*s->pairs));
    if (candidates == NULL || at == NULL || group == NULL || s->pairs == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "no memory for pairs of %" PRId64 " samples", n_all);
    } else {
        const pr__choice choice = {.samples = s->samples,
                                   .at = at,
                                   .group = group,
                                   .n = list_pairs(s, candidates, at, group),
                                   .check = check,
                                   .ctx = t};
        t->pairs = candidates;
        status = pr__choose(&choice, PR_SHOWN_N_PAIRS, &n_bad, &places, &s->n_pairs);
        for (int64_t k = 0; status == PR_OK && k < s->n_pairs; k++) {
            s->pairs[k] = candidates[places[k]];
        }
    }
    pr_free(candidates);
    pr_free(at);
    pr_free(group);
    pr_free(places);
    return status;
}

static pr_status choose(pr_shown *s, const pr_shown_run *run, int64_t n_max)
{
    const int64_t px = run->options->model.px;
    trial t = {.run = run, .shown = s, .image = pr_calloc(px * px * 3, sizeof(float))};
    PR_REQUIRE(t.image != NULL, PR_ERR_NOMEM, "no memory for an image of %" PRId64 " pixels", px);
    name_groups(s);
    pr_status status = choose_samples(s, &t, n_max);
    if (status == PR_OK) {
        status = choose_pairs(s, &t);
    }
    pr_free(t.image);
    return status;
}

static pr_status open_shown(pr_shown *s, pr_shown_run *const *runs, int n_runs, int64_t n_max)
{
    const pr_data_options *const data = &runs[0]->options->data;
    if (n_max == 0) {
        (void)snprintf(s->note, sizeof(s->note), "No figures were asked for.");
        return PR_OK;
    }
    if (data->test.n == 0 && data->val.n == 0) {
        (void)snprintf(s->note, sizeof(s->note),
                       "There are no figures: the run has neither data.test nor data.val.");
        return PR_OK;
    }
    (void)snprintf(s->set, sizeof(s->set), "%s%s", data->test.n > 0 ? "test." : "val",
                   data->test.n > 0 ? data->test.names[0] : "");
    const pr_status status =
        open_list(runs[0], s->set, &s->perturb, &s->perturb_value, &s->samples);
    if (status != PR_OK && n_runs == 1) {
        pr_log_warn("the report has no figures: %s", pr_error_message());
        (void)snprintf(s->note, sizeof(s->note),
                       "There are no figures: data.%s could not be opened: %.300s", s->set,
                       pr_error_message());
        pr_error_clear();
        return PR_OK;
    }
    PR_TRY(status);
    for (int i = 1; i < n_runs; i++) {
        PR_TRY(compare_run(s, runs[0], runs[i]));
    }
    return choose(s, runs[0], n_max);
}

pr_status pr_shown_open(pr_shown_run *const *runs, int n_runs, int64_t n_max, pr_shown **out)
{
    pr_shown *s = pr_calloc(1, sizeof(*s));
    PR_REQUIRE(s != NULL, PR_ERR_NOMEM, "no memory for what figures show");
    const pr_status status = open_shown(s, runs, n_runs, n_max);
    if (status != PR_OK) {
        pr_shown_close(&s);
        return status;
    }
    *out = s;
    return PR_OK;
}

void pr_shown_close(pr_shown **shown)
{
    pr_shown *const s = *shown;
    if (s == NULL) {
        return;
    }
    pr_samples_close(&s->samples);
    pr_free(s->at);
    pr_free(s->group);
    pr_free(s->pictures);
    pr_free(s->pairs);
    pr_free(s);
    *shown = NULL;
}
