#include "engine/comm/job.h"

#include "engine/base/clock.h"
#include "engine/base/fs.h"
#include "engine/comm/comm_private.h"

#include <errno.h>
#include <fcntl.h>
#include <mpi.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_TO_BE_KILLED_S = 20, LINE_BYTES = 2048 };
static const double hold_name_s = 0.5;

/* Written once, before threads start; read by any thread, also on the way out. */
static struct job {
    int rank, n_ranks;
    bool is_on_first_host;
    bool is_alone; /* without MPI */
    uint64_t id;   /* drawn by rank 0: tells this job from others on the host */
    char host[MPI_MAX_PROCESSOR_NAME];
    char run_dir[PR_PATH_BYTES]; /* "": none yet */
    pr_fs_lock *run_lock;        /* rank 0's */
} job = {.n_ranks = 1};

static volatile sig_atomic_t stop_requested;

static void on_signal(int signal_number)
{
    (void)signal_number;
    stop_requested = 1;
}

bool pr_job_wants_stop(void)
{
    return stop_requested != 0;
}

void pr_job_request_stop(void)
{
    stop_requested = 1;
}

int pr_job_rank(void)
{
    return job.rank;
}

int pr_job_n_ranks(void)
{
    return job.n_ranks;
}

const char *pr_job_run_dir(void)
{
    return job.run_dir[0] != '\0' ? job.run_dir : NULL;
}

pr_status pr__mpi_failed(int code, const char *what)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int n_chars = 0;
    (void)MPI_Error_string(code, text, &n_chars);
    return PR_FAIL(PR_ERR_COMM, "%s: %s", what, text);
}

static pr_status catch_signal(int signal_number)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    PR_REQUIRE(sigaction(signal_number, &action, NULL) == 0, PR_ERR_COMM, "sigaction: %s",
               strerror(errno));
    return PR_OK;
}

static pr_status catch_signals(void)
{
    PR_TRY(catch_signal(SIGTERM));
    return catch_signal(SIGUSR1);
}

/* Rank 0 draws the job's number and tells its host. */
static pr_status exchange_names(void)
{
    struct {
        uint64_t id;
        char host[MPI_MAX_PROCESSOR_NAME];
    } first = {0};
    first.id = (uint64_t)getpid() << 32 ^ (uint64_t)(pr_clock_s() * 1e6);
    memcpy(first.host, job.host, sizeof(first.host));
    PR_TRY_MPI(MPI_Bcast(&first, (int)sizeof(first), MPI_BYTE, 0, MPI_COMM_WORLD));
    job.id = first.id;
    job.is_on_first_host = strcmp(first.host, job.host) == 0;
    return PR_OK;
}

pr_status pr_job_init(int *argc, char ***argv)
{
    int level = MPI_THREAD_SINGLE;
    const int code = MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &level);
    PR_REQUIRE(code == MPI_SUCCESS, PR_ERR_COMM, "MPI_Init_thread: error %d", code);
    PR_TRY_MPI(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
    PR_REQUIRE(level >= MPI_THREAD_FUNNELED, PR_ERR_COMM,
               "this MPI gives thread level %d, wanted MPI_THREAD_FUNNELED (%d)", level,
               MPI_THREAD_FUNNELED);
    int n_chars = 0;
    PR_TRY_MPI(MPI_Comm_rank(MPI_COMM_WORLD, &job.rank));
    PR_TRY_MPI(MPI_Comm_size(MPI_COMM_WORLD, &job.n_ranks));
    PR_TRY_MPI(MPI_Get_processor_name(job.host, &n_chars));
    PR_TRY(catch_signals());
    return exchange_names();
}

static void wait_to_be_killed(void)
{
    pr_clock_sleep_s(WAIT_TO_BE_KILLED_S);
}

pr_status pr_job_init_alone(const char *what)
{
    /* What Open MPI and `srun` tell each rank: how many there are, and which one it is. */
    static const char *const told[][2] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                                          {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}};
    job.is_alone = true;
    job.is_on_first_host = true;
    PR_REQUIRE(gethostname(job.host, sizeof(job.host) - 1) == 0, PR_ERR_COMM, "gethostname: %s",
               strerror(errno));
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        const char *const size = getenv(told[i][0]);
        const char *const rank = getenv(told[i][1]);
        if (size == NULL || strcmp(size, "1") == 0) {
            continue;
        }
        if (rank != NULL && strcmp(rank, "0") != 0) {
            wait_to_be_killed();
        }
        return PR_FAIL(PR_ERR_INVALID,
                       "%s was started as %s ranks (%s): it is one process and starts the ranks "
                       "itself; leave mpirun or srun away",
                       what, size, told[i][0]);
    }
    PR_TRY(catch_signals());
    return catch_signal(SIGINT);
}

