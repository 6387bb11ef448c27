/*
 * Graphs and the store: what they refuse and how they say it, shared tensors, layout, initial
 * values, and every allocation made to fail in turn.
 */
#include "engine/base/hash.h"
#include "engine/core/graph.h"
#include "engine/core/op_attr.h"
#include "engine/core/store.h"
#include "tests/check.h"

#include <math.h>

static const pr_init zero = {PR_INIT_ZERO, 0.0};
static const pr_init one = {PR_INIT_ONE, 0.0};

/* x -> conv -> batch norm, as far as it gets. */
static pr_status build(pr_graph *graph)
{
    const pr_conv2d_attr conv = {.stride = 1, .pad = 1, .dilation = 1};
    const pr_batch_norm_attr norm = {.eps = 1e-5};
    pr_value x;
    pr_value in[5];

    PR_TRY(pr_graph_input(graph, "image", pr_desc_4(PR_F32, 2, 5, 5, 3), false, &x));
    in[0] = x;
    PR_TRY(pr_graph_param(graph, "conv.weight", pr_desc_4(PR_F32, 4, 3, 3, 3),
                          (pr_init){PR_INIT_NORMAL, 0.5}, &in[1]));
    PR_TRY(pr_graph_op(graph, PR_OP_conv2d, "conv", &conv, in, 2, &in[0], 1));
    PR_TRY(pr_graph_param(graph, "bn.weight", pr_desc_1(PR_F32, 4), one, &in[1]));
    PR_TRY(pr_graph_param(graph, "bn.bias", pr_desc_1(PR_F32, 4), zero, &in[2]));
    PR_TRY(pr_graph_buffer(graph, "bn.running_mean", pr_desc_1(PR_F32, 4), zero, &in[3]));
    PR_TRY(pr_graph_buffer(graph, "bn.running_var", pr_desc_1(PR_F32, 4), one, &in[4]));
    PR_TRY(pr_graph_op(graph, PR_OP_batch_norm, "bn", &norm, in, 5, &x, 1));
    return pr_graph_output(graph, "y", x, true);
}

static void test_refusals(void)
{
    const pr_conv2d_attr conv = {.stride = 1, .pad = 0, .dilation = 1};
    const pr_conv2d_attr bad = {.stride = 0, .pad = 0, .dilation = 1};
    pr_graph *graph = NULL;
    pr_value x;
    pr_value w;
    pr_value y;

    CHECK_FAILS(pr_graph_create("g", PR_I32, &graph), PR_ERR_INVALID, "real is i32");
    CHECK_OK(pr_graph_create("g", PR_F32, &graph));
    CHECK_OK(pr_graph_input(graph, "image", pr_desc_4(PR_F32, 2, 5, 5, 3), false, &x));
    CHECK_FAILS(pr_graph_input(graph, "image", pr_desc_4(PR_F32, 2, 5, 5, 3), false, &y),
                PR_ERR_INVALID, "'image' is taken");
    CHECK_FAILS(pr_graph_param(graph, "w", pr_desc_1(PR_F64, 4), zero, &w), PR_ERR_SHAPE,
                "'w' is f64, must be f32");
    CHECK_OK(pr_graph_param(graph, "w", pr_desc_4(PR_F32, 4, 2, 3, 3), zero, &w));
    CHECK_FAILS(pr_graph_buffer(graph, "w", pr_desc_4(PR_F32, 4, 2, 3, 3), zero, &y),
                PR_ERR_INVALID, "'w' is named a second time as something else");
    CHECK_FAILS(pr_graph_param(graph, "w", pr_desc_4(PR_F32, 4, 2, 3, 1), zero, &y), PR_ERR_SHAPE,
                "[4, 2, 3, 1] here and was f32 [4, 2, 3, 3]");

    const pr_value in[2] = {x, w};
    CHECK_FAILS(pr_graph_op(graph, PR_OP_conv2d, "stem.conv1", &conv, in, 2, &y, 1), PR_ERR_SHAPE,
                "op 'stem.conv1' (conv2d): input 1 is f32 [4, 2, 3, 3], must be f32 [4, 3, 3, 3]");
    CHECK_FAILS(pr_graph_op(graph, PR_OP_conv2d, "stem.conv1", NULL, in, 2, &y, 1), PR_ERR_INVALID,
                "attributes of 12 bytes must be given");
    CHECK_FAILS(pr_graph_op(graph, PR_OP_relu, "r", NULL, &x, 1, &y, 2), PR_ERR_INVALID,
                "op 'r' (relu): 2 outputs asked for, it has 1");
    CHECK_FAILS(pr_graph_op(graph, PR_OP_relu, "r", NULL, &(pr_value){77}, 1, &y, 1),
                PR_ERR_INVALID, "input 0 is value 77, but the graph has 2");
    CHECK_FAILS(pr_graph_op(graph, PR_OP_relu, "r", NULL, in, 2, &y, 1), PR_ERR_INVALID,
                "2 inputs, must be 1 to 1");
    CHECK_FAILS(pr_graph_op(graph, PR_OP_conv2d, "c", &bad, in, 2, &y, 1), PR_ERR_SHAPE, "op 'c'");
    CHECK_FAILS(pr_graph_output(graph, "out", x, false), PR_ERR_INVALID,
                "output 'out' is 'image', must be the result of an op");
    CHECK_OK(pr_graph_op(graph, PR_OP_relu, "r", NULL, &x, 1, &y, 1));
    CHECK_OK(pr_graph_output(graph, "out", y, false));
    CHECK_FAILS(pr_graph_output(graph, "out", y, false), PR_ERR_INVALID, "'out' is taken");
    CHECK_FAILS(pr_graph_input(graph, "out", pr_desc_1(PR_F32, 1), false, &y), PR_ERR_INVALID,
                "'out' is the name of an output");

    const pr_desc *desc = NULL;
    CHECK_OK(pr_graph_output_desc(graph, "out", &desc));
    CHECK(desc->shape.dims[3] == 3, "%lld channels", (long long)desc->shape.dims[3]);
    CHECK_FAILS(pr_graph_output_desc(graph, "z", &desc), PR_ERR_INVALID, "no output 'z'");
    pr_graph_destroy(&graph);
    pr_graph_destroy(&graph);
}

