/*
 * The l2,1 term for dadd_l21.py. Arguments: how many private features a sub-task has, whether groups are
 * sub-tasks, lambda, the weights [2, 9 F]; to standard output the value and the gradient.
 */
#include "engine/base/alloc.h"
#include "models/dadd.h"

#include <stdio.h>
#include <stdlib.h>

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

static pr_status run(int argc, char **argv)
{
    enum { FIRST_WEIGHT = 4 };
    double value = 0;
    pr_graph *graph = NULL;
    pr_store *store = NULL;
    PR_REQUIRE(argc > FIRST_WEIGHT, PR_ERR_INVALID, "%d arguments", argc);
    const int64_t n_private = strtol(argv[1], NULL, 10);
    const bool by_task = strtol(argv[2], NULL, 10) != 0;
    const double lambda = strtod(argv[3], NULL);
    PR_TRY(make_store(n_private, &graph, &store));
    const pr_store_entry *const w = pr_store_find(store, "fc.weight");
    const int64_t n = w->desc.shape.dims[0] * w->desc.shape.dims[1];
    PR_REQUIRE(argc == FIRST_WEIGHT + n, PR_ERR_INVALID, "%d arguments for %lld weights", argc,
               (long long)n);
    for (int64_t i = 0; i < n; i++) {
        ((double *)w->data)[i] = strtod(argv[FIRST_WEIGHT + i], NULL);
    }
    double *const sum = pr_calloc(pr_store_arena_n(store), sizeof(*sum));
    PR_REQUIRE(sum != NULL, PR_ERR_NOMEM, "no memory");
    for (int64_t i = 0; i < n; i++) {
        sum[w->offset + i] = 1; /* the term is added to what is there */
    }
    PR_TRY(pr_dadd_l21(store, lambda, by_task, sum, &value));
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

int main(int argc, char **argv)
{
    if (run(argc, argv) != PR_OK) {
        (void)fprintf(stderr, "%s\n", pr_error_message());
        return 1;
    }
    return 0;
}
