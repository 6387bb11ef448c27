#include "models/mesonet.h"

#include "models/layers.h"

#include <stdio.h>

enum { LAYER_BYTES = 64, WHOLE_BYTES = 160, N_HIDDEN = 16, N_WAYS = 4, SHRINK = 32 };

static const double OWN_DROPOUT = 0.5;
static const double LEAK = 0.1;

/* A convolution with its ReLU, batch norm and pooling. */
typedef struct layer {
    const char *conv, *norm;
    int64_t n_out, kernel;
    int use, n_uses; /* of the batch norm's tensors */
    int pool;
} layer;

/* An inception layer: a 1x1 convolution, and three pairs of a 1x1 and a 3x3 of dilation 1, 2, 3. */
typedef struct inception {
    const char *name;
    int64_t n_out[N_WAYS];
} inception;

typedef struct variant {
    const char *name;
    const inception *inceptions;
    int n_inceptions;
    const layer *layers;
    int n_layers;
    bool is_keras;
} variant;

static const layer meso4_layers[] = {
    {"conv1", "bn1", 8, 3, 0, 2, 2},
    {"conv2", "bn1", 8, 5, 1, 2, 2},
    {"conv3", "bn2", 16, 5, 0, 2, 2},
    {"conv4", "bn2", 16, 5, 1, 2, 4},
};
static const layer meso4_keras_layers[] = {
    {"conv1", "bn1", 8, 3, 0, 1, 2},
    {"conv2", "bn2", 8, 5, 0, 1, 2},
    {"conv3", "bn3", 16, 5, 0, 1, 2},
    {"conv4", "bn4", 16, 5, 0, 1, 4},
};
static const layer inception_layers[] = {
    {"conv1", "bn1", 16, 5, 0, 2, 2},
    {"conv2", "bn1", 16, 5, 1, 2, 4},
};
static const layer inception_keras_layers[] = {
    {"conv1", "bn1", 16, 5, 0, 1, 2},
    {"conv2", "bn2", 16, 5, 0, 1, 4},
};
static const inception inceptions[] = {
    {"Incption1", {1, 4, 4, 2}},
    {"Incption2", {2, 4, 4, 2}},
};

typedef struct network {
    pr_builder builder;
    const variant *v;
    double eps;
} network;

static pr_status op_build(const network *net, pr_op_id id, const char *name, const char *suffix,
                          const void *attr, pr_value x, pr_value *out)
{
    char whole[WHOLE_BYTES];
    (void)snprintf(whole, sizeof(whole), "%s%s.%s", net->builder.prefix, name, suffix);
    return pr_graph_op(net->builder.graph, id, whole, attr, &x, 1, out, 1);
}

static pr_status conv_build(const network *net, const char *name, int64_t n_out, int64_t kernel,
                            int dilation, pr_value x, pr_value *out)
{
    const pr_conv conv = {.n_out = n_out,
                          .kernel = kernel,
                          .stride = 1,
                          .pad = (int)(kernel - 1) / 2 * dilation,
                          .dilation = dilation,
                          .bias = net->v->is_keras,
                          .init = net->v->is_keras ? PR_CONV_INIT_GLOROT : PR_CONV_INIT_TORCH};
    return pr_conv_build(&net->builder, name, &conv, x, out);
}

static pr_status norm_pool_build(const network *net, const char *norm_name, const pr_norm *norm,
                                 int pool, pr_value x, pr_value *out)
{
    const pr_pool_attr attr = {.window = pool, .stride = pool};
    char name[WHOLE_BYTES / 2];
    PR_TRY(pr_norm_as_build(&net->builder, norm_name, norm, x, &x));
    (void)snprintf(name, sizeof(name), "%s%d", norm_name, norm->use);
    return op_build(net, PR_OP_max_pool, name, "pool", &attr, x, out);
}

static pr_status layer_build(const network *net, const layer *l, pr_value x, pr_value *out)
{
    const pr_norm norm = {.eps = net->eps, .use = l->use, .n_uses = l->n_uses};
    PR_TRY(conv_build(net, l->conv, l->n_out, l->kernel, 1, x, &x));
    PR_TRY(op_build(net, PR_OP_relu, l->conv, "relu", NULL, x, &x));
    return norm_pool_build(net, l->norm, &norm, l->pool, x, out);
}

/* Way number WAY of four: conv1, or conv2_1 and conv2_2, ... */
static pr_status way_build(const network *net, const inception *in, int way, pr_value x,
                           pr_value *out)
{
    const int n_convs = way == 0 ? 1 : 2;
    for (int i = 0; i < n_convs; i++) {
        char name[LAYER_BYTES];
        if (n_convs == 1) {
            (void)snprintf(name, sizeof(name), "%s_conv1", in->name);
        } else {
            (void)snprintf(name, sizeof(name), "%s_conv%d_%d", in->name, way + 1, i + 1);
        }
        PR_TRY(conv_build(net, name, in->n_out[way], i == 0 ? 1 : 3, i == 0 ? 1 : way, x, &x));
        if (net->v->is_keras) {
            PR_TRY(op_build(net, PR_OP_relu, name, "relu", NULL, x, &x));
        }
    }
    *out = x;
    return PR_OK;
}

