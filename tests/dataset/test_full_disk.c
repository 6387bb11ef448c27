/*
 * A disk that fills up, as a limit on the size of files in child processes. With a folder it only
 * writes a dataset there, for full_disk.sh: exit code 3 for a clean PR_ERR_IO.
 */
#include "engine/base/fs.h"
#include "tests/dataset/synthetic.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { N = 12, CODE_FULL = 3 };

static pr_status write_dataset(const char *dir)
{
    static synthetic crops[N];
    pr_record records[N];
    for (int i = 0; i < N; i++) {
        synthetic_make(i, &crops[i]);
        records[i] = crops[i].record;
    }
    PR_TRY(pr_shard_write(dir, 0, 1, records, N));
    return pr_dataset_finish(dir, 1, "full");
}

/*
 * Writes a dataset where no file may exceed LIMIT bytes: 0 for success, 1 for a clean error, 2 if
 * the room was found wanting before a byte went in.
 */
static int write_below(const char *dir, rlim_t limit)
{
    const struct rlimit size = {limit, limit};
    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &size) != 0) {
        return 99;
    }
    const pr_status status = write_dataset(dir);
    if (status == PR_OK) {
        return 0;
    }
    if (status != PR_ERR_IO || strstr(pr_error_message(), ".h5") == NULL) {
        return 98;
    }
    return strstr(pr_error_message(), "cannot reserve") != NULL ? 2 : 1;
}

/* At every limit the child says so and exits by itself, and nothing half-written is left. */
static void test_no_room(void)
{
    int n_failed = 0;
    int n_done = 0;
    for (rlim_t limit = 0; limit < 24576; limit += limit < 4096 ? 256 : 1024) {
        char dir[256];
        synthetic_folder(dir);
        const pid_t child = fork();
        if (child == 0) {
            exit(write_below(dir, limit)); /* runs the handlers at exit, where HDF5 crashed */
        }
        int how = 0;
        CHECK(child > 0 && waitpid(child, &how, 0) == child, "fork");
        CHECK(WIFEXITED(how) && WEXITSTATUS(how) <= 2, "limit %lld: child ended with %x",
              (long long)limit, how);
        n_failed += WIFEXITED(how) && WEXITSTATUS(how) == 2;
        n_done += WIFEXITED(how) && WEXITSTATUS(how) == 0;
        char **names = NULL;
        int64_t n_names = 0;
        CHECK_OK(pr_fs_list(dir, &names, &n_names));
        for (int64_t i = 0; i < n_names; i++) {
            CHECK(strstr(names[i], ".tmp") == NULL, "limit %lld left %s", (long long)limit,
                  names[i]);
            CHECK(strcmp(names[i], "part-00000.h5") != 0 || pr_shard_is_done(dir, 0, 1),
                  "limit %lld left half a shard", (long long)limit);
        }
        pr_free(names);
        synthetic_remove(dir);
    }
    CHECK(n_failed > 10 && n_done > 0, "%d found no room, %d done", n_failed, n_done);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        const pr_status status = write_dataset(argv[1]);
        (void)fprintf(stderr, "%s\n", pr_error_message());
        const bool full = status == PR_ERR_IO && strstr(pr_error_message(), ".h5") != NULL;
        return full ? CODE_FULL : check_exit_code() + (status != PR_OK);
    }
    char dir[256];
    synthetic_folder(dir);
    CHECK_OK(write_dataset(dir));
    synthetic_remove(dir);
    test_no_room();
    return check_exit_code();
}
