#include "engine/base/text.h"

#include "engine/base/alloc.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 256, MAX_WORD = 255 };

const char *pr_text_chars(const pr_text *text)
{
    return text->chars != NULL ? text->chars : "";
}

void pr_text_free(pr_text *text)
{
    pr_free(text->chars);
    *text = (pr_text){0};
}

/* Room for N_MORE characters and the NUL. */
static pr_status make_room(pr_text *text, size_t n_more)
{
    const size_t n_wanted = text->n_chars + n_more + 1;
    if (n_wanted <= text->n_bytes) {
        return PR_OK;
    }
    size_t n_bytes = text->n_bytes > 0 ? text->n_bytes : FIRST_BYTES;
    while (n_bytes < n_wanted) {
        n_bytes *= 2;
    }
    char *const chars = pr_calloc((int64_t)n_bytes, 1);
    PR_REQUIRE(chars != NULL, PR_ERR_NOMEM, "no memory for a text of %zu bytes", n_bytes);
    if (text->n_chars > 0) {
        memcpy(chars, text->chars, text->n_chars);
    }
    pr_free(text->chars);
    text->chars = chars;
    text->n_bytes = n_bytes;
    return PR_OK;
}

pr_status pr_text_add_bytes(pr_text *text, const char *bytes, size_t n_bytes)
{
    PR_TRY(make_room(text, n_bytes));
    if (n_bytes > 0) {
        memcpy(text->chars + text->n_chars, bytes, n_bytes);
    }
    text->n_chars += n_bytes;
    text->chars[text->n_chars] = '\0';
    return PR_OK;
}

pr_status pr_text_add(pr_text *text, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    PR_REQUIRE(n >= 0, PR_ERR_INVALID, "the format '%s' cannot be printed", fmt);
    PR_TRY(make_room(text, (size_t)n));
    va_start(args, fmt);
    (void)vsnprintf(text->chars + text->n_chars, (size_t)n + 1, fmt, args);
    va_end(args);
    text->n_chars += (size_t)n;
    return PR_OK;
}

/* How C stands in a JSON string; returns the number of characters. */
static size_t json_escape(char c, char escaped[static 8])
{
    const char *const named = strchr("\"\"\\\\\nn\tt\rr", c);
    const bool is_control = (unsigned char)c < 0x20;
    int n = 1;
    if (named != NULL && (is_control || c == '"' || c == '\\')) {
        n = snprintf(escaped, 8, "\\%c", named[1]);
    } else if (is_control) {
        n = snprintf(escaped, 8, "\\u%04x", (unsigned)(unsigned char)c);
    } else {
        escaped[0] = c;
    }
    return (size_t)n;
}

pr_status pr_text_add_json(pr_text *text, const char *word)
{
    PR_TRY(pr_text_add_bytes(text, "\"", 1));
    for (; *word != '\0'; word++) {
        char escaped[8];
        PR_TRY(pr_text_add_bytes(text, escaped, json_escape(*word, escaped)));
    }
    return pr_text_add_bytes(text, "\"", 1);
}

pr_status pr_text_add_json_real(pr_text *text, double value)
{
    if (!isfinite(value)) {
        return pr_text_add_bytes(text, "null", 4);
    }
    return pr_text_add(text, "%.17g", value);
}

static bool is_blank(char c)
{
    return isspace((unsigned char)c) != 0;
}

