/* Files appear whole or not at all, also on a full disk; folders, lists and locks. */
#include "engine/base/fs.h"
#include "tests/check.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/pr_fs_XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[PR_PATH_BYTES];
    CHECK_OK(pr_fs_join(path, folder, name));
    return path;
}

static int64_t n_names(void)
{
    char **names = NULL;
    int64_t n = 0;
    CHECK_OK(pr_fs_list(folder, &names, &n));
    pr_free(names);
    return n;
}

static void test_read_write(void)
{
    char *bytes = NULL;
    size_t n = 0;
    CHECK_FAILS(pr_fs_read(in_folder("none"), &bytes, &n), PR_ERR_IO, "No such file");
    CHECK_FAILS(pr_fs_read(folder, &bytes, &n), PR_ERR_IO, "is a folder");
    CHECK_OK(pr_fs_write(in_folder("a"), "one\0two", 7));
    CHECK_OK(pr_fs_read(in_folder("a"), &bytes, &n));
    CHECK(n == 7 && memcmp(bytes, "one\0two", 8) == 0, "%zu bytes", n);
    pr_free(bytes);
    CHECK_OK(pr_fs_write(in_folder("a"), "", 0));
    CHECK_OK(pr_fs_read(in_folder("a"), &bytes, NULL));
    CHECK(bytes[0] == '\0', "empty");
    pr_free(bytes);
    CHECK_FAILS(pr_fs_write(in_folder("no/such/folder"), "", 0), PR_ERR_IO, "No such file");
    CHECK(n_names() == 1, "%lld names", (long long)n_names());
}

static void test_writer(void)
{
    pr_fs_writer *writer = NULL;
    CHECK_OK(pr_fs_writer_create(in_folder("parts"), 1 << 20, &writer));
    CHECK(!pr_fs_exists(in_folder("parts")), "it is not there yet");
    CHECK_OK(pr_fs_writer_put(writer, "world", 5, 5));
    CHECK_OK(pr_fs_writer_put(writer, "hello", 5, 0));
    CHECK_OK(pr_fs_writer_commit(&writer));
    char *bytes = NULL;
    size_t n = 0;
    CHECK_OK(pr_fs_read(in_folder("parts"), &bytes, &n));
    CHECK(n == 10 && strcmp(bytes, "helloworld") == 0, "%zu bytes: what was reserved is cut", n);
    pr_free(bytes);
    CHECK_OK(pr_fs_writer_create(in_folder("given_up"), 100, &writer));
    CHECK_OK(pr_fs_writer_put(writer, "x", 1, 0));
    pr_fs_writer_destroy(&writer);
    CHECK(n_names() == 2, "nothing is left of what was given up");
    CHECK_OK(pr_fs_remove(in_folder("parts")));
    CHECK_OK(pr_fs_remove(in_folder("parts")));
}

/* A file of at most LIMIT bytes stands for a full disk: pwrite stops halfway, then fails. */
static void test_full_disk(void)
{
    enum { LIMIT = 10000 };
    static char large[3 * LIMIT];
    struct rlimit before;
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0, "getrlimit");
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR, "signal");
    CHECK_OK(pr_fs_write(in_folder("kept"), "old", 3));
    struct rlimit less = {LIMIT, before.rlim_max};
    CHECK(setrlimit(RLIMIT_FSIZE, &less) == 0, "setrlimit");
    CHECK_FAILS(pr_fs_write(in_folder("kept"), large, sizeof(large)), PR_ERR_IO, "kept");
    pr_fs_writer *writer = NULL;
    CHECK_OK(pr_fs_writer_create(in_folder("kept"), 0, &writer));
    CHECK_FAILS(pr_fs_writer_put(writer, large, sizeof(large), 0), PR_ERR_IO, "File too large");
    pr_fs_writer_destroy(&writer);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0, "setrlimit");
    char *bytes = NULL;
    CHECK_OK(pr_fs_read(in_folder("kept"), &bytes, NULL));
    CHECK(strcmp(bytes, "old") == 0, "the file is as it was");
    pr_free(bytes);
    CHECK(n_names() == 2, "no temporary file is left");
}

static void fill_disk(const char *path)
{
    static char block[4096];
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0, "open");
    while (write(fd, block, sizeof(block)) > 0) {
    }
    CHECK(close(fd) == 0, "close");
}

