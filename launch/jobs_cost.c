/* What a run costs: `pristine train --dry-run` knows, and says it in its last line. */
#include "engine/base/alloc.h"
#include "launch/files.h"
#include "launch/jobs_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pr_status read_all(int fd, pr_text *text)
{
    char bytes[4096];
    for (;;) {
        const ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n == 0) {
            return PR_OK;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        PR_REQUIRE(n > 0, PR_ERR_IO, "reading what train --dry-run says: %s", strerror(errno));
        PR_TRY(pr_text_add_bytes(text, bytes, (size_t)n));
    }
}

static pr_status dry_run(const pr__argv *words, pr_text *said, int *code)
{
    const pr_jobs_options options = {.at_once = 1};
    const pr__place place = {&options, 0};
    int ends[2];
    pid_t pid = 0;
    PR_REQUIRE(pipe(ends) == 0, PR_ERR_IO, "pipe: %s", strerror(errno));
    pr_status status = pr__start(&place, words, 1, NULL, ends[1], &pid);
    (void)close(ends[1]);
    if (status == PR_OK) {
        status = read_all(ends[0], said);
    }
    (void)close(ends[0]);
    if (pid > 0) {
        while (waitpid(pid, code, 0) < 0 && errno == EINTR) {
        }
    }
    return status;
}

/* The whole number behind MARK in LINE. */
static bool number_behind(const char *line, const char *mark, int64_t *out)
{
    char digits[24];
    const char *const at = strstr(line, mark);
    if (at == NULL) {
        return false;
    }
    const char *const begin = at + strlen(mark);
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)strspn(begin, "0123456789"), begin);
    return pr_text_to_int(digits, out);
}

static pr_status read_price(const char *name, const pr_text *said, int code, pr_jobs_price *out)
{
    static const char mark[] = "# the whole run: ";
    const char *const line = strstr(pr_text_chars(said), mark);
    if (line == NULL || code != 0) {
        char message[PR_JOBS_MESSAGE_BYTES];
        pr__last_words(pr_text_chars(said), message);
        return PR_FAIL(PR_ERR_INVALID, "%s cannot run: %s", name, message);
    }
    PR_REQUIRE(number_behind(line, mark, &out->n_steps) &&
                   number_behind(line, " steps in ", &out->n_epochs) &&
                   number_behind(line, "a checkpoint: ", &out->checkpoint_bytes),
               PR_ERR_FORMAT, "%s: train --dry-run ends with '%.80s'", name, line);
    return PR_OK;
}

pr_status pr_jobs_cost(const pr_jobs_run *run, pr_jobs_price *out)
{
    char program[PR_PATH_BYTES];
    pr__argv words = {NULL, 0, 0};
    pr_text said = {0};
    int code = 0;
    PR_TRY(pr_files_program(program));
    pr_status status = pr__argv_add(&words, "%s", program);
    if (status == PR_OK) {
        status = pr__add_train(run, NULL, &words);
    }
    if (status == PR_OK) {
        status = pr__argv_add(&words, "--dry-run");
    }
    if (status == PR_OK) {
        status = dry_run(&words, &said, &code);
    }
    if (status == PR_OK) {
        status = read_price(run->name, &said, code, out);
    }
    pr__argv_free(&words);
    pr_text_free(&said);
    return status;
}
