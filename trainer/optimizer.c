#include "trainer/optimizer_internal.h"

#include "engine/base/alloc.h"
#include "engine/base/text.h"

#include <string.h>

const char *const pr_optim_words[] = {"sgd", "adam", "adamw", NULL};

/* What to build from, together. */
typedef struct pr__recipe {
    const pr_optim_options *options;
    const pr_optim_phase *phases;
    int n_phases;
} pr__recipe;

pr_optim_options pr_optim_options_default(void)
{
    return (pr_optim_options){
        .kind = PR_OPTIM_SGD,
        .lr = 0.01,
        .momentum = 0.9,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .eps = 1e-8,
        .weight_decay = 1e-4,
        .decay_norm_bias = true,
    };
}

static bool begins_with(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Bit p: ENTRY steps in phase p. */
static uint32_t phases_of(const pr_store_entry *entry, const pr__recipe *recipe)
{
    uint32_t phases = 0;
    for (int p = 0; p < recipe->n_phases; p++) {
        const pr_optim_phase *const phase = &recipe->phases[p];
        bool trained = phase->trains == NULL;
        for (int i = 0; i < phase->n_trains; i++) {
            trained = trained || begins_with(entry->name, phase->trains[i]);
        }
        phases |= trained ? 1U << p : 0U;
    }
    for (int64_t i = 0; i < recipe->options->frozen.n; i++) {
        phases = begins_with(entry->name, recipe->options->frozen.at[i]) ? 0U : phases;
    }
    return entry->kind == PR_VALUE_PARAM ? phases : 0U;
}

static bool is_trained(const pr_store_entry *entry, const pr__recipe *recipe)
{
    return phases_of(entry, recipe) != 0;
}

static pr_status check_groups(const pr_optim_options *o)
{
    PR_REQUIRE(o->group_rate.n == o->group.n, PR_ERR_INVALID,
               "optimizer: %lld group_rate for %lld groups, must be one each",
               (long long)o->group_rate.n, (long long)o->group.n);
    PR_REQUIRE(o->group_decay.n == 0 || o->group_decay.n == o->group.n, PR_ERR_INVALID,
               "optimizer: %lld group_decay for %lld groups, must be one each or none",
               (long long)o->group_decay.n, (long long)o->group.n);
    for (int64_t a = 0; a < o->group.n; a++) {
        PR_REQUIRE(o->group_rate.at[a] >= 0.0, PR_ERR_INVALID,
                   "optimizer: group '%s' has rate factor %g, must be >= 0", o->group.at[a],
                   o->group_rate.at[a]);
        for (int64_t b = 0; b < a; b++) {
            PR_REQUIRE(strcmp(o->group.at[a], o->group.at[b]) != 0, PR_ERR_INVALID,
                       "optimizer: two groups have the prefix '%s'", o->group.at[a]);
        }
    }
    return PR_OK;
}

static pr_status check_options(const pr_optim_options *o)
{
    PR_REQUIRE(o->momentum >= 0.0 && o->momentum < 1.0, PR_ERR_INVALID,
               "optimizer: momentum = %g, must be in [0, 1)", o->momentum);
    PR_REQUIRE(o->beta1 >= 0.0 && o->beta1 < 1.0 && o->beta2 >= 0.0 && o->beta2 < 1.0,
               PR_ERR_INVALID, "optimizer: betas = %g, %g, must be in [0, 1)", o->beta1, o->beta2);
    PR_REQUIRE(o->eps > 0.0, PR_ERR_INVALID, "optimizer: eps = %g, must be > 0", o->eps);
    PR_REQUIRE(o->weight_decay >= 0.0, PR_ERR_INVALID, "optimizer: weight_decay = %g, must be >= 0",
               o->weight_decay);
    PR_REQUIRE(o->clip_norm >= 0.0, PR_ERR_INVALID, "optimizer: clip_norm = %g, must be >= 0",
               o->clip_norm);
    PR_REQUIRE(!o->nesterov || o->momentum > 0.0, PR_ERR_INVALID,
               "optimizer: nesterov needs a momentum above 0");
    return check_groups(o);
}

/* The options' group with the longest prefix of NAME, or their number where none has one. */
static int64_t option_of(const pr__recipe *recipe, const char *name)
{
    const pr_config_words *const prefixes = &recipe->options->group;
    int64_t best = prefixes->n;
    for (int64_t g = 0; g < prefixes->n; g++) {
        if (begins_with(name, prefixes->at[g]) &&
            (best == prefixes->n || strlen(prefixes->at[g]) > strlen(prefixes->at[best]))) {
            best = g;
        }
    }
    return best;
}

static int find_group(const pr_optimizer *optimizer, int64_t option, uint32_t phases)
{
    for (int g = 0; g < optimizer->n_groups; g++) {
        if (optimizer->groups[g].option == option && optimizer->groups[g].phases == phases) {
            return g;
        }
    }
    return -1;
}

static pr_status add_group(pr_optimizer *optimizer, const pr__recipe *recipe, int64_t option,
                           uint32_t phases)
{
    const pr_optim_options *const o = recipe->options;
    const char *const prefix = option < o->group.n ? o->group.at[option] : "";
    const uint32_t all =
        recipe->n_phases == PR_OPTIM_MAX_PHASES ? UINT32_MAX : (1U << recipe->n_phases) - 1U;
    pr_text text = {0};
    pr_status status = pr_text_add(&text, "%s", prefix);
    if (status == PR_OK && phases != all) {
        status = pr_text_add(&text, "@%x", (unsigned)phases);
    }
    pr__group *const g = &optimizer->groups[optimizer->n_groups];
    g->prefix = status == PR_OK ? pr_strdup(pr_text_chars(&text)) : NULL;
    pr_text_free(&text);
    PR_TRY(status);
    PR_REQUIRE(g->prefix != NULL, PR_ERR_NOMEM, "optimizer: out of memory");
    g->option = option;
    g->phases = phases;
    g->rate_factor = option < o->group.n ? o->group_rate.at[option] : 1.0;
    g->weight_decay =
        option < o->group.n && o->group_decay.n > 0 ? o->group_decay.at[option] : o->weight_decay;
    g->active = (phases & 1U) != 0;
    optimizer->n_groups++;
    return PR_OK;
}

/* Of each of the options' groups, then of none, one group for every set of phases. */
static pr_status make_groups(pr_optimizer *optimizer, const pr__recipe *recipe)
{
    const int n_entries = pr_store_n(optimizer->store);
    optimizer->groups = pr_calloc(n_entries + 1, sizeof(*optimizer->groups));
    PR_REQUIRE(optimizer->groups != NULL, PR_ERR_NOMEM, "optimizer: out of memory");
    for (int64_t option = 0; option <= recipe->options->group.n; option++) {
        for (int i = 0; i < n_entries; i++) {
            const pr_store_entry *const entry = pr_store_at(optimizer->store, i);
            const uint32_t phases = phases_of(entry, recipe);
            if (phases != 0 && option_of(recipe, entry->name) == option &&
                find_group(optimizer, option, phases) < 0) {
                PR_TRY(add_group(optimizer, recipe, option, phases));
            }
        }
    }
    return PR_OK;
}

/* A prefix that names nothing is a typo, and must not train for a week. */
static pr_status check_prefix(const pr_optimizer *optimizer, const pr__recipe *recipe,
                              const char *prefix, bool frozen, const char *what)
{
    for (int i = 0; i < pr_store_n(optimizer->store); i++) {
        const pr_store_entry *entry = pr_store_at(optimizer->store, i);
        const bool counts = frozen ? entry->kind == PR_VALUE_PARAM : is_trained(entry, recipe);
        if (counts && begins_with(entry->name, prefix)) {
            return PR_OK;
        }
    }
    return PR_FAIL(PR_ERR_INVALID, "optimizer: no %sparameter begins with '%s' (%s)",
                   frozen ? "" : "trained ", prefix, what);
}

static pr_status check_prefixes(const pr_optimizer *optimizer, const pr__recipe *recipe)
{
    const pr_optim_options *o = recipe->options;
    for (int p = 0; p < recipe->n_phases; p++) {
        for (int i = 0; i < recipe->phases[p].n_trains; i++) {
            PR_TRY(check_prefix(optimizer, recipe, recipe->phases[p].trains[i], false,
                                "what a stage trains"));
        }
    }
    for (int64_t i = 0; i < o->group.n; i++) {
        PR_TRY(check_prefix(optimizer, recipe, o->group.at[i], false, "optim.group"));
    }
    for (int64_t i = 0; i < o->frozen.n; i++) {
        PR_TRY(check_prefix(optimizer, recipe, o->frozen.at[i], true, "optim.frozen"));
    }
    return PR_OK;
}

static void add_chunks(pr_optimizer *optimizer, const pr_store_entry *entry, int group)
{
    const int64_t n_elements = pr_shape_n(&entry->desc.shape);
    for (int64_t first = 0; first < n_elements; first += PR__CHUNK) {
        const int64_t left = n_elements - first;
        optimizer->chunks[optimizer->n_chunks++] =
            (pr__chunk){entry, first, left < PR__CHUNK ? left : PR__CHUNK, group};
    }
}

static pr_status make_chunks(pr_optimizer *optimizer, const pr__recipe *recipe)
{
    const pr_store *store = optimizer->store;
    int64_t n = 0;
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *entry = pr_store_at(store, i);
        n += is_trained(entry, recipe)
                 ? (pr_shape_n(&entry->desc.shape) + PR__CHUNK - 1) / PR__CHUNK
                 : 0;
    }
    optimizer->chunks = pr_calloc(n, sizeof(*optimizer->chunks));
    optimizer->squares = pr_calloc(n, sizeof(*optimizer->squares));
    optimizer->summed = pr_calloc(n, sizeof(*optimizer->summed));
    PR_REQUIRE(optimizer->chunks != NULL && optimizer->squares != NULL && optimizer->summed != NULL,
               PR_ERR_NOMEM, "optimizer: no memory for %lld chunks", (long long)n);
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *entry = pr_store_at(store, i);
        if (is_trained(entry, recipe)) {
            add_chunks(
                optimizer, entry,
                find_group(optimizer, option_of(recipe, entry->name), phases_of(entry, recipe)));
        }
    }
    return PR_OK;
}

