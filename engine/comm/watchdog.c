#include "engine/comm/watchdog.h"

#include "engine/base/clock.h"
#include "engine/base/fs.h"
#include "engine/comm/comm_private.h"
#include "engine/comm/job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 256, HOST_BYTES = 64, NAME_BYTES = 64 };

static const double REPORT_INTERVAL_S = 2.0;
static const double TICK_S = 0.25;

static atomic_llong n_progress;
static atomic_llong current_step;
static atomic_llong n_collectives;
static atomic_bool is_inside;
static _Atomic(const char *) collective_name = "none";

static struct watchdog {
    bool runs;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ends_cond;
    bool ends;
    double stall_s;
    int fd;
    char run_dir[PR_PATH_BYTES];
} dog = {.mutex = PTHREAD_MUTEX_INITIALIZER, .ends_cond = PTHREAD_COND_INITIALIZER, .fd = -1};

void pr_watchdog_progress(void)
{
    atomic_fetch_add_explicit(&n_progress, 1, memory_order_relaxed);
}

void pr_watchdog_step(int64_t step)
{
    atomic_store_explicit(&current_step, step, memory_order_relaxed);
    pr_watchdog_progress();
}

void pr__watchdog_enter(const char *name)
{
    atomic_store(&collective_name, name); /* names are literals: they live for ever */
    atomic_fetch_add(&n_collectives, 1);
    atomic_store(&is_inside, true);
}

void pr__watchdog_leave(void)
{
    atomic_store(&is_inside, false);
}

/* What a rank's file says. */
typedef struct report {
    int rank;
    char host[HOST_BYTES];
    long pid;
    int64_t step, progress, collective;
    int inside;
    char name[NAME_BYTES];
} report;

static void report_path(char path[static PR_PATH_BYTES], int rank)
{
    (void)snprintf(path, PR_PATH_BYTES, "%.*s/ranks/%d", PR_PATH_BYTES - 32, dog.run_dir, rank);
}

/* One line of a fixed length, written over the last one: a reader never sees half of two. */
static void write_report(void)
{
    char host[HOST_BYTES] = "?";
    (void)gethostname(host, sizeof(host) - 1);
    char line[LINE_BYTES];
    const int n =
        snprintf(line, sizeof(line), "%s %ld step %lld progress %lld collective %lld %d %.63s",
                 host, (long)getpid(), (long long)atomic_load(&current_step),
                 (long long)atomic_load(&n_progress), (long long)atomic_load(&n_collectives),
                 atomic_load(&is_inside) ? 1 : 0, atomic_load(&collective_name));
    if (n < 0 || n >= LINE_BYTES) {
        return;
    }
    memset(line + n, ' ', (size_t)(LINE_BYTES - n));
    line[LINE_BYTES - 1] = '\n';
    /* A report that cannot be written is no reason to end a run that works. */
    (void)!pwrite(dog.fd, line, sizeof(line), 0);
}

static bool read_report(int rank, report *out)
{
    char path[PR_PATH_BYTES];
    char line[LINE_BYTES] = "";
    report_path(path, rank);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const ssize_t n = pread(fd, line, sizeof(line) - 1, 0);
    (void)close(fd);
    if (n <= 0) {
        return false;
    }
    int name_at = 0;
    *out = (report){.rank = rank};
    // NOLINTNEXTLINE(cert-err34-c): our own numbers; a bad line gives fewer than 6 of them.
    const int n_read = sscanf(
        line, "%63s %ld step %" SCNd64 " progress %" SCNd64 " collective %" SCNd64 " %d %n",
        out->host, &out->pid, &out->step, &out->progress, &out->collective, &out->inside, &name_at);
    if (n_read != 6) {
        return false;
    }
    (void)snprintf(out->name, sizeof(out->name), "%s", line + name_at);
    for (size_t i = strlen(out->name);
         i > 0 && (out->name[i - 1] == ' ' || out->name[i - 1] == '\n'); i--) {
        out->name[i - 1] = '\0';
    }
    return true;
}

