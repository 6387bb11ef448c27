#include "engine/core/op.h"
#include "engine/core/op_attr.h"

#include <math.h>
#include <string.h>

enum { Z, LABEL, ID, INFO, SUM, COUNT, CENTRE, HARD, SCORE, KEY, HARD_COUNT };

/* A kept or an offered feature: everything that the total order and the slots need. */
typedef struct candidate {
    double score;
    int64_t id, step, place;
    const double *feature;
} candidate;

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    const pr_rccl_update_attr *const attr = sig->attr;
    const int64_t n_rows = sig->in[Z].shape.dims[0];
    const int64_t n_cols = sig->in[Z].shape.dims[1];

    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = (size_t)(n_rows + attr->n_kept) * sizeof(candidate) +
                       (size_t)(attr->n_kept * n_cols) * sizeof(double);
    return PR_OK;
}

static void normalise(const double *x, int64_t n, double *unit)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        sum += x[i] * x[i];
    }
    for (int64_t i = 0; i < n; i++) {
        unit[i] = x[i] / fmax(sqrt(sum), 1e-12);
    }
}

static void forget(const pr_call *call)
{
    for (int i = SUM; i <= HARD_COUNT; i++) {
        memset(call->in[i].data, 0,
               (size_t)pr_shape_n(&call->in[i].shape) * pr_dtype_bytes(call->in[i].dtype));
    }
}

static void update_centre(const pr_call *call)
{
    const pr_rccl_update_attr *const attr = call->attr;
    const double *const z = call->in[Z].data;
    const int32_t *const label = call->in[LABEL].data;
    double *const sum = call->in[SUM].data;
    int64_t *const count = call->in[COUNT].data;
    const int64_t n_rows = call->in[Z].shape.dims[0];
    const int64_t n_cols = call->in[Z].shape.dims[1];
    int64_t n_reals = 0;

    for (int64_t r = 0; r < n_rows; r++) {
        n_reals += label[r] == PR_LABEL_REAL;
    }
    if (n_reals == 0) {
        return;
    }
    for (int64_t d = 0; d < n_cols; d++) {
        double batch = 0.0;
        for (int64_t r = 0; r < n_rows; r++) {
            batch += label[r] == PR_LABEL_REAL ? z[r * n_cols + d] : 0.0;
        }
        const double mean = batch / (double)n_reals;
        if (attr->centre == PR_RCCL_CENTRE_EPOCH) {
            sum[d] += batch;
        } else if (attr->centre == PR_RCCL_CENTRE_EMA && *count > 0) {
            sum[d] = attr->ema_decay * sum[d] + (1.0 - attr->ema_decay) * mean;
        } else {
            sum[d] = mean;
        }
    }
    *count += n_reals;
    /* A mean and a sum have the same direction. */
    normalise(sum, n_cols, call->in[CENTRE].data);
}

static double score_of(const pr_call *call, const double *feature)
{
    const double *const centre = call->in[CENTRE].data;
    double score = 0.0;
    for (int64_t d = 0; d < call->in[Z].shape.dims[1]; d++) {
        score += feature[d] * centre[d];
    }
    return score;
}

/* Reals are hard where they are far from the centre, fakes where they are near. */
static bool harder(const candidate *a, const candidate *b, int label)
{
    if (a->score != b->score) {
        return label == PR_LABEL_REAL ? a->score < b->score : a->score > b->score;
    }
    return a->step != b->step ? a->step < b->step : a->place < b->place;
}

static void sort(candidate *list, int64_t n, int label)
{
    for (int64_t i = 1; i < n; i++) {
        const candidate moved = list[i];
        int64_t j = i;
        for (; j > 0 && harder(&moved, &list[j - 1], label); j--) {
            list[j] = list[j - 1];
        }
        list[j] = moved;
    }
}

/* Sorts LIST and keeps the N_MOST hardest, of one sample only the hardest if UNIQUE. */
static int64_t select(candidate *list, int64_t n, int64_t n_most, int label, bool unique)
{
    int64_t n_selected = 0;

    sort(list, n, label);
    for (int64_t i = 0; i < n && n_selected < n_most; i++) {
        bool seen = false;
        for (int64_t j = 0; unique && j < n_selected; j++) {
            seen = seen || list[j].id == list[i].id;
        }
        if (!seen) {
            list[n_selected++] = list[i];
        }
    }
    return n_selected;
}

static void update_class(const pr_call *call, int label)
{
    const pr_rccl_update_attr *const attr = call->attr;
    const double *const z = call->in[Z].data;
    const int32_t *const label_of = call->in[LABEL].data;
    const int64_t *const id = call->in[ID].data;
    const int64_t n_rows = call->in[Z].shape.dims[0];
    const int64_t n_cols = call->in[Z].shape.dims[1];
    const int64_t first = label * attr->n_kept;
    double *const hard = (double *)call->in[HARD].data + first * n_cols;
    double *const score = (double *)call->in[SCORE].data + first;
    int64_t *const key = (int64_t *)call->in[KEY].data + first * 3;
    int64_t *const count = (int64_t *)call->in[HARD_COUNT].data + label;
    const int64_t step = ((const int64_t *)call->in[INFO].data)[0];
    double *const before = call->workspace;
    candidate *const list = (candidate *)(before + attr->n_kept * n_cols);

    memcpy(before, hard, (size_t)(attr->n_kept * n_cols) * sizeof(*hard));
    int64_t n_offered = 0;
    for (int64_t r = 0; r < n_rows; r++) {
        const double *const feature = z + r * n_cols;
        if (label_of[r] == label) {
            list[n_offered++] = (candidate){score_of(call, feature), id[r], step, r, feature};
        }
    }
    int64_t n = select(list, n_offered, attr->n_offered, label, attr->unique);
    for (int64_t i = 0; i < *count; i++) {
        const double *const feature = before + i * n_cols;
        list[n++] = (candidate){attr->rescore ? score_of(call, feature) : score[i], key[i * 3],
                                key[i * 3 + 1], key[i * 3 + 2], feature};
    }
    *count = select(list, n, attr->n_kept, label, attr->unique);
    for (int64_t i = 0; i < *count; i++) {
        memcpy(hard + i * n_cols, list[i].feature, (size_t)n_cols * sizeof(*hard));
        score[i] = list[i].score;
        key[i * 3] = list[i].id;
        key[i * 3 + 1] = list[i].step;
        key[i * 3 + 2] = list[i].place;
    }
}

static pr_status forward(const pr_call *call)
{
    if (call->mode != PR_MODE_TRAIN) {
        return PR_OK;
    }
    if (((const int64_t *)call->in[INFO].data)[1] != 0) {
        forget(call);
    }
    update_centre(call);
    if (*(const int64_t *)call->in[COUNT].data > 0) {
        update_class(call, PR_LABEL_REAL);
        update_class(call, PR_LABEL_FAKE);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_rccl_update = {.prepare = prepare, .forward = forward};
