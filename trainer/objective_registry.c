/*
 * Which objectives there are: those of objective_list.h, and those that a program registers before it
 * begins (docs/extending.md).
 */
#include "engine/base/names.h"
#include "trainer/objective.h"
#include "trainer/trainer.h"

#include <string.h>

#define PR_OBJECTIVE(name) extern const pr_objective pr_objective_##name;
#include "trainer/objective_list.h"
#undef PR_OBJECTIVE

static const pr_objective *const built_in[] = {
#define PR_OBJECTIVE(name) &pr_objective_##name,
#include "trainer/objective_list.h"
#undef PR_OBJECTIVE
};

enum { N_BUILT_IN = sizeof(built_in) / sizeof(built_in[0]), MOST_REGISTERED = 16 };

/* A registered objective, and where in pr_train_options.own its options begin. */
typedef struct own_objective {
    const pr_objective *objective;
    size_t offset;
} own_objective;

/* Filled before the program begins, by one thread. */
static own_objective registered[MOST_REGISTERED];
static int n_registered;
static size_t n_own_bytes;
static const char *names[N_BUILT_IN + MOST_REGISTERED + 1] = {
#define PR_OBJECTIVE(name) #name,
#include "trainer/objective_list.h"
#undef PR_OBJECTIVE
};

const char *const *pr_objective_names(void)
{
    return names;
}

static const pr_objective *find(const char *name)
{
    for (int i = 0; i < N_BUILT_IN + n_registered; i++) {
        if (strcmp(names[i], name) == 0) {
            return i < N_BUILT_IN ? built_in[i] : registered[i - N_BUILT_IN].objective;
        }
    }
    return NULL;
}

pr_status pr_objective_find(const char *name, const pr_objective **out)
{
    const pr_objective *const found = find(name);
    if (found != NULL) {
        *out = found;
        return PR_OK;
    }
    pr_text known = {0};
    pr_status status = pr_names_unknown(&known, name, names, N_BUILT_IN + n_registered);
    if (status == PR_OK) {
        status = PR_FAIL(PR_ERR_INVALID, "no objective is called %s", pr_text_chars(&known));
    }
    pr_text_free(&known);
    return status;
}

static pr_status check_phase(const pr_objective *o, const pr_stage *stage, const pr_phase *phase)
{
    PR_REQUIRE(phase->name != NULL && phase->build_model != NULL, PR_ERR_INVALID,
               "objective '%s', stage '%s': a phase without a name or build_model", o->name,
               stage->name);
    PR_REQUIRE(phase->has_local || phase->build_loss != NULL, PR_ERR_INVALID,
               "objective '%s', phase '%s': neither has_local nor build_loss: nothing is trained",
               o->name, phase->name);
    PR_REQUIRE(phase->views_per_item == 1 || phase->views_per_item == 2, PR_ERR_INVALID,
               "objective '%s', phase '%s': views_per_item = %d, must be 1 or 2", o->name,
               phase->name, phase->views_per_item);
    PR_REQUIRE(phase->n_terms >= 0 && phase->n_terms <= PR_MAX_TERMS, PR_ERR_INVALID,
               "objective '%s', phase '%s': n_terms = %d, must be 0 to %d", o->name, phase->name,
               phase->n_terms, PR_MAX_TERMS);
    PR_REQUIRE(phase->n_trains >= 0 && phase->n_trains <= PR_STAGE_MAX_TRAINS &&
                   phase->n_ema >= 0 && phase->n_ema <= PR_MAX_EMA,
               PR_ERR_INVALID,
               "objective '%s', phase '%s': n_trains = %d and n_ema = %d, must be 0 to %d and %d",
               o->name, phase->name, phase->n_trains, phase->n_ema, PR_STAGE_MAX_TRAINS,
               PR_MAX_EMA);
    return PR_OK;
}

static pr_status check_stages(const pr_objective *o)
{
    PR_REQUIRE(o->n_stages >= 1 && o->n_stages <= PR_MAX_STAGES, PR_ERR_INVALID,
               "objective '%s': n_stages = %d, must be 1 to %d", o->name, o->n_stages,
               PR_MAX_STAGES);
    for (int s = 0; s < o->n_stages; s++) {
        const pr_stage *const stage = &o->stages[s];
        PR_REQUIRE(stage->name != NULL && pr_name_is_plain(stage->name), PR_ERR_INVALID,
                   "objective '%s': stage %d needs a name of a-z, 0-9 and _", o->name, s);
        PR_REQUIRE(stage->n_trains >= 1 && stage->n_trains <= PR_STAGE_MAX_TRAINS, PR_ERR_INVALID,
                   "objective '%s', stage '%s': n_trains = %d, must be 1 to %d", o->name,
                   stage->name, stage->n_trains, PR_STAGE_MAX_TRAINS);
        PR_REQUIRE(stage->n_phases >= 1 && stage->n_phases <= PR_MAX_PHASES, PR_ERR_INVALID,
                   "objective '%s', stage '%s': n_phases = %d, must be 1 to %d", o->name,
                   stage->name, stage->n_phases, PR_MAX_PHASES);
        for (int p = 0; p < stage->n_phases; p++) {
            PR_TRY(check_phase(o, stage, &stage->phases[p]));
        }
    }
    return PR_OK;
}

