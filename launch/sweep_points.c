/* The points of a sweep's space, and what each trial's config is. */
#include "engine/base/alloc.h"
#include "engine/base/draw.h"
#include "engine/base/hash.h"
#include "launch/sobol.h"
#include "launch/sweep_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_POINTS = 100000 };

pr_status pr__sweep_keep_take(pr_sweep *s, char *text)
{
    if (s->n_kept == s->n_kept_room) {
        const int64_t n_more = s->n_kept_room > 0 ? 2 * s->n_kept_room : 256;
        char **const more = pr_calloc(n_more, sizeof(*more));
        if (more == NULL) {
            pr_free(text);
            return PR_FAIL(PR_ERR_NOMEM, "no memory for the trials");
        }
        for (int64_t i = 0; i < s->n_kept; i++) {
            more[i] = s->kept[i];
        }
        pr_free((void *)s->kept);
        s->kept = more;
        s->n_kept_room = n_more;
    }
    s->kept[s->n_kept++] = text;
    return PR_OK;
}

/* Texts of the same value, also where they are two spellings of one number. */
static bool is_same(const char *a, const char *b)
{
    double x = 0.0;
    double y = 0.0;
    return strcmp(a, b) == 0 || (pr_text_to_real(a, &x) && pr_text_to_real(b, &y) && x == y);
}

/* The value of KEY in the point VALUES: a parameter's, or the config's. */
static const char *value_of(const pr_sweep *s, const char *const *values, const char *key)
{
    for (int p = 0; p < s->n_parameters; p++) {
        if (strcmp(s->parameters[p].key, key) == 0) {
            return values[p];
        }
    }
    return pr_config_value(s->defaults->config, key);
}

static bool holds(const pr_sweep *s, const char *const *values, const pr_setting *condition)
{
    const char *const value = value_of(s, values, strstr(condition->key, ".when.") + 6);
    if (value == NULL) {
        return false; /* what it depends on is not in the point itself */
    }
    for (const char *word = condition->value; *word != '\0';) {
        char wanted[256];
        const size_t n = strcspn(word, "\n");
        (void)snprintf(wanted, sizeof(wanted), "%.*s", (int)n, word);
        if (is_same(value, wanted)) {
            return true;
        }
        word += n + (word[n] == '\n');
    }
    return false;
}

/* Whether parameter P is in the point, whose earlier parameters VALUES has. */
static bool is_in(const pr_sweep *s, const char *const *values, int p)
{
    const pr_sweep_parameter *const parameter = &s->parameters[p];
    for (int c = 0; c < parameter->n_conditions; c++) {
        if (!holds(s, values, parameter->conditions[c])) {
            return false;
        }
    }
    return true;
}

static uint32_t name_of(const pr_sweep_parameter *p)
{
    return (uint32_t)pr_hash64(p->key, strlen(p->key), 0);
}

/* Where in [0, 1) parameter P of point I lies. */
static double place_of(const pr_sweep *s, int64_t i, int p)
{
    const uint32_t name = name_of(&s->parameters[p]);
    pr_draw_key key = {.seed = (uint64_t)s->options.seed, .purpose = PR_FOR_SWEEP};
    if (s->options.search == PR_SWEEP_RANDOM) {
        key.place = (uint32_t)i;
        return pr_draw_uniform(&key, name);
    }
    uint32_t bits[4] = {0};
    if (s->options.scramble) {
        key.view = 1;
        pr_draw_bits(&key, name, bits);
    }
    return (double)(pr_sobol(p, (uint32_t)i) ^ bits[0]) / 4294967296.0;
}

static pr_status draw_points(pr_sweep *s)
{
    PR_REQUIRE(s->options.search != PR_SWEEP_SOBOL || s->n_parameters <= PR_SOBOL_MAX_DIMENSIONS,
               PR_ERR_INVALID, "sobol: %d parameters, at most %d", s->n_parameters,
               PR_SOBOL_MAX_DIMENSIONS);
    s->n_points = s->options.n_trials;
    s->values = pr_calloc(s->n_points * s->n_parameters, sizeof(void *));
    PR_REQUIRE(s->values != NULL, PR_ERR_NOMEM, "no memory for %" PRId64 " points", s->n_points);
    for (int64_t i = 0; i < s->n_points; i++) {
        const char **const values = &s->values[i * s->n_parameters];
        for (int p = 0; p < s->n_parameters; p++) {
            char *text = NULL;
            if (!is_in(s, values, p)) {
                continue;
            }
            PR_TRY(pr__parameter_at(&s->parameters[p], place_of(s, i, p), &text));
            values[p] = text;
            PR_TRY(pr__sweep_keep_take(s, text));
        }
    }
    return PR_OK;
}

/* Number I of a grid's combinations, its last parameter running fastest, into VALUES. *IS_NEW is false
 * where it differs from another in parameters that are not in it only. */
static pr_status combine(pr_sweep *s, int64_t i, const char **values, bool *is_new)
{
    int64_t rest = i;
    int64_t digits[PR_SOBOL_MAX_DIMENSIONS] = {0};
    for (int p = s->n_parameters - 1; p >= 0; p--) {
        digits[p] = rest % s->parameters[p].n;
        rest /= s->parameters[p].n;
    }
    *is_new = true;
    for (int p = 0; p < s->n_parameters; p++) {
        char *text = NULL;
        values[p] = NULL;
        if (!is_in(s, values, p)) {
            *is_new = *is_new && digits[p] == 0;
            continue;
        }
        PR_TRY(pr__parameter_point(&s->parameters[p], digits[p], &text));
        values[p] = text;
        PR_TRY(pr__sweep_keep_take(s, text));
    }
    return PR_OK;
}

