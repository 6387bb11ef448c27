/**
 * Text whose first failure sticks. A table or a page is made of hundreds of pieces: each is put
 * down without a check, nothing is added after a failure, and the one status at the end tells.
 */
#ifndef PR_TRAINER_PAGE_H
#define PR_TRAINER_PAGE_H

#include "engine/base/text.h"

typedef struct pr_page {
    pr_text *text;    /* borrowed */
    pr_status status; /* PR_OK, or the first failure */
} pr_page;

void pr_page_put(pr_page *page, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pr_page_put_bytes(pr_page *page, const char *bytes, size_t n_bytes);

/** WORD as a JSON string ("" for NULL), VALUE as a JSON number or null. */
void pr_page_json(pr_page *page, const char *word);
void pr_page_json_real(pr_page *page, double value);

/** WORDS (or NULL) as HTML text, between tags or in double quotes; what XML cannot hold becomes
 * U+FFFD. */
void pr_page_html(pr_page *page, const char *words);
/** N_BYTES in base 64. */
void pr_page_base64(pr_page *page, const void *bytes, size_t n_bytes);

/** Makes STATUS the page's where that is its first failure. */
void pr_page_take(pr_page *page, pr_status status);

#endif
