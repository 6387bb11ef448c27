#include "engine/base/team.h"

#include "engine/base/alloc.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

enum { MESSAGE_BYTES = 1024 };

struct pr_team {
    pthread_mutex_t mutex;
    pthread_cond_t work_came, work_done;
    pthread_t *threads; /* [n_threads] */
    int n_threads;      /* started */
    pr_team_begin_fn thread_begin;
    void *begin_ctx;
    int n_begun; /* threads that are past thread_begin */
    bool ends;

    /* The piece of work at hand; all of it under the mutex, tasks being large. */
    pr_team_task_fn fn;
    void *ctx;
    int64_t n_tasks, n_taken, n_finished;
    bool failed;
    int64_t failed_task; /* the lowest so far */
    pr_status status;
    char message[MESSAGE_BYTES];
};

typedef struct team_member {
    pr_team *team;
    int thread;
} team_member;

static _Thread_local int own_thread;

int pr_team_thread(void)
{
    return own_thread;
}

void pr_team_float_mode(void)
{
#if defined(__SSE2__)
    _mm_setcsr(0x1f80U);
#endif
}

/* Under the mutex. */
static void note_failure(pr_team *team, int64_t task, pr_status status)
{
    if (!team->failed || task < team->failed_task) {
        team->failed = true;
        team->failed_task = task;
        team->status = status;
        (void)snprintf(team->message, sizeof(team->message), "%s", pr_error_message());
    }
    pr_error_clear();
}

/* Under the mutex; lets go of it while the task runs. */
static void do_one_task(pr_team *team)
{
    const int64_t task = team->n_taken++;
    const pr_team_task_fn fn = team->fn;
    void *const ctx = team->ctx;
    (void)pthread_mutex_unlock(&team->mutex);
    const pr_status status = fn(ctx, task);
    (void)pthread_mutex_lock(&team->mutex);
    if (status != PR_OK) {
        note_failure(team, task, status);
        /* No later task begins; those that have not are counted as finished. */
        team->n_finished += team->n_tasks - team->n_taken;
        team->n_taken = team->n_tasks;
    }
    team->n_finished++;
    if (team->n_finished == team->n_tasks) {
        (void)pthread_cond_signal(&team->work_done);
    }
}

static void *thread_main(void *arg)
{
    team_member *const member = arg;
    pr_team *const team = member->team;
    own_thread = member->thread;
    pr_free(member);

    pr_team_float_mode();
    pr_status status = PR_OK;
    if (team->thread_begin != NULL) {
        status = team->thread_begin(team->begin_ctx, own_thread);
    }
    (void)pthread_mutex_lock(&team->mutex);
    if (status != PR_OK) {
        note_failure(team, own_thread, status);
    }
    team->n_begun++;
    (void)pthread_cond_signal(&team->work_done);
    while (!team->ends) {
        if (team->n_taken < team->n_tasks) {
            do_one_task(team);
        } else {
            (void)pthread_cond_wait(&team->work_came, &team->mutex);
        }
    }
    (void)pthread_mutex_unlock(&team->mutex);
    return NULL;
}

static pr_status start_thread(pr_team *team)
{
    team_member *const member = pr_calloc(1, sizeof(*member));
    PR_REQUIRE(member != NULL, PR_ERR_NOMEM, "no memory for thread %d of a team", team->n_threads);
    *member = (team_member){team, team->n_threads};
    const int error = pthread_create(&team->threads[team->n_threads], NULL, thread_main, member);
    if (error != 0) {
        pr_free(member);
        return PR_FAIL(PR_ERR_NOMEM, "thread %d of a team cannot be started: error %d",
                       team->n_threads, error);
    }
    team->n_threads++;
    return PR_OK;
}

/* Under no lock: waits until all threads are past thread_begin. */
static pr_status wait_for_begin(pr_team *team)
{
    (void)pthread_mutex_lock(&team->mutex);
    while (team->n_begun < team->n_threads) {
        (void)pthread_cond_wait(&team->work_done, &team->mutex);
    }
    const pr_status status = team->failed ? team->status : PR_OK;
    (void)pthread_mutex_unlock(&team->mutex);
    if (status != PR_OK) {
        pr_error_adopt(team->message);
    }
    return status;
}

pr_status pr_team_create(int n_threads, pr_team_begin_fn thread_begin, void *ctx, pr_team **out)
{
    PR_REQUIRE(n_threads >= 1, PR_ERR_INVALID, "a team of %d threads, must be at least 1",
               n_threads);
    pr_team *team = pr_calloc(1, sizeof(*team));
    PR_REQUIRE(team != NULL, PR_ERR_NOMEM, "no memory for a team of %d threads", n_threads);
    (void)pthread_mutex_init(&team->mutex, NULL); /* Linux never fails these */
    (void)pthread_cond_init(&team->work_came, NULL);
    (void)pthread_cond_init(&team->work_done, NULL);
    team->thread_begin = thread_begin;
    team->begin_ctx = ctx;

    pr_status status = PR_OK;
    team->threads = pr_calloc(n_threads, sizeof(*team->threads));
    if (team->threads == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "no memory for a team of %d threads", n_threads);
    }
    while (status == PR_OK && team->n_threads < n_threads) {
        status = start_thread(team);
    }
    if (status == PR_OK) {
        status = wait_for_begin(team);
    }
    if (status != PR_OK) {
        pr_team_destroy(&team);
        return status;
    }
    *out = team;
    return PR_OK;
}

void pr_team_destroy(pr_team **team)
{
    pr_team *const old = *team;
    if (old == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&old->mutex);
    old->ends = true;
    (void)pthread_cond_broadcast(&old->work_came);
    (void)pthread_mutex_unlock(&old->mutex);
    for (int i = 0; i < old->n_threads; i++) {
        (void)pthread_join(old->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&old->work_came);
    (void)pthread_cond_destroy(&old->work_done);
    (void)pthread_mutex_destroy(&old->mutex);
    pr_free(old->threads);
    pr_free(old);
    *team = NULL;
}

int pr_team_n_threads(const pr_team *team)
{
    return team->n_threads;
}

pr_status pr_team_run(pr_team *team, pr_team_task_fn fn, void *ctx, int64_t n_tasks)
{
    if (n_tasks <= 0) {
        return PR_OK;
    }
    (void)pthread_mutex_lock(&team->mutex);
    team->fn = fn;
    team->ctx = ctx;
    team->n_tasks = n_tasks;
    team->n_taken = 0;
    team->n_finished = 0;
    team->failed = false;
    (void)pthread_cond_broadcast(&team->work_came);
    while (team->n_finished < team->n_tasks) {
        (void)pthread_cond_wait(&team->work_done, &team->mutex);
    }
    const pr_status status = team->failed ? team->status : PR_OK;
    (void)pthread_mutex_unlock(&team->mutex);
    if (status != PR_OK) {
        pr_error_adopt(team->message);
    }
    return status;
}