/* Fewer collectives entered is further behind; of two, the one that is not inside, whom all wait
 * for; then the one with less progress. */
static bool is_behind(const report *a, const report *b)
{
    if (a->collective != b->collective) {
        return a->collective < b->collective;
    }
    if (a->inside != b->inside) {
        return a->inside < b->inside;
    }
    return a->progress < b->progress;
}

static _Noreturn void end_the_job(double stalled_s)
{
    write_report();
    report last = {.rank = -1};
    for (int rank = 0; rank < pr_job_n_ranks(); rank++) {
        report one;
        if (read_report(rank, &one) && (last.rank < 0 || is_behind(&one, &last))) {
            last = one;
        }
    }
    pr_status status = PR_ERR_COMM;
    if (last.rank < 0) {
        status =
            PR_FAIL(PR_ERR_COMM, "no progress for %.0f s, and no report of any rank", stalled_s);
    } else {
        status =
            PR_FAIL(PR_ERR_COMM,
                    "no progress for %.0f s (launch.stall_s); furthest behind is rank %d "
                    "(%s, process %ld): step %lld, %s collective %lld '%s'",
                    stalled_s, last.rank, last.host, last.pid, (long long)last.step,
                    last.inside != 0 ? "inside" : "past", (long long)last.collective, last.name);
    }
    pr_job_abort(dog.run_dir, status);
}

/* Waits TICK_S or until the end is asked for; under the mutex. */
static void wait_tick(void)
{
    struct timespec until = {0};
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)(TICK_S * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_cond_timedwait(&dog.ends_cond, &dog.mutex, &until);
}

static void *watch(void *unused)
{
    (void)unused;
    long long seen = atomic_load(&n_progress);
    double moved_s = pr_clock_s();
    double reported_s = 0.0;
    (void)pthread_mutex_lock(&dog.mutex);
    while (!dog.ends) {
        const double now_s = pr_clock_s();
        const long long progress = atomic_load(&n_progress);
        if (progress != seen) {
            seen = progress;
            moved_s = now_s;
        }
        if (now_s - reported_s >= REPORT_INTERVAL_S) {
            write_report();
            reported_s = now_s;
        }
        if (dog.stall_s > 0.0 && now_s - moved_s >= dog.stall_s) {
            end_the_job(now_s - moved_s);
        }
        wait_tick();
    }
    (void)pthread_mutex_unlock(&dog.mutex);
    return NULL;
}

pr_status pr_watchdog_start(const char *run_dir, double stall_s)
{
    PR_REQUIRE(!dog.runs, PR_ERR_INVALID, "a second watchdog in one process");
    (void)snprintf(dog.run_dir, sizeof(dog.run_dir), "%s", run_dir);
    dog.stall_s = stall_s;
    dog.ends = false;
    char path[PR_PATH_BYTES];
    report_path(path, pr_job_rank());
    dog.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    PR_REQUIRE(dog.fd >= 0, PR_ERR_IO, "%s: %s", path, strerror(errno));
    write_report();
    const int error = pthread_create(&dog.thread, NULL, watch, NULL);
    if (error != 0) {
        (void)close(dog.fd);
        dog.fd = -1;
        return PR_FAIL(PR_ERR_NOMEM, "the watchdog's thread: %s", strerror(error));
    }
    dog.runs = true;
    return PR_OK;
}

void pr_watchdog_stop(void)
{
    if (!dog.runs) {
        return;
    }
    (void)pthread_mutex_lock(&dog.mutex);
    dog.ends = true;
    (void)pthread_cond_signal(&dog.ends_cond);
    (void)pthread_mutex_unlock(&dog.mutex);
    (void)pthread_join(dog.thread, NULL);
    (void)close(dog.fd);
    dog.fd = -1;
    dog.runs = false;
}
