#include "engine/base/alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static atomic_long n_live;
static atomic_long n_until_failure = -1;

static bool this_one_fails(void)
{
    /* Not armed: one plain load, and no line shared between threads is written. */
    return atomic_load(&n_until_failure) >= 0 && atomic_fetch_sub(&n_until_failure, 1) == 0;
}

void *pr_calloc(int64_t n, size_t size)
{
    if (n < 0 || (size > 0 && (uint64_t)n > (SIZE_MAX - PR_ALIGN_BYTES) / size) ||
        this_one_fails()) {
        return NULL;
    }
    const size_t n_bytes = (size_t)n * size;
    const size_t n_padded = (n_bytes / PR_ALIGN_BYTES + 1) * PR_ALIGN_BYTES;
    void *const ptr = aligned_alloc(PR_ALIGN_BYTES, n_padded);
    if (ptr != NULL) {
        memset(ptr, 0, n_padded);
        atomic_fetch_add(&n_live, 1);
    }
    return ptr;
}

char *pr_strdup(const char *text)
{
    const size_t n_bytes = strlen(text) + 1;
    char *const copy = pr_calloc((int64_t)n_bytes, 1);
    if (copy != NULL) {
        memcpy(copy, text, n_bytes);
    }
    return copy;
}

void pr_free(void *ptr)
{
    if (ptr != NULL) {
        atomic_fetch_sub(&n_live, 1);
        free(ptr);
    }
}

long pr_alloc_n_live(void)
{
    return atomic_load(&n_live);
}

void pr_alloc_fail_on(long n)
{
    atomic_store(&n_until_failure, n);
}
