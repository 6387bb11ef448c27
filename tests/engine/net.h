/*
 * A small network with everything that a plan must get right: a stem, a residual block with a
 * strided skip, a parameter that is used twice, a value that three ops read, a head, a loss.
 */
#ifndef PR_TESTS_ENGINE_NET_H
#define PR_TESTS_ENGINE_NET_H

#include "engine/core/exec.h"
#include "engine/core/op_attr.h"
#include "tests/check.h"
#include "tests/engine/op_run.h"

enum { NET_PX = 7, NET_WIDTH = 5, NET_CLASSES = 3, NET_NAME_BYTES = 64 };

typedef struct net {
    pr_graph *graph;
    pr_store *store;
} net;

static inline pr_value net_param(pr_graph *g, const char *name, pr_desc desc)
{
    pr_value value = {-1};
    desc.dtype = pr_graph_real(g);
    CHECK_OK(pr_graph_param(g, name, desc, (pr_init){PR_INIT_NORMAL, 0.6}, &value));
    return value;
}

static inline pr_value net_conv(pr_graph *g, const char *name, int64_t n_out, int64_t k, int stride,
                                pr_value x)
{
    char w[NET_NAME_BYTES];
    const pr_conv2d_attr attr = {stride, (int)k / 2, 1};
    const int64_t n_in = pr_graph_desc(g, x)->shape.dims[3];
    (void)snprintf(w, sizeof(w), "%s.weight", name);
    const pr_value in[2] = {x, net_param(g, w, pr_desc_4(PR_F32, n_out, n_in, k, k))};
    CHECK_OK(pr_graph_op(g, PR_OP_conv2d, name, &attr, in, 2, &x, 1));
    return x;
}

/* N_VIEWS: 0, or of the global batch over which the sums go. */
static inline pr_value net_norm(pr_graph *g, const char *name, pr_act act, int64_t n_views,
                                pr_value x)
{
    static const char *const suffixes[4] = {"weight", "bias", "running_mean", "running_var"};
    const pr_shape *const shape = &pr_graph_desc(g, x)->shape;
    const pr_desc desc = pr_desc_1(pr_graph_real(g), shape->dims[3]);
    const pr_batch_norm_attr attr = {
        .eps = 1e-5, .act = act, .n_samples = n_views * shape->dims[1] * shape->dims[2]};
    char names[4][NET_NAME_BYTES];
    pr_value in[6] = {x, x};

    for (int i = 0; i < 4; i++) {
        const pr_init init = {i % 3 == 0 ? PR_INIT_ONE : PR_INIT_ZERO, 0.0};
        (void)snprintf(names[i], sizeof(names[i]), "%s.%s", name, suffixes[i]);
        CHECK_OK((i < 2 ? pr_graph_param : pr_graph_buffer)(g, names[i], desc, init, &in[2 + i]));
    }
    if (n_views == 0) {
        in[1] = x;
        CHECK_OK(pr_graph_op(g, PR_OP_batch_norm, name, &attr, in + 1, 5, &x, 1));
        return x;
    }
    CHECK_OK(pr_graph_op(g, PR_OP_bn_stats, names[2], NULL, &x, 1, &in[1], 1));
    CHECK_OK(pr_graph_op(g, PR_OP_sync_sum, names[3], NULL, &in[1], 1, &in[1], 1));
    CHECK_OK(pr_graph_op(g, PR_OP_bn_apply, name, &attr, in, 6, &x, 1));
    return x;
}

static inline pr_value net_depthwise(pr_graph *g, const char *name, pr_act act_in, pr_value x)
{
    char w[NET_NAME_BYTES];
    const pr_depthwise_attr attr = {1, 1, 1, act_in};
    (void)snprintf(w, sizeof(w), "%s.weight", name);
    const pr_value in[2] = {
        x, net_param(g, w, pr_desc_4(PR_F32, pr_graph_desc(g, x)->shape.dims[3], 1, 3, 3))};
    CHECK_OK(pr_graph_op(g, PR_OP_depthwise, name, &attr, in, 2, &x, 1));
    return x;
}

static inline pr_value net_add(pr_graph *g, const char *name, pr_value a, pr_value b)
{
    const pr_add_attr attr = {PR_ACT_NONE};
    const pr_value in[2] = {a, b};
    CHECK_OK(pr_graph_op(g, PR_OP_add, name, &attr, in, 2, &a, 1));
    return a;
}

/* The backbone: body.* on IMAGE, whose filter body.twice.weight is used twice. */
static inline pr_value net_body(pr_graph *g, int64_t n_views, pr_value image)
{
    const pr_pool_attr pool = {.window = 3, .stride = 2, .pad = 1};
    pr_value x = net_conv(g, "body.conv1", NET_WIDTH, 3, 1, image);
    x = net_norm(g, "body.bn1", PR_ACT_RELU, n_views, x);
    pr_value y = net_depthwise(g, "body.twice", PR_ACT_RELU, x);
    y = net_depthwise(g, "body.twice", PR_ACT_NONE, y);
    y = net_add(g, "body.residual", y, x);
    y = net_conv(g, "body.point", NET_WIDTH + 2, 1, 1, y);
    y = net_norm(g, "body.bn2", PR_ACT_NONE, n_views, y);
    CHECK_OK(pr_graph_op(g, PR_OP_max_pool, "body.pool", &pool, &y, 1, &y, 1));
    pr_value skip = net_conv(g, "body.skip", NET_WIDTH + 2, 1, 2, x);
    skip = net_norm(g, "body.skipbn", PR_ACT_NONE, n_views, skip);
    y = net_add(g, "body.add", y, skip);
    /* Only backward of the ReLU itself reads its output later. */
    CHECK_OK(pr_graph_op(g, PR_OP_relu, "body.relu", NULL, &y, 1, &y, 1));
    return y;
}

