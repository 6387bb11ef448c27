#include "engine/base/clock.h"

#include <stdio.h>
#include <time.h>

double pr_clock_s(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void pr_clock_now(char text[static PR_CLOCK_TEXT_BYTES])
{
    const time_t now = time(NULL);
    struct tm parts = {0};
    if (gmtime_r(&now, &parts) == NULL ||
        strftime(text, PR_CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        text[0] = '\0';
    }
}

void pr_clock_sleep_s(double seconds)
{
    if (seconds <= 0.0) {
        return;
    }
    struct timespec left = {(time_t)seconds, 0};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0 && left.tv_sec + left.tv_nsec > 0) {
        /* A signal woke us: sleep what is left. */
    }
}

void pr_clock_duration(char text[static PR_CLOCK_TEXT_BYTES], double seconds)
{
    const long long whole = seconds > 0.0 && seconds < 1e15 ? (long long)(seconds + 0.5) : 0;
    if (whole >= 3600) {
        (void)snprintf(text, PR_CLOCK_TEXT_BYTES, "%lld h %02lld min", whole / 3600,
                       whole / 60 % 60);
    } else if (whole >= 60) {
        (void)snprintf(text, PR_CLOCK_TEXT_BYTES, "%lld min %02lld s", whole / 60, whole % 60);
    } else if (seconds >= 10.0) {
        (void)snprintf(text, PR_CLOCK_TEXT_BYTES, "%lld s", whole);
    } else {
        (void)snprintf(text, PR_CLOCK_TEXT_BYTES, "%.1f s", seconds > 0.0 ? seconds : 0.0);
    }
}
