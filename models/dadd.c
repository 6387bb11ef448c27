#include "models/dadd.h"

#include "models/layers.h"

#include <math.h>
#include <stdio.h>

enum { NAME_BYTES = 64, N_CLASSES = 2 };

static pr_status relu(pr_graph *graph, const char *name, pr_value *x)
{
    return pr_graph_op(graph, PR_OP_relu, name, NULL, x, 1, x, 1);
}

static pr_status check_task(int task)
{
    PR_REQUIRE(task >= 1 && task <= PR_DADD_N_TASKS, PR_ERR_INVALID,
               "dadd: sub-task %d, must be 1 to %d", task, PR_DADD_N_TASKS);
    return PR_OK;
}

pr_status pr_dadd_private_build(pr_graph *graph, const pr_dadd_heads *heads, int task,
                                pr_value features, pr_value *out)
{
    const pr_builder builder = {graph, "", 0};
    char name[NAME_BYTES];
    PR_TRY(check_task(task));
    (void)snprintf(name, sizeof(name), "task%d.private", task);
    PR_TRY(pr_linear_build(&builder, name, heads->n_private, features, out));
    (void)snprintf(name, sizeof(name), "task%d.relu", task);
    return relu(graph, name, out);
}

/* HIDDEN and NAME are the head's two layers, or NAME alone where heads are linear. */
static pr_status head_build(pr_graph *graph, const pr_dadd_heads *heads, const char *hidden,
                            const char *name, pr_value x, pr_value *logits)
{
    const pr_builder builder = {graph, "", 0};
    if (heads->n_hidden > 0) {
        char act[NAME_BYTES + 8];
        (void)snprintf(act, sizeof(act), "%s.relu", hidden);
        PR_TRY(pr_linear_build(&builder, hidden, heads->n_hidden, x, &x));
        PR_TRY(relu(graph, act, &x));
    }
    return pr_linear_build(&builder, name, N_CLASSES, x, logits);
}

pr_status pr_dadd_task_build(pr_graph *graph, const pr_dadd_heads *heads, int task,
                             pr_value private_features, pr_value *logits)
{
    char hidden[NAME_BYTES];
    char name[NAME_BYTES];
    PR_TRY(check_task(task));
    (void)snprintf(hidden, sizeof(hidden), "task%d.hidden", task);
    (void)snprintf(name, sizeof(name), "task%d.head", task);
    return head_build(graph, heads, hidden, name, private_features, logits);
}

pr_status pr_dadd_final_build(pr_graph *graph, const pr_dadd_heads *heads,
                              const pr_value privates[PR_DADD_N_TASKS], pr_value *all,
                              pr_value *logits)
{
    PR_TRY(pr_graph_op(graph, PR_OP_concat, "privates", NULL, privates, PR_DADD_N_TASKS, all, 1));
    return head_build(graph, heads, "fc_hidden", "fc", *all, logits);
}

static double get(const void *data, pr_dtype real, int64_t i)
{
    return real == PR_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static void add(void *data, pr_dtype real, int64_t i, double value)
{
    if (real == PR_F32) {
        ((float *)data)[i] += (float)value;
    } else {
        ((double *)data)[i] += value;
    }
}

/* Group COLUMN .. COLUMN + n - 1 of W [n_out, n_in]: its norm, and the gradient into SUM. */
static double add_group(const void *w, pr_dtype real, int64_t n_out, int64_t n_in, int64_t column,
                        int64_t n, double lambda, void *sum)
{
    double square = 0;
    for (int64_t row = 0; row < n_out; row++) {
        for (int64_t i = column; i < column + n; i++) {
            const double v = get(w, real, row * n_in + i);
            square += v * v;
        }
    }
    const double norm = sqrt(square);
    for (int64_t row = 0; norm > 0 && row < n_out; row++) {
        for (int64_t i = column; i < column + n; i++) {
            const int64_t at = row * n_in + i;
            add(sum, real, at, lambda * get(w, real, at) / norm);
        }
    }
    return norm;
}

pr_status pr_dadd_l21(pr_store *store, double lambda, bool by_task, void *sum, double *value)
{
    const pr_store_entry *const hidden = pr_store_find(store, "fc_hidden.weight");
    const pr_store_entry *const w = hidden != NULL ? hidden : pr_store_find(store, "fc.weight");
    PR_REQUIRE(w != NULL, PR_ERR_INVALID, "dadd: there is no final layer 'fc'");
    const int64_t n_out = w->desc.shape.dims[0];
    const int64_t n_in = w->desc.shape.dims[1];
    PR_REQUIRE(n_in % PR_DADD_N_TASKS == 0, PR_ERR_INVALID,
               "dadd: %lld private features do not divide by %d sub-tasks", (long long)n_in,
               PR_DADD_N_TASKS);
    const pr_dtype real = pr_store_real(store);
    const int64_t n = by_task ? n_in / PR_DADD_N_TASKS : 1;
    char *const part = (char *)sum + (size_t)w->offset * pr_dtype_bytes(real);
    double total = 0;
    for (int64_t column = 0; column < n_in; column += n) {
        total += add_group(w->data, real, n_out, n_in, column, n, lambda, part);
    }
    *value = lambda * total;
    return PR_OK;
}
