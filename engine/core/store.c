#include "engine/core/store.h"

#include "engine/base/alloc.h"
#include "engine/base/draw.h"
#include "engine/base/hash.h"
#include "engine/core/graph_private.h"

#include <string.h>

enum { ALIGN_ELEMENTS = 16, FIRST_ROOM = 64 };

struct pr_store {
    pr_dtype real;
    pr_store_entry *entries;
    char **names; /* which the entries borrow */
    int n_entries, room;
    int64_t arena_n;
    void *arena;  /* parameters and buffers */
    char *states; /* each at a multiple of PR_ALIGN_BYTES */
};

pr_status pr_store_create(pr_dtype real, pr_store **out)
{
    PR_REQUIRE(real == PR_F32 || real == PR_F64, PR_ERR_INVALID,
               "a store of %s, must be f32 or f64", pr_dtype_name(real));
    pr_store *const store = pr_calloc(1, sizeof(*store));
    PR_REQUIRE(store != NULL, PR_ERR_NOMEM, "a store: %zu bytes", sizeof(*store));
    store->real = real;
    *out = store;
    return PR_OK;
}

void pr_store_destroy(pr_store **store)
{
    if (*store == NULL) {
        return;
    }
    for (int i = 0; i < (*store)->n_entries; i++) {
        pr_free((*store)->names[i]);
    }
    pr_free((*store)->names);
    pr_free((*store)->entries);
    pr_free((*store)->arena);
    pr_free((*store)->states);
    pr_free(*store);
    *store = NULL;
}

static pr_status grow(pr_store *store)
{
    const int room = store->room == 0 ? FIRST_ROOM : 2 * store->room;
    pr_store_entry *const entries = pr_calloc(room, sizeof(*entries));
    char **const names = pr_calloc(room, sizeof(char *));
    if (entries == NULL || names == NULL) {
        pr_free(entries);
        pr_free(names);
        return PR_FAIL(PR_ERR_NOMEM, "a store of %d tensors", room);
    }
    if (store->n_entries > 0) {
        memcpy(entries, store->entries, (size_t)store->n_entries * sizeof(*entries));
        memcpy(names, store->names, (size_t)store->n_entries * sizeof(char *));
    }
    pr_free(store->entries);
    pr_free(store->names);
    store->entries = entries;
    store->names = names;
    store->room = room;
    return PR_OK;
}

static pr_status add_entry(pr_store *store, const pr__node *node)
{
    PR_REQUIRE(store->arena == NULL, PR_ERR_INVALID,
               "'%s' is new to a store that is already allocated", node->name);
    if (store->n_entries == store->room) {
        PR_TRY(grow(store));
    }
    char *const name = pr_strdup(node->name);
    PR_REQUIRE(name != NULL, PR_ERR_NOMEM, "the name '%s'", node->name);
    store->names[store->n_entries] = name;
    store->entries[store->n_entries++] = (pr_store_entry){
        .name = name, .kind = node->kind, .desc = node->desc, .init = node->init, .offset = -1};
    return PR_OK;
}

static pr_status expect_equal(const pr_graph *graph, const pr__node *node,
                              const pr_store_entry *entry)
{
    char have_text[96];
    char want_text[96];

    PR_REQUIRE(node->kind == entry->kind, PR_ERR_INVALID,
               "graph '%s': '%s' is in the store as another kind of tensor", graph->name,
               node->name);
    PR_REQUIRE(node->desc.dtype == entry->desc.dtype &&
                   pr_shape_equal(&node->desc.shape, &entry->desc.shape),
               PR_ERR_SHAPE, "graph '%s': '%s' is %s %s, in the store it is %s %s", graph->name,
               node->name, pr_dtype_name(node->desc.dtype),
               pr_shape_text(&node->desc.shape, have_text), pr_dtype_name(entry->desc.dtype),
               pr_shape_text(&entry->desc.shape, want_text));
    return PR_OK;
}

pr_status pr_store_add(pr_store *store, const pr_graph *graph)
{
    PR_REQUIRE(graph->real == store->real, PR_ERR_SHAPE,
               "graph '%s' computes in %s, the store holds %s", graph->name,
               pr_dtype_name(graph->real), pr_dtype_name(store->real));
    for (int i = 0; i < graph->n_nodes; i++) {
        const pr__node *const node = &graph->nodes[i];
        if (node->kind == PR_VALUE_INPUT || node->kind == PR_VALUE_RESULT) {
            continue;
        }
        const pr_store_entry *const entry = pr_store_find(store, node->name);
        PR_TRY(entry == NULL ? add_entry(store, node) : expect_equal(graph, node, entry));
    }
    return PR_OK;
}