/* Whether KEY is one of MODULE's, or one of its groups'. */
static bool has_key(const pr_config_module *module, const char *key)
{
    for (int64_t i = 0; i < module->n_rows; i++) {
        if (strcmp(module->rows[i].key, key) == 0) {
            return true;
        }
    }
    for (int64_t i = 0; i < module->n_groups; i++) {
        const size_t n = strlen(module->groups[i].prefix);
        if (strncmp(module->groups[i].prefix, key, n) == 0 && key[n] == '.') {
            return true;
        }
    }
    return false;
}

static size_t bytes_of(pr_config_type type)
{
    switch (type) {
    case PR_CONFIG_INT:
        return sizeof(int64_t);
    case PR_CONFIG_REAL:
        return sizeof(double);
    case PR_CONFIG_BOOL:
        return sizeof(bool);
    case PR_CONFIG_CHOICE:
        return sizeof(int);
    case PR_CONFIG_STRING:
        return sizeof(char *);
    case PR_CONFIG_WORDS:
        return sizeof(pr_config_words);
    case PR_CONFIG_REALS:
        return sizeof(pr_config_reals);
    }
    return SIZE_MAX;
}

/* A key that two rows have would be read into the first and be silent of the second. */
static pr_status check_rows(const pr_objective *o)
{
    pr_config_schema schema = {.n_modules = 0};
    PR_TRY(pr_train_options_register(&schema, NULL));
    for (int i = 0; i < o->n_rows; i++) {
        const pr_config_row *const row = &o->rows[i];
        const size_t n_bytes = bytes_of(row->type);
        PR_REQUIRE(row->key != NULL && row->doc != NULL, PR_ERR_INVALID,
                   "objective '%s': config row %d has no key or no doc", o->name, i);
        PR_REQUIRE(n_bytes <= o->own_bytes && row->offset <= o->own_bytes - n_bytes, PR_ERR_INVALID,
                   "objective '%s', config row %s: its %zu bytes at %zu lie outside of the %zu of "
                   "own_bytes",
                   o->name, row->key, n_bytes, row->offset, o->own_bytes);
        bool known = false;
        for (int m = 0; m < schema.n_modules; m++) {
            known = known || has_key(&schema.modules[m], row->key);
        }
        for (int j = 0; j < i; j++) {
            known = known || strcmp(o->rows[j].key, row->key) == 0;
        }
        PR_REQUIRE(!known, PR_ERR_INVALID, "objective '%s', config row %s: there is such a key",
                   o->name, row->key);
    }
    return PR_OK;
}

pr_status pr_objective_register(const pr_objective *objective)
{
    const char *const name = objective->name == NULL ? "" : objective->name;
    PR_REQUIRE(pr_name_is_plain(name) && objective->doc != NULL, PR_ERR_INVALID,
               "an objective '%s' is registered: it needs a name of a-z, 0-9 and _, and a doc",
               name);
    PR_REQUIRE(find(name) == NULL, PR_ERR_INVALID, "an objective '%s' is registered: there is one",
               name);
    PR_REQUIRE(n_registered < MOST_REGISTERED, PR_ERR_INVALID,
               "objective '%s' is number %d to be registered, at most %d", name, n_registered + 1,
               MOST_REGISTERED);
    PR_REQUIRE(objective->own_bytes <= PR_OWN_BYTES - n_own_bytes, PR_ERR_INVALID,
               "objective '%s' has %zu bytes of options, %zu of %d are left", name,
               objective->own_bytes, PR_OWN_BYTES - n_own_bytes, PR_OWN_BYTES);
    PR_TRY(check_stages(objective));
    PR_TRY(check_rows(objective));
    registered[n_registered] = (own_objective){objective, n_own_bytes};
    names[N_BUILT_IN + n_registered++] = name;
    const size_t align = _Alignof(max_align_t);
    n_own_bytes += (objective->own_bytes + align - 1) / align * align;
    return PR_OK;
}

const void *pr_own_options(const pr_train_options *options, const char *name)
{
    for (int i = 0; i < n_registered; i++) {
        if (strcmp(registered[i].objective->name, name) == 0 &&
            registered[i].objective->n_rows > 0) {
            return options->own + registered[i].offset;
        }
    }
    return NULL;
}

pr_status pr_own_options_register(pr_config_schema *schema, pr_train_options *options)
{
    for (int i = 0; i < n_registered; i++) {
        const pr_objective *const o = registered[i].objective;
        const pr_config_module module = {
            .title = o->doc,
            .rows = o->rows,
            .n_rows = o->n_rows,
            .target = options == NULL ? NULL : options->own + registered[i].offset};
        if (o->n_rows > 0) {
            PR_TRY(pr_config_register(schema, &module));
        }
    }
    return PR_OK;
}
