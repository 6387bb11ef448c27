/**
 * The smallest test harness that does the job: a failed check prints where and what and is counted,
 * and the count makes the exit code. No test returns 0 by hand.
 */
#ifndef PR_TESTS_CHECK_H
#define PR_TESTS_CHECK_H

#include "engine/base/alloc.h"
#include "engine/base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_n_failed;

#define CHECK(cond, ...)                                                                           \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            check_n_failed++;                                                                      \
            (void)fprintf(stderr, "%s:%d: CHECK(%s): ", __FILE__, __LINE__, #cond);                \
            (void)fprintf(stderr, __VA_ARGS__);                                                    \
            (void)fputc('\n', stderr);                                                             \
        }                                                                                          \
    } while (0)

/** EXPR must succeed. */
#define CHECK_OK(expr) CHECK((expr) == PR_OK, "%s", pr_error_message())

/** EXPR must fail with CODE, and the message that it leaves must contain TEXT. */
#define CHECK_FAILS(expr, code, text)                                                              \
    do {                                                                                           \
        pr_error_clear();                                                                          \
        CHECK((expr) == (code), "got: '%s'", pr_error_message());                                  \
        CHECK(strstr(pr_error_message(), (text)) != NULL, "got: '%s'", pr_error_message());        \
        pr_error_clear();                                                                          \
    } while (0)

/** To be returned from main(): a failed check, or an allocation never freed, fails the test. */
static inline int check_exit_code(void)
{
    CHECK(pr_alloc_n_live() == 0, "%ld allocations were not freed", pr_alloc_n_live());
    return check_n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
