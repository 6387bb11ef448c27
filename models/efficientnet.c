#include "models/efficientnet.h"

#include "models/layers.h"

#include <math.h>
#include <stdio.h>

enum { LAYER_BYTES = 64, N_STAGES = 7, WIDTH_STEP = 8, MOST_BLOCKS = 200 };

/* N_BLOCKS inverted residuals, the first of which strides and changes the channels. */
typedef struct stage {
    int expand; /* 1: no 1x1 convolution before the depthwise one */
    int kernel, stride;
    int64_t n_out;
    int n_blocks;
    bool is_tapped;
} stage;

static const stage stages[N_STAGES] = {
    {1, 3, 1, 16, 1, false}, {6, 3, 2, 24, 2, true},  {6, 5, 2, 40, 2, true},
    {6, 3, 2, 80, 3, false}, {6, 5, 1, 112, 3, true}, {6, 5, 2, 192, 4, false},
    {6, 3, 1, 320, 1, true},
};
enum { N_STEM = 32, N_HEAD = 1280 };

typedef struct variant {
    const char *name;
    double width, depth;
    bool is_tf;
} variant;

/* What blocks are built with. */
typedef struct network {
    pr_builder builder;
    double width, depth, eps;
    bool is_same;
    double drop_path;
    int n_blocks; /* of all stages */
} network;

/* To a multiple of 8, and never less than nine tenths of what was asked for. */
static int64_t round_channels(int64_t n, double width)
{
    const double wanted = (double)n * width;
    int64_t rounded = (int64_t)(wanted + WIDTH_STEP / 2.0) / WIDTH_STEP * WIDTH_STEP;
    rounded = rounded < WIDTH_STEP ? WIDTH_STEP : rounded;
    return (double)rounded < 0.9 * wanted ? rounded + WIDTH_STEP : rounded;
}

static int n_blocks_of(const stage *s, double depth)
{
    const int n = (int)ceil(s->n_blocks * depth);
    return n < 1 ? 1 : n;
}

static int pad_of(const network *net, int kernel)
{
    return net->is_same ? PR_PAD_SAME : (kernel - 1) / 2;
}

static pr_status conv_norm_build(const network *net, const char *conv_name, const char *norm_name,
                                 const pr_conv *conv, pr_act act, pr_value x, pr_value *out)
{
    const pr_norm norm = {.act = act, .eps = net->eps};
    PR_TRY(pr_conv_build(&net->builder, conv_name, conv, x, &x));
    return pr_norm_as_build(&net->builder, norm_name, &norm, x, out);
}

/* NAMES: of the parts, for a block with and without expansion. */
static const char *part(bool expands, const char *with, const char *without)
{
    return expands ? with : without;
}

/* BLOCK ("blocks.1.0") and a part. */
static const char *join(const char *block, const char *name, char text[static LAYER_BYTES])
{
    (void)snprintf(text, LAYER_BYTES, "%s.%s", block, name);
    return text;
}

/* The way through a block but for the skip. */
static pr_status way_build(const network *net, const char *block, const stage *s, int stride,
                           int64_t n_out, pr_value x, pr_value *out)
{
    const pr_builder *const builder = &net->builder;
    const int64_t n_in = pr_graph_desc(builder->graph, x)->shape.dims[3];
    const bool expands = s->expand > 1;
    const pr_norm norm = {.act = PR_ACT_SILU, .eps = net->eps};
    const pr_conv wide = {.n_out = n_in * s->expand, .kernel = 1, .stride = 1};
    const pr_conv narrow = {.n_out = n_out, .kernel = 1, .stride = 1};
    char conv[LAYER_BYTES];
    char bn[LAYER_BYTES];

    if (expands) {
        PR_TRY(conv_norm_build(net, join(block, "conv_pw", conv), join(block, "bn1", bn), &wide,
                               PR_ACT_SILU, x, &x));
    }
    PR_TRY(pr_depthwise_build(builder, join(block, "conv_dw", conv), s->kernel, stride,
                              pad_of(net, s->kernel), x, &x));
    PR_TRY(pr_norm_as_build(builder, join(block, part(expands, "bn2", "bn1"), bn), &norm, x, &x));
    /* A quarter of the block's input, which is a multiple of 8. */
    PR_TRY(pr_squeeze_build(builder, join(block, "se", conv), n_in / 4, x, &x));
    return conv_norm_build(net, join(block, part(expands, "conv_pwl", "conv_pw"), conv),
                           join(block, part(expands, "bn3", "bn2"), bn), &narrow, PR_ACT_NONE, x,
                           out);
}

