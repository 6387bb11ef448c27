#include "sampler/table.h"

#include "engine/base/alloc.h"
#include "engine/base/draw.h"

enum { BACKGROUND, FACE };

#define TRY_ARRAY(pointer, n)                                                                      \
    do {                                                                                           \
        (pointer) = pr_calloc((n), sizeof(*(pointer)));                                            \
        PR_REQUIRE((pointer) != NULL, PR_ERR_NOMEM, "sampler: no memory for %lld samples",         \
                   (long long)(n));                                                                \
    } while (0)

static pr_status build_labels(const pr__source *source, const pr__table_options *options,
                              pr__table *table)
{
    TRY_ARRAY(table->label, table->n);
    for (int64_t i = 0; i < table->n; i++) {
        table->label[i] = source->at(source->context, i)->label;
    }
    if (!options->shuffle_labels) {
        return PR_OK;
    }
    const pr_draw_key key = {.seed = options->seed, .purpose = PR_FOR_LABELS};
    int64_t *from = NULL;
    TRY_ARRAY(from, table->n);
    pr_draw_permutation(&key, table->n, from);
    for (int64_t i = 0; i < table->n; i++) {
        table->label[i] = source->at(source->context, from[i])->label;
    }
    pr_free(from);
    return PR_OK;
}

/* Marks in place_in_pool (0 kept, -1 left out) which samples of the larger class stay. */
static pr_status keep_subset(const pr__table_options *options, pr__table *table,
                             const int64_t n_of[2])
{
    const int larger = n_of[PR_FAKE] > n_of[PR_REAL] ? PR_FAKE : PR_REAL;
    const int64_t n_keep = n_of[1 - larger];
    const pr_draw_key key = {
        .seed = options->seed, .place = (uint32_t)larger, .purpose = PR_FOR_SUBSET};
    int64_t *drawn = NULL;
    int64_t *members = NULL;
    pr_status status = PR_OK;
    int64_t n_members = 0;

    drawn = pr_calloc(n_of[larger], sizeof(*drawn));
    members = pr_calloc(n_of[larger], sizeof(*members));
    if (drawn == NULL || members == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "sampler: no memory to under-sample %lld samples",
                         (long long)n_of[larger]);
        goto done;
    }
    for (int64_t i = 0; i < table->n; i++) {
        if (table->label[i] == larger) {
            members[n_members++] = i;
            table->place_in_pool[i] = -1;
        }
    }
    pr_draw_permutation(&key, n_members, drawn);
    for (int64_t i = 0; i < n_keep; i++) {
        table->place_in_pool[members[drawn[i]]] = 0;
    }
done:
    pr_free(drawn);
    pr_free(members);
    return status;
}

static pr_status build_pools(const pr__table_options *options, pr__table *table)
{
    int64_t n_of[2] = {0, 0};

    for (int64_t i = 0; i < table->n; i++) {
        n_of[table->label[i]]++;
    }
    TRY_ARRAY(table->place_in_pool, table->n);
    if (options->subset_once) {
        PR_TRY(keep_subset(options, table, n_of));
    }
    TRY_ARRAY(table->pool[PR_REAL], n_of[PR_REAL]);
    TRY_ARRAY(table->pool[PR_FAKE], n_of[PR_FAKE]);
    for (int64_t i = 0; i < table->n; i++) {
        const int label = table->label[i];
        if (table->place_in_pool[i] == 0) {
            table->place_in_pool[i] = table->n_pool[label];
            table->pool[label][table->n_pool[label]++] = i;
        }
    }
    return PR_OK;
}

static bool same_clip(const pr_sample *a, const pr_sample *b)
{
    return a->video_key == b->video_key && a->compression == b->compression;
}

/*
 * The neighbour is the nearest stored frame of the same video, compression and face, the following
 * one where two are equally near (R4). It has the anchor's label: labels differ inside a video only
 * where they are shuffled.
 */
