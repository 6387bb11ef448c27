/**
 * Host memory. Everything that the project allocates on the host goes through here: a test can ask
 * whether all of it was given back, and can make any single allocation fail. (LeakSanitizer cannot
 * answer the first question under Open MPI, which leaks in MPI_Finalize.)
 */
#ifndef PR_ENGINE_BASE_ALLOC_H
#define PR_ENGINE_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

enum { PR_ALIGN_BYTES = 64 }; /* of every allocation: a cache line, and a vector of 16 floats */

/**
 * Zeroed memory for N objects of SIZE bytes, aligned to PR_ALIGN_BYTES, or NULL. The caller owns
 * it and gives it to pr_free. N = 0 gives a pointer that may not be read.
 */
void *pr_calloc(int64_t n, size_t size);

/** A copy of the NUL-terminated TEXT, or NULL; give it to pr_free. */
char *pr_strdup(const char *text);

/** Frees what the functions above gave. PTR may be NULL. */
void pr_free(void *ptr);

/** How many allocations have not been freed. A test ends with none. */
long pr_alloc_n_live(void);

/** Test only: of the allocations from now on, number N (from 0) fails, once; -1 is none. */
void pr_alloc_fail_on(long n);

#endif
