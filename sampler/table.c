#include "sampler/table.h"

#include "engine/base/alloc.h"
#include "engine/base/draw.h"

#include <string.h>

enum { BACKGROUND, FACE };

/* A table while it is built, with scratch for 2 n samples. */
typedef struct building {
    const pr__source *source;
    const pr__table_options *options;
    pr__table *table;
    pr__entry *entries;
    int64_t *numbers;
} building;

static const pr_sample *sample_of(const building *b, int64_t i)
{
    return b->source->at(b->source->context, i);
}

static pr_status allocate(building *b)
{
    pr__table *const table = b->table;
    const int64_t n = table->n;

    table->label = pr_calloc(n, sizeof(*table->label));
    table->place_in_pool = pr_calloc(n, sizeof(*table->place_in_pool));
    table->pool[PR_REAL] = pr_calloc(n, sizeof(*table->pool[PR_REAL]));
    table->pool[PR_FAKE] = pr_calloc(n, sizeof(*table->pool[PR_FAKE]));
    table->neighbour = pr_calloc(n, sizeof(*table->neighbour));
    table->aligned = pr_calloc(n, sizeof(*table->aligned));
    table->video = pr_calloc(n, sizeof(*table->video));
    table->person[BACKGROUND] = pr_calloc(n, sizeof(*table->person[BACKGROUND]));
    table->person[FACE] = pr_calloc(n, sizeof(*table->person[FACE]));
    b->entries = pr_calloc(2 * n, sizeof(*b->entries));
    b->numbers = pr_calloc(2 * n, sizeof(*b->numbers));
    const bool all = table->label != NULL && table->place_in_pool != NULL &&
                     table->pool[PR_REAL] != NULL && table->pool[PR_FAKE] != NULL &&
                     table->neighbour != NULL && table->aligned != NULL && table->video != NULL &&
                     table->person[BACKGROUND] != NULL && table->person[FACE] != NULL &&
                     b->entries != NULL && b->numbers != NULL;
    PR_REQUIRE(all, PR_ERR_NOMEM, "sampler: no memory for %lld samples", (long long)n);
    return PR_OK;
}

static void build_labels(const building *b)
{
    const pr_draw_key key = {.seed = b->options->seed, .purpose = PR_FOR_LABELS};

    for (int64_t i = 0; i < b->table->n; i++) {
        b->numbers[i] = i;
    }
    if (b->options->shuffle_labels) {
        pr_draw_permutation(&key, b->table->n, b->numbers);
    }
    for (int64_t i = 0; i < b->table->n; i++) {
        b->table->label[i] = sample_of(b, b->numbers[i])->label == PR_FAKE ? PR_FAKE : PR_REAL;
    }
}

/* Fills the pools with all samples, in key order. */
static void fill_pools(pr__table *table)
{
    table->n_pool[PR_REAL] = 0;
    table->n_pool[PR_FAKE] = 0;
    for (int64_t i = 0; i < table->n; i++) {
        const unsigned label = table->label[i];
        if (table->place_in_pool[i] >= 0) {
            table->place_in_pool[i] = table->n_pool[label];
            table->pool[label][table->n_pool[label]++] = i;
        }
    }
}

static void build_pools(const building *b)
{
    pr__table *const table = b->table;

    for (int64_t i = 0; i < table->n && b->options->reals_alone; i++) {
        table->place_in_pool[i] = table->label[i] == PR_REAL ? 0 : -1;
    }
    fill_pools(table);
    if (b->options->reals_alone) {
        table->n_pool[PR_FAKE] = table->n_pool[PR_REAL];
        memcpy(table->pool[PR_FAKE], table->pool[PR_REAL],
               (size_t)table->n_pool[PR_REAL] * sizeof(*table->pool[PR_REAL]));
    } else if (b->options->subset_once) {
        const int larger = table->n_pool[PR_FAKE] > table->n_pool[PR_REAL] ? PR_FAKE : PR_REAL;
        const int64_t n_keep = table->n_pool[1 - larger];
        const pr_draw_key key = {
            .seed = b->options->seed, .place = (uint32_t)larger, .purpose = PR_FOR_SUBSET};
        pr_draw_permutation(&key, table->n_pool[larger], b->numbers);
        for (int64_t i = n_keep; i < table->n_pool[larger]; i++) {
            table->place_in_pool[table->pool[larger][b->numbers[i]]] = -1;
        }
        fill_pools(table);
    }
}