/* DISK is a small file system of its own (full_disk.sh): reserving and writing meet ENOSPC. */
static void test_disk(const char *disk)
{
    enum { LARGE = 1 << 24, N_NAMES_LEFT = 2 };
    static char large[LARGE];
    char kept[PR_PATH_BYTES];
    char filler[PR_PATH_BYTES];
    CHECK_OK(pr_fs_join(kept, disk, "kept"));
    CHECK_OK(pr_fs_join(filler, disk, "filler"));
    CHECK_OK(pr_fs_write(kept, "old", 3));
    CHECK_FAILS(pr_fs_write(kept, large, LARGE), PR_ERR_IO,
                "16777216 bytes cannot be reserved: No space left on device");
    pr_fs_writer *writer = NULL;
    CHECK_OK(pr_fs_writer_create(kept, 0, &writer));
    CHECK_FAILS(pr_fs_writer_put(writer, large, LARGE, 0), PR_ERR_IO, "No space left on device");
    pr_fs_writer_destroy(&writer);
    fill_disk(filler);
    CHECK_FAILS(pr_fs_write(kept, "longer than old", 15), PR_ERR_IO, "No space left on device");
    char *bytes = NULL;
    CHECK_OK(pr_fs_read(kept, &bytes, NULL));
    CHECK(strcmp(bytes, "old") == 0, "the file is as it was");
    pr_free(bytes);
    char **names = NULL;
    int64_t n = 0;
    CHECK_OK(pr_fs_list(disk, &names, &n));
    CHECK(n == N_NAMES_LEFT, "%lld names on the disk", (long long)n);
    pr_free(names);
    CHECK_OK(pr_fs_remove(filler));
    CHECK_OK(pr_fs_write(kept, "new", 3));
}

static void test_names(void)
{
    char path[PR_PATH_BYTES];
    CHECK_OK(pr_fs_join(path, "a/", "b"));
    CHECK(strcmp(path, "a/b") == 0, "%s", path);
    CHECK_OK(pr_fs_join(path, "a", "/b"));
    CHECK(strcmp(path, "/b") == 0, "%s", path);
    pr_fs_folder_of(path, "/x/y");
    CHECK(strcmp(path, "/x") == 0, "%s", path);
    pr_fs_folder_of(path, "/x");
    CHECK(strcmp(path, "/") == 0, "%s", path);
    pr_fs_folder_of(path, "x");
    CHECK(strcmp(path, ".") == 0, "%s", path);
    static char longest[PR_PATH_BYTES + 1];
    memset(longest, 'x', PR_PATH_BYTES);
    CHECK_FAILS(pr_fs_join(path, "a", longest), PR_ERR_INVALID, "may have 4095");

    CHECK_OK(pr_fs_mkdirs(in_folder("d/e/f")));
    CHECK_OK(pr_fs_mkdirs(in_folder("d/e/f")));
    CHECK(pr_fs_is_folder(in_folder("d/e/f")), "mkdirs");
    CHECK_OK(pr_fs_write(in_folder("d/z"), "", 0));
    CHECK_OK(pr_fs_write(in_folder("d/A b"), "", 0));
    CHECK_FAILS(pr_fs_mkdirs(in_folder("d/z")), PR_ERR_IO, "is a file");
    CHECK_FAILS(pr_fs_mkdirs(""), PR_ERR_INVALID, "a path of 0 bytes");
    char **names = NULL;
    int64_t n = 0;
    CHECK_OK(pr_fs_list(in_folder("d"), &names, &n));
    CHECK(n == 3 && strcmp(names[0], "A b") == 0 && strcmp(names[1], "e") == 0 &&
              strcmp(names[2], "z") == 0 && names[3] == NULL,
          "bytewise order");
    pr_free(names);
    CHECK_OK(pr_fs_list(in_folder("d/e/f"), &names, &n));
    CHECK(n == 0, "an empty folder");
    pr_free(names);
}

/* Whether another process gets the lock: 0 yes, 1 no and it names us, 2 anything else. */
static int other_process_takes(void)
{
    const pid_t child = fork();
    if (child == 0) {
        pr_fs_lock *lock = NULL;
        const pr_status status = pr_fs_lock_take(folder, &lock);
        char pid[32];
        (void)snprintf(pid, sizeof(pid), "process %ld", (long)getppid());
        const bool names_us = strstr(pr_error_message(), pid) != NULL;
        _exit(status == PR_OK ? 0 : status == PR_ERR_INVALID && names_us ? 1 : 2);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status), "waitpid");
    return WEXITSTATUS(status);
}

static void test_lock(void)
{
    pr_fs_lock *lock = NULL;
    CHECK_OK(pr_fs_lock_take(folder, &lock));
    CHECK(other_process_takes() == 1, "refused, and we are named");
    pr_fs_lock_destroy(&lock);
    CHECK(other_process_takes() == 0, "free again");
    /* A holder that was killed holds no longer. */
    CHECK_OK(pr_fs_lock_take(folder, &lock));
    pr_fs_lock_destroy(&lock);
    CHECK_FAILS(pr_fs_lock_take("/nonexistent", &lock), PR_ERR_IO, "/nonexistent/lock");
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        test_disk(argv[1]);
        return check_exit_code();
    }
    CHECK(mkdtemp(folder) != NULL, "mkdtemp");
    test_read_write();
    test_writer();
    test_full_disk();
    test_names();
    test_lock();
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    CHECK(system(command) == 0, "clean up"); // NOLINT(cert-env33-c)
    return check_exit_code();
}