static char *at(void *arena, pr_dtype real, int64_t element)
{
    return (char *)arena + (size_t)element * pr_dtype_bytes(real);
}

static pr_status add_state(pr_optimizer *optimizer, const char *kind, const char *name, void *data,
                           pr_desc desc)
{
    pr_text text = {0};
    const pr_status status = pr_text_add(&text, "%s/%s", kind, name);
    char *copy = status == PR_OK ? pr_strdup(pr_text_chars(&text)) : NULL;
    pr_text_free(&text);
    PR_TRY(status);
    PR_REQUIRE(copy != NULL, PR_ERR_NOMEM, "optimizer: out of memory");
    optimizer->states[optimizer->n_states++] = (pr_optimizer_state){copy, data, desc};
    return PR_OK;
}

/* The moments of one tensor. */
static pr_status name_moments(pr_optimizer *optimizer, const pr_store_entry *e)
{
    PR_TRY(add_state(optimizer, optimizer->second == NULL ? "momentum" : "m", e->name,
                     at(optimizer->first, optimizer->real, e->offset), e->desc));
    return optimizer->second == NULL
               ? PR_OK
               : add_state(optimizer, "v", e->name,
                           at(optimizer->second, optimizer->real, e->offset), e->desc);
}

static pr_status name_states(pr_optimizer *optimizer, const pr__recipe *recipe)
{
    for (int g = 0; g < optimizer->n_groups; g++) {
        const char *const prefix = optimizer->groups[g].prefix;
        /* A name of a file's entry cannot end in a slash: what no group names is "steps/others". */
        PR_TRY(add_state(optimizer, "steps", prefix[0] == '\0' ? "others" : prefix,
                         &optimizer->groups[g].n_steps, pr_desc_1(PR_I64, 1)));
    }
    for (int i = 0; i < pr_store_n(optimizer->store); i++) {
        const pr_store_entry *entry = pr_store_at(optimizer->store, i);
        if (is_trained(entry, recipe)) {
            PR_TRY(name_moments(optimizer, entry));
        }
    }
    return PR_OK;
}