static bool same_clip(const pr_sample *a, const pr_sample *b)
{
    return a->video_key == b->video_key && a->compression == b->compression;
}

/* The nearer of the entries before and after entry I in the same group, at most MAX_GAP away. */
static int64_t nearer(const pr__entry *entries, int64_t n, int64_t i, int64_t max_gap)
{
    int64_t nearest = max_gap + 1;
    int64_t found = -1;

    for (int64_t side = 1; side >= -1; side -= 2) {
        const int64_t j = i + side;
        if (j < 0 || j >= n || entries[j].a != entries[i].a || entries[j].b != entries[i].b) {
            continue;
        }
        const int64_t gap = (entries[j].c - entries[i].c) * side;
        if (gap < nearest) {
            nearest = gap;
            found = entries[j].sample;
        }
    }
    return found;
}

/* An entry for each sample in use: a and b are equal for frames of one video, compression, face and
   label (labels differ inside a video only where they are shuffled), c is the frame. */
static int64_t list_clips(const building *b)
{
    int64_t n_entries = 0;
    int64_t clip = -1;

    for (int64_t i = 0; i < b->table->n; i++) {
        const pr_sample *const sample = sample_of(b, i);
        if (i == 0 || !same_clip(sample, sample_of(b, i - 1))) {
            clip = i;
        }
        if (b->table->place_in_pool[i] >= 0) {
            b->entries[n_entries++] =
                (pr__entry){clip, (int64_t)sample->face * 2 + b->table->label[i], sample->frame, i};
        }
    }
    return n_entries;
}

/* The neighbour is the nearest stored frame of the clip, the following one where two are equally
   near (R4). */
static void build_neighbours(const building *b)
{
    pr__table *const table = b->table;
    const int64_t n_entries = list_clips(b);

    for (int64_t i = 0; i < table->n; i++) {
        table->neighbour[i] = -1;
    }
    pr__entries_sort(b->entries, n_entries);
    for (int64_t i = 0; i < n_entries; i++) {
        table->neighbour[b->entries[i].sample] =
            nearer(b->entries, n_entries, i, b->options->max_gap);
    }
}

static pr_status build_clips(const building *b)
{
    const int64_t n_entries = list_clips(b);

    for (int64_t i = 0; i < n_entries; i++) {
        b->entries[i].c = b->entries[i].sample;
    }
    return pr__groups_build(b->entries, n_entries, b->table->n, &b->table->clip);
}

static void build_aligned(const building *b)
{
    pr__table *const table = b->table;

    for (int64_t i = 0; i < table->n; i++) {
        const int64_t real =
            b->source->aligned == NULL ? -1 : b->source->aligned(b->source->context, i);
        table->aligned[i] = real >= 0 && table->place_in_pool[real] >= 0 ? real : -1;
    }
}

/* A word that means the same only inside one dataset, as one number; 0 stays unknown. */
static int64_t scoped(pr_word dataset, pr_word word)
{
    return word == 0 ? 0 : (int64_t)dataset * ((int64_t)1 << 32) + word;
}

/*
 * R1 and R31. Fakes: the same person's background (the same background video where the person is
 * unknown), or the same person's face. Reals: the same person. Unknown people are nobody's mates.
 */