/* The shape rules that are easily got wrong, against PyTorch's. */
static void test_shapes(void)
{
    static const struct {
        int64_t size, window;
        int stride, pad;
        bool ceil_mode;
        int64_t want; /* torch.nn.MaxPool2d */
    } pools[] = {
        {149, 3, 2, 1, false, 75}, {147, 3, 2, 1, false, 74}, {5, 2, 2, 0, true, 3},
        {5, 2, 2, 0, false, 2},    {6, 3, 2, 1, true, 4},     {4, 3, 3, 1, true, 2},
        {3, 3, 3, 1, true, 2},     {2, 3, 3, 1, true, 1},     {1, 3, 2, 1, false, 1},
    };
    for (size_t i = 0; i < sizeof(pools) / sizeof(*pools); i++) {
        const pr_pool_attr attr = {(int)pools[i].window, pools[i].stride, pools[i].pad,
                                   pools[i].ceil_mode};
        pr_graph *graph = NULL;
        pr_value x;
        CHECK_OK(pr_graph_create("pool", PR_F32, &graph));
        CHECK_OK(pr_graph_input(graph, "x", pr_desc_4(PR_F32, 1, pools[i].size, 9, 2), false, &x));
        CHECK_OK(pr_graph_op(graph, PR_OP_max_pool, "pool", &attr, &x, 1, &x, 1));
        CHECK(pr_graph_desc(graph, x)->shape.dims[1] == pools[i].want, "case %zu: %lld, want %lld",
              i, (long long)pr_graph_desc(graph, x)->shape.dims[1], (long long)pools[i].want);
        pr_graph_destroy(&graph);
    }
}

