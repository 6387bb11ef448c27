#include "dataset/samples_select.h"

#include "engine/base/alloc.h"
#include "engine/base/draw.h"
#include "engine/base/hash.h"
#include "engine/base/text.h"

#include <stdio.h>
#include <string.h>

enum { N_COLUMNS = 5, MAX_WORDS_SHOWN = 12 };

typedef struct column {
    const char *name;
    int word; /* place in pr_row_word_offset */
    const char *const *wanted;
} column;

/* Bits of a word in a column: some crop has it, the selection wants it. */
enum { IN_COLUMN = 1, WANTED = 2 };

static int32_t column_word(const pr_index_row *row, const column *col)
{
    return PR_ROW_WORD_OF(&row->crop, col->word);
}

/* The words that the column has, as the message lists them. */
static pr_status list_words(const pr_index *index, const uint8_t *bits, pr_text *text)
{
    int64_t n = 0;
    for (int32_t w = 0; w < pr__words_n(index->words); w++) {
        if ((bits[w] & IN_COLUMN) == 0) {
            continue;
        }
        if (++n <= MAX_WORDS_SHOWN) {
            const char *const word = pr__words_at(index->words, w);
            PR_TRY(pr_text_add(text, "%s%s", n > 1 ? ", " : "", w == 0 ? "''" : word));
        }
    }
    return n > MAX_WORDS_SHOWN
               ? pr_text_add(text, " and %lld more", (long long)(n - MAX_WORDS_SHOWN))
               : PR_OK;
}

static pr_status no_such_word(const pr_index *index, const column *col, const char *word,
                              const uint8_t *bits)
{
    pr_text text = {0};
    pr_status status = list_words(index, bits, &text);
    if (status == PR_OK) {
        status = PR_FAIL(PR_ERR_INVALID, "%s: has no %s '%s'; it has %s", index->path, col->name,
                         word, pr_text_chars(&text));
    }
    pr_text_free(&text);
    return status;
}

/* BITS [n words] says which words the column has and the selection wants. */
static pr_status match_column(const pr_index *index, const column *col, uint8_t *bits)
{
    memset(bits, 0, (size_t)pr__words_n(index->words));
    for (int64_t i = 0; i < index->n_crops; i++) {
        bits[column_word(&index->crops[i], col)] = IN_COLUMN;
    }
    for (const char *const *word = col->wanted; *word != NULL; word++) {
        const int32_t number = pr__words_find(index->words, *word);
        if (number < 0 || (bits[number] & IN_COLUMN) == 0) {
            return no_such_word(index, col, *word, bits);
        }
        bits[number] |= WANTED;
    }
    return PR_OK;
}

/* MATCHED [n_crops] becomes 1 where every column has a wanted word. */
static pr_status match(const pr_index *index, const pr_selection *selection, uint8_t *matched)
{
    const char *const label[] = {selection->label, NULL};
    const column columns[N_COLUMNS] = {
        {"dataset", 0, selection->dataset}, {"label", 1, selection->label != NULL ? label : NULL},
        {"method", 2, selection->method},   {"compression", 3, selection->compression},
        {"split", 4, selection->split},
    };
    uint8_t *const bits = pr_calloc(pr__words_n(index->words), 1);
    PR_REQUIRE(bits != NULL, PR_ERR_NOMEM, "%s: no memory for a selection", index->path);
    memset(matched, 1, (size_t)index->n_crops);
    pr_status status = PR_OK;
    for (int k = 0; status == PR_OK && k < N_COLUMNS; k++) {
        if (columns[k].wanted == NULL) {
            continue;
        }
        status = match_column(index, &columns[k], bits);
        for (int64_t i = 0; status == PR_OK && i < index->n_crops; i++) {
            matched[i] &= (bits[column_word(&index->crops[i], &columns[k])] & WANTED) != 0;
        }
    }
    pr_free(bits);
    return status;
}

static bool same_video(const pr_crop_row *a, const pr_crop_row *b)
{
    return a->dataset == b->dataset && a->method == b->method && a->compression == b->compression &&
           a->video == b->video;
}

