/**
 * What the program says while it works, on stderr. Levels below the chosen one are silent; one line
 * is one write, so lines of ranks do not mix.
 */
#ifndef PR_ENGINE_BASE_LOG_H
#define PR_ENGINE_BASE_LOG_H

#include <stdint.h>

typedef enum pr_log_level {
    PR_LOG_ERROR,
    PR_LOG_WARN,
    PR_LOG_INFO, /* the default */
    PR_LOG_DEBUG,
} pr_log_level;

/** Once, before threads start: who speaks. Without it this is rank 0 of 1. */
void pr_log_begin(int rank, int n_ranks);
/** Returns the level until now. */
pr_log_level pr_log_set_level(pr_log_level level);

/** Rank 0 speaks, others keep silent. */
void pr_log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void pr_log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void pr_log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** Every rank speaks, with its number in front. */
void pr_log_each(pr_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * Plain text for the program's user, on stdout, from rank 0: results, not progress. Nothing is added:
 * unlike the functions above, which end a line themselves, it takes its line feeds from FMT.
 */
void pr_log_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * The progress of one long piece of work, on rank 0: a line that is rewritten on a terminal, a plain
 * line every half minute elsewhere. Shows count, rate and time left.
 */
typedef struct pr_progress {
    const char *what; /* "crops", "steps": borrowed */
    int64_t n_total;  /* 0: unknown */
    int64_t n_first;  /* done before begin: a resumed run's rate leaves them out */
    double begin_s, shown_s;
} pr_progress;

void pr_progress_begin(pr_progress *progress, const char *what, int64_t n_first, int64_t n_total);
/** Cheap: shows at most every half second. NOTE is a few words behind the line; may be NULL. */
void pr_progress_show(pr_progress *progress, int64_t n_done, const char *note);
/** The last line, with the whole time. */
void pr_progress_end(pr_progress *progress, int64_t n_done);

#endif
