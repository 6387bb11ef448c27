/*
 * Backbones and heads as graphs: sizes, names, what they refuse, how they start, and every
 * allocation made to fail in turn. What they compute is checked by parity_xception.py.
 */
#include "engine/core/exec.h"
#include "models/backbone.h"
#include "models/heads.h"
#include "tests/check.h"

#include <math.h>

enum { VIEWS = 2, MOST_ALLOCATIONS = 4000 };

static pr_status build(int64_t px, const pr_backbone_options *options, const char *name,
                       pr_graph **graph, pr_value *features)
{
    pr_value image;
    PR_TRY(pr_graph_create("model", PR_F32, graph));
    PR_TRY(pr_graph_input(*graph, "image", pr_desc_4(PR_F32, VIEWS, px, px, 3), false, &image));
    pr_backbone_out out;
    PR_TRY(pr_backbone_build(*graph, name, options, "backbone.", image, &out));
    *features = out.features;
    return PR_OK;
}

static pr_status store_of(const pr_graph *graph, pr_store **store)
{
    PR_TRY(pr_store_create(PR_F32, store));
    PR_TRY(pr_store_add(*store, graph));
    return pr_store_allocate(*store);
}

static int64_t count(const pr_store *store, pr_value_kind kind)
{
    int64_t n = 0;
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *const e = pr_store_at(store, i);
        n += e->kind == kind ? pr_shape_n(&e->desc.shape) : 0;
    }
    return n;
}

/* 22 855 952 parameters are published for 1000 classes, of which the classifier has 2 049 000. */
static void test_size(void)
{
    const pr_backbone_options options = {.width = 1.0, .depth = 1.0};
    const pr_plan_options train = {.backend = PR_BACKEND_CPU, .backward = true};
    pr_graph *graph = NULL;
    pr_store *store = NULL;
    pr_value features = {-1};

    CHECK_OK(build(299, &options, "xception", &graph, &features));
    CHECK(pr_graph_desc(graph, features)->shape.dims[1] == 2048, "%lld features",
          (long long)pr_graph_desc(graph, features)->shape.dims[1]);
    CHECK_OK(store_of(graph, &store));
    CHECK(count(store, PR_VALUE_PARAM) == 22855952 - 2049000, "%lld parameters",
          (long long)count(store, PR_VALUE_PARAM));
    CHECK(count(store, PR_VALUE_BUFFER) == 54528, "%lld statistics",
          (long long)count(store, PR_VALUE_BUFFER));
    static const char *const names[] = {
        "conv1.weight",         "bn2.running_var",    "block1.rep.0.conv1.weight",
        "block1.rep.4.bias",    "block1.skip.weight", "block2.rep.1.pointwise.weight",
        "block2.rep.5.weight",  "block3.skipbn.bias", "block11.rep.7.conv1.weight",
        "block12.rep.5.weight", "conv3.conv1.weight", "conv4.pointwise.weight",
        "bn4.running_mean",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char whole[64];
        (void)snprintf(whole, sizeof(whole), "backbone.%s", names[i]);
        CHECK(pr_store_find(store, whole) != NULL, "no '%s'", whole);
    }
    pr_graph_destroy(&graph);
    pr_store_destroy(&store);

    /* The whole of the network on a map as small as is promised, and smaller. */
    CHECK_OK(build(32, &options, "xception", &graph, &features));
    pr_graph_destroy(&graph);
    CHECK_FAILS(build(6, &options, "xception", &graph, &features), PR_ERR_SHAPE,
                "op 'backbone.conv2' (conv2d): a window that reaches over 3 pixels, but only 2");
    pr_graph_destroy(&graph);

    const pr_backbone_options thin = {.width = 0.125, .depth = 0.25};
    pr_plan *plan = NULL;
    CHECK_OK(build(64, &thin, "xception", &graph, &features));
    CHECK(pr_graph_desc(graph, features)->shape.dims[1] == 256, "%lld features",
          (long long)pr_graph_desc(graph, features)->shape.dims[1]);
    CHECK_OK(pr_graph_output(graph, "features", features, true));
    CHECK_OK(store_of(graph, &store));
    CHECK(pr_store_find(store, "backbone.block6.skip.weight") != NULL &&
              pr_store_find(store, "backbone.block7.rep.1.conv1.weight") == NULL,
          "blocks are not numbered through");
    CHECK_OK(pr_plan_create(graph, store, &train, &plan));
    CHECK(pr_plan_n_segments(plan, PR_PASS_BACKWARD) == 1, "%d segments",
          pr_plan_n_segments(plan, PR_PASS_BACKWARD));
    pr_plan_destroy(&plan);
    pr_graph_destroy(&graph);
    pr_store_destroy(&store);
}

