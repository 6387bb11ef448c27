#include "trainer/meet.h"

#include "engine/base/tree.h"
#include "trainer/terms.h"

#include <string.h>

/* SCRATCH holds the leaves of [first, ...), N doubles each; node [a, b) ends up at leaf a's place. */
static void fold_node(double *scratch, int64_t n, int64_t first, int64_t a, int64_t b)
{
    if (b - a <= 1) {
        return;
    }
    const int64_t mid = pr_tree_mid(a, b);
    fold_node(scratch, n, first, a, mid);
    fold_node(scratch, n, first, mid, b);
    double *const sum = scratch + (a - first) * n;
    const double *const other = scratch + (mid - first) * n;
    for (int64_t i = 0; i < n; i++) {
        sum[i] += other[i];
    }
}

static pr_status sum_cut(pr_trainer *t, const pr_lane *lanes, int n_lanes, pr_pass pass,
                         int segment)
{
    pr_cut cut;
    PR_TRY(pr_exec_cut(lanes[0].exec, pass, segment, &cut));
    const int64_t n = pr_shape_n(&cut.in->shape);
    PR_REQUIRE(cut.in->dtype == PR_F64 && n <= t->max_sync, PR_ERR_SHAPE,
               "a synchronised sum of %lld %s elements, room for %lld f64", (long long)n,
               pr_dtype_name(cut.in->dtype), (long long)t->max_sync);
    for (int lane = 0; lane < n_lanes; lane++) {
        PR_TRY(pr_exec_cut(lanes[lane].exec, pass, segment, &cut));
        memcpy(t->sync + lane * n, cut.in->data, (size_t)n * sizeof(double));
    }

    pr_tree_node nodes[PR_TREE_MAX_NODES];
    double *sums[PR_TREE_MAX_NODES];
    const int n_nodes =
        pr_comm_tree_nodes(t->n_micro, pr_comm_n_ranks(t->comm), pr_comm_rank(t->comm), nodes);
    for (int i = 0; i < n_nodes; i++) {
        fold_node(t->sync, n, t->first_micro, nodes[i].first, nodes[i].last);
        sums[i] = t->sync + (nodes[i].first - t->first_micro) * n;
    }
    /* In order even where gradients are not (comm.reduction), so that a loss keeps its bits. */
    PR_TRY(pr_comm_tree_sum_f64(t->comm, "batch norm", t->n_micro, sums, n, PR_REDUCE_STRICT));
    for (int lane = 0; lane < n_lanes; lane++) {
        PR_TRY(pr_exec_cut(lanes[lane].exec, pass, segment, &cut));
        memcpy(cut.out->data, sums[0], (size_t)n * sizeof(double));
    }
    return PR_OK;
}

pr_status pr_sync_lanes(pr_trainer *t, const pr_lane *lanes, int n_lanes, pr_pass pass, int segment)
{
    pr_cut cut;
    PR_TRY(pr_exec_cut(lanes[0].exec, pass, segment, &cut));
    return cut.sync == PR_SYNC_SUM ? sum_cut(t, lanes, n_lanes, pass, segment) : PR_OK;
}

pr_status pr_sync_max_n(const pr_plan *plan, pr_exec *exec, int64_t *max_n)
{
    for (int pass = PR_PASS_FORWARD; pass <= PR_PASS_BACKWARD; pass++) {
        const int n_segments = pr_plan_n_segments(plan, (pr_pass)pass);
        for (int segment = 0; segment < n_segments; segment++) {
            pr_cut cut;
            PR_TRY(pr_exec_cut(exec, (pr_pass)pass, segment, &cut));
            const int64_t n = cut.sync == PR_SYNC_SUM ? pr_shape_n(&cut.in->shape) : 0;
            *max_n = n > *max_n ? n : *max_n;
        }
    }
    return PR_OK;
}

pr_status pr_gather_rows(pr_trainer *t, const pr_phase_run *run, const char *name, void *rows,
                         size_t n_bytes)
{
    const int n_ranks = pr_comm_n_ranks(t->comm);
    for (int rank = 0; rank < n_ranks; rank++) {
        int64_t first = 0;
        int64_t last = 0;
        pr_tree_block(t->n_micro, n_ranks, rank, &first, &last);
        t->bytes_of[rank] = (size_t)((last - first) * run->n_rows_micro) * n_bytes;
    }
    return pr_comm_allgather(t->comm, name, (const char *)rows + (size_t)run->first_row * n_bytes,
                             rows, t->bytes_of);
}