static pr_status inception_build(const network *net, const inception *in, pr_value x, pr_value *out)
{
    const pr_norm norm = {.eps = net->eps};
    char whole[WHOLE_BYTES];
    char name[LAYER_BYTES];
    pr_value ways[N_WAYS];
    pr_value joined;

    for (int way = 0; way < N_WAYS; way++) {
        PR_TRY(way_build(net, in, way, x, &ways[way]));
    }
    (void)snprintf(whole, sizeof(whole), "%s%s_concat", net->builder.prefix, in->name);
    PR_TRY(pr_graph_op(net->builder.graph, PR_OP_concat, whole, NULL, ways, N_WAYS, &joined, 1));
    (void)snprintf(name, sizeof(name), "%s_bn", in->name);
    return norm_pool_build(net, name, &norm, 2, joined, out);
}

static pr_status maps_build(const network *net, pr_value x, pr_backbone_out *out)
{
    const variant *const v = net->v;
    const int n = v->n_inceptions + v->n_layers;
    out->n_taps = 0;
    for (int i = 0; i < n; i++) {
        if (i < v->n_inceptions) {
            PR_TRY(inception_build(net, &v->inceptions[i], x, &x));
        } else {
            PR_TRY(layer_build(net, &v->layers[i - v->n_inceptions], x, &x));
        }
        if (i + 1 < n) {
            out->taps[out->n_taps++] = x;
        }
    }
    out->map = x;
    return PR_OK;
}

static pr_status features_build(const network *net, const pr_backbone_options *options,
                                pr_backbone_out *out)
{
    const pr_builder *const builder = &net->builder;
    const double rate = options->dropout < 0.0 ? OWN_DROPOUT : options->dropout;
    const pr_dropout_attr drop[2] = {{.rate = rate, .number = 0}, {.rate = rate, .number = 1}};
    const pr_leaky_relu_attr leak = {.slope = LEAK};
    const pr_flatten_attr flat = {.channels_first = !net->v->is_keras};
    pr_value x;

    PR_TRY(op_build(net, PR_OP_flatten, "flatten", "rows", &flat, out->map, &x));
    PR_TRY(pr_dropout_build(builder, "dropout1", &drop[0], x, &x));
    PR_TRY(pr_linear_build(builder, "fc1", N_HIDDEN, x, &x));
    PR_TRY(op_build(net, PR_OP_leaky_relu, "fc1", "leaky_relu", &leak, x, &x));
    return pr_dropout_build(builder, "dropout2", &drop[1], x, &out->features);
}

static pr_status check(const variant *v, const pr_desc *image, const pr_backbone_options *options)
{
    const int64_t *const dims = image->shape.dims;
    char text[96];

    PR_REQUIRE(image->shape.n_dims == 4 && dims[3] == 3, PR_ERR_SHAPE,
               "%s: images are %s, must be [N, H, W, 3]", v->name,
               pr_shape_text(&image->shape, text));
    PR_REQUIRE(dims[1] >= SHRINK && dims[2] >= SHRINK, PR_ERR_SHAPE,
               "%s: images are %s, must be of %d pixels at least", v->name,
               pr_shape_text(&image->shape, text), SHRINK);
    PR_REQUIRE(!v->is_keras || (dims[1] % SHRINK == 0 && dims[2] % SHRINK == 0), PR_ERR_SHAPE,
               "%s: images are %s, sides must be multiples of %d", v->name,
               pr_shape_text(&image->shape, text), SHRINK);
    PR_REQUIRE(options->width == 1.0 && options->depth == 1.0, PR_ERR_INVALID,
               "%s: width = %g and depth = %g, must be 1", v->name, options->width, options->depth);
    return PR_OK;
}

static pr_status build(const variant *v, pr_graph *graph, const pr_backbone_options *options,
                       const char *prefix, pr_value image, pr_backbone_out *out)
{
    static const double eps[2] = {1e-5, 1e-3};
    const network net = {{graph, prefix, options->n_sync_views}, v, eps[v->is_keras]};
    PR_TRY(check(v, pr_graph_desc(graph, image), options));
    PR_TRY(maps_build(&net, image, out));
    return features_build(&net, options, out);
}

#define MESO(name_, inceptions_, n_inceptions_, layers_, is_keras_)                                \
    pr_status pr_##name_##_build(pr_graph *graph, const pr_backbone_options *options,              \
                                 const char *prefix, pr_value image, pr_backbone_out *out)         \
    {                                                                                              \
        static const variant v = {#name_,                                                          \
                                  (inceptions_),                                                   \
                                  (n_inceptions_),                                                 \
                                  (layers_),                                                       \
                                  (int)(sizeof(layers_) / sizeof(*(layers_))),                     \
                                  (is_keras_)};                                                    \
        return build(&v, graph, options, prefix, image, out);                                      \
    }
MESO(meso4, NULL, 0, meso4_layers, false)
MESO(meso_inception4, inceptions, 2, inception_layers, false)
MESO(meso4_keras, NULL, 0, meso4_keras_layers, true)
MESO(meso_inception4_keras, inceptions, 2, inception_keras_layers, true)
#undef MESO
