#include "dataset/words.h"

#include "engine/base/alloc.h"
#include "engine/base/hash.h"

#include <stdlib.h>
#include <string.h>

struct pr_words {
    char *chars; /* the words, each with its NUL */
    size_t n_chars, chars_room;
    size_t *begin; /* [room] of word i in chars */
    int32_t n, room;
    int32_t *slots;   /* [n_slots] open addressing; number + 1, or 0 where empty */
    uint64_t n_slots; /* a power of two, at least twice the words */
};

enum { FIRST_ROOM = 64 };

/* Memory of N_NEW items of SIZE with the first N_OLD of OLD copied; OLD is freed only on success. */
static pr_status regrow(void **memory, size_t n_old, size_t n_new, size_t size)
{
    void *const grown = pr_calloc((int64_t)n_new, size);
    PR_REQUIRE(grown != NULL, PR_ERR_NOMEM, "words: no memory for %zu items of %zu bytes", n_new,
               size);
    if (n_old > 0) {
        memcpy(grown, *memory, n_old * size);
    }
    pr_free(*memory);
    *memory = grown;
    return PR_OK;
}

static uint64_t slot_of(const pr_words *words, const char *text, size_t n_bytes)
{
    const uint64_t last = words->n_slots - 1;
    uint64_t slot = pr_hash64(text, n_bytes, 0) & last;
    while (words->slots[slot] != 0) {
        const char *const word = words->chars + words->begin[words->slots[slot] - 1];
        if (strncmp(word, text, n_bytes) == 0 && word[n_bytes] == '\0') {
            break;
        }
        slot = (slot + 1) & last;
    }
    return slot;
}

static void fill_slots(pr_words *words)
{
    memset(words->slots, 0, words->n_slots * sizeof(*words->slots));
    for (int32_t i = 0; i < words->n; i++) {
        const char *const word = words->chars + words->begin[i];
        words->slots[slot_of(words, word, strlen(word))] = i + 1;
    }
}

static pr_status make_room(pr_words *words, size_t n_bytes)
{
    if (words->n_chars + n_bytes + 1 > words->chars_room) {
        const size_t room = 2 * words->chars_room + n_bytes + 1;
        PR_TRY(regrow((void **)&words->chars, words->n_chars, room, 1));
        words->chars_room = room;
    }
    if (words->n == words->room) {
        PR_REQUIRE(words->room < INT32_MAX / 4, PR_ERR_INVALID, "words: more than %d words",
                   words->room);
        const int32_t room = words->room > 0 ? 2 * words->room : FIRST_ROOM;
        PR_TRY(
            regrow((void **)&words->begin, (size_t)words->n, (size_t)room, sizeof(*words->begin)));
        words->room = room;
    }
    if (2 * (uint64_t)words->room > words->n_slots) {
        const uint64_t n_slots = 2 * (uint64_t)words->room;
        PR_TRY(regrow((void **)&words->slots, 0, n_slots, sizeof(*words->slots)));
        words->n_slots = n_slots;
        fill_slots(words);
    }
    return PR_OK;
}

pr_status pr__words_create(pr_words **out)
{
    pr_words *words = pr_calloc(1, sizeof(*words));
    PR_REQUIRE(words != NULL, PR_ERR_NOMEM, "words: out of memory");
    int32_t number = 0;
    const pr_status status = pr__words_add(words, "", 0, &number);
    if (status != PR_OK) {
        pr__words_destroy(&words);
        return status;
    }
    *out = words;
    return PR_OK;
}

void pr__words_destroy(pr_words **words)
{
    if (*words != NULL) {
        pr_free((*words)->chars);
        pr_free((*words)->begin);
        pr_free((*words)->slots);
        pr_free(*words);
        *words = NULL;
    }
}

int32_t pr__words_n(const pr_words *words)
{
    return words->n;
}

const char *pr__words_at(const pr_words *words, int32_t number)
{
    return words->chars + words->begin[number];
}