pr_status pr_gather_keys(pr_trainer *t, const pr_phase_run *run, const pr_feed_batch *batch)
{
    const size_t n_bytes = (size_t)run->n_cols * pr_dtype_bytes(t->real);
    PR_TRY(pr_gather_rows(t, run, "keys", t->k_of, n_bytes));
    for (int64_t slot = 0; slot < run->n_rows; slot++) {
        memcpy((char *)t->k + (size_t)batch->key_of[slot] * n_bytes,
               (const char *)t->k_of + (size_t)slot * n_bytes, n_bytes);
    }
    return PR_OK;
}

static const pr_view *view_of(const pr_phase_run *run, const pr_feed_batch *batch, int64_t row)
{
    return &batch->views[pr_feed_view_of(row, run->n_rows_micro, run->key_plan != NULL)];
}

static void fill_loss_inputs(const pr_trainer *t, pr_phase_run *run, const pr_feed_batch *batch)
{
    pr_loss_lane *const loss = &run->loss;
    const pr_desc z = {loss->z.dtype, loss->z.shape};
    memcpy(loss->z.data, t->z, pr_desc_bytes(&z));
    if (loss->k.data != NULL) {
        memcpy(loss->k.data, t->k, pr_desc_bytes(&z));
    }
    for (int64_t row = 0; row < run->n_rows; row++) {
        const pr_view *const view = view_of(run, batch, row);
        ((int32_t *)loss->label.data)[row] = view->label == PR_FAKE ? PR_FAKE : PR_REAL;
        if (loss->id.data != NULL) {
            ((int64_t *)loss->id.data)[row] = view->sample;
        }
        if (loss->pair.data != NULL) {
            ((int64_t *)loss->pair.data)[row] = (int64_t)view->place;
        }
    }
    ((int64_t *)loss->range.data)[0] = run->first_row;
    ((int64_t *)loss->range.data)[1] = run->last_row;
    if (loss->info.data != NULL) {
        ((int64_t *)loss->info.data)[0] = batch->epoch_step;
        ((int64_t *)loss->info.data)[1] = batch->epoch_step == 0;
    }
    if (loss->lambda.data != NULL) {
        run->phase->draw(t->options, batch->epoch, batch->views[0].place, loss->lambda.data);
    }
}

static pr_status loss_pass(pr_trainer *t, pr_phase_run *run, const pr_feed_batch *batch,
                           pr_pass pass)
{
    const pr_rows rows = {run->seed, batch->epoch, run->n_rows, t->place, t->view};
    const int n_segments = pr_plan_n_segments(run->loss_plan, pass);
    for (int segment = 0; segment < n_segments; segment++) {
        pr_cut cut;
        PR_TRY(pr_exec_run(run->loss.exec, pass, segment, PR_MODE_TRAIN, &rows, NULL));
        PR_TRY(pr_exec_cut(run->loss.exec, pass, segment, &cut));
        if (cut.sync != PR_SYNC_GATHER || pass == PR_PASS_BACKWARD) {
            continue; /* a gathered tensor takes no gradient */
        }
        const pr_desc desc = {cut.in->dtype, cut.in->shape};
        const size_t n_bytes = pr_desc_bytes(&desc) / (size_t)run->n_rows;
        if (cut.out->data != cut.in->data) {
            memcpy(cut.out->data, cut.in->data, pr_desc_bytes(&desc));
        }
        PR_TRY(pr_gather_rows(t, run, "normalisers", cut.out->data, n_bytes));
    }
    return PR_OK;
}

/* The sum of the epoch's real embeddings, in global order: what centre.auc is measured from. */
static void take_centre(pr_trainer *t, const pr_phase_run *run, const pr_feed_batch *batch)
{
    const pr_tensor z = {t->real, {2, {run->n_rows, run->n_cols}}, t->z};
    for (int64_t row = 0; !t->stage->classifies && row < run->n_rows; row++) {
        if (view_of(run, batch, row)->label != PR_REAL) {
            continue;
        }
        for (int64_t col = 0; col < run->n_cols; col++) {
            t->centre.sum[col] += pr_tensor_get(&z, row * run->n_cols + col);
        }
        t->centre.n++;
    }
}

pr_status pr_loss_run(pr_trainer *t, pr_phase_run *run, const pr_feed_batch *batch)
{
    take_centre(t, run, batch);
    fill_loss_inputs(t, run, batch);
    PR_TRY(loss_pass(t, run, batch, PR_PASS_FORWARD));
    const double weight = pr_terms_gathered_weight(t, run);
    for (int64_t row = 0; row < run->n_rows; row++) {
        pr_tensor_set(&run->loss.row_loss_seed, row, weight);
        if (row >= run->first_row && row < run->last_row) {
            t->term_rows[PR_MAX_TERMS][row] = pr_tensor_get(&run->loss.row_loss, row);
            t->row_loss[row] += weight * t->term_rows[PR_MAX_TERMS][row];
        }
    }
    return loss_pass(t, run, batch, PR_PASS_BACKWARD);
}
