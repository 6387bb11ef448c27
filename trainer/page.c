#include "trainer/page.h"

#include "engine/base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void pr_page_take(pr_page *page, pr_status status)
{
    page->status = page->status == PR_OK ? status : page->status;
}

void pr_page_put_bytes(pr_page *page, const char *bytes, size_t n_bytes)
{
    if (page->status == PR_OK) {
        page->status = pr_text_add_bytes(page->text, bytes, n_bytes);
    }
}

void pr_page_put(pr_page *page, const char *fmt, ...)
{
    char room[512];
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(room, sizeof(room), fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof(room)) {
        pr_page_put_bytes(page, room, (size_t)n);
        return;
    }
    char *wide = n < 0 ? NULL : pr_calloc((int64_t)n + 1, 1);
    if (wide == NULL) {
        pr_page_take(page, PR_FAIL(PR_ERR_NOMEM, "page: no memory for %d characters", n));
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(wide, (size_t)n + 1, fmt, args);
    va_end(args);
    pr_page_put_bytes(page, wide, (size_t)n);
    pr_free(wide);
}

void pr_page_json(pr_page *page, const char *word)
{
    if (page->status == PR_OK) {
        page->status = pr_text_add_json(page->text, word != NULL ? word : "");
    }
}

void pr_page_json_real(pr_page *page, double value)
{
    if (page->status == PR_OK) {
        page->status = pr_text_add_json_real(page->text, value);
    }
}

/* The bytes of the UTF-8 character at S, or 0 where it is none that XML may hold. */
static size_t character_bytes(const unsigned char *s)
{
    if (s[0] < 0x80) {
        return s[0] >= 0x20 || s[0] == '\n' || s[0] == '\t' ? 1 : 0;
    }
    const size_t n = s[0] >= 0xc2 && s[0] < 0xe0   ? 2
                     : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
                     : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                                   : 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    const bool is_overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    const bool is_surrogate = s[0] == 0xed && s[1] >= 0xa0;
    const bool is_beyond = s[0] == 0xf4 && s[1] >= 0x90;
    const bool is_noncharacter = s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe;
    return is_overlong || is_surrogate || is_beyond || is_noncharacter ? 0 : n;
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void pr_page_html(pr_page *page, const char *words)
{
    for (const char *s = words != NULL ? words : ""; *s != '\0';) {
        const size_t n = character_bytes((const unsigned char *)s);
        const char *named = n == 0 ? "\xef\xbf\xbd" : entity(*s);
        if (named != NULL) {
            pr_page_put_bytes(page, named, strlen(named));
        } else {
            pr_page_put_bytes(page, s, n);
        }
        s += n == 0 ? 1 : n;
    }
}

void pr_page_base64(pr_page *page, const void *bytes, size_t n_bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    enum { ROOM = 4096 };
    const unsigned char *from = bytes;
    char room[ROOM];
    size_t n = 0;
    for (size_t i = 0; i < n_bytes; i += 3) {
        const size_t n_here = n_bytes - i < 3 ? n_bytes - i : 3;
        unsigned group = 0;
        for (size_t k = 0; k < 3; k++) {
            group = group << 8 | (k < n_here ? from[i + k] : 0U);
        }
        for (size_t k = 0; k < 4; k++) {
            room[n++] = digits[group >> (18 - 6 * k) & 63U];
        }
        if (n_here < 3) {
            memset(room + n - (3 - n_here), '=', 3 - n_here);
        }
        if (n == ROOM || i + 3 >= n_bytes) {
            pr_page_put_bytes(page, room, n);
            n = 0;
        }
    }
}
