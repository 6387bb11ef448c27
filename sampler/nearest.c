#include "sampler/nearest.h"

#include "dataset/shape.h"
#include "engine/base/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A part [first, last) of the rows: row FIRST is its vantage point, the nearer half follows. */
enum { DEPTH = 64 };

typedef struct row {
    double distance;
    int64_t sample, from; /* from: where its shape lies */
} row;

static int compare(const void *left, const void *right)
{
    const row *const a = left;
    const row *const b = right;
    if (a->distance != b->distance) {
        return a->distance < b->distance ? -1 : 1;
    }
    return (a->sample > b->sample) - (a->sample < b->sample);
}

static int64_t middle_of(int64_t first, int64_t last)
{
    return first + 1 + (last - first - 1) / 2;
}

/* The vantage point is the row that was farthest from the part's last one: an outlying one prunes. */
static void split(row *rows, int64_t first, int64_t last, const float *shapes, double *radius)
{
    const row far = rows[last - 1];
    rows[last - 1] = rows[first];
    rows[first] = far;
    for (int64_t i = first + 1; i < last; i++) {
        rows[i].distance =
            pr_shape_distance(shapes + far.from * PR_SHAPE_N, shapes + rows[i].from * PR_SHAPE_N);
    }
    qsort(rows + first + 1, (size_t)(last - first - 1), sizeof(*rows), compare);
    const int64_t middle = middle_of(first, last);
    radius[first] = middle < last ? rows[middle].distance : 0;
}

static void arrange(row *rows, int64_t n, const float *shapes, double *radius)
{
    struct {
        int64_t first, last;
    } todo[DEPTH] = {{0, n}};
    int n_todo = 1;
    while (n_todo > 0) {
        const int64_t first = todo[n_todo - 1].first;
        const int64_t last = todo[n_todo - 1].last;
        n_todo--;
        if (last - first < 2) {
            continue;
        }
        split(rows, first, last, shapes, radius);
        const int64_t middle = middle_of(first, last);
        todo[n_todo].first = middle;
        todo[n_todo++].last = last;
        todo[n_todo].first = first + 1;
        todo[n_todo++].last = middle;
    }
}

pr_status pr__nearest_build(const float *shapes, const int64_t *samples, int64_t n,
                            pr__nearest *index)
{
    *index = (pr__nearest){.n = n};
    row *const rows = pr_calloc(n, sizeof(*rows));
    index->shapes = pr_calloc(n, PR_SHAPE_N * sizeof(float));
    index->samples = pr_calloc(n, sizeof(*index->samples));
    index->radius = pr_calloc(n, sizeof(*index->radius));
    if (rows == NULL || index->shapes == NULL || index->samples == NULL || index->radius == NULL) {
        pr_free(rows);
        return PR_FAIL(PR_ERR_NOMEM, "sampler: no memory for an index of %lld shapes",
                       (long long)n);
    }
    for (int64_t i = 0; i < n; i++) {
        rows[i] = (row){.sample = samples[i], .from = i};
    }
    arrange(rows, n, shapes, index->radius);
    for (int64_t i = 0; i < n; i++) {
        index->samples[i] = rows[i].sample;
        memcpy(index->shapes + i * PR_SHAPE_N, shapes + rows[i].from * PR_SHAPE_N,
               PR_SHAPE_N * sizeof(float));
    }
    pr_free(rows);
    return PR_OK;
}

void pr__nearest_free(pr__nearest *index)
{
    pr_free(index->shapes);
    pr_free(index->samples);
    pr_free(index->radius);
    *index = (pr__nearest){0};
}

/* Part [first, last), in which nothing is nearer than BOUND. */
typedef struct part {
    int64_t first, last;
    double bound;
} part;

int64_t pr__nearest_find(pr__nearest *index, const float *shape,
                         bool (*allowed)(const void *context, int64_t sample), const void *context)
{
    /* Distances are rounded, so the triangle inequality holds within this. */
    static const double SLACK = 1e-9;
    part todo[DEPTH] = {{0, index->n, 0}};
    int n_todo = 1;
    double least = INFINITY;
    int64_t found = -1;
    while (n_todo > 0) {
        const part p = todo[--n_todo];
        if (p.first >= p.last || p.bound > least + SLACK) {
            continue;
        }
        const int64_t sample = index->samples[p.first];
        const double d = pr_shape_distance(shape, index->shapes + p.first * PR_SHAPE_N);
        index->n_looked++;
        if ((d < least || (d == least && sample < found)) && allowed(context, sample)) {
            least = d;
            found = sample;
        }
        const double radius = index->radius[p.first];
        const int64_t middle = middle_of(p.first, p.last);
        const part inner = {p.first + 1, middle, fmax(p.bound, d - radius)};
        const part outer = {middle, p.last, fmax(p.bound, radius - d)};
        todo[n_todo++] = d < radius ? outer : inner;
        todo[n_todo++] = d < radius ? inner : outer;
    }
    return found;
}