void pr_job_finish(void)
{
    pr_fs_lock_destroy(&job.run_lock);
    if (!job.is_alone) {
        (void)MPI_Finalize();
    }
}

static void failed_path(char path[static PR_PATH_BYTES], const char *run_dir)
{
    (void)snprintf(path, PR_PATH_BYTES, "%.*s/FAILED", PR_PATH_BYTES - 16, run_dir);
}

/* On rank 0. Until the lock is ours the directory may be another job's, whose files stay as they
 * are. */
static pr_status prepare_run_dir(const char *run_dir, pr_fs_lock **lock)
{
    char path[PR_PATH_BYTES];
    PR_TRY(pr_fs_join(path, run_dir, "ranks"));
    PR_TRY(pr_fs_mkdirs(path));
    PR_TRY(pr_fs_lock_take(run_dir, lock));
    failed_path(path, run_dir);
    return pr_fs_remove(path);
}

pr_status pr_job_begin(const char *run_dir)
{
    PR_REQUIRE(strlen(run_dir) < PR_PATH_BYTES - 64, PR_ERR_INVALID,
               "the run's directory has %zu bytes, may have %d", strlen(run_dir),
               PR_PATH_BYTES - 65);
    PR_REQUIRE(job.run_dir[0] == '\0', PR_ERR_INVALID, "a second run directory, %s after %s",
               run_dir, job.run_dir);
    struct {
        int status;
        char message[LINE_BYTES];
    } first = {0};
    if (job.rank == 0) {
        first.status = (int)prepare_run_dir(run_dir, &job.run_lock);
        (void)snprintf(first.message, sizeof(first.message), "%s", pr_error_message());
    }
    PR_TRY_MPI(MPI_Bcast(&first, (int)sizeof(first), MPI_BYTE, 0, MPI_COMM_WORLD));
    if (first.status != (int)PR_OK) {
        pr_error_adopt(first.message);
        return (pr_status)first.status;
    }
    (void)snprintf(job.run_dir, sizeof(job.run_dir), "%s", run_dir);
    return PR_OK;
}

static void write_all(int fd, const char *text)
{
    size_t n_left = strlen(text);
    while (n_left > 0) {
        const ssize_t n_written = write(fd, text, n_left);
        if (n_written <= 0) {
            return; /* we are dying already; there is nobody left to tell */
        }
        text += n_written;
        n_left -= (size_t)n_written;
    }
}

/*
 * Without a common file, the first rank of a host to bind the job's name in the kernel's abstract
 * socket space speaks; the name goes when the process does, so nothing is left behind.
 */
static bool is_first_of_host(void)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return true;
    }
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const int n = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "pristine-%016llx",
                           (unsigned long long)job.id);
    const socklen_t n_bytes =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1) + (socklen_t)n;
    return bind(fd, (const struct sockaddr *)&name, n_bytes) == 0 || errno != EADDRINUSE;
}

/* Returns the file to write the message to, -1 where there is none; does not return in a rank that
 * is not the first, unless its killer died. */
static int become_the_speaker(const char *run_dir)
{
    if (run_dir != NULL) {
        char path[PR_PATH_BYTES];
        failed_path(path, run_dir);
        const int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
        if (fd >= 0) {
            return fd;
        }
        if (errno == EEXIST) {
            wait_to_be_killed();
            return -2;
        }
    }
    if (job.n_ranks > 1) {
        if (!job.is_on_first_host) {
            /* Where all ranks fail at once, rank 0's host is to speak for all. */
            pr_clock_sleep_s(1.0 + 3.0 * job.rank / job.n_ranks);
        }
        if (!is_first_of_host()) {
            wait_to_be_killed();
            return -2;
        }
    }
    return -1;
}

_Noreturn void pr_job_abort(const char *run_dir, pr_status status)
{
    const int fd = become_the_speaker(run_dir);
    if (fd >= -1) {
        char line[LINE_BYTES];
        const char *const cause = pr_error_message();
        (void)snprintf(line, sizeof(line), "fatal: rank %d of %d on %s: %s\n", job.rank,
                       job.n_ranks, job.host,
                       cause[0] != '\0' ? cause : "failed without a message");
        write_all(STDERR_FILENO, line);
        if (fd >= 0) {
            write_all(fd, line);
            (void)fsync(fd);
        } else if (job.n_ranks > 1) {
            /* The name in the kernel goes with this process: a rank that fails of the same cause
             * (every rank reads the config) and is late has to find it taken. */
            pr_clock_sleep_s(hold_name_s);
        }
    }
    if (job.n_ranks == 1) {
        _exit(PR_EXIT_BASE + (int)status); /* without mpirun, MPI_Abort would speak too */
    }
    (void)MPI_Abort(MPI_COMM_WORLD, PR_EXIT_BASE + (int)status);
    _exit(PR_EXIT_BASE + (int)status); /* MPI_Abort returned: we must not go on */
}
