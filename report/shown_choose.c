#include "report/shown_choose.h"
#include "engine/base/alloc.h"
#include "engine/base/hash.h"

#include <stdlib.h>
#include <string.h>

typedef struct candidate {
    int64_t place; /* in the list of candidates */
    uint64_t hash;
    int32_t group;
} candidate;

static uint64_t add_word(uint64_t hash, const pr_samples *samples, pr_word word)
{
    const char *const text = pr_samples_word(samples, word);
    return pr_hash64(text, strlen(text) + 1, hash); /* with its NUL: "a", "bc" is not "ab", "c" */
}

static uint64_t key_hash(const pr_samples *samples, int64_t i)
{
    const pr_sample *const s = pr_samples_at(samples, i);
    uint64_t hash = add_word(0, samples, s->dataset);
    hash = add_word(hash, samples, s->method);
    hash = add_word(hash, samples, s->compression);
    hash = add_word(hash, samples, s->video);
    hash = pr_hash64(&s->frame, sizeof(s->frame), hash);
    return pr_hash64(&s->face, sizeof(s->face), hash);
}

static int compare_candidates(const void *left, const void *right)
{
    const candidate *const a = left;
    const candidate *const b = right;
    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    return (a->place > b->place) - (a->place < b->place);
}

static int compare_places(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left;
    const int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Shares N_MAX out: groups of COUNT that are smaller than an equal share give the rest to the others. */
static void share_out(const int64_t *count, int n_groups, int64_t n_max, int64_t *quota)
{
    bool is_open[PR_SHOWN_MAX_GROUPS];
    int64_t left = n_max;
    int64_t n_open = 0;
    for (int g = 0; g < n_groups; g++) {
        is_open[g] = count[g] > 0;
        quota[g] = 0;
        n_open += is_open[g] ? 1 : 0;
    }
    for (bool changed = true; changed && n_open > 0;) {
        const int64_t level = left / n_open;
        changed = false;
        for (int g = 0; g < n_groups; g++) {
            if (is_open[g] && count[g] <= level) {
                quota[g] = count[g];
                left -= count[g];
                is_open[g] = false;
                n_open--;
                changed = true;
            }
        }
    }
    int64_t rest = n_open > 0 ? left % n_open : 0;
    for (int g = 0; g < n_groups; g++) {
        if (is_open[g]) {
            quota[g] = left / n_open + (rest > 0 ? 1 : 0);
            rest -= rest > 0 ? 1 : 0;
        }
    }
}

/* Goes through the sorted CANDIDATES group by group until the group's quota is full. */
static pr_status pick(const pr__choice *choice, const candidate *candidates, const int64_t *quota,
                      int64_t *n_left_out, int64_t *places, int64_t *n)
{
    int64_t taken = 0;
    *n = 0;
    for (int64_t k = 0; k < choice->n; k++) {
        const int32_t group = candidates[k].group;
        bool is_good = true;
        taken = k > 0 && candidates[k - 1].group == group ? taken : 0;
        if (taken < quota[group] && choice->check != NULL) {
            PR_TRY(choice->check(choice->ctx, candidates[k].place, &is_good));
            *n_left_out += is_good ? 0 : 1;
        }
        if (taken < quota[group] && is_good) {
            places[(*n)++] = candidates[k].place;
            taken++;
        }
    }
    qsort(places, (size_t)*n, sizeof(*places), compare_places);
    return PR_OK;
}

pr_status pr__choose(const pr__choice *choice, int64_t n_max, int64_t *n_left_out, int64_t **places,
                     int64_t *n)
{
    int64_t count[PR_SHOWN_MAX_GROUPS] = {0};
    int64_t quota[PR_SHOWN_MAX_GROUPS];
    candidate *const candidates = pr_calloc(choice->n, sizeof(*candidates));
    int64_t *const chosen = pr_calloc(choice->n < n_max ? choice->n : n_max, sizeof(*chosen));
    if (candidates == NULL || chosen == NULL) {
        pr_free(candidates);
        pr_free(chosen);
        return PR_FAIL(PR_ERR_NOMEM, "report: no memory to choose among %lld samples",
                       (long long)choice->n);
    }
    for (int64_t k = 0; k < choice->n; k++) {
        const int64_t i = choice->at == NULL ? k : choice->at[k];
        candidates[k] = (candidate){k, key_hash(choice->samples, i), choice->group[k]};
        count[choice->group[k]]++;
    }
    qsort(candidates, (size_t)choice->n, sizeof(*candidates), compare_candidates);
    share_out(count, PR_SHOWN_MAX_GROUPS, n_max, quota);
    const pr_status status = pick(choice, candidates, quota, n_left_out, chosen, n);
    pr_free(candidates);
    if (status != PR_OK) {
        pr_free(chosen);
        return status;
    }
    *places = chosen;
    return PR_OK;
}
