/*
 * Preloaded into a program (LD_PRELOAD), it makes the surroundings of a run: a floating-point mode
 * that the process inherits, and calls of the system that fail.
 *
 *     PR_SHIM_FLUSH=1     the process starts with denormals flushed to zero and read as zero
 *     PR_SHIM_CALL=NAME   calls of pread, pwrite or fflush fail ...
 *     PR_SHIM_FILE=TEXT   ... on files whose path has TEXT in it ...
 *     PR_SHIM_AFTER=N     ... after N of them went well ...
 *     PR_SHIM_ERRNO=E     ... with this error (EIO)
 *     PR_SHIM_RANK=R      ... on this rank alone (-1: on all)
 */
#define _GNU_SOURCE // NOLINT(bugprone-reserved-identifier): RTLD_NEXT
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

static atomic_long n_calls;

static long number(const char *name, long otherwise)
{
    const char *const text = getenv(name);
    return text == NULL ? otherwise : strtol(text, NULL, 10);
}

__attribute__((constructor)) static void begin(void)
{
#if defined(__SSE2__)
    if (getenv("PR_SHIM_FLUSH") != NULL) {
        _mm_setcsr(_mm_getcsr() | 0x8040U); /* FTZ, DAZ */
    }
#endif
}

/* Whether this call of NAME on FD is one that fails; then errno is set. */
static bool fails(const char *name, int fd)
{
    const char *const call = getenv("PR_SHIM_CALL");
    const char *const file = getenv("PR_SHIM_FILE");
    const long rank = number("PR_SHIM_RANK", -1);
    if (call == NULL || file == NULL || strcmp(call, name) != 0 ||
        (rank >= 0 && rank != number("OMPI_COMM_WORLD_RANK", 0))) {
        return false;
    }
    char link[64];
    char path[4096];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    if (strstr(path, file) == NULL || atomic_fetch_add(&n_calls, 1) < number("PR_SHIM_AFTER", 0)) {
        return false;
    }
    errno = (int)number("PR_SHIM_ERRNO", EIO);
    return true;
}

/* The system's own function, as POSIX has it: a pointer to data is one to code. */
static void find(const char *name, void *function)
{
    void *const found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof(found));
}

// The C library's headers have reserved names for the parameters.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
ssize_t pread(int fd, void *bytes, size_t n_bytes, off_t at)
{
    ssize_t (*real)(int, void *, size_t, off_t) = NULL;
    find("pread64", &real);
    return fails("pread", fd) ? -1 : real(fd, bytes, n_bytes, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t n_bytes, off_t at)
{
    ssize_t (*real)(int, const void *, size_t, off_t) = NULL;
    find("pwrite64", &real);
    return fails("pwrite", fd) ? -1 : real(fd, bytes, n_bytes, at);
}

int fflush(FILE *file)
{
    int (*real)(FILE *) = NULL;
    find("fflush", &real);
    return file != NULL && fails("fflush", fileno(file)) ? EOF : real(file);
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
