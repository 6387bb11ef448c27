#include "engine/base/log.h"

#include "engine/base/clock.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 4096 };

static const double TERMINAL_INTERVAL_S = 0.5;
static const double PLAIN_INTERVAL_S = 30.0;

static int this_rank;
static int n_all_ranks = 1;
static pr_log_level chosen_level = PR_LOG_INFO;
static bool line_is_open; /* a progress line without its line feed stands on the terminal */

void pr_log_begin(int rank, int n_ranks)
{
    this_rank = rank;
    n_all_ranks = n_ranks;
}

pr_log_level pr_log_set_level(pr_log_level level)
{
    const pr_log_level before = chosen_level;
    chosen_level = level;
    return before;
}

static const char *word_of(pr_log_level level)
{
    switch (level) {
    case PR_LOG_ERROR:
        return "error: ";
    case PR_LOG_WARN:
        return "warning: ";
    case PR_LOG_INFO:
    case PR_LOG_DEBUG:
        break;
    }
    return "";
}

static void write_all(int fd, const char *text, size_t n_bytes)
{
    while (n_bytes > 0) {
        const ssize_t n = write(fd, text, n_bytes);
        if (n <= 0) {
            return; /* there is nobody left to tell */
        }
        text += n;
        n_bytes -= (size_t)n;
    }
}

static void say(pr_log_level level, const char *prefix, const char *fmt, va_list args)
{
    if (level > chosen_level) {
        return;
    }
    char line[LINE_BYTES];
    int n =
        snprintf(line, sizeof(line), "%s%s%s", line_is_open ? "\n" : "", prefix, word_of(level));
    line_is_open = false;
    if (n < 0) {
        return;
    }
    const int n_text = vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, args);
    if (n_text < 0) {
        return;
    }
    size_t n_bytes = (size_t)n + (size_t)n_text;
    if (n_bytes > sizeof(line) - 2) {
        n_bytes = sizeof(line) - 2;
    }
    line[n_bytes] = '\n';
    write_all(STDERR_FILENO, line, n_bytes + 1);
}

#define SAY(level)                                                                                 \
    do {                                                                                           \
        if (this_rank == 0) {                                                                      \
            va_list args;                                                                          \
            va_start(args, fmt);                                                                   \
            say((level), "", fmt, args);                                                           \
            va_end(args);                                                                          \
        }                                                                                          \
    } while (0)

void pr_log_info(const char *fmt, ...)
{
    SAY(PR_LOG_INFO);
}

void pr_log_warn(const char *fmt, ...)
{
    SAY(PR_LOG_WARN);
}

void pr_log_debug(const char *fmt, ...)
{
    SAY(PR_LOG_DEBUG);
}

void pr_log_each(pr_log_level level, const char *fmt, ...)
{
    char prefix[64] = "";
    if (n_all_ranks > 1) {
        (void)snprintf(prefix, sizeof(prefix), "[rank %d] ", this_rank);
    }
    va_list args;
    va_start(args, fmt);
    say(level, prefix, fmt, args);
    va_end(args);
}

void pr_log_print(const char *fmt, ...)
{
    if (this_rank == 0) {
        va_list args;
        va_start(args, fmt);
        (void)vprintf(fmt, args);
        va_end(args);
        (void)fflush(stdout);
    }
}

static bool on_terminal(void)
{
    return isatty(STDERR_FILENO) == 1;
}

void pr_progress_begin(pr_progress *progress, const char *what, int64_t n_first, int64_t n_total)
{
    *progress = (pr_progress){what, n_total, n_first, pr_clock_s(), pr_clock_s()};
}

static void show(const pr_progress *progress, int64_t n_done, const char *note, double now_s,
                 bool is_last)
{
    const double elapsed_s = now_s - progress->begin_s;
    const double rate = elapsed_s > 0.0 ? (double)(n_done - progress->n_first) / elapsed_s : 0.0;
    char count[64];
    char time_left[PR_CLOCK_TEXT_BYTES + 16] = "";
    char duration[PR_CLOCK_TEXT_BYTES];
    if (progress->n_total > 0) {
        (void)snprintf(count, sizeof(count), "%lld of %lld", (long long)n_done,
                       (long long)progress->n_total);
    } else {
        (void)snprintf(count, sizeof(count), "%lld", (long long)n_done);
    }
    if (is_last) {
        pr_clock_duration(duration, elapsed_s);
        (void)snprintf(time_left, sizeof(time_left), ", took %s", duration);
    } else if (progress->n_total > 0 && rate > 0.0) {
        pr_clock_duration(duration, (double)(progress->n_total - n_done) / rate);
        (void)snprintf(time_left, sizeof(time_left), ", %s left", duration);
    }
    char line[512];
    const bool rewrites = on_terminal();
    const int n =
        snprintf(line, sizeof(line), "%s%s %s, %.*f/s%s%s%s%s", rewrites ? "\r" : "", count,
                 progress->what, rate < 10.0 ? 2 : 0, rate, time_left, note != NULL ? ", " : "",
                 note != NULL ? note : "", rewrites ? "\x1b[K" : "");
    if (n < 0) {
        return;
    }
    size_t n_bytes = (size_t)n < sizeof(line) - 1 ? (size_t)n : sizeof(line) - 2;
    if (!rewrites || is_last) {
        line[n_bytes++] = '\n';
    }
    line_is_open = rewrites && !is_last;
    write_all(STDERR_FILENO, line, n_bytes);
}

void pr_progress_show(pr_progress *progress, int64_t n_done, const char *note)
{
    if (this_rank != 0 || chosen_level < PR_LOG_INFO) {
        return;
    }
    const double now_s = pr_clock_s();
    if (now_s - progress->shown_s >= (on_terminal() ? TERMINAL_INTERVAL_S : PLAIN_INTERVAL_S)) {
        show(progress, n_done, note, now_s, false);
        progress->shown_s = now_s;
    }
}

void pr_progress_end(pr_progress *progress, int64_t n_done)
{
    if (this_rank == 0 && chosen_level >= PR_LOG_INFO) {
        show(progress, n_done, NULL, pr_clock_s(), true);
    }
}
