/* Running sbatch, the one program that is started here. */
#include "engine/base/fs.h"
#include "launch/submit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_BYTES = 1024, NOT_FOUND = 127 };

static bool is_in_path(const char *program)
{
    const char *folders = getenv("PATH");
    while (folders != NULL && folders[0] != '\0') {
        char path[PR_PATH_BYTES];
        const size_t n = strcspn(folders, ":");
        const int length =
            snprintf(path, sizeof(path), "%.*s/%s", (int)n, n == 0 ? "." : folders, program);
        if (length > 0 && (size_t)length < sizeof(path) && access(path, X_OK) == 0) {
            return true;
        }
        folders += folders[n] == ':' ? n + 1 : n;
    }
    return false;
}

/* In the child: both outputs into FD, and sbatch in this process's place. */
static void become_sbatch(int fd, const char *path)
{
    char option[] = "--parsable";
    char program[] = "sbatch";
    char file[PR_PATH_BYTES];
    char *const words[] = {program, option, file, NULL};
    (void)snprintf(file, sizeof(file), "%s", path);
    (void)dup2(fd, STDOUT_FILENO);
    (void)dup2(fd, STDERR_FILENO);
    (void)close(fd);
    (void)execvp(program, words);
    _exit(NOT_FOUND);
}

/* Whatever comes until the other end closes, the first bytes of which are kept. */
static void read_all(int fd, char said[static SAID_BYTES])
{
    size_t n = 0;
    char rest[SAID_BYTES];
    for (;;) {
        const bool fits = n + 1 < SAID_BYTES;
        const ssize_t got =
            fits ? read(fd, said + n, SAID_BYTES - 1 - n) : read(fd, rest, sizeof(rest));
        if (got == 0 || (got < 0 && errno != EINTR)) {
            break;
        }
        n += fits && got > 0 ? (size_t)got : 0;
    }
    while (n > 0 && said[n - 1] == '\n') {
        n--;
    }
    said[n] = '\0';
}

pr_status pr_submit_sbatch(const char *path, char *job, size_t n_job)
{
    char said[SAID_BYTES];
    int ends[2];
    int code = 0;
    PR_REQUIRE(is_in_path("sbatch"), PR_ERR_IO,
               "submit --go: there is no sbatch in PATH, this is no host of a Slurm cluster; the "
               "script is %s",
               path);
    PR_REQUIRE(pipe(ends) == 0, PR_ERR_IO, "pipe: %s", strerror(errno));
    const pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        become_sbatch(ends[1], path);
    }
    (void)close(ends[1]);
    if (child < 0) {
        (void)close(ends[0]);
        return PR_FAIL(PR_ERR_IO, "fork: %s", strerror(errno));
    }
    read_all(ends[0], said);
    (void)close(ends[0]);
    while (waitpid(child, &code, 0) < 0 && errno == EINTR) {
    }
    PR_REQUIRE(WIFEXITED(code) && WEXITSTATUS(code) == 0, PR_ERR_IO, "sbatch refused %s: %s", path,
               said);
    /* "4711" or "4711;cluster", behind warnings that it may have. */
    const char *const line = strrchr(said, '\n');
    const char *const number = line == NULL ? said : line + 1;
    (void)snprintf(job, n_job, "%.*s", (int)strcspn(number, ";"), number);
    return PR_OK;
}