/* Against counts that are published (timm's, less 1000 classes; Keras's summary, less one output)
 * or, for Meso in PyTorch, that the layers add up to. */
static void test_sizes(void)
{
    static const struct {
        const char *name;
        int64_t px, n_features, n_params, n_statistics;
        int n_taps;
        const char *tensor;
    } cases[] = {
        {"efficientnet_b0", 224, 1280, 5288548 - 1281000, 42016, 4, "blocks.6.0.conv_pwl.weight"},
        {"tf_efficientnet_b0", 224, 1280, 5288548 - 1281000, 42016, 4, "blocks.0.0.bn2.bias"},
        {"efficientnet_b4", 380, 1792, 19341616 - 1793000, 125200, 4,
         "blocks.5.7.se.conv_expand.bias"},
        {"meso4", 256, 16, 27864, 48, 3, "bn2.running_var"},
        {"meso4_keras", 256, 16, 27977 - 17, 96, 3, "bn4.running_var"},
        {"meso_inception4_keras", 256, 16, 28615 - 17, 110, 3, "Incption2_conv4_2.bias"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const pr_backbone_options options = {.width = 1.0, .depth = 1.0};
        pr_graph *graph = NULL;
        pr_store *store = NULL;
        pr_backbone_out out = {.n_taps = 0};
        pr_value image;
        char whole[96];
        CHECK_OK(pr_graph_create("model", PR_F32, &graph));
        CHECK_OK(pr_graph_input(graph, "image", pr_desc_4(PR_F32, 1, cases[i].px, cases[i].px, 3),
                                false, &image));
        CHECK_OK(pr_backbone_build(graph, cases[i].name, &options, "backbone.", image, &out));
        CHECK_OK(store_of(graph, &store));
        CHECK(pr_graph_desc(graph, out.features)->shape.dims[1] == cases[i].n_features &&
                  out.n_taps == cases[i].n_taps,
              "%s: %lld features, %d taps", cases[i].name,
              (long long)pr_graph_desc(graph, out.features)->shape.dims[1], out.n_taps);
        CHECK(count(store, PR_VALUE_PARAM) == cases[i].n_params &&
                  count(store, PR_VALUE_BUFFER) == cases[i].n_statistics,
              "%s: %lld parameters, %lld statistics", cases[i].name,
              (long long)count(store, PR_VALUE_PARAM), (long long)count(store, PR_VALUE_BUFFER));
        (void)snprintf(whole, sizeof(whole), "backbone.%s", cases[i].tensor);
        CHECK(pr_store_find(store, whole) != NULL, "%s: no '%s'", cases[i].name, whole);
        pr_graph_destroy(&graph);
        pr_store_destroy(&store);
    }
}

/* Four maps on the way and the last one, with their sizes at 299 pixels. */
static void test_taps(void)
{
    const pr_backbone_options options = {.width = 1.0, .depth = 0.125};
    const struct {
        int64_t size, n_channels;
    } want[] = {{147, 64}, {74, 128}, {37, 256}, {10, 1024}, {10, 2048}};
    enum { N_TAPS = 4 };
    pr_graph *graph = NULL;
    pr_backbone_out out = {.n_taps = 0};
    pr_value image;

    CHECK_OK(pr_graph_create("model", PR_F32, &graph));
    CHECK_OK(pr_graph_input(graph, "image", pr_desc_4(PR_F32, VIEWS, 299, 299, 3), false, &image));
    CHECK_OK(pr_backbone_build(graph, "xception", &options, "", image, &out));
    CHECK(out.n_taps == N_TAPS, "%d taps", out.n_taps);
    for (int i = 0; i <= N_TAPS; i++) {
        const pr_shape *const s = &pr_graph_desc(graph, i < N_TAPS ? out.taps[i] : out.map)->shape;
        CHECK(s->n_dims == 4 && s->dims[1] == want[i].size && s->dims[2] == want[i].size &&
                  s->dims[3] == want[i].n_channels,
              "map %d is [%lld, %lld, %lld]", i, (long long)s->dims[1], (long long)s->dims[2],
              (long long)s->dims[3]);
    }
    pr_graph_destroy(&graph);
}

static void test_refusals(void)
{
    const pr_backbone_options good = {.width = 0.1, .depth = 0.0};
    const pr_backbone_options wide = {.width = 0.0, .depth = 1.0};
    const pr_backbone_options deep = {.width = 1.0, .depth = 9.0};
    pr_graph *graph = NULL;
    pr_value features = {-1};
    pr_value value = {-1};

    CHECK_FAILS(build(64, &good, "exception", &graph, &features), PR_ERR_INVALID,
                "no backbone is called 'exception' (did you mean 'xception'?); there are");
    pr_graph_destroy(&graph);
    CHECK_FAILS(build(64, &wide, "xception", &graph, &features), PR_ERR_INVALID, "width = 0");
    pr_graph_destroy(&graph);
    CHECK_FAILS(build(64, &deep, "xception", &graph, &features), PR_ERR_INVALID,
                "depth = 9 gives 72 middle blocks, must be 0 to 64");
    pr_graph_destroy(&graph);
    CHECK_FAILS(build(64, &good, "meso4", &graph, &features), PR_ERR_INVALID,
                "meso4: width = 0.1 and depth = 0, must be 1");
    pr_graph_destroy(&graph);
    const pr_backbone_options whole = {.width = 1.0, .depth = 1.0};
    CHECK_FAILS(build(80, &whole, "meso4_keras", &graph, &features), PR_ERR_SHAPE,
                "sides must be multiples of 32");
    pr_graph_destroy(&graph);
    CHECK_FAILS(build(64, &deep, "efficientnet_b4", &graph, &features), PR_ERR_INVALID,
                "depth = 9 gives 263 blocks, must be at most 200");
    pr_graph_destroy(&graph);
    const pr_backbone_options dropped = {.width = 1.0, .depth = 1.0, .drop_path = 1.0};
    CHECK_FAILS(build(64, &dropped, "efficientnet_b0", &graph, &features), PR_ERR_INVALID,
                "drop_path = 1");
    pr_graph_destroy(&graph);
    CHECK(strcmp(pr_backbone_name(0), "xception") == 0 && pr_backbone_name(99) == NULL, "names");

    CHECK_OK(build(64, &good, "xception", &graph, &features));
    CHECK_FAILS(pr_classifier_build(graph, "fc", 2, features, &value), PR_ERR_INVALID,
                "the prefix is 'fc', must be a name and a dot");
    CHECK_FAILS(pr_projector_build(graph, &(pr_projector_options){.n_hidden = -1, .n_out = 4},
                                   "projector.", features, &value),
                PR_ERR_INVALID, "widths -1 and 4");
    pr_graph_destroy(&graph);
}

/* Synchronised batch norm is a cut for each normalisation, over the same tensors. */
static void test_sync(void)
{
    pr_store *stores[2] = {NULL, NULL};
    for (int sync = 0; sync < 2; sync++) {
        const pr_backbone_options options = {
            .width = 0.1, .depth = 0.0, .n_sync_views = sync == 0 ? 0 : (int64_t)2 * VIEWS};
        const pr_projector_options head = {
            .n_hidden = 24, .n_out = 8, .batch_norm = true, .n_sync_views = options.n_sync_views};
        const pr_plan_options train = {.backend = PR_BACKEND_CPU, .backward = true};
        pr_graph *graph = NULL;
        pr_plan *plan = NULL;
        pr_value x = {-1};
        CHECK_OK(build(64, &options, "xception", &graph, &x));
        CHECK_OK(pr_projector_build(graph, &head, "projector.", x, &x));
        CHECK(pr_graph_desc(graph, x)->shape.dims[1] == 8, "not 8 wide");
        CHECK_OK(pr_graph_output(graph, "z", x, true));
        CHECK_OK(store_of(graph, &stores[sync]));
        CHECK_OK(pr_plan_create(graph, stores[sync], &train, &plan));
        /* Stem 2, entry blocks 3 each, the last 3, top 2, projector 1. */
        const int want = sync == 0 ? 1 : 1 + 2 + 3 * 3 + 3 + 2 + 1;
        for (int pass = 0; pass < 2; pass++) {
            CHECK(pr_plan_n_segments(plan, (pr_pass)pass) == want, "%d segments, want %d",
                  pr_plan_n_segments(plan, (pr_pass)pass), want);
        }
        pr_plan_destroy(&plan);
        pr_graph_destroy(&graph);
    }
    CHECK(pr_store_n(stores[0]) == pr_store_n(stores[1]), "%d tensors and %d",
          pr_store_n(stores[0]), pr_store_n(stores[1]));
    for (int i = 0; i < pr_store_n(stores[0]); i++) {
        CHECK(strcmp(pr_store_at(stores[0], i)->name, pr_store_at(stores[1], i)->name) == 0,
              "tensor %d has another name", i);
    }
    pr_store_destroy(&stores[0]);
    pr_store_destroy(&stores[1]);
}

static double deviation(const pr_store *store, const char *name)
{
    const pr_store_entry *const e = pr_store_find(store, name);
    const int64_t n = pr_shape_n(&e->desc.shape);
    double squares = 0.0;
    for (int64_t i = 0; i < n; i++) {
        squares += (double)((const float *)e->data)[i] * (double)((const float *)e->data)[i];
    }
    return sqrt(squares / (double)n);
}

static void test_init(void)
{
    const pr_backbone_options options = {.width = 0.5, .depth = 0.0};
    pr_graph *graph = NULL;
    pr_store *store = NULL;
    pr_value x = {-1};
    CHECK_OK(build(64, &options, "xception", &graph, &x));
    CHECK_OK(pr_classifier_build(graph, "fc.", 2, x, &x));
    CHECK_OK(store_of(graph, &store));
    CHECK_OK(pr_store_init(store, 1));
    const struct {
        const char *name;
        double want;
    } cases[] = {
        {"backbone.conv2.weight", sqrt(2.0 / (32 * 9))},
        {"backbone.block3.rep.4.conv1.weight", sqrt(2.0 / (368 * 9))},
        {"backbone.conv4.pointwise.weight", sqrt(2.0 / 1024)},
        {"fc.weight", 1.0 / sqrt(1024 * 3)},
        {"backbone.bn4.weight", 1.0},
        {"backbone.bn4.bias", 0.0},
        {"backbone.bn4.running_var", 1.0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const double got = deviation(store, cases[i].name);
        CHECK(fabs(got - cases[i].want) <= 0.05 * cases[i].want, "%s: %g, want %g", cases[i].name,
              got, cases[i].want);
    }
    pr_store_destroy(&store);
    pr_graph_destroy(&graph);
}

static void test_allocations(void)
{
    const pr_backbone_options options = {.width = 0.1, .depth = 0.0};
    const pr_projector_options head = {.n_out = 8};
    pr_status status = PR_ERR_NOMEM;
    long at = 0;
    for (; status != PR_OK && at < MOST_ALLOCATIONS; at++) {
        pr_graph *graph = NULL;
        pr_value x = {-1};
        pr_error_clear();
        pr_alloc_fail_on(at);
        status = build(32, &options, "xception", &graph, &x);
        if (status == PR_OK) {
            status = pr_projector_build(graph, &head, "projector.", x, &x);
        }
        pr_alloc_fail_on(-1);
        CHECK(status == PR_OK || status == PR_ERR_NOMEM, "%s", pr_error_message());
        pr_graph_destroy(&graph);
        CHECK(pr_alloc_n_live() == 0, "allocation %ld: %ld left", at, pr_alloc_n_live());
    }
    CHECK(at > 100 && at < MOST_ALLOCATIONS, "%ld allocations", at);
    pr_error_clear();
}

int main(void)
{
    test_size();
    test_sizes();
    test_taps();
    test_refusals();
    test_sync();
    test_init();
    test_allocations();
    return check_exit_code();
}