pr_status pr__words_add(pr_words *words, const char *text, size_t n_bytes, int32_t *number)
{
    PR_TRY(make_room(words, n_bytes));
    const uint64_t slot = slot_of(words, text, n_bytes);
    if (words->slots[slot] == 0) {
        words->begin[words->n] = words->n_chars;
        memcpy(words->chars + words->n_chars, text, n_bytes);
        words->chars[words->n_chars + n_bytes] = '\0';
        words->n_chars += n_bytes + 1;
        words->n++;
        words->slots[slot] = words->n;
    }
    *number = words->slots[slot] - 1;
    return PR_OK;
}

int32_t pr__words_find(const pr_words *words, const char *text)
{
    return words->slots[slot_of(words, text, strlen(text))] - 1;
}

const char *pr__word_check(const char *text)
{
    if (strlen(text) > PR_WORD_MAX_BYTES) {
        return "is longer than 255 bytes";
    }
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            return "has a control character";
        }
    }
    return NULL;
}

typedef struct sort_item {
    const char *word;
    size_t begin;
    int32_t old;
} sort_item;

static int by_word(const void *a, const void *b)
{
    return strcmp(((const sort_item *)a)->word, ((const sort_item *)b)->word);
}

pr_status pr__words_sort(pr_words *words, int32_t *new_of_old)
{
    sort_item *const items = pr_calloc(words->n, sizeof(*items));
    PR_REQUIRE(items != NULL, PR_ERR_NOMEM, "words: no memory to sort %d words", words->n);
    for (int32_t i = 0; i < words->n; i++) {
        items[i] = (sort_item){pr__words_at(words, i), words->begin[i], i};
    }
    qsort(items, (size_t)words->n, sizeof(*items), by_word);
    for (int32_t i = 0; i < words->n; i++) {
        words->begin[i] = items[i].begin;
        new_of_old[items[i].old] = i;
    }
    fill_slots(words);
    pr_free(items);
    return PR_OK;
}

pr_status pr__words_to_rows(const pr_words *words, char **rows, size_t *width)
{
    size_t widest = 1;
    for (int32_t i = 0; i < words->n; i++) {
        const size_t n = strlen(pr__words_at(words, i));
        widest = n > widest ? n : widest;
    }
    char *const out = pr_calloc(words->n, widest);
    PR_REQUIRE(out != NULL, PR_ERR_NOMEM, "words: no memory for %d words of %zu bytes", words->n,
               widest);
    for (int32_t i = 0; i < words->n; i++) {
        const char *const word = pr__words_at(words, i);
        /* A row that a word fills has no NUL: that is the format. */
        memcpy(out + (size_t)i * widest, word, strlen(word)); /* NOLINT(bugprone-not-null-*) */
    }
    *rows = out;
    *width = widest;
    return PR_OK;
}

pr_status pr__words_add_rows(pr_words *words, const char *path, const char *rows, int64_t n,
                             size_t width, bool sorted, int32_t *number)
{
    PR_REQUIRE(n >= 1 && n <= INT32_MAX / 8 && width >= 1 && width <= PR_WORD_MAX_BYTES,
               PR_ERR_FORMAT, "%s: /words has %lld words of %zu bytes, want at least 1 of 1 .. %d",
               path, (long long)n, width, PR_WORD_MAX_BYTES);
    char before[PR_WORD_MAX_BYTES + 1] = "";
    for (int64_t i = 0; i < n; i++) {
        char word[PR_WORD_MAX_BYTES + 1] = "";
        memcpy(word, rows + (size_t)i * width, width);
        const int order = strcmp(before, word);
        PR_REQUIRE(!sorted || (i == 0 ? word[0] == '\0' : order < 0), PR_ERR_FORMAT,
                   "%s: /words: number %lld ('%s') is out of order", path, (long long)i, word);
        PR_TRY(pr__words_add(words, word, strlen(word), &number[i]));
        memcpy(before, word, sizeof(before));
    }
    return PR_OK;
}