/* IMAGE_GRAD: the image takes a gradient. Of N_HERE views in this micro-batch and N_VIEWS (or 0) for synchronised batch norm. */
static inline void net_create(pr_dtype real, int64_t n_here, int64_t n_views, bool image_grad,
                              net *out)
{
    const pr_desc rows = pr_desc_1(real, n_here);
    pr_value x;
    pr_value in[3];
    pr_value results[2];

    *out = (net){NULL, NULL};
    CHECK_OK(pr_graph_create("net", real, &out->graph));
    pr_graph *const g = out->graph;
    CHECK_OK(
        pr_graph_input(g, "image", pr_desc_4(real, n_here, NET_PX, NET_PX, 3), image_grad, &x));
    CHECK_OK(pr_graph_input(g, "label", pr_desc_1(PR_I32, n_here), false, &in[1]));
    CHECK_OK(pr_graph_input(g, "weight", rows, false, &in[2]));
    x = net_body(g, n_views, x);
    CHECK_OK(pr_graph_op(g, PR_OP_global_avg_pool, "pool", NULL, &x, 1, &x, 1));
    CHECK_OK(pr_graph_output(g, "features", x, true));
    const pr_value linear[3] = {
        x, net_param(g, "head.weight", pr_desc_2(real, NET_CLASSES, NET_WIDTH + 2)),
        net_param(g, "head.bias", pr_desc_1(real, NET_CLASSES))};
    CHECK_OK(pr_graph_op(g, PR_OP_linear, "head", NULL, linear, 3, &in[0], 1));
    CHECK_OK(pr_graph_op(g, PR_OP_softmax_ce, "ce", NULL, in, 3, results, 2));
    CHECK_OK(pr_graph_output(g, "loss", results[0], true));
    CHECK_OK(pr_graph_output(g, "prob", results[1], false));
    (void)net_param(g, "unused.weight", pr_desc_1(real, 3));
    CHECK_OK(pr_store_create(real, &out->store));
    CHECK_OK(pr_store_add(out->store, g));
    CHECK_OK(pr_store_allocate(out->store));
    CHECK_OK(pr_store_init(out->store, 3));
}

static inline void net_destroy(net *n)
{
    pr_graph_destroy(&n->graph);
    pr_store_destroy(&n->store);
}

static inline void net_set(const pr_tensor *t, int64_t i, double value)
{
    if (t->dtype == PR_F32) {
        ((float *)t->data)[i] = (float)value;
    } else if (t->dtype == PR_F64) {
        ((double *)t->data)[i] = value;
    } else {
        ((int32_t *)t->data)[i] = (int32_t)value;
    }
}

/* Fills the inputs with rows FIRST on of one endless batch, and the seeds. */
static inline void net_fill(pr_exec *exec, int64_t first)
{
    pr_tensor t;
    CHECK_OK(pr_exec_value(exec, "image", &t));
    const int64_t n_rows = t.shape.dims[0];
    const int64_t n = pr_shape_n(&t.shape);
    for (int64_t i = 0; i < n; i++) {
        net_set(&t, i, op_number(5, first * (n / n_rows) + i));
    }
    CHECK_OK(pr_exec_value(exec, "label", &t));
    for (int64_t i = 0; i < n_rows; i++) {
        net_set(&t, i, (double)((first + i) % NET_CLASSES));
    }
    CHECK_OK(pr_exec_value(exec, "weight", &t));
    for (int64_t i = 0; i < n_rows; i++) {
        net_set(&t, i, 1.0 + 0.5 * (double)((first + i) % 2));
    }
}

/* Seeds are what backward may add to: they are written before each. */
static inline void net_seed(pr_exec *exec, int64_t first)
{
    pr_tensor t;
    CHECK_OK(pr_exec_grad(exec, "loss", &t));
    for (int64_t i = 0; i < t.shape.dims[0]; i++) {
        net_set(&t, i, 0.5);
    }
    CHECK_OK(pr_exec_grad(exec, "features", &t));
    const int64_t n = pr_shape_n(&t.shape);
    for (int64_t i = 0; i < n; i++) {
        net_set(&t, i, 0.25 * op_number(6, first * t.shape.dims[1] + i));
    }
}

/* What the seeds are the gradient of. */
static inline double net_objective(pr_exec *exec, int64_t first)
{
    pr_tensor t;
    double sum = 0.0;
    CHECK_OK(pr_exec_value(exec, "loss", &t));
    for (int64_t i = 0; i < t.shape.dims[0]; i++) {
        sum += 0.5 * op_get(&t, i);
    }
    CHECK_OK(pr_exec_value(exec, "features", &t));
    const int64_t n = pr_shape_n(&t.shape);
    for (int64_t i = 0; i < n; i++) {
        sum += 0.25 * op_number(6, first * t.shape.dims[1] + i) * op_get(&t, i);
    }
    return sum;
}

#endif
