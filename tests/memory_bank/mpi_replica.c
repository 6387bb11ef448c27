/*
 * The replica check: equal replicas have one hash; a single bit that differs on one rank is found
 * and named, on every rank.
 */
#include "engine/comm/job.h"
#include "memory_bank/replica.h"
#include "tests/check.h"

static void test_check(pr_comm *comm)
{
    float weight[40] = {0};
    int64_t count[3] = {1, 2, 3};
    pr_replica *replica = NULL;
    uint64_t first = 0;
    uint64_t second = 0;
    const int rank = pr_comm_rank(comm);
    const int last = pr_comm_n_ranks(comm) - 1;

    CHECK_OK(pr_replica_create(comm, 2, &replica));
    CHECK_OK(pr_replica_add(replica, "", "weight", weight, sizeof(weight)));
    CHECK_OK(pr_replica_add(replica, "momentum.", "weight", count, sizeof(count)));
    CHECK_FAILS(pr_replica_add(replica, "", "more", count, sizeof(count)), PR_ERR_INVALID,
                "'more' is one more than the 2");
    CHECK_OK(pr_replica_check(replica, 1, &first));
    weight[7] = 1.0F;
    CHECK_OK(pr_replica_check(replica, 2, &second));
    CHECK(first != second, "the hash does not see the weights");

    if (last > 0) {
        char name[64];
        count[2] ^= rank == last;
        (void)snprintf(name, sizeof(name), "step 3: 'momentum.weight' of rank %d", last);
        CHECK_FAILS(pr_replica_check(replica, 3, &second), PR_ERR_COMM, name);
    }
    pr_replica_destroy(&replica);
}

int main(int argc, char **argv)
{
    CHECK_OK(pr_job_init(&argc, &argv));
    pr_comm *comm = NULL;
    CHECK_OK(pr_comm_create(&comm));
    if (comm == NULL) {
        return EXIT_FAILURE;
    }
    test_check(comm);
    pr_comm_destroy(&comm);
    pr_job_finish();
    return check_exit_code();
}