pr_status pr_text_split(const char *text, char separator, char ***parts, int64_t *n_parts)
{
    const size_t n_chars = strlen(text);
    int64_t n = n_chars > 0 ? 1 : 0;
    for (size_t i = 0; i < n_chars; i++) {
        n += text[i] == separator;
    }
    /* Pointers first, then the characters they point to. */
    const size_t n_table_bytes = (size_t)(n + 1) * sizeof(char *);
    char *const block = pr_calloc((int64_t)(n_table_bytes + n_chars + 1), 1);
    PR_REQUIRE(block != NULL, PR_ERR_NOMEM, "no memory to split a text of %zu bytes", n_chars);
    char **const table = (char **)(void *)block;
    char *chars = block + n_table_bytes;
    memcpy(chars, text, n_chars + 1);
    char *next = chars;
    for (int64_t i = 0; i < n; i++) {
        chars = next;
        char *const end = strchr(chars, separator);
        char *last = end != NULL ? end : chars + strlen(chars);
        next = last + (end != NULL);
        while (is_blank(*chars) && chars < last) {
            chars++;
        }
        while (last > chars && is_blank(last[-1])) {
            last--;
        }
        *last = '\0';
        table[i] = chars;
    }
    *parts = table;
    *n_parts = n;
    return PR_OK;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

int pr_text_distance(const char *a, const char *b)
{
    /* Restricted Damerau-Levenshtein over three rows. Longer words are as far as they are long. */
    const int n_a = (int)strnlen(a, MAX_WORD + 1);
    const int n_b = (int)strnlen(b, MAX_WORD + 1);
    if (n_a > MAX_WORD || n_b > MAX_WORD) {
        return strcmp(a, b) == 0 ? 0 : MAX_WORD;
    }
    int rows[3][MAX_WORD + 1];
    for (int j = 0; j <= n_b; j++) {
        rows[0][j] = j;
    }
    for (int i = 1; i <= n_a; i++) {
        int *const row = rows[i % 3];
        const int *const above = rows[(i + 2) % 3];
        const int *const two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= n_b; j++) {
            const int change = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(change, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], two_above[j - 2] + 1);
            }
        }
    }
    return rows[n_a % 3][n_b];
}

const char *pr_text_nearest(const char *word, const char *const *candidates, int64_t n)
{
    const char *best = NULL;
    int best_distance = 0;
    for (int64_t i = 0; i < n; i++) {
        const int distance = pr_text_distance(word, candidates[i]);
        if (best == NULL || distance < best_distance) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    if (best == NULL) {
        return NULL;
    }
    /* A third of the word wrong is no slip any more. */
    const int longer = (int)(strlen(best) > strlen(word) ? strlen(best) : strlen(word));
    return best_distance * 3 <= longer + 2 ? best : NULL;
}

/* The character that begins at BYTES and its length, which is 0 where the bytes are no UTF-8. */
static size_t decode(const unsigned char *bytes, size_t n_bytes, uint32_t *character)
{
    static const struct {
        unsigned char mask, bits;
        uint32_t least; /* an encoding that is longer than it need be is none */
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t n = 1; n <= 4 && n <= n_bytes; n++) {
        if ((bytes[0] & forms[n - 1].mask) != forms[n - 1].bits) {
            continue;
        }
        uint32_t c = bytes[0] & (unsigned char)~forms[n - 1].mask;
        for (size_t i = 1; i < n; i++) {
            if ((bytes[i] & 0xc0) != 0x80) {
                return 0;
            }
            c = c << 6 | (bytes[i] & 0x3fU);
        }
        *character = c;
        return c >= forms[n - 1].least ? n : 0;
    }
    return 0;
}

bool pr_text_is_clean(const char *text, size_t n_bytes)
{
    const unsigned char *const bytes = (const unsigned char *)text;
    for (size_t at = 0; at < n_bytes;) {
        uint32_t c = 0;
        const size_t n = decode(bytes + at, n_bytes - at, &c);
        const bool is_control = c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
        const bool is_none = (c >= 0xd800 && c < 0xe000) || c == 0xfeff || c == 0xfffe ||
                             c == 0xffff || c > 0x10ffff;
        if (n == 0 || is_control || is_none) {
            return false;
        }
        at += n;
    }
    return true;
}

bool pr_text_to_int(const char *text, int64_t *value)
{
    char *end = NULL;
    errno = 0;
    const long long parsed = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || is_blank(text[0])) {
        return false;
    }
    *value = parsed;
    return true;
}

bool pr_text_to_real(const char *text, double *value)
{
    char *end = NULL;
    errno = 0;
    const double parsed = strtod(text, &end);
    /* An underflow rounds and is accepted; an overflow is not, nor are nan and inf. */
    if (end == text || *end != '\0' || is_blank(text[0]) || !isfinite(parsed)) {
        return false;
    }
    *value = parsed;
    return true;
}
