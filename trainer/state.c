#include "trainer/state.h"

#include "engine/base/alloc.h"
#include "engine/base/hash.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 192, N_PLATEAU = 5 };

/* Parts with names of their own making. */
typedef struct part_list {
    int n, capacity;
    pr_part *parts;
    char (*names)[NAME_BYTES];
    double plateau[N_PLATEAU];
    int64_t centre_n[2];
} part_list;

static pr_status list_create(part_list *list, int capacity)
{
    memset(list, 0, sizeof(*list));
    list->capacity = capacity;
    list->parts = pr_calloc(capacity, sizeof(*list->parts));
    list->names = pr_calloc(capacity, sizeof(*list->names));
    if (list->parts == NULL || list->names == NULL) {
        pr_free(list->parts);
        pr_free(list->names);
        return PR_FAIL(PR_ERR_NOMEM, "no memory for %d parts of a checkpoint", capacity);
    }
    return PR_OK;
}

static void list_free(part_list *list)
{
    pr_free(list->parts);
    pr_free(list->names);
}

static void list_add(part_list *list, const char *folder, const char *name, pr_desc desc,
                     void *data)
{
    char *const full = list->names[list->n];
    (void)snprintf(full, NAME_BYTES, "%s/%s", folder, name);
    list->parts[list->n++] = (pr_part){full, {desc.dtype, desc.shape, data}};
}

static const char *folder_of(pr_value_kind kind)
{
    return kind == PR_VALUE_STATE ? "bank" : "model";
}

static void add_store(part_list *list, const pr_store *store, bool states)
{
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *const entry = pr_store_at(store, i);
        if (states || entry->kind != PR_VALUE_STATE) {
            list_add(list, folder_of(entry->kind), entry->name, entry->desc, entry->data);
        }
    }
}

static void plateau_to(const pr_plateau *plateau, double out[static N_PLATEAU])
{
    out[0] = plateau->factor;
    out[1] = plateau->best;
    out[2] = (double)plateau->n_seen;
    out[3] = (double)plateau->n_bad;
    out[4] = (double)plateau->n_cooling;
}

static void plateau_from(pr_plateau *plateau, const double in[static N_PLATEAU])
{
    *plateau = (pr_plateau){in[0], in[1], (int64_t)in[2], (int64_t)in[3], (int64_t)in[4]};
}

static pr_status list_trainer(const pr_trainer *t, bool optimizer, part_list *list)
{
    const int n_moments = optimizer ? pr_optimizer_n_states(t->optimizer) : 0;
    PR_TRY(list_create(list, pr_store_n(t->store) + n_moments + 4));
    add_store(list, t->store, true);
    for (int i = 0; i < n_moments; i++) {
        const pr_optimizer_state *const state = pr_optimizer_state_at(t->optimizer, i);
        list_add(list, "optim", state->name, state->desc, state->data);
    }
    plateau_to(&t->plateau, list->plateau);
    list->centre_n[0] = t->centre.n;
    list->centre_n[1] = t->centre.n_last;
    list_add(list, "trainer", "plateau", pr_desc_1(PR_F64, N_PLATEAU), list->plateau);
    list_add(list, "trainer", "centre_n", pr_desc_1(PR_I64, 2), list->centre_n);
    list_add(list, "trainer", "centre_sum", pr_desc_1(PR_F64, t->centre.n_cols), t->centre.sum);
    list_add(list, "trainer", "centre_last", pr_desc_1(PR_F64, t->centre.n_cols), t->centre.last);
    return PR_OK;
}

pr_status pr_state_pack(const pr_trainer *t, const pr_checkpoint_head *head, const char *config,
                        pr_image *out)
{
    part_list list;
    PR_TRY(list_trainer(t, t->optimizer != NULL, &list));
    const pr_status status = pr_checkpoint_pack(head, config, list.parts, list.n, out);
    list_free(&list);
    return status;
}

pr_status pr_state_unpack(pr_trainer *t, const pr_image *image, const char *name, bool optimizer,
                          pr_checkpoint_head *head)
{
    part_list list;
    PR_TRY(list_trainer(t, optimizer, &list));
    const pr_status status = pr_checkpoint_unpack(image, name, head, list.parts, list.n);
    if (status == PR_OK) {
        plateau_from(&t->plateau, list.plateau);
        t->centre.n = list.centre_n[0];
        t->centre.n_last = list.centre_n[1];
    }
    list_free(&list);
    return status;
}

pr_status pr_state_unpack_weights(pr_store *store, const pr_image *image, const char *name,
                                  int *n_found)
{
    part_list list;
    PR_TRY(list_create(&list, pr_store_n(store)));
    add_store(&list, store, false);
    const pr_status status =
        pr_checkpoint_unpack_found(image, name, "model/backbone.", list.parts, list.n, n_found);
    list_free(&list);
    return status;
}

pr_status pr_state_replica(const pr_trainer *t, pr_replica **out)
{
    const int n_moments = pr_optimizer_n_states(t->optimizer);
    pr_replica *replica = NULL;
    PR_TRY(pr_replica_create(t->comm, pr_store_n(t->store) + n_moments + 1, &replica));
    pr_status status = pr_replica_add_store(replica, "", t->store);
    for (int i = 0; status == PR_OK && i < n_moments; i++) {
        const pr_optimizer_state *const state = pr_optimizer_state_at(t->optimizer, i);
        status = pr_replica_add(replica, "optim/", state->name, state->data,
                                pr_desc_bytes(&state->desc));
    }
    if (status == PR_OK) {
        status = pr_replica_add(replica, "", "centre", t->centre.sum,
                                (size_t)t->centre.n_cols * sizeof(*t->centre.sum));
    }
    if (status != PR_OK) {
        pr_replica_destroy(&replica);
        return status;
    }
    *out = replica;
    return PR_OK;
}

uint64_t pr_state_model_hash(const pr_store *store)
{
    uint64_t hash = 0;
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *const entry = pr_store_at(store, i);
        int64_t what[2 + PR_MAX_DIMS] = {(int64_t)entry->kind, entry->desc.shape.n_dims};
        for (int d = 0; d < entry->desc.shape.n_dims; d++) {
            what[2 + d] = entry->desc.shape.dims[d];
        }
        hash = pr_hash64(entry->name, strlen(entry->name), hash);
        hash = pr_hash64(what, sizeof(what), hash);
    }
    return hash;
}
