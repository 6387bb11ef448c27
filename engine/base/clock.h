/**
 * Time, for messages and rates only: nothing that is computed may depend on it.
 */
#ifndef PR_ENGINE_BASE_CLOCK_H
#define PR_ENGINE_BASE_CLOCK_H

enum { PR_CLOCK_TEXT_BYTES = 32 };

/** Seconds on a clock that never goes back; its zero means nothing. */
double pr_clock_s(void);

/** The time of day in UTC, "2024-05-01T12:00:00Z". */
void pr_clock_now(char text[static PR_CLOCK_TEXT_BYTES]);

/** Sleeps. */
void pr_clock_sleep_s(double seconds);

/** "3 h 12 min", "4 min 05 s", "12 s": how long, for people. */
void pr_clock_duration(char text[static PR_CLOCK_TEXT_BYTES], double seconds);

#endif