/* KEPT becomes N_WANTED of 0 .. N - 1, without order; KEPT has room for N. */
static void choose(const pr_index *index, const pr_selection *selection, const pr_crop_row *video,
                   int64_t n, int64_t *kept)
{
    for (int64_t i = 0; i < n; i++) {
        kept[i] = i;
    }
    if (selection->frame_rule == PR_FRAMES_UNIFORM) {
        for (int64_t i = 0; i < selection->n_frames; i++) {
            kept[i] = i * n / selection->n_frames;
        }
    } else if (selection->frame_rule == PR_FRAMES_RANDOM) {
        char name[3 * (PR_WORD_MAX_BYTES + 1)];
        (void)snprintf(name, sizeof(name), "%s/%s/%s", pr__words_at(index->words, video->dataset),
                       pr__words_at(index->words, video->method),
                       pr__words_at(index->words, video->video));
        const pr_draw_key key = {.seed = selection->frame_seed,
                                 .place = (uint32_t)pr_hash64(name, strlen(name), 0),
                                 .purpose = PR_FOR_SUBSET};
        for (int64_t i = 0; i < selection->n_frames; i++) {
            const int64_t j = i + pr_draw_below(&key, (uint32_t)i, n - i);
            const int64_t swapped = kept[i];
            kept[i] = kept[j];
            kept[j] = swapped;
        }
    }
}

/* Of the matched crops [first, last), one video's, keeps those of the frames that the rule takes. */
static void thin_video(const pr_index *index, const pr_selection *selection, int64_t first,
                       int64_t last, int64_t *kept, uint8_t *matched)
{
    int64_t n_frames = 0;
    int32_t frame = -1;
    for (int64_t i = first; i < last; i++) {
        if (matched[i] != 0 && index->crops[i].crop.frame != frame) {
            frame = index->crops[i].crop.frame;
            n_frames++;
        }
    }
    if (n_frames <= selection->n_frames) {
        return;
    }
    choose(index, selection, &index->crops[first].crop, n_frames, kept);
    /* The frames that stay are marked behind the numbers: KEPT has room for both. */
    int64_t *const stays = kept + n_frames;
    memset(stays, 0, (size_t)n_frames * sizeof(*stays));
    for (int64_t i = 0; i < selection->n_frames; i++) {
        stays[kept[i]] = 1;
    }
    int64_t number = -1;
    frame = -1;
    for (int64_t i = first; i < last; i++) {
        if (matched[i] != 0) {
            number += index->crops[i].crop.frame != frame;
            frame = index->crops[i].crop.frame;
            matched[i] = (uint8_t)stays[number];
        }
    }
}

static pr_status thin(const pr_index *index, const pr_selection *selection, uint8_t *matched)
{
    if (selection->frame_rule == PR_FRAMES_ALL) {
        return PR_OK;
    }
    PR_REQUIRE(selection->n_frames > 0, PR_ERR_INVALID, "%s: frames.n = %lld, must be > 0",
               selection->path, (long long)selection->n_frames);
    int64_t *const kept = pr_calloc(index->n_crops, 2 * sizeof(*kept));
    PR_REQUIRE(kept != NULL, PR_ERR_NOMEM, "%s: no memory to choose frames", index->path);
    for (int64_t first = 0; first < index->n_crops;) {
        int64_t last = first + 1;
        while (last < index->n_crops &&
               same_video(&index->crops[first].crop, &index->crops[last].crop)) {
            last++;
        }
        thin_video(index, selection, first, last, kept, matched);
        first = last;
    }
    pr_free(kept);
    return PR_OK;
}

pr_status pr__select(const pr_index *index, const pr_selection *selection, uint8_t *picked)
{
    uint8_t *const matched = pr_calloc(index->n_crops, 1);
    PR_REQUIRE(matched != NULL, PR_ERR_NOMEM, "%s: no memory for a selection", index->path);
    int64_t n_matched = 0;
    pr_status status = match(index, selection, matched);
    if (status == PR_OK) {
        status = thin(index, selection, matched);
    }
    for (int64_t i = 0; status == PR_OK && i < index->n_crops; i++) {
        n_matched += matched[i];
        picked[i] |= matched[i];
    }
    pr_free(matched);
    PR_TRY(status);
    PR_REQUIRE(n_matched > 0, PR_ERR_INVALID,
               "%s: none of its %lld crops has all that the selection asks for", index->path,
               (long long)index->n_crops);
    return PR_OK;
}