static int64_t semantic_key(const pr_sample *sample, unsigned label, int relation)
{
    if (label == PR_REAL) {
        const pr_word person = sample->bg_id != 0 ? sample->bg_id : sample->face_id;
        return relation == BACKGROUND ? scoped(sample->dataset, person) : 0;
    }
    if (relation == FACE) {
        return scoped(sample->dataset, sample->face_id);
    }
    /* Negative: a video's number must not meet a person's. */
    return sample->bg_id != 0 ? scoped(sample->dataset, sample->bg_id)
                              : -scoped(sample->dataset, sample->bg_video);
}

static pr_status build_groups(const building *b, int relation)
{
    pr__table *const table = b->table;
    int64_t n_entries = 0;

    for (int64_t i = 0; i < table->n; i++) {
        const int64_t key = semantic_key(sample_of(b, i), table->label[i], relation);
        if (key != 0 && table->place_in_pool[i] >= 0) {
            b->entries[n_entries++] = (pr__entry){key, table->label[i], table->video[i], i};
        }
    }
    return pr__groups_build(b->entries, n_entries, table->n,
                            relation == FACE ? &table->face : &table->background);
}

/*
 * Numbers every key by the first sample that has it: the numbers of the words themselves depend on
 * how the data were sharded.
 */
static void number_keys(pr__entry *entries, int64_t n, int64_t *number_of)
{
    pr__entries_sort(entries, n);
    for (int64_t i = 0; i < n; i++) {
        /* The first entry of equal keys has the smallest number: it stands for all of them. */
        entries[i].c =
            i > 0 && entries[i].a == entries[i - 1].a ? entries[i - 1].c : entries[i].sample;
    }
    for (int64_t i = 0; i < n; i++) {
        number_of[entries[i].sample] = entries[i].c;
    }
}

static void build_numbers(const building *b)
{
    pr__table *const table = b->table;
    int64_t n_entries = 0;

    for (int64_t i = 0; i < table->n; i++) {
        b->entries[i] = (pr__entry){sample_of(b, i)->video_key, 0, 0, i};
    }
    number_keys(b->entries, table->n, table->video);

    for (int64_t i = 0; i < 2 * table->n; i++) {
        const pr_sample *const sample = sample_of(b, i / 2);
        const pr_word person = i % 2 == FACE ? sample->face_id : sample->bg_id;
        b->numbers[i] = -1;
        if (person != 0) {
            b->entries[n_entries++] = (pr__entry){scoped(sample->dataset, person), 0, 0, i};
        }
    }
    number_keys(b->entries, n_entries, b->numbers);
    for (int64_t i = 0; i < 2 * table->n; i++) {
        table->person[i % 2][i / 2] = b->numbers[i];
    }
}

static pr_status build(building *b)
{
    PR_TRY(allocate(b));
    build_labels(b);
    build_pools(b);
    build_numbers(b);
    build_neighbours(b);
    build_aligned(b);
    if (b->options->clips) {
        PR_TRY(build_clips(b));
    }
    if (b->options->semantic) {
        PR_TRY(build_groups(b, BACKGROUND));
        PR_TRY(build_groups(b, FACE));
    }
    return PR_OK;
}

pr_status pr__table_build(const pr__source *source, const pr__table_options *options,
                          pr__table *table)
{
    building b = {.source = source, .options = options, .table = table};

    *table = (pr__table){.n = source->n};
    const pr_status status = build(&b);
    pr_free(b.entries);
    pr_free(b.numbers);
    return status;
}

void pr__table_free(pr__table *table)
{
    for (int i = 0; i < 2; i++) {
        pr_free(table->pool[i]);
        pr_free(table->person[i]);
    }
    pr_free(table->label);
    pr_free(table->place_in_pool);
    pr_free(table->neighbour);
    pr_free(table->aligned);
    pr_free(table->video);
    pr__groups_free(&table->background);
    pr__groups_free(&table->face);
    pr__groups_free(&table->clip);
    *table = (pr__table){0};
}

void pr__table_n_semantic(const pr__table *table, int64_t sample, int64_t n_mates[2])
{
    n_mates[BACKGROUND] = pr__groups_n_others(&table->background, sample);
    n_mates[FACE] = pr__groups_n_others(&table->face, sample);
}
