#include "sampler/groups.h"

#include "engine/base/alloc.h"

#include <stdbool.h>
#include <stdlib.h>

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_entries(const void *left, const void *right)
{
    const pr__entry *const x = left;
    const pr__entry *const y = right;

    int order = compare_numbers(x->a, y->a);
    order = order != 0 ? order : compare_numbers(x->b, y->b);
    order = order != 0 ? order : compare_numbers(x->c, y->c);
    return order != 0 ? order : compare_numbers(x->sample, y->sample);
}

void pr__entries_sort(pr__entry *entries, int64_t n)
{
    if (n > 0) {
        qsort(entries, (size_t)n, sizeof(*entries), compare_entries);
    }
}

/*
 * Fills ORDER, RUN_OF and RUNS from sorted entries: one sweep that closes runs and groups as they
 * end.
 */
static void sweep(const pr__entry *entries, int64_t n, pr__groups *groups)
{
    int64_t n_runs = 0;
    int64_t group_first = 0;
    int64_t group_first_run = 0;

    for (int64_t i = 0; i < n; i++) {
        const bool new_group =
            i == 0 || entries[i].a != entries[i - 1].a || entries[i].b != entries[i - 1].b;
        if (new_group) {
            group_first = i;
            group_first_run = n_runs;
        }
        if (new_group || entries[i].c != entries[i - 1].c) {
            groups->runs[n_runs++] = (pr__run){.first = i, .group_first = group_first};
        }
        groups->runs[n_runs - 1].count++;
        groups->order[i] = entries[i].sample;
        groups->run_of[entries[i].sample] = n_runs - 1;

        const bool group_ends =
            i + 1 == n || entries[i].a != entries[i + 1].a || entries[i].b != entries[i + 1].b;
        for (int64_t run = group_first_run; group_ends && run < n_runs; run++) {
            groups->runs[run].group_count = i + 1 - group_first;
        }
    }
}

pr_status pr__groups_build(pr__entry *entries, int64_t n_entries, int64_t n_samples,
                           pr__groups *groups)
{
    groups->order = pr_calloc(n_entries, sizeof(*groups->order));
    groups->run_of = pr_calloc(n_samples, sizeof(*groups->run_of));
    groups->runs = pr_calloc(n_entries, sizeof(*groups->runs));
    PR_REQUIRE(groups->order != NULL && groups->run_of != NULL && groups->runs != NULL,
               PR_ERR_NOMEM, "sampler: no memory to group %lld samples", (long long)n_samples);
    for (int64_t i = 0; i < n_samples; i++) {
        groups->run_of[i] = -1;
    }
    pr__entries_sort(entries, n_entries);
    sweep(entries, n_entries, groups);
    return PR_OK;
}

void pr__groups_free(pr__groups *groups)
{
    pr_free(groups->order);
    pr_free(groups->run_of);
    pr_free(groups->runs);
    *groups = (pr__groups){0};
}

int64_t pr__groups_n_others(const pr__groups *groups, int64_t sample)
{
    const int64_t run = groups->run_of[sample];
    return run < 0 ? 0 : groups->runs[run].group_count - groups->runs[run].count;
}

int64_t pr__groups_other(const pr__groups *groups, int64_t sample, int64_t i)
{
    const pr__run *const run = &groups->runs[groups->run_of[sample]];
    const int64_t at = run->group_first + i;
    return groups->order[at < run->first ? at : at + run->count];
}