static pr_status make_states(pr_optimizer *optimizer, const pr__recipe *recipe)
{
    const bool is_sgd = recipe->options->kind == PR_OPTIM_SGD;
    const int64_t n_arena = pr_store_arena_n(optimizer->store);
    const size_t n_bytes = pr_dtype_bytes(optimizer->real);
    optimizer->first = pr_calloc(n_arena, n_bytes);
    optimizer->second = is_sgd ? NULL : pr_calloc(n_arena, n_bytes);
    optimizer->states = pr_calloc((int64_t)2 * pr_store_n(optimizer->store) + optimizer->n_groups,
                                  sizeof(*optimizer->states));
    PR_REQUIRE(optimizer->first != NULL && (is_sgd || optimizer->second != NULL) &&
                   optimizer->states != NULL,
               PR_ERR_NOMEM, "optimizer: no memory for moments of %lld elements",
               (long long)n_arena);
    return name_states(optimizer, recipe);
}

static pr_status build(pr_optimizer *optimizer, const pr__recipe *recipe)
{
    PR_TRY(check_prefixes(optimizer, recipe));
    PR_TRY(make_groups(optimizer, recipe));
    PR_TRY(make_chunks(optimizer, recipe));
    return make_states(optimizer, recipe);
}

pr_status pr_optimizer_create(pr_store *store, const pr_optim_options *options,
                              const char *const *trains, int n_trains, pr_optimizer **out)
{
    const pr_optim_phase phase = {trains, n_trains};
    return pr_optimizer_create_phases(store, options, &phase, 1, out);
}

