#include "dataset/manifest.h"

#include "engine/base/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_gap(char c)
{
    return c == ' ' || c == '\t' || c == ',' || c == '\r';
}

static const char *skip_gap(const char *at)
{
    while (is_gap(*at)) {
        at++;
    }
    return at;
}

/* A number at AT that ends at a gap, a line's end or the text's; *AT moves behind it. */
static bool number_at(const char **at, float *value)
{
    char *end = NULL;
    *at = skip_gap(*at);
    if (**at == '\n') { /* which strtof would pass over */
        return false;
    }
    const float parsed = strtof(*at, &end);
    if (end == *at || !isfinite(parsed) || !(is_gap(*end) || *end == '\n' || *end == '\0')) {
        return false;
    }
    *value = parsed;
    *at = end;
    return true;
}

pr_status pr_points_parse(const char *name, const char *text, float **points, int *n)
{
    enum { MAX_POINTS = 65536 };
    int64_t n_lines = 1;
    for (const char *at = text; *at != '\0'; at++) {
        n_lines += *at == '\n';
    }
    float *const out = pr_calloc(n_lines, 2 * sizeof(*out));
    PR_REQUIRE(out != NULL, PR_ERR_NOMEM, "%s: no memory for %lld points", name,
               (long long)n_lines);
    int64_t n_points = 0;
    const char *at = text;
    for (int64_t line = 1; line <= n_lines; line++) {
        at = skip_gap(at);
        if (*at != '\n' && *at != '\0') {
            const bool read =
                number_at(&at, &out[2 * n_points]) && number_at(&at, &out[2 * n_points + 1]);
            at = skip_gap(at);
            if (!read || (*at != '\n' && *at != '\0') || n_points == MAX_POINTS) {
                pr_free(out);
                return PR_FAIL(PR_ERR_FORMAT,
                               "%s:%lld: want two numbers, x and y (at most %d lines)", name,
                               (long long)line, MAX_POINTS);
            }
            n_points++;
        }
        at += *at == '\n';
    }
    if (n_points == 0) {
        pr_free(out);
        return PR_FAIL(PR_ERR_FORMAT, "%s: holds no points", name);
    }
    *points = out;
    *n = (int)n_points;
    return PR_OK;
}
