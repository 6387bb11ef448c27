/*
 * Builds a store from lines "kind name n_dims dims…" on standard input (kind p or b), or the line
 * "m xception 0" for the real backbone, reads weights into it, prints the report, and writes them
 * out again. weights_parity.py judges.
 * Usage: weights_driver IN OUT PREFIX partial|whole head|nohead strip|full|torch:MODEL
 */
#include "engine/base/alloc.h"
#include "models/backbone.h"
#include "models/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pr_status read_graph(pr_graph *graph)
{
    char kind[2];
    char name[256];
    int n_dims = 0;
    while (scanf("%1s %255s %d", kind, name, &n_dims) == 3) { /* NOLINT(cert-err34-c) */
        pr_desc desc = {PR_F32, {n_dims, {0}}};
        for (int d = 0; d < n_dims; d++) {
            long long dim = 0;
            PR_REQUIRE(scanf("%lld", &dim) == 1, /* NOLINT(cert-err34-c) */
                       PR_ERR_INVALID, "driver: no dimension");
            desc.shape.dims[d] = dim;
        }
        pr_value value;
        if (kind[0] == 'm') {
            const pr_backbone_options options = {.width = 1.0, .depth = 1.0};
            pr_backbone_out body;
            PR_TRY(
                pr_graph_input(graph, "image", pr_desc_4(PR_F32, 1, 256, 256, 3), false, &value));
            PR_TRY(pr_backbone_build(graph, name, &options, "backbone.", value, &body));
            continue;
        }
        const pr_init init = {PR_INIT_ONE, 0.0};
        PR_TRY(kind[0] == 'b' ? pr_graph_buffer(graph, name, desc, init, &value)
                              : pr_graph_param(graph, name, desc, init, &value));
    }
    return PR_OK;
}

static pr_status run(char **argv, pr_graph *graph, pr_store *store)
{
    const pr_weights_options options = {.prefix = argv[3],
                                        .partial = strcmp(argv[4], "partial") == 0,
                                        .with_head = strcmp(argv[5], "head") == 0};
    PR_TRY(read_graph(graph));
    PR_TRY(pr_store_add(store, graph));
    PR_TRY(pr_store_allocate(store));
    PR_TRY(pr_store_init(store, 1));
    pr_weights_report *report = NULL;
    PR_TRY(pr_weights_load(argv[1], store, &options, &report));
    pr_text text = {0};
    const pr_status status = pr_weights_report_text(report, store, &text);
    (void)fputs(pr_text_chars(&text), stdout);
    pr_text_free(&text);
    pr_weights_report_destroy(&report);
    PR_TRY(status);
    const bool strip = strcmp(argv[6], "full") != 0;
    const bool is_torch = strncmp(argv[6], "torch:", 6) == 0;
    const pr_weights_export_options out = {.prefix = strip ? argv[3] : "",
                                           .strip = strip,
                                           .head =
                                               is_torch ? pr_weights_head_name(argv[6] + 6) : NULL};
    return pr_weights_export(store, argv[2], &out, "a test");
}

int main(int argc, char **argv)
{
    pr_graph *graph = NULL;
    pr_store *store = NULL;
    if (argc != 7 || pr_graph_create("weights", PR_F32, &graph) != PR_OK ||
        pr_store_create(PR_F32, &store) != PR_OK) {
        return EXIT_FAILURE;
    }
    const pr_status status = run(argv, graph, store);
    if (status != PR_OK) {
        (void)fprintf(stderr, "%s\n", pr_error_message());
    }
    pr_store_destroy(&store);
    pr_graph_destroy(&graph);
    return status == PR_OK && pr_alloc_n_live() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