pr_status pr_optimizer_create_phases(pr_store *store, const pr_optim_options *options,
                                     const pr_optim_phase *phases, int n_phases, pr_optimizer **out)
{
    const pr__recipe recipe = {options, phases, n_phases};
    PR_REQUIRE(n_phases >= 1 && n_phases <= PR_OPTIM_MAX_PHASES, PR_ERR_INVALID,
               "optimizer: %d phases, must be 1 to %d", n_phases, PR_OPTIM_MAX_PHASES);
    PR_TRY(check_options(options));
    pr_optimizer *optimizer = pr_calloc(1, sizeof(*optimizer));
    PR_REQUIRE(optimizer != NULL, PR_ERR_NOMEM, "optimizer: out of memory");
    optimizer->store = store;
    optimizer->real = pr_store_real(store);
    optimizer->options = *options;
    const pr_status status = build(optimizer, &recipe);
    if (status != PR_OK) {
        pr_optimizer_destroy(&optimizer);
        return status;
    }
    *out = optimizer;
    return PR_OK;
}

void pr_optimizer_destroy(pr_optimizer **optimizer)
{
    pr_optimizer *o = *optimizer;
    if (o == NULL) {
        return;
    }
    for (int g = 0; g < o->n_groups; g++) {
        pr_free(o->groups[g].prefix);
    }
    for (int i = 0; i < o->n_states; i++) {
        pr_free((char *)o->states[i].name);
    }
    pr_free(o->groups);
    pr_free(o->chunks);
    pr_free(o->squares);
    pr_free(o->summed);
    pr_free(o->first);
    pr_free(o->second);
    pr_free(o->states);
    pr_free(o);
    *optimizer = NULL;
}

int pr_optimizer_n_groups(const pr_optimizer *optimizer)
{
    return optimizer->n_groups;
}

const char *pr_optimizer_group_prefix(const pr_optimizer *optimizer, int group_idx)
{
    return optimizer->groups[group_idx].prefix;
}

void pr_optimizer_set_active(pr_optimizer *optimizer, int group_idx, bool active)
{
    optimizer->groups[group_idx].active = active;
}

void pr_optimizer_set_phase(pr_optimizer *optimizer, int phase)
{
    for (int g = 0; g < optimizer->n_groups; g++) {
        optimizer->groups[g].active = (optimizer->groups[g].phases >> phase & 1U) != 0;
    }
}

int64_t pr_optimizer_n_chunks(const pr_optimizer *optimizer)
{
    return optimizer->n_chunks;
}

int pr_optimizer_n_states(const pr_optimizer *optimizer)
{
    return optimizer->n_states;
}

const pr_optimizer_state *pr_optimizer_state_at(const pr_optimizer *optimizer, int i)
{
    return &optimizer->states[i];
}
