/* The collectives that move bytes, and how ranks that fail leave together. */
#include "engine/comm/comm.h"
#include "engine/comm/job.h"
#include "tests/check.h"

static void *memory(int64_t n, size_t size)
{
    void *const out = pr_calloc(n, size);
    CHECK(out != NULL, "no memory");
    if (out == NULL) {
        exit(EXIT_FAILURE);
    }
    return out;
}

static void check_moves(pr_comm *comm)
{
    const int rank = pr_comm_rank(comm);
    const int n_ranks = pr_comm_n_ranks(comm);
    CHECK(pr_comm_n_local(comm) == n_ranks && pr_comm_local_rank(comm) == rank, "one host");
    CHECK_OK(pr_comm_barrier(comm, "barrier"));

    int64_t number = rank == n_ranks - 1 ? 4711 : rank;
    CHECK_OK(pr_comm_broadcast(comm, "number", &number, sizeof(number), n_ranks - 1));
    CHECK(number == 4711, "rank %d has %lld", rank, (long long)number);

    /* Rank r gives 3 r bytes: rank 0 nothing at all. */
    size_t bytes_of[8];
    size_t n_before = 0;
    size_t n_all = 0;
    for (int r = 0; r < n_ranks; r++) {
        bytes_of[r] = 3 * (size_t)r;
        n_before += r < rank ? bytes_of[r] : 0;
        n_all += bytes_of[r];
    }
    char *const all = memory((int64_t)n_all, 1);
    char *const mine = memory((int64_t)bytes_of[rank], 1);
    for (int in_place = 0; in_place < 2; in_place++) {
        memset(all, 99, n_all);
        char *const from = in_place == 1 ? all + n_before : mine;
        memset(from, rank, bytes_of[rank]);
        CHECK_OK(pr_comm_allgather(comm, "bytes", from, all, bytes_of));
        size_t at = 0;
        for (int r = 0; r < n_ranks; r++) {
            for (size_t i = 0; i < bytes_of[r]; i++, at++) {
                CHECK(all[at] == r, "byte %zu is %d, wanted %d", at, all[at], r);
            }
        }
    }
    pr_free(all);
    pr_free(mine);
}

static pr_status fail_on(int rank)
{
    return PR_FAIL(PR_ERR_IO, "the disk of %d", rank);
}

/* Ranks 1 and above fail; all leave with rank 1's message, which is the lowest. */
static void check_agree(pr_comm *comm)
{
    const int rank = pr_comm_rank(comm);
    CHECK_OK(pr_comm_agree(comm, "agree", PR_OK));
    pr_error_clear();
    const pr_status status = pr_comm_agree(comm, "agree", rank > 0 ? fail_on(rank) : PR_OK);
    if (pr_comm_n_ranks(comm) == 1) {
        CHECK(status == PR_OK, "%s", pr_error_message());
    } else {
        CHECK(status == PR_ERR_IO, "status %d", (int)status);
        CHECK(strstr(pr_error_message(), "the disk of 1") != NULL, "%s", pr_error_message());
    }
    pr_error_clear();
}

int main(int argc, char **argv)
{
    CHECK_OK(pr_job_init(&argc, &argv));
    pr_comm *comm = NULL;
    CHECK_OK(pr_comm_create(&comm));
    if (comm == NULL) {
        return EXIT_FAILURE;
    }
    check_moves(comm);
    check_agree(comm);
    pr_comm_destroy(&comm);
    pr_job_finish();
    return check_exit_code();
}