static pr_status build_neighbours(const pr__source *source, int64_t max_gap, pr__table *table)
{
    pr__entry *entries = NULL;
    int64_t n_entries = 0;
    int64_t clip = -1;

    TRY_ARRAY(table->neighbour, table->n);
    TRY_ARRAY(entries, table->n);
    for (int64_t i = 0; i < table->n; i++) {
        const pr_sample *const sample = source->at(source->context, i);
        table->neighbour[i] = -1;
        if (i == 0 || !same_clip(sample, source->at(source->context, i - 1))) {
            clip = i;
        }
        if (table->place_in_pool[i] >= 0) {
            entries[n_entries++] =
                (pr__entry){clip, (int64_t)sample->face * 2 + table->label[i], sample->frame, i};
        }
    }
    pr__entries_sort(entries, n_entries);
    for (int64_t i = 0; i < n_entries; i++) {
        int64_t nearest = max_gap;
        for (int64_t side = 1; side >= -1; side -= 2) {
            const int64_t j = i + side;
            if (j < 0 || j >= n_entries || entries[j].a != entries[i].a ||
                entries[j].b != entries[i].b) {
                continue;
            }
            const int64_t gap = (entries[j].c - entries[i].c) * side;
            const bool first_found = table->neighbour[entries[i].sample] < 0;
            if (gap < nearest || (gap == nearest && first_found)) {
                table->neighbour[entries[i].sample] = entries[j].sample;
                nearest = gap;
            }
        }
    }
    pr_free(entries);
    return PR_OK;
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
static int64_t semantic_key(const pr_sample *sample, int label, int relation)
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

static pr_status build_groups(const pr__source *source, pr__table *table, int relation)
{
    pr__entry *entries = NULL;
    int64_t n_entries = 0;

    TRY_ARRAY(entries, table->n);
    for (int64_t i = 0; i < table->n; i++) {
        const int label = table->label[i];
        const int64_t key = semantic_key(source->at(source->context, i), label, relation);
        if (key != 0 && table->place_in_pool[i] >= 0) {
            entries[n_entries++] = (pr__entry){key, label, table->video[i], i};
        }
    }
    const pr_status status = pr__groups_build(entries, n_entries, table->n,
                                              relation == FACE ? &table->face : &table->background);
    pr_free(entries);
    return status;
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

static pr_status build_numbers(const pr__source *source, pr__table *table)
{
    pr__entry *entries = NULL;
    int64_t *first = NULL;
    int64_t n_entries = 0;
    pr_status status = PR_OK;

    TRY_ARRAY(table->video, table->n);
    TRY_ARRAY(table->person[BACKGROUND], table->n);
    TRY_ARRAY(table->person[FACE], table->n);
    entries = pr_calloc(2 * table->n, sizeof(*entries));
    first = pr_calloc(2 * table->n, sizeof(*first));
    if (entries == NULL || first == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "sampler: no memory for %lld samples", (long long)table->n);
        goto done;
    }
    for (int64_t i = 0; i < table->n; i++) {
        entries[i] = (pr__entry){source->at(source->context, i)->video_key, 0, 0, i};
    }
    number_keys(entries, table->n, table->video);

    for (int64_t i = 0; i < 2 * table->n; i++) {
        const pr_sample *const sample = source->at(source->context, i / 2);
        const pr_word person = i % 2 == FACE ? sample->face_id : sample->bg_id;
        first[i] = -1;
        if (person != 0) {
            entries[n_entries++] = (pr__entry){scoped(sample->dataset, person), 0, 0, i};
        }
    }
    number_keys(entries, n_entries, first);
    for (int64_t i = 0; i < 2 * table->n; i++) {
        table->person[i % 2][i / 2] = first[i];
    }
done:
    pr_free(entries);
    pr_free(first);
    return status;
}

pr_status pr__table_build(const pr__source *source, const pr__table_options *options,
                          pr__table *table)
{
    *table = (pr__table){.n = source->n};
    PR_TRY(build_labels(source, options, table));
    PR_TRY(build_pools(options, table));
    PR_TRY(build_numbers(source, table));
    if (options->max_gap > 0) {
        PR_TRY(build_neighbours(source, options->max_gap, table));
    }
    if (options->semantic) {
        PR_TRY(build_groups(source, table, BACKGROUND));
        PR_TRY(build_groups(source, table, FACE));
    }
    return PR_OK;
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
    pr_free(table->video);
    pr__groups_free(&table->background);
    pr__groups_free(&table->face);
    *table = (pr__table){0};
}

void pr__table_n_semantic(const pr__table *table, int64_t sample, int64_t n_mates[2])
{
    n_mates[BACKGROUND] = pr__groups_n_others(&table->background, sample);
    n_mates[FACE] = pr__groups_n_others(&table->face, sample);
}
