#include "engine/cpu/contrast.h"

#include <math.h>
#include <string.h>

enum { Z, LABEL, ID, INFO, SUM, COUNT, CENTRE, HARD, SCORE, KEY, HARD_COUNT };

/* One feature of a list that is kept sorted, hardest first. */
typedef struct ranked {
    double score;
    int64_t id, step, place;
    const float *feature;
} ranked;

typedef struct ranking {
    ranked *at;
    int64_t n, n_most;
    int label;
    bool unique; /* of one sample only its hardest feature */
} ranking;

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    const pr_rccl_update_attr *const attr = sig->attr;
    const int64_t n_cols = sig->in[Z].shape.dims[1];

    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = (size_t)(attr->n_offered + attr->n_kept) * sizeof(ranked) +
                       (size_t)(attr->n_kept * n_cols) * sizeof(float) +
                       (size_t)n_cols * sizeof(double);
    return PR_OK;
}

static void forget(const pr_call *call)
{
    for (int i = SUM; i <= HARD_COUNT; i++) {
        memset(call->in[i].data, 0,
               (size_t)pr_shape_n(&call->in[i].shape) * pr_dtype_bytes(call->in[i].dtype));
    }
}

/* The batch's reals in global order; returns how many. */
static int64_t sum_reals(const pr_call *call, double *batch)
{
    const float *const z = call->in[Z].data;
    const int32_t *const label = call->in[LABEL].data;
    const int64_t n_cols = call->in[Z].shape.dims[1];
    int64_t n_reals = 0;

    memset(batch, 0, (size_t)n_cols * sizeof(*batch));
    for (int64_t r = 0; r < call->in[Z].shape.dims[0]; r++) {
        if (label[r] == PR_LABEL_REAL) {
            n_reals++;
            for (int64_t d = 0; d < n_cols; d++) {
                batch[d] += (double)z[r * n_cols + d];
            }
        }
    }
    return n_reals;
}

static void update_centre(const pr_call *call)
{
    const pr_rccl_update_attr *const attr = call->attr;
    const int64_t n_cols = call->in[Z].shape.dims[1];
    double *const sum = call->in[SUM].data;
    int64_t *const count = call->in[COUNT].data;
    double *const centre = call->in[CENTRE].data;
    double *const batch = call->workspace;
    const int64_t n_reals = sum_reals(call, batch);

    if (n_reals == 0) {
        return;
    }
    double lane[PR__CONTRAST_LANES] = {0};
    for (int64_t d = 0; d < n_cols; d++) {
        const double mean = batch[d] / (double)n_reals;
        if (attr->centre == PR_RCCL_CENTRE_EPOCH) {
            sum[d] += batch[d];
        } else if (attr->centre == PR_RCCL_CENTRE_EMA && *count > 0) {
            sum[d] = attr->ema_decay * sum[d] + (1.0 - attr->ema_decay) * mean;
        } else {
            sum[d] = mean;
        }
        lane[d % PR__CONTRAST_LANES] += sum[d] * sum[d];
    }
    *count += n_reals;
    /* A mean and a sum have the same direction, so the sum is not divided first. */
    const double length = sqrt(pr__contrast_tree(lane));
    for (int64_t d = 0; d < n_cols; d++) {
        centre[d] = sum[d] / (length > 1e-12 ? length : 1e-12);
    }
}

/* Reals are hard where they are far from the centre, fakes where they are near. */
static bool harder(const ranked *a, const ranked *b, int label)
{
    if (a->score < b->score || a->score > b->score) {
        return label == PR_LABEL_REAL ? a->score < b->score : a->score > b->score;
    }
    return a->step != b->step ? a->step < b->step : a->place < b->place;
}

/* Puts OFFER where it belongs, or drops it: the list stays sorted and at most n_most long. */
static void rank(ranking *list, const ranked *offer)
{
    for (int64_t i = 0; list->unique && i < list->n; i++) {
        if (list->at[i].id != offer->id) {
            continue;
        }
        if (!harder(offer, &list->at[i], list->label)) {
            return;
        }
        list->n--;
        memmove(list->at + i, list->at + i + 1, (size_t)(list->n - i) * sizeof(*list->at));
    }
    int64_t place = list->n;
    while (place > 0 && harder(offer, &list->at[place - 1], list->label)) {
        place--;
    }
    if (place == list->n_most) {
        return;
    }
    list->n += list->n < list->n_most;
    memmove(list->at + place + 1, list->at + place,
            (size_t)(list->n - place - 1) * sizeof(*list->at));
    list->at[place] = *offer;
}

static void offer_rows(const pr_call *call, ranking *list)
{
    const float *const z = call->in[Z].data;
    const int32_t *const label = call->in[LABEL].data;
    const int64_t *const id = call->in[ID].data;
    const int64_t step = ((const int64_t *)call->in[INFO].data)[0];
    const int64_t n_cols = call->in[Z].shape.dims[1];

    for (int64_t r = 0; r < call->in[Z].shape.dims[0]; r++) {
        const float *const feature = z + r * n_cols;
        if (label[r] == list->label) {
            const ranked offer = {pr__contrast_dot_wide(feature, call->in[CENTRE].data, n_cols),
                                  id[r], step, r, feature};
            rank(list, &offer);
        }
    }
}

static void update_class(const pr_call *call, int label)
{
    const pr_rccl_update_attr *const attr = call->attr;
    const int64_t n_cols = call->in[Z].shape.dims[1];
    const int64_t first = label * attr->n_kept;
    const size_t row_bytes = (size_t)n_cols * sizeof(float);
    float *const hard = (float *)call->in[HARD].data + first * n_cols;
    double *const score = (double *)call->in[SCORE].data + first;
    int64_t *const key = (int64_t *)call->in[KEY].data + first * 3;
    int64_t *const count = (int64_t *)call->in[HARD_COUNT].data + label;
    ranked *const lists = call->workspace;
    float *const before = (float *)(lists + attr->n_offered + attr->n_kept);
    ranking offered = {lists, 0, attr->n_offered, label, attr->unique};
    ranking kept = {lists + attr->n_offered, 0, attr->n_kept, label, attr->unique};

    offer_rows(call, &offered);
    memcpy(before, hard, (size_t)attr->n_kept * row_bytes);
    for (int64_t i = 0; i < *count; i++) {
        const float *const feature = before + i * n_cols;
        const ranked old = {attr->rescore
                                ? pr__contrast_dot_wide(feature, call->in[CENTRE].data, n_cols)
                                : score[i],
                            key[i * 3], key[i * 3 + 1], key[i * 3 + 2], feature};
        rank(&kept, &old);
    }
    for (int64_t i = 0; i < offered.n; i++) {
        rank(&kept, &offered.at[i]);
    }
    *count = kept.n;
    for (int64_t i = 0; i < kept.n; i++) {
        memcpy(hard + i * n_cols, kept.at[i].feature, row_bytes);
        score[i] = kept.at[i].score;
        key[i * 3] = kept.at[i].id;
        key[i * 3 + 1] = kept.at[i].step;
        key[i * 3 + 2] = kept.at[i].place;
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

const pr_kernel pr_kernel_cpu_rccl_update = {.prepare = prepare, .forward = forward};