/* A state that an op updates in place is read through the op's output from then on. */
static void test_states(void)
{
    enum { ROWS = 4, COLS = 3, KEPT = 2, N_SLOTS = 2 * KEPT, N_IN = 11 };
    const pr_rccl_update_attr attr = {
        .centre = PR_RCCL_CENTRE_EPOCH, .ema_decay = 0.9, .n_offered = 1, .n_kept = KEPT};
    pr_graph *graph = NULL;
    pr_value in[N_IN];
    pr_value out[N_IN];

    CHECK_OK(pr_graph_create("bank", PR_F32, &graph));
    CHECK_OK(pr_graph_input(graph, "z", pr_desc_2(PR_F32, ROWS, COLS), false, &in[0]));
    CHECK_OK(pr_graph_input(graph, "label", pr_desc_1(PR_I32, ROWS), false, &in[1]));
    CHECK_OK(pr_graph_input(graph, "id", pr_desc_1(PR_I64, ROWS), false, &in[2]));
    CHECK_OK(pr_graph_input(graph, "info", pr_desc_1(PR_I64, 2), false, &in[3]));
    const pr_desc states[N_IN - 4] = {
        pr_desc_1(PR_F64, COLS),    pr_desc_1(PR_I64, 1),       pr_desc_1(PR_F64, COLS),
        pr_desc_2(PR_F32, 4, COLS), pr_desc_1(PR_F64, N_SLOTS), pr_desc_2(PR_I64, N_SLOTS, 3),
        pr_desc_1(PR_I64, 2),
    };
    for (int i = 4; i < N_IN; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "state%d", i);
        CHECK_OK(pr_graph_state(graph, name, states[i - 4], zero, &in[i]));
    }
    CHECK_OK(pr_graph_op(graph, PR_OP_rccl_update, "first", &attr, in, N_IN, out, N_IN - 4));
    CHECK_FAILS(pr_graph_op(graph, PR_OP_rccl_update, "second", &attr, in, N_IN, out, N_IN - 4),
                PR_ERR_INVALID, "input 4 is the state 'state4' as it was before op 'first'");
    memcpy(&in[4], out, sizeof(pr_value) * (N_IN - 4));
    CHECK_OK(pr_graph_op(graph, PR_OP_rccl_update, "second", &attr, in, N_IN, out, N_IN - 4));
    pr_graph_destroy(&graph);

    /* What is not a state cannot be updated. */
    CHECK_OK(pr_graph_create("bank", PR_F32, &graph));
    CHECK_OK(pr_graph_input(graph, "z", pr_desc_2(PR_F32, ROWS, COLS), false, &in[0]));
    CHECK_OK(pr_graph_input(graph, "label", pr_desc_1(PR_I32, ROWS), false, &in[1]));
    CHECK_OK(pr_graph_input(graph, "id", pr_desc_1(PR_I64, ROWS), false, &in[2]));
    CHECK_OK(pr_graph_input(graph, "info", pr_desc_1(PR_I64, 2), false, &in[3]));
    for (int i = 4; i < N_IN; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "input%d", i);
        CHECK_OK(pr_graph_input(graph, name, states[i - 4], false, &in[i]));
    }
    CHECK_FAILS(pr_graph_op(graph, PR_OP_rccl_update, "update", &attr, in, N_IN, out, N_IN - 4),
                PR_ERR_INVALID, "input 4 is updated in place, must be a state");
    pr_graph_destroy(&graph);
}

static void test_store(void)
{
    pr_graph *graph = NULL;
    pr_graph *other = NULL;
    pr_store *store = NULL;
    pr_value value;

    CHECK_OK(pr_graph_create("one", PR_F32, &graph));
    CHECK_OK(build(graph));
    CHECK_OK(pr_graph_state(graph, "count", pr_desc_1(PR_I64, 3), one, &value));
    CHECK_OK(pr_store_create(PR_F32, &store));
    CHECK_OK(pr_store_add(store, graph));
    CHECK_OK(pr_store_add(store, graph));
    CHECK(pr_store_n(store) == 6, "%d tensors", pr_store_n(store));
    CHECK_FAILS(pr_store_init(store, 1), PR_ERR_INVALID, "not allocated");
    CHECK_OK(pr_store_allocate(store));

    const pr_store_entry *const w = pr_store_find(store, "conv.weight");
    const pr_store_entry *const bias = pr_store_find(store, "bn.bias");
    const pr_store_entry *const count = pr_store_find(store, "count");
    CHECK(w->offset == 0 && bias->offset == 112 + 16, "at %lld and %lld", (long long)w->offset,
          (long long)bias->offset);
    CHECK(pr_store_arena_n(store) == 112 + 4 * 16, "%lld", (long long)pr_store_arena_n(store));
    CHECK((char *)bias->data == (char *)pr_store_arena(store) + 4 * bias->offset, "elsewhere");
    CHECK(count->offset == -1 && count->data != NULL, "a state in the arena");
    CHECK(pr_store_find(store, "nothing") == NULL, "found");

    CHECK_OK(pr_graph_create("two", PR_F32, &other));
    CHECK_OK(pr_graph_param(other, "conv.weight", pr_desc_1(PR_F32, 108), zero, &value));
    CHECK_FAILS(pr_store_add(store, other), PR_ERR_SHAPE,
                "'conv.weight' is f32 [108], in the store it is f32 [4, 3, 3, 3]");
    pr_graph_destroy(&other);
    CHECK_OK(pr_graph_create("two", PR_F32, &other));
    CHECK_OK(pr_graph_param(other, "late", pr_desc_1(PR_F32, 1), zero, &value));
    CHECK_FAILS(pr_store_add(store, other), PR_ERR_INVALID, "'late' is new to a store");
    pr_graph_destroy(&other);
    CHECK_OK(pr_graph_create("two", PR_F64, &other));
    CHECK_FAILS(pr_store_add(store, other), PR_ERR_SHAPE, "computes in f64, the store holds f32");
    pr_graph_destroy(&other);
    pr_store_destroy(&store);
    pr_graph_destroy(&graph);
}

