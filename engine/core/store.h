/**
 * The store: every named tensor that outlives a step, in one flat memory for each kind and type, so
 * that reduction, optimizer, checkpoint and replica hash are loops over arrays.
 *
 * Parameters and buffers are of the store's real type and lie, in the order in which graphs named
 * them, each at a multiple of 16 elements, in one arena; a *leaf* is an arena of the same layout that holds
 * one micro-batch's gradients (at the parameters) and batch statistics (at the buffers). States may
 * be of any type and have no leaf.
 */
#ifndef PR_ENGINE_CORE_STORE_H
#define PR_ENGINE_CORE_STORE_H

#include "engine/core/graph.h"

typedef struct pr_store pr_store;

typedef struct pr_store_entry {
    const char *name; /* owned by the store */
    pr_value_kind kind;
    pr_desc desc;
    pr_init init;
    int64_t offset; /* elements into the arena; states: -1 */
    void *data;     /* in the arena; NULL until pr_store_allocate */
} pr_store_entry;

pr_status pr_store_create(pr_dtype real, pr_store **out);
void pr_store_destroy(pr_store **store);

/** Takes in the parameters, buffers and states that GRAPH names and the store has not. */
pr_status pr_store_add(pr_store *store, const pr_graph *graph);

/** Lays out and allocates; after it no graph may bring a new tensor. Values are zero. */
pr_status pr_store_allocate(pr_store *store);

/** Sets every tensor to its initial value: draws keyed by (seed, hash of the name, element). */
pr_status pr_store_init(pr_store *store, uint64_t seed);

/** The same for the tensors whose name begins with PREFIX. */
pr_status pr_store_init_prefix(pr_store *store, uint64_t seed, const char *prefix);

int pr_store_n(const pr_store *store);
const pr_store_entry *pr_store_at(const pr_store *store, int i);
/** NULL where there is none. */
const pr_store_entry *pr_store_find(const pr_store *store, const char *name);

pr_dtype pr_store_real(const pr_store *store);
/** Elements of the arena, and of every leaf. */
int64_t pr_store_arena_n(const pr_store *store);
void *pr_store_arena(pr_store *store);

#endif
