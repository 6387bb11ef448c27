/**
 * Status codes: how every function of the project reports failure.
 *
 * A function that can fail returns pr_status and writes its outputs only on PR_OK. The function
 * that first knows the cause calls PR_FAIL, once, with the number that was wrong and the one that
 * was wanted; callers pass the code up with PR_TRY and add nothing. Only launch/main.c and the
 * watchdog end a job (engine/comm/job.h).
 */
#ifndef PR_ENGINE_BASE_STATUS_H
#define PR_ENGINE_BASE_STATUS_H

typedef enum pr_status {
    PR_OK = 0,
    PR_ERR_INVALID = 1, /* an argument or a config value that the caller could have avoided */
    PR_ERR_SHAPE = 2,   /* tensor shapes or dtypes that do not fit together */
    PR_ERR_NOMEM = 3,   /* host or device memory */
    PR_ERR_IO = 4,      /* the file system said no */
    PR_ERR_FORMAT = 5,  /* a file was read, and its content is not what it claims to be */
    PR_ERR_DEVICE = 6,  /* CUDA, cuDNN, oneDNN; a kernel that a backend lacks */
    PR_ERR_COMM = 7,    /* MPI, NCCL; replicas that differ */
    PR_ERR_NUMERIC = 8, /* a NaN or an Inf where none may be */
} pr_status;

/**
 * Records the cause with file and line, and evaluates to CODE (which is evaluated twice, so that
 * the static analyser sees a constant and not what a function may return). The first record stands.
 */
#define PR_FAIL(code, ...) ((void)pr_fail_at(__FILE__, __LINE__, (code), __VA_ARGS__), (code))

/** Returns from the calling function with the status of EXPR unless that is PR_OK. */
#define PR_TRY(expr)                                                                               \
    do {                                                                                           \
        const pr_status pr_try_status_ = (expr);                                                   \
        if (pr_try_status_ != PR_OK) {                                                             \
            return pr_try_status_;                                                                 \
        }                                                                                          \
    } while (0)

/** Fails with CODE and the message unless COND holds: for what a caller or a file can get wrong. */
#define PR_REQUIRE(cond, code, ...)                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            return PR_FAIL((code), __VA_ARGS__);                                                   \
        }                                                                                          \
    } while (0)

pr_status pr_fail_at(const char *file, int line, pr_status code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/** The cause recorded on this thread ("path:line: text"), or "" where there is none. Borrowed. */
const char *pr_error_message(void);

/** Forgets this thread's cause: for tests, and for the rare caller that recovers. */
void pr_error_clear(void);

/**
 * Makes MESSAGE this thread's cause: how a worker thread's failure reaches the thread that waits
 * for it. The first record stands here too.
 */
void pr_error_adopt(const char *message);

#endif
