/*
 * queue_update: prototypes and queues of DCL take in a step's keys (Sun et al. 2022, equations 4 to 6;
 * readings C3 to C5, 4.6).
 *
 *     k           [R, D] real      keys of the whole global batch, in global order, of unit length
 *     label       [R] i32          0 real, 1 fake
 *     proto       [2, D] f64       a prototype of each label
 *     proto_count [2] i64          steps that it has taken in; 0: there is none yet
 *     queue       [2, K, D] real   keys of reals, then of fakes
 *     cursor      [2] i64          the slot that the next key is written to
 *     count       [2] i64          filled slots; K once the queue has gone round
 *
 * The five from proto on are states, updated in place; the outputs are the same memory.
 *
 *     1. of each label in the batch: P = alpha P + (1 - alpha) mean of its keys, or, the first time,
 *        the mean; a label that is not there leaves its prototype as it is
 *     2. a key enters its label's queue where the gate opens, judged by its cosine with the other
 *        label's prototype: above theta, or among the n_top highest of its label in the whole batch
 *        (ties: the earlier row); every key while the queue held fewer than n_least before the step,
 *        or while that prototype does not exist
 *     3. they are written in global order, from the cursor on, around the end
 *
 * Outside PR_MODE_TRAIN nothing changes. Cosines are f64 sums in one order on every backend.
 */
#include "engine/core/op_attr.h"
#include "engine/ops/expect.h"

enum { KEY, LABEL, FIRST_STATE, PROTO = FIRST_STATE, PROTO_COUNT, QUEUE, CURSOR, COUNT, N_IN };

static pr_status infer(pr_op_sig *sig)
{
    const pr_queue_update_attr *const attr = sig->attr;
    PR_TRY(pr__expect_n(sig, N_IN, N_IN));
    PR_TRY(pr__expect_real(sig, KEY, 2));
    PR_TRY(pr__expect_real(sig, QUEUE, 3));
    PR_REQUIRE(attr->alpha >= 0.0 && attr->alpha < 1.0, PR_ERR_INVALID,
               "alpha = %g, must be in [0, 1)", attr->alpha);
    PR_REQUIRE(attr->n_top >= 0 && attr->n_least >= 0, PR_ERR_INVALID,
               "%lld highest and %lld at least, must be 0 or more", (long long)attr->n_top,
               (long long)attr->n_least);
    const int64_t n_rows = sig->in[KEY].shape.dims[0];
    const int64_t n_cols = sig->in[KEY].shape.dims[1];
    const pr_desc label = pr_desc_1(PR_I32, n_rows);
    const pr_desc two = pr_desc_1(PR_I64, 2);
    const pr_desc proto = pr_desc_2(PR_F64, 2, n_cols);
    const pr_desc queue = pr_desc_3(sig->in[KEY].dtype, 2, sig->in[QUEUE].shape.dims[1], n_cols);
    PR_TRY(pr__expect(sig, LABEL, &label));
    PR_TRY(pr__expect(sig, PROTO, &proto));
    PR_TRY(pr__expect(sig, PROTO_COUNT, &two));
    PR_TRY(pr__expect(sig, QUEUE, &queue));
    PR_TRY(pr__expect(sig, CURSOR, &two));
    PR_TRY(pr__expect(sig, COUNT, &two));
    sig->n_out = N_IN - FIRST_STATE;
    for (int i = 0; i < sig->n_out; i++) {
        sig->out[i] = sig->in[FIRST_STATE + i];
        sig->out_alias[i] = FIRST_STATE + i;
    }
    return PR_OK;
}

const pr_op_info pr_op_info_queue_update = {
    .name = "queue_update", .attr_bytes = sizeof(pr_queue_update_attr), .infer = infer};
