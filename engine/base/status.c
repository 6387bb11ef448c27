#include "engine/base/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 1024 };

static _Thread_local char cause[MESSAGE_BYTES];

/* Messages name files as the repository does, wherever it was built. */
static const char *path_in_repo(const char *file)
{
    const size_t n_root = sizeof(PR_SOURCE_ROOT) - 1;
    const bool below_root = strncmp(file, PR_SOURCE_ROOT, n_root) == 0 && file[n_root] == '/';
    return below_root ? file + n_root + 1 : file;
}

pr_status pr_fail_at(const char *file, int line, pr_status code, const char *fmt, ...)
{
    if (cause[0] != '\0') {
        return code;
    }
    const int n_prefix = snprintf(cause, sizeof(cause), "%s:%d: ", path_in_repo(file), line);
    if (n_prefix < 0 || (size_t)n_prefix >= sizeof(cause)) {
        return code;
    }
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(cause + n_prefix, sizeof(cause) - (size_t)n_prefix, fmt, args);
    va_end(args);
    return code;
}

const char *pr_error_message(void)
{
    return cause;
}

void pr_error_clear(void)
{
    cause[0] = '\0';
}

void pr_error_adopt(const char *message)
{
    if (cause[0] == '\0') {
        (void)snprintf(cause, sizeof(cause), "%s", message);
    }
}