/* Initial values depend on the seed, the name and the element, on nothing else. */
static void test_init(void)
{
    enum { N = 20000 };
    uint64_t kept = 0;
    for (int order = 0; order < 2; order++) {
        pr_graph *graph = NULL;
        pr_store *store = NULL;
        pr_value value;
        CHECK_OK(pr_graph_create("g", PR_F32, &graph));
        if (order == 1) {
            CHECK_OK(pr_graph_param(graph, "head.w", pr_desc_1(PR_F32, 7), one, &value));
        }
        CHECK_OK(pr_graph_param(graph, "net.w", pr_desc_1(PR_F32, N),
                                (pr_init){PR_INIT_NORMAL, 0.5}, &value));
        CHECK_OK(pr_graph_param(graph, "net.v", pr_desc_1(PR_F32, N),
                                (pr_init){PR_INIT_NORMAL, 0.5}, &value));
        CHECK_OK(pr_graph_param(graph, "net.b", pr_desc_1(PR_F32, N),
                                (pr_init){PR_INIT_UNIFORM, 0.25}, &value));
        CHECK_OK(pr_store_create(PR_F32, &store));
        CHECK_OK(pr_store_add(store, graph));
        CHECK_OK(pr_store_allocate(store));
        CHECK_OK(pr_store_init_prefix(store, 7, "net."));
        const float *const w = pr_store_find(store, "net.w")->data;
        const float *const v = pr_store_find(store, "net.v")->data;
        const float *const b = pr_store_find(store, "net.b")->data;
        double sum = 0.0;
        double squares = 0.0;
        double most = 0.0;
        for (int i = 0; i < N; i++) {
            sum += (double)w[i];
            squares += (double)w[i] * (double)w[i];
            most = fmax(most, fabs((double)b[i]));
        }
        CHECK(fabs(sum / N) < 0.5 * 4.0 / sqrt(N), "mean %g", sum / N);
        CHECK(fabs(squares / N / 0.25 - 1.0) < 4.0 * sqrt(2.0 / N), "variance %g", squares / N);
        CHECK(w[0] != v[0] && w[1] != v[1], "two names have the same values");
        CHECK(most > 0.2499 && most <= 0.25, "largest %g", most);
        if (order == 0) {
            kept = pr_hash64(w, sizeof(*w) * N, 0);
        } else {
            CHECK(kept == pr_hash64(w, sizeof(*w) * N, 0), "other values in another order");
            CHECK(((const float *)pr_store_find(store, "head.w")->data)[0] == 0.0F, "initialised");
            CHECK_OK(pr_store_init(store, 8));
            CHECK(kept != pr_hash64(w, sizeof(*w) * N, 0), "the same values from another seed");
            CHECK(((const float *)pr_store_find(store, "head.w")->data)[0] == 1.0F, "not one");
        }
        pr_store_destroy(&store);
        pr_graph_destroy(&graph);
    }
}

static pr_status make_all(void)
{
    pr_graph *graph = NULL;
    pr_store *store = NULL;
    pr_status status = pr_graph_create("g", PR_F32, &graph);
    if (status == PR_OK) {
        status = build(graph);
    }
    if (status == PR_OK) {
        status = pr_store_create(PR_F32, &store);
    }
    if (status == PR_OK) {
        status = pr_store_add(store, graph);
    }
    if (status == PR_OK) {
        status = pr_store_allocate(store);
    }
    pr_store_destroy(&store);
    pr_graph_destroy(&graph);
    return status;
}

static void test_allocations(void)
{
    long n = 0;
    pr_status status = PR_ERR_NOMEM;
    for (; status != PR_OK && n < 1000; n++) {
        pr_error_clear();
        pr_alloc_fail_on(n);
        status = make_all();
        pr_alloc_fail_on(-1);
        CHECK(status == PR_OK || status == PR_ERR_NOMEM, "allocation %ld: %s", n,
              pr_error_message());
        CHECK(pr_alloc_n_live() == 0, "allocation %ld: %ld left", n, pr_alloc_n_live());
    }
    CHECK(n > 10 && n < 1000, "%ld allocations", n);
    pr_error_clear();
}

int main(void)
{
    test_refusals();
    test_shapes();
    test_states();
    test_store();
    test_init();
    test_allocations();
    return check_exit_code();
}