static int64_t round_up(int64_t n, int64_t step)
{
    return (n + step - 1) / step * step;
}

pr_status pr_store_allocate(pr_store *store)
{
    int64_t arena_n = 0;
    int64_t state_bytes = 0;

    PR_REQUIRE(store->arena == NULL, PR_ERR_INVALID, "the store of %d tensors is allocated",
               store->n_entries);
    for (int i = 0; i < store->n_entries; i++) {
        pr_store_entry *const entry = &store->entries[i];
        if (entry->kind == PR_VALUE_STATE) {
            state_bytes += round_up((int64_t)pr_desc_bytes(&entry->desc), PR_ALIGN_BYTES);
        } else {
            entry->offset = arena_n;
            arena_n += round_up(pr_shape_n(&entry->desc.shape), ALIGN_ELEMENTS);
        }
    }

    const size_t real_bytes = pr_dtype_bytes(store->real);
    void *const arena = pr_calloc(arena_n, real_bytes);
    char *const states = pr_calloc(state_bytes, 1);
    if (arena == NULL || states == NULL) {
        pr_free(arena);
        pr_free(states);
        return PR_FAIL(PR_ERR_NOMEM, "a store of %lld elements of %zu bytes and %lld of states",
                       (long long)arena_n, real_bytes, (long long)state_bytes);
    }

    char *next_state = states;
    for (int i = 0; i < store->n_entries; i++) {
        pr_store_entry *const entry = &store->entries[i];
        if (entry->kind == PR_VALUE_STATE) {
            entry->data = next_state;
            next_state += round_up((int64_t)pr_desc_bytes(&entry->desc), PR_ALIGN_BYTES);
        } else {
            entry->data = (char *)arena + (size_t)entry->offset * real_bytes;
        }
    }
    store->arena = arena;
    store->arena_n = arena_n;
    store->states = states;
    return PR_OK;
}

static void put(const pr_store_entry *entry, int64_t i, double value)
{
    switch (entry->desc.dtype) {
    case PR_F32:
        ((float *)entry->data)[i] = (float)value;
        break;
    case PR_F64:
        ((double *)entry->data)[i] = value;
        break;
    case PR_I32:
        ((int32_t *)entry->data)[i] = (int32_t)value;
        break;
    case PR_I64:
        ((int64_t *)entry->data)[i] = (int64_t)value;
        break;
    default:
        ((uint8_t *)entry->data)[i] = (uint8_t)value;
        break;
    }
}

static void init_entry(const pr_store_entry *entry, uint64_t seed)
{
    const pr_draw_key key = {.seed = seed,
                             .place = (uint32_t)pr_hash64(entry->name, strlen(entry->name), 0),
                             .purpose = PR_FOR_INIT};
    const double scale = entry->init.scale;
    const int64_t n = pr_shape_n(&entry->desc.shape);

    for (int64_t i = 0; i < n; i++) {
        double value = 0.0;
        switch (entry->init.kind) {
        case PR_INIT_ZERO:
            break;
        case PR_INIT_ONE:
            value = 1.0;
            break;
        case PR_INIT_UNIFORM:
            value = pr_draw_between(&key, (uint32_t)i, -scale, scale);
            break;
        case PR_INIT_NORMAL:
            value = scale * pr_draw_normal(&key, (uint32_t)i);
            break;
        }
        put(entry, i, value);
    }
}

pr_status pr_store_init_prefix(pr_store *store, uint64_t seed, const char *prefix)
{
    PR_REQUIRE(store->arena != NULL, PR_ERR_INVALID, "the store is not allocated yet");
    for (int i = 0; i < store->n_entries; i++) {
        if (strncmp(store->entries[i].name, prefix, strlen(prefix)) == 0) {
            init_entry(&store->entries[i], seed);
        }
    }
    return PR_OK;
}

pr_status pr_store_init(pr_store *store, uint64_t seed)
{
    return pr_store_init_prefix(store, seed, "");
}

int pr_store_n(const pr_store *store)
{
    return store->n_entries;
}

const pr_store_entry *pr_store_at(const pr_store *store, int i)
{
    return &store->entries[i];
}

const pr_store_entry *pr_store_find(const pr_store *store, const char *name)
{
    for (int i = 0; i < store->n_entries; i++) {
        if (strcmp(store->entries[i].name, name) == 0) {
            return &store->entries[i];
        }
    }
    return NULL;
}

pr_dtype pr_store_real(const pr_store *store)
{
    return store->real;
}

int64_t pr_store_arena_n(const pr_store *store)
{
    return store->arena_n;
}

void *pr_store_arena(pr_store *store)
{
    return store->arena;
}
