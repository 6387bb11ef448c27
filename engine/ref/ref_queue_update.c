#include "engine/core/op.h"
#include "engine/core/op_attr.h"

#include <math.h>
#include <string.h>

enum { KEY, LABEL, PROTO, PROTO_COUNT, QUEUE, CURSOR, COUNT };

/* A key that may enter, by its row. */
typedef struct candidate {
    double cosine;
    int64_t row;
    bool stays;
} candidate;

static pr_status prepare(const pr_op_sig *sig, const bool *wants_grad, void **state,
                         size_t *workspace_bytes)
{
    (void)wants_grad;
    *state = NULL;
    *workspace_bytes = (size_t)sig->in[KEY].shape.dims[0] * sizeof(candidate);
    return PR_OK;
}

static void update_proto(const pr_call *call, int32_t label)
{
    const pr_queue_update_attr *const attr = call->attr;
    const double *const k = call->in[KEY].data;
    const int32_t *const label_of = call->in[LABEL].data;
    const int64_t n_rows = call->in[KEY].shape.dims[0];
    const int64_t n_cols = call->in[KEY].shape.dims[1];
    double *const proto = (double *)call->in[PROTO].data + label * n_cols;
    int64_t *const count = (int64_t *)call->in[PROTO_COUNT].data + label;
    const bool exists = *count > 0 || attr->proto_is_random;
    int64_t n = 0;

    for (int64_t r = 0; r < n_rows; r++) {
        n += label_of[r] == label;
    }
    if (n == 0) {
        return;
    }
    for (int64_t d = 0; d < n_cols; d++) {
        double sum = 0.0;
        for (int64_t r = 0; r < n_rows; r++) {
            if (label_of[r] == label) {
                sum += k[r * n_cols + d];
            }
        }
        const double mean = sum / (double)n;
        proto[d] = exists ? attr->alpha * proto[d] + (1.0 - attr->alpha) * mean : mean;
    }
    (*count)++;
}

static double length_of(const double *x, int64_t n)
{
    double sum = 0.0;
    for (int64_t d = 0; d < n; d++) {
        sum += x[d] * x[d];
    }
    return sqrt(sum);
}

static double cosine_of(const double *key, const double *proto, double length, int64_t n)
{
    double along = 0.0;
    double squares = 0.0;
    for (int64_t d = 0; d < n; d++) {
        along += key[d] * proto[d];
        squares += key[d] * key[d];
    }
    const double divisor = length * sqrt(squares);
    return divisor > 0.0 ? along / divisor : 0.0;
}

/* Of the N in LIST the n_top highest stay, in the order of rows. */
static int64_t keep_top(candidate *list, int64_t n, int64_t n_top)
{
    int64_t n_kept = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t n_before = 0;
        for (int64_t j = 0; j < n; j++) {
            n_before += list[j].cosine > list[i].cosine ||
                        (list[j].cosine == list[i].cosine && list[j].row < list[i].row);
        }
        list[i].stays = n_before < n_top;
    }
    for (int64_t i = 0; i < n; i++) {
        if (list[i].stays) {
            list[n_kept++] = list[i];
        }
    }
    return n_kept;
}

/* The keys of LABEL that the gate lets in, in global order. */
static int64_t choose(const pr_call *call, int32_t label, int64_t n_held, candidate *list)
{
    const pr_queue_update_attr *const attr = call->attr;
    const int32_t other = 1 - label;
    const double *const k = call->in[KEY].data;
    const int32_t *const label_of = call->in[LABEL].data;
    const int64_t n_cols = call->in[KEY].shape.dims[1];
    const double *const proto = (const double *)call->in[PROTO].data + other * n_cols;
    const bool judges =
        attr->gate != PR_GATE_NONE && n_held >= attr->n_least &&
        (((const int64_t *)call->in[PROTO_COUNT].data)[other] > 0 || attr->proto_is_random);
    const double length = length_of(proto, n_cols);
    int64_t n = 0;

    for (int64_t r = 0; r < call->in[KEY].shape.dims[0]; r++) {
        if (label_of[r] != label) {
            continue;
        }
        const double cosine = judges ? cosine_of(k + r * n_cols, proto, length, n_cols) : 0.0;
        if (!judges || attr->gate != PR_GATE_THETA || cosine > attr->theta) {
            list[n++] = (candidate){cosine, r, true};
        }
    }
    return judges && attr->gate == PR_GATE_TOPK ? keep_top(list, n, attr->n_top) : n;
}

static void push(const pr_call *call, int32_t label)
{
    const pr_queue_update_attr *const attr = call->attr;
    const double *const k = call->in[KEY].data;
    const int64_t n_slots = call->in[QUEUE].shape.dims[1];
    const int64_t n_cols = call->in[QUEUE].shape.dims[2];
    double *const queue = (double *)call->in[QUEUE].data + label * n_slots * n_cols;
    int64_t *const cursor = (int64_t *)call->in[CURSOR].data + label;
    int64_t *const count = (int64_t *)call->in[COUNT].data + label;
    candidate *const list = call->workspace;
    const int64_t n = choose(call, label, attr->starts_full ? n_slots : *count, list);

    for (int64_t i = 0; i < n; i++) {
        memcpy(queue + *cursor * n_cols, k + list[i].row * n_cols, (size_t)n_cols * sizeof(*queue));
        *cursor = (*cursor + 1) % n_slots;
        *count += *count < n_slots;
    }
}

static pr_status forward(const pr_call *call)
{
    if (call->mode != PR_MODE_TRAIN) {
        return PR_OK;
    }
    for (int32_t label = PR_LABEL_REAL; label <= PR_LABEL_FAKE; label++) {
        update_proto(call, label);
    }
    for (int32_t label = PR_LABEL_REAL; label <= PR_LABEL_FAKE; label++) {
        push(call, label);
    }
    return PR_OK;
}

const pr_kernel pr_kernel_ref_queue_update = {.prepare = prepare, .forward = forward};