static pr_status make_grid(pr_sweep *s)
{
    int64_t n_all = 1;
    PR_REQUIRE(s->n_parameters <= PR_SOBOL_MAX_DIMENSIONS, PR_ERR_INVALID,
               "grid: %d parameters, at most %d", s->n_parameters, PR_SOBOL_MAX_DIMENSIONS);
    for (int p = 0; p < s->n_parameters; p++) {
        n_all *= s->parameters[p].n;
        PR_REQUIRE(n_all <= MAX_POINTS, PR_ERR_INVALID,
                   "a grid of more than %d points: search: random or sobol takes some of them",
                   MAX_POINTS);
    }
    s->values = pr_calloc(n_all * s->n_parameters, sizeof(void *));
    PR_REQUIRE(s->values != NULL, PR_ERR_NOMEM, "no memory for %" PRId64 " points", n_all);
    for (int64_t i = 0; i < n_all; i++) {
        bool is_new = false;
        PR_TRY(combine(s, i, &s->values[s->n_points * s->n_parameters], &is_new));
        s->n_points += is_new ? 1 : 0;
    }
    return PR_OK;
}

pr_status pr__points_make(pr_sweep *s)
{
    s->n_seeds = s->options.seeds.n > 0 ? s->options.seeds.n : 1;
    PR_TRY(s->options.search == PR_SWEEP_GRID ? make_grid(s) : draw_points(s));
    PR_REQUIRE(s->n_points > 0 && pr_sweep_n_trials(s) <= MAX_POINTS, PR_ERR_INVALID,
               "%" PRId64 " trials, must be 1 to %d", pr_sweep_n_trials(s), MAX_POINTS);
    return PR_OK;
}

int64_t pr_sweep_n_trials(const pr_sweep *s)
{
    return s->n_points * s->n_seeds;
}

const char *pr_sweep_value(const pr_sweep *s, int64_t trial, int p)
{
    return s->values[trial / s->n_seeds * s->n_parameters + p];
}

static pr_status put(pr_settings *settings, const pr_setting *at, const char *key,
                     const char *value)
{
    const pr_setting setting = {key, value, at->file, at->line, false};
    return pr_settings_put(settings, &setting);
}

static pr_status fill(const pr_sweep *s, int64_t trial, pr_settings *settings)
{
    for (int p = 0; p < s->n_parameters; p++) {
        const char *const value = pr_sweep_value(s, trial, p);
        if (value != NULL) {
            PR_TRY(put(settings, s->parameters[p].place, s->parameters[p].key, value));
        }
    }
    if (s->options.seeds.n == 0) {
        return PR_OK;
    }
    char seed[32];
    (void)snprintf(seed, sizeof(seed), "%.0f", s->options.seeds.at[trial % s->n_seeds]);
    return put(settings, pr_settings_find(s->spec, "seeds"), "seed", seed);
}

pr_status pr_sweep_settings(const pr_sweep *s, int64_t trial, pr_settings **out)
{
    pr_text text = {0};
    pr_settings *settings = NULL;
    pr_status status = pr_settings_pack(s->base, &text);
    if (status == PR_OK) {
        status = pr_settings_unpack(pr_text_chars(&text), text.n_chars, &settings);
    }
    pr_text_free(&text);
    PR_TRY(status);
    status = fill(s, trial, settings);
    if (status != PR_OK) {
        pr_settings_destroy(&settings);
        return status;
    }
    *out = settings;
    return PR_OK;
}

pr_status pr_sweep_describe(const pr_sweep *s, int64_t trial, pr_text *text)
{
    const char *gap = "";
    for (int p = 0; p < s->n_parameters; p++) {
        const char *const value = pr_sweep_value(s, trial, p);
        if (value != NULL) {
            PR_TRY(pr_text_add(text, "%s%s=%s", gap, s->parameters[p].key, value));
            gap = " ";
        }
    }
    return s->options.seeds.n == 0
               ? PR_OK
               : pr_text_add(text, "%sseed=%.0f", gap, s->options.seeds.at[trial % s->n_seeds]);
}

void pr_sweep_name(int64_t trial, char out[static PR_SWEEP_NAME_BYTES])
{
    (void)snprintf(out, PR_SWEEP_NAME_BYTES, "trial-%04" PRId64, trial);
}

pr_status pr_sweep_run_dir(const pr_sweep *s, int64_t trial, char out[static PR_PATH_BYTES])
{
    char name[PR_SWEEP_NAME_BYTES];
    pr_sweep_name(trial, name);
    return pr_fs_join(out, s->dir, name);
}

pr_status pr_sweep_config(const pr_sweep *s, int64_t trial, char out[static PR_PATH_BYTES])
{
    char name[PR_SWEEP_NAME_BYTES];
    char file[PR_SWEEP_NAME_BYTES + 16];
    pr_sweep_name(trial, name);
    (void)snprintf(file, sizeof(file), "configs/%s.yaml", name);
    return pr_fs_join(out, s->dir, file);
}
