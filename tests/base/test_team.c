/* Every task runs once, the lowest failure is reported, and threads begin as they should. */
#include "engine/base/clock.h"
#include "engine/base/team.h"
#include "tests/check.h"

#include <stdatomic.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

enum { N_TASKS = 1000 };

static atomic_int n_begun;
static atomic_int runs[N_TASKS];
static atomic_int n_bad_modes;

static pr_status begin(void *ctx, int thread)
{
    atomic_fetch_add(&n_begun, 1);
    const int *const failing = ctx;
    PR_REQUIRE(failing == NULL || thread != *failing, PR_ERR_DEVICE, "thread %d of a team", thread);
    return PR_OK;
}

static pr_status count(void *ctx, int64_t task)
{
    const pr_team *const team = *(pr_team *const *)ctx;
    atomic_fetch_add(&runs[task], 1);
#if defined(__SSE2__)
    if ((_mm_getcsr() & ~0x3fU) != 0x1f80U) {
        atomic_fetch_add(&n_bad_modes, 1);
    }
#endif
    const int thread = pr_team_thread();
    PR_REQUIRE(thread >= 0 && thread < pr_team_n_threads(team), PR_ERR_INVALID, "thread %d",
               thread);
    return PR_OK;
}

static pr_status fail_some(void *ctx, int64_t task)
{
    (void)ctx;
    if (task == 3) {
        pr_clock_sleep_s(0.05); /* a later task fails first */
    }
    PR_REQUIRE(task != 3 && task != 4, task == 3 ? PR_ERR_NUMERIC : PR_ERR_IO, "task %lld failed",
               (long long)task);
    return PR_OK;
}

static void test_size(int n_threads)
{
    atomic_store(&n_begun, 0);
    pr_team *team = NULL;
    CHECK_OK(pr_team_create(n_threads, begin, NULL, &team));
    CHECK(atomic_load(&n_begun) == n_threads, "%d threads began", atomic_load(&n_begun));
    for (int round = 1; round <= 3; round++) {
        CHECK_OK(pr_team_run(team, count, &team, N_TASKS));
        for (int i = 0; i < N_TASKS; i++) {
            CHECK(atomic_load(&runs[i]) == round, "task %d ran %d times", i, atomic_load(&runs[i]));
        }
    }
    for (int i = 0; i < N_TASKS; i++) {
        atomic_store(&runs[i], 0);
    }
    CHECK_FAILS(pr_team_run(team, fail_some, NULL, 100), PR_ERR_NUMERIC, "task 3 failed");
    CHECK_OK(pr_team_run(team, count, &team, 0));
    CHECK_OK(pr_team_run(team, count, &team, 1)); /* works on after a failure */
    atomic_store(&runs[0], 0);
    pr_team_destroy(&team);
    CHECK(team == NULL, "nulled");
}

int main(void)
{
#if defined(__SSE2__)
    _mm_setcsr(0x9fc0U); /* denormals flushed: the threads may not inherit it */
#endif
    test_size(1);
    test_size(2);
    test_size(5);
    CHECK(atomic_load(&n_bad_modes) == 0, "%d tasks under another float mode",
          atomic_load(&n_bad_modes));
    pr_team *team = NULL;
    int failing = 1;
    CHECK_FAILS(pr_team_create(3, begin, &failing, &team), PR_ERR_DEVICE, "thread 1 of a team");
    CHECK_FAILS(pr_team_create(0, NULL, NULL, &team), PR_ERR_INVALID, "a team of 0 threads");
    for (long n = 0; n < 4; n++) {
        pr_alloc_fail_on(n);
        const pr_status status = pr_team_create(2, begin, NULL, &team);
        pr_alloc_fail_on(-1);
        CHECK(status == PR_ERR_NOMEM, "allocation %ld", n);
        pr_error_clear();
    }
    return check_exit_code();
}