/* Block NUMBER of the network, which is block I of stage S_IDX. */
static pr_status block_build(const network *net, int s_idx, int i, int number, pr_value x,
                             pr_value *out)
{
    const pr_builder *const builder = &net->builder;
    const stage *const s = &stages[s_idx];
    const int stride = i == 0 ? s->stride : 1;
    const int64_t n_in = pr_graph_desc(builder->graph, x)->shape.dims[3];
    const int64_t n_out = round_channels(s->n_out, net->width);
    const pr_add_attr add = {.act = PR_ACT_NONE};
    char block[LAYER_BYTES / 2];
    char layer[LAYER_BYTES];
    pr_value in[2] = {x, x};

    (void)snprintf(block, sizeof(block), "blocks.%d.%d", s_idx, i);
    PR_TRY(way_build(net, block, s, stride, n_out, x, &in[0]));
    if (stride != 1 || n_in != n_out) {
        *out = in[0];
        return PR_OK;
    }
    const pr_dropout_attr drop = {
        .rate = net->drop_path * number / net->n_blocks, .number = 1 + number, .whole_rows = true};
    PR_TRY(pr_dropout_build(builder, join(block, "drop_path", layer), &drop, in[0], &in[0]));
    (void)snprintf(layer, sizeof(layer), "%s%s.add", builder->prefix, block);
    return pr_graph_op(builder->graph, PR_OP_add, layer, &add, in, 2, out, 1);
}

static pr_status blocks_build(const network *net, pr_value x, pr_backbone_out *out)
{
    int number = 0;
    out->n_taps = 0;
    for (int s = 0; s < N_STAGES; s++) {
        for (int i = 0; i < n_blocks_of(&stages[s], net->depth); i++) {
            PR_TRY(block_build(net, s, i, number++, x, &x));
        }
        if (stages[s].is_tapped) {
            out->taps[out->n_taps++] = x;
        }
    }
    return PR_OK;
}

static pr_status top_build(const network *net, const pr_backbone_options *options,
                           pr_backbone_out *out)
{
    const pr_builder *const builder = &net->builder;
    const pr_dropout_attr drop = {.rate = options->dropout > 0.0 ? options->dropout : 0.0};
    const pr_conv head = {.n_out = round_channels(N_HEAD, net->width), .kernel = 1, .stride = 1};
    char name[LAYER_BYTES];

    PR_TRY(conv_norm_build(net, "conv_head", "bn2", &head, PR_ACT_SILU, out->taps[out->n_taps - 1],
                           &out->map));
    (void)snprintf(name, sizeof(name), "%sglobal_pool", builder->prefix);
    PR_TRY(pr_graph_op(builder->graph, PR_OP_global_avg_pool, name, NULL, &out->map, 1,
                       &out->features, 1));
    return pr_dropout_build(builder, "dropout", &drop, out->features, &out->features);
}

static pr_status check(const variant *v, const pr_desc *image, const pr_backbone_options *options,
                       network *net)
{
    char text[96];

    PR_REQUIRE(image->shape.n_dims == 4 && image->shape.dims[3] == 3, PR_ERR_SHAPE,
               "%s: images are %s, must be [N, H, W, 3]", v->name,
               pr_shape_text(&image->shape, text));
    PR_REQUIRE(options->width > 0.0, PR_ERR_INVALID, "%s: width = %g, must be > 0", v->name,
               options->width);
    PR_REQUIRE(options->drop_path >= 0.0 && options->drop_path < 1.0, PR_ERR_INVALID,
               "%s: drop_path = %g, must be at least 0 and below 1", v->name, options->drop_path);
    for (int s = 0; s < N_STAGES; s++) {
        net->n_blocks += n_blocks_of(&stages[s], net->depth);
    }
    PR_REQUIRE(options->depth >= 0.0 && net->n_blocks <= MOST_BLOCKS, PR_ERR_INVALID,
               "%s: depth = %g gives %d blocks, must be at most %d", v->name, options->depth,
               net->n_blocks, MOST_BLOCKS);
    return PR_OK;
}

static pr_status build(const variant *v, pr_graph *graph, const pr_backbone_options *options,
                       const char *prefix, pr_value image, pr_backbone_out *out)
{
    static const double eps[2] = {1e-5, 1e-3};
    network net = {.builder = {graph, prefix, options->n_sync_views},
                   .width = v->width * options->width,
                   .depth = v->depth * options->depth,
                   .eps = eps[v->is_tf],
                   .is_same = v->is_tf,
                   .drop_path = options->drop_path};
    pr_value x = image;

    PR_TRY(check(v, pr_graph_desc(graph, image), options, &net));
    const pr_conv stem = {.n_out = round_channels(N_STEM, net.width),
                          .kernel = 3,
                          .stride = 2,
                          .pad = pad_of(&net, 3)};
    PR_TRY(conv_norm_build(&net, "conv_stem", "bn1", &stem, PR_ACT_SILU, x, &x));
    PR_TRY(blocks_build(&net, x, out));
    return top_build(&net, options, out);
}

#define EFFICIENTNET(name_, width_, depth_, is_tf_)                                                \
    pr_status pr_##name_##_build(pr_graph *graph, const pr_backbone_options *options,              \
                                 const char *prefix, pr_value image, pr_backbone_out *out)         \
    {                                                                                              \
        static const variant v = {#name_, (width_), (depth_), (is_tf_)};                           \
        return build(&v, graph, options, prefix, image, out);                                      \
    }
EFFICIENTNET(efficientnet_b0, 1.0, 1.0, false)
EFFICIENTNET(efficientnet_b4, 1.4, 1.8, false)
EFFICIENTNET(tf_efficientnet_b0, 1.0, 1.0, true)
EFFICIENTNET(tf_efficientnet_b4, 1.4, 1.8, true)
#undef EFFICIENTNET
