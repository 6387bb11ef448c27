/*
 * The l2,1 term for dadd_l21.py: from standard input the number of private features of a sub-task, whether
 * groups are sub-tasks, lambda, the weights [2, 9 F]; to standard output the value and the gradient.
 */
#include "engine/base/alloc.h"
#include "models/dadd.h"

#include <stdio.h>

static pr_status make_store(int64_t n_private, pr_graph **graph, pr_store **store)
{
    const pr_dadd_heads heads = {.n_private = n_private};
    pr_value features;
    pr_value privates[PR_DADD_N_TASKS];
    pr_value all;
    pr_value logits;
    PR_TRY(pr_graph_create("dadd", PR_F64, graph));
    PR_TRY(pr_graph_input(*graph, "features", pr_desc_2(PR_F64, 2, 5), false, &features));
    for (int i = 0; i < PR_DADD_N_TASKS; i++) {
        PR_TRY(pr_dadd_private_build(*graph, &heads, i + 1, features, &privates[i]));
    }
    PR_TRY(pr_dadd_final_build(*graph, &heads, privates, &all, &logits));
    PR_TRY(pr_graph_output(*graph, "logits", logits, false));
    PR_TRY(pr_store_create(PR_F64, store));
    PR_TRY(pr_store_add(*store, *graph));
    return pr_store_allocate(*store);
}

static pr_status run(void)
{
    int n_private = 0;
    int by_task = 0;
    double lambda = 0;
    double value = 0;
    pr_graph *graph = NULL;
    pr_store *store = NULL;
    PR_REQUIRE(scanf("%d %d %lf", &n_private, &by_task, &lambda) == 3, PR_ERR_INVALID, "no head");
    PR_TRY(make_store(n_private, &graph, &store));
    const pr_store_entry *const w = pr_store_find(store, "fc.weight");
    const int64_t n = w->desc.shape.dims[0] * w->desc.shape.dims[1];
    for (int64_t i = 0; i < n; i++) {
        PR_REQUIRE(scanf("%lf", (double *)w->data + i) == 1, PR_ERR_INVALID, "weight %lld",
                   (long long)i);
    }
    double *const sum = pr_calloc(pr_store_arena_n(store), sizeof(*sum));
    PR_REQUIRE(sum != NULL, PR_ERR_NOMEM, "no memory");
    for (int64_t i = 0; i < n; i++) {
        sum[w->offset + i] = 1; /* the term is added to what is there */
    }
    PR_TRY(pr_dadd_l21(store, lambda, by_task != 0, sum, &value));
    printf("%.17g\n", value);
    for (int64_t i = 0; i < pr_store_arena_n(store); i++) {
        const bool own = i >= w->offset && i < w->offset + n;
        PR_REQUIRE(own || sum[i] == 0, PR_ERR_INVALID, "element %lld is not the layer's",
                   (long long)i);
        if (own) {
            printf("%.17g\n", sum[i] - 1);
        }
    }
    pr_free(sum);
    pr_store_destroy(&store);
    pr_graph_destroy(&graph);
    return PR_OK;
}

int main(void)
{
    if (run() != PR_OK) {
        (void)fprintf(stderr, "%s\n", pr_error_message());
        return 1;
    }
    return 0;
}
