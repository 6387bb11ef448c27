#include "trainer/trace_rows.h"

#include "engine/base/alloc.h"
#include "trainer/meet.h"

#include <string.h>

static const char *const names[PR__TRACE_MAX_ROWS] = {"prob", "mask",       "map",
                                                      "cell", "intra_fake", "intra_real"};

void pr__trace_rows_free(pr__trace_rows *rows)
{
    for (int i = 0; i < PR__TRACE_MAX_ROWS; i++) {
        pr_free(rows->tensor[i].data);
    }
    memset(rows, 0, sizeof(*rows));
}

static size_t row_bytes(const pr_tensor *tensor)
{
    const pr_desc desc = {tensor->dtype, tensor->shape};
    return pr_desc_bytes(&desc) / (size_t)tensor->shape.dims[0];
}

/* Finds what the phase's graph has of the names, and takes memory for all rows. */
static pr_status begin(pr__trace_rows *rows, const pr_phase_run *run)
{
    pr__trace_rows_free(rows);
    rows->run = run;
    for (int i = 0; i < PR__TRACE_MAX_ROWS; i++) {
        pr_tensor one;
        rows->name[i] = names[i];
        if (pr_exec_value(run->lanes[0].exec, names[i], &one) != PR_OK) {
            pr_error_clear();
            continue;
        }
        one.shape.dims[0] = run->n_rows;
        one.data = pr_calloc(run->n_rows, row_bytes(&one));
        PR_REQUIRE(one.data != NULL, PR_ERR_NOMEM, "no memory for a trace of %lld rows of '%s'",
                   (long long)run->n_rows, names[i]);
        rows->tensor[i] = one;
    }
    return PR_OK;
}

pr_status pr__trace_rows_keep(pr__trace_rows *rows, const pr_trainer *t, const pr_phase_run *run,
                              int64_t first, int64_t n)
{
    if (first == t->first_micro) {
        PR_TRY(begin(rows, run));
    }
    for (int i = 0; i < PR__TRACE_MAX_ROWS; i++) {
        pr_tensor *const all = &rows->tensor[i];
        for (int64_t lane = 0; all->data != NULL && lane < n; lane++) {
            pr_tensor one;
            const size_t n_bytes = row_bytes(all) * (size_t)run->n_rows_micro;
            PR_TRY(pr_exec_value(run->lanes[lane].exec, names[i], &one));
            memcpy((char *)all->data + n_bytes * (size_t)(first + lane), one.data, n_bytes);
        }
    }
    return PR_OK;
}

pr_status pr__trace_rows_gather(pr__trace_rows *rows, pr_trainer *t)
{
    for (int i = 0; i < PR__TRACE_MAX_ROWS; i++) {
        if (rows->tensor[i].data != NULL) {
            PR_TRY(pr_gather_rows(t, rows->run, "trace of rows", rows->tensor[i].data,
                                  row_bytes(&rows->tensor[i])));
        }
    }
    return PR_OK;
}
