/*
 * The hash every few steps covers everything that outlives a step: one bit flipped on one rank, in any
 * parameter, statistic, bank entry, moment or in the centre, is found and named on every rank.
 */
#include "engine/comm/job.h"
#include "tests/check.h"
#include "trainer/state.h"

enum { N_CENTRE = 5 };

static void make_store(pr_store **store)
{
    pr_graph *graph = NULL;
    pr_value value;
    const pr_init normal = {PR_INIT_NORMAL, 0.1};
    CHECK_OK(pr_graph_create("test", PR_F32, &graph));
    CHECK_OK(pr_graph_param(graph, "backbone.weight", pr_desc_2(PR_F32, 30, 7), normal, &value));
    CHECK_OK(pr_graph_buffer(graph, "backbone.mean", pr_desc_1(PR_F32, 9), normal, &value));
    CHECK_OK(pr_graph_param(graph, "fc.bias", pr_desc_1(PR_F32, 2), normal, &value));
    CHECK_OK(pr_graph_state(graph, "bank.centre", pr_desc_1(PR_F64, 6), normal, &value));
    CHECK_OK(pr_store_create(PR_F32, store));
    CHECK_OK(pr_store_add(*store, graph));
    CHECK_OK(pr_store_allocate(*store));
    CHECK_OK(pr_store_init(*store, 3));
    pr_graph_destroy(&graph);
}

/* One bit of the last byte, on the job's last rank; the check names the tensor; and back again. */
static void flip(const pr_trainer *t, pr_replica *replica, const char *name, void *data,
                 size_t n_bytes)
{
    const int last = pr_comm_n_ranks(t->comm) - 1;
    uint8_t *const byte = (uint8_t *)data + n_bytes - 1;
    char message[160];
    uint64_t hash = 0;
    (void)snprintf(message, sizeof(message), "step 6: '%s' of rank %d", name, last);
    if (pr_comm_rank(t->comm) == last) {
        *byte ^= 1U;
    }
    if (last > 0) {
        CHECK_FAILS(pr_replica_check(replica, 6, &hash), PR_ERR_COMM, message);
    }
    if (pr_comm_rank(t->comm) == last) {
        *byte ^= 1U;
    }
    CHECK_OK(pr_replica_check(replica, 7, &hash));
}

static void test_all(pr_trainer *t)
{
    pr_replica *replica = NULL;
    uint64_t hashes[2] = {0, 0};
    CHECK_OK(pr_state_replica(t, &replica));
    CHECK_OK(pr_replica_check(replica, 5, &hashes[0]));
    for (int i = 0; i < pr_store_n(t->store); i++) {
        const pr_store_entry *const entry = pr_store_at(t->store, i);
        flip(t, replica, entry->name, entry->data, pr_desc_bytes(&entry->desc));
    }
    const int n_states = pr_optimizer_n_states(t->optimizer);
    CHECK(n_states >= 4, "%d states of an optimizer with two moments", n_states);
    for (int i = 0; i < n_states; i++) {
        const pr_optimizer_state *const state = pr_optimizer_state_at(t->optimizer, i);
        char name[160];
        (void)snprintf(name, sizeof(name), "optim/%s", state->name);
        flip(t, replica, name, state->data, pr_desc_bytes(&state->desc));
    }
    flip(t, replica, "centre", t->centre.sum, N_CENTRE * sizeof(*t->centre.sum));
    CHECK_OK(pr_replica_check(replica, 8, &hashes[1]));
    CHECK(hashes[0] == hashes[1], "equal replicas have two hashes");
    pr_replica_destroy(&replica);
}

int main(int argc, char **argv)
{
    double sum[N_CENTRE] = {1.0, 2.0, 3.0, 4.0, 5.0};
    pr_optim_options options = pr_optim_options_default();
    pr_trainer t = {.centre = {.n_cols = N_CENTRE, .sum = sum}};
    options.kind = PR_OPTIM_ADAMW;
    CHECK_OK(pr_job_init(&argc, &argv));
    CHECK_OK(pr_comm_create(&t.comm));
    make_store(&t.store);
    CHECK_OK(pr_optimizer_create(t.store, &options, NULL, 0, &t.optimizer));
    if (check_n_failed == 0) {
        test_all(&t);
    }
    pr_optimizer_destroy(&t.optimizer);
    pr_store_destroy(&t.store);
    pr_comm_destroy(&t.comm);
    pr_job_finish();
    return check_exit_code();
}
