/*
 * The branch of amplitude and phase (sections 3.2 and 3.3). Its two streams are alike:
 *
 *     E_as = embed(AS), E_ps = embed(PS)                                      M7
 *     AT = E_as + MHA(LN(E_ps), LN(E_as), LN(E_as))     and the other way round: equations 5 to 8
 *     U = T + W2 gelu(W1 LN(T)^T), Y = U + W4 gelu(W3 LN(U))                  equations 9 and 10
 *     AF = mean over tokens of LN(mixers(AT))                                 equation 11
 *
 * Token mixing acts along the tokens and channel mixing along the columns.
 */
#include "models/mc_lcr_private.h"

#include <math.h>
#include <stdio.h>

enum { NAME_BYTES = 96 };

static const double LAYER_NORM_EPS = 1e-5;
static const double POSITION_DEVIATION = 0.02;

/* One of the two streams: "amp" or "phase". */
typedef struct stream {
    const char *name;
    pr_value embed, normed, token;
} stream;

static void name_of(char out[static NAME_BYTES], const char *path, const char *part)
{
    (void)snprintf(out, NAME_BYTES, "%s%s", path, part);
}

/* PREFIX, PATH and PART: the whole name, for what the shared layers do not name. */
static void whole_name(const pr__mc_lcr *m, char out[static NAME_BYTES], const char *path,
                       const char *part)
{
    (void)snprintf(out, NAME_BYTES, "%s%s%s", m->builder.prefix, path, part);
}

static pr_status norm(const pr__mc_lcr *m, const char *path, const char *part, pr_value x,
                      pr_value *out)
{
    pr_graph *const graph = m->builder.graph;
    const pr_layer_norm_attr attr = {LAYER_NORM_EPS};
    const pr_desc desc = pr_desc_1(pr_graph_real(graph), pr_graph_desc(graph, x)->shape.dims[2]);
    char name[NAME_BYTES];
    char tensor[NAME_BYTES + 8];
    pr_value in[3] = {x};

    whole_name(m, name, path, part);
    (void)snprintf(tensor, sizeof(tensor), "%s.weight", name);
    PR_TRY(pr_graph_param(graph, tensor, desc, (pr_init){PR_INIT_ONE, 0.0}, &in[1]));
    (void)snprintf(tensor, sizeof(tensor), "%s.bias", name);
    PR_TRY(pr_graph_param(graph, tensor, desc, (pr_init){PR_INIT_ZERO, 0.0}, &in[2]));
    return pr_graph_op(graph, PR_OP_layer_norm, name, &attr, in, 3, out, 1);
}

static pr_status linear(const pr__mc_lcr *m, const char *path, const char *part, int64_t n_out,
                        pr_value x, pr_value *out)
{
    char name[NAME_BYTES];
    name_of(name, path, part);
    return pr_linear_build(&m->builder, name, n_out, x, out);
}

static pr_status plain(const pr__mc_lcr *m, pr_op_id op, const char *path, const char *part,
                       pr_value x, pr_value *out)
{
    char name[NAME_BYTES];
    whole_name(m, name, path, part);
    return pr_graph_op(m->builder.graph, op, name, NULL, &x, 1, out, 1);
}

static pr_status add(const pr__mc_lcr *m, const char *path, const char *part, pr_value a,
                     pr_value b, pr_value *out)
{
    const pr_add_attr attr = {PR_ACT_NONE};
    const pr_value in[2] = {a, b};
    char name[NAME_BYTES];
    whole_name(m, name, path, part);
    return pr_graph_op(m->builder.graph, PR_OP_add, name, &attr, in, 2, out, 1);
}

/* E of SPECTRUM, and its layer norm, which queries and keys share (M9). */
static pr_status embed(const pr__mc_lcr *m, stream *s, pr_value spectrum)
{
    pr_graph *const graph = m->builder.graph;
    const int64_t *const dims = pr_graph_desc(graph, spectrum)->shape.dims;
    char name[NAME_BYTES];
    pr_value in[2];

    PR_TRY(linear(m, s->name, ".embed", dims[2], spectrum, &s->embed));
    if (m->net->options->pos_embed) {
        in[0] = s->embed;
        whole_name(m, name, s->name, ".pos_embed");
        PR_TRY(pr_graph_param(graph, name, pr_desc_2(pr_graph_real(graph), dims[1], dims[2]),
                              (pr_init){PR_INIT_NORMAL, POSITION_DEVIATION}, &in[1]));
        PR_TRY(pr_graph_op(graph, PR_OP_add_shared, name, NULL, in, 2, &s->embed, 1));
    }
    return norm(m, s->name, ".norm", s->embed, &s->normed);
}

/* The tokens of S, whose weights come from OTHER's queries. */
static pr_status attend(pr__mc_lcr *m, stream *s, const stream *other)
{
    const pr_mc_lcr_options *const options = m->net->options;
    const int64_t n_cols = pr_graph_desc(m->builder.graph, s->embed)->shape.dims[2];
    const int64_t n_heads = options->n_heads;
    const double width =
        (double)(options->attn_scale == PR_MC_LCR_BY_HEAD ? n_cols / n_heads : n_cols);
    const pr_attention_attr attr = {n_heads, 1.0 / sqrt(width)};
    char name[NAME_BYTES];
    pr_value in[3];
    pr_value x;

    PR_REQUIRE(n_cols % n_heads == 0, PR_ERR_INVALID,
               "mc_lcr.heads = %lld does not divide the %lld columns of tokens (patch_px^2)",
               (long long)n_heads, (long long)n_cols);
    PR_TRY(linear(m, s->name, ".attention.q", n_cols, other->normed, &in[0]));
    PR_TRY(linear(m, s->name, ".attention.k", n_cols, s->normed, &in[1]));
    PR_TRY(linear(m, s->name, ".attention.v", n_cols, s->normed, &in[2]));
    whole_name(m, name, s->name, ".attention");
    PR_TRY(pr_graph_op(m->builder.graph, PR_OP_attention, name, &attr, in, 3, &x, 1));
    PR_TRY(linear(m, s->name, ".attention.out", n_cols, x, &x));
    PR_TRY(pr__mc_lcr_dropout(m, PR__SITE_ATTENTION, &x));
    return add(m, s->name, ".residual", s->embed, x, &s->token);
}

/* Two linear layers with GELU between them, on the last dimension of X; the last layer as wide. */
static pr_status mlp(pr__mc_lcr *m, const char *name, const char *first, const char *second,
                     pr_value x, pr_value *out)
{
    const int64_t width = pr_graph_desc(m->builder.graph, x)->shape.dims[2];
    const int64_t hidden = (int64_t)floor((double)width * m->net->options->mlp_ratio + 0.5);
    char gelu[NAME_BYTES];

    PR_REQUIRE(hidden >= 1, PR_ERR_INVALID, "mc_lcr.mlp_ratio = %g of %lld columns leaves none",
               m->net->options->mlp_ratio, (long long)width);
    PR_TRY(linear(m, name, first, hidden, x, &x));
    (void)snprintf(gelu, sizeof(gelu), "%s.gelu", first);
    PR_TRY(plain(m, PR_OP_gelu, name, gelu, x, &x));
    return linear(m, name, second, width, x, out);
}

static pr_status mixer_layer(pr__mc_lcr *m, const char *name, pr_value *tokens)
{
    pr_value x;

    PR_TRY(norm(m, name, ".norm1", *tokens, &x));
    PR_TRY(plain(m, PR_OP_transpose, name, ".to_columns", x, &x));
    PR_TRY(mlp(m, name, ".token1", ".token2", x, &x));
    PR_TRY(plain(m, PR_OP_transpose, name, ".to_tokens", x, &x));
    PR_TRY(pr__mc_lcr_dropout(m, PR__SITE_MIXER, &x));
    PR_TRY(add(m, name, ".add1", *tokens, x, tokens));
    PR_TRY(norm(m, name, ".norm2", *tokens, &x));
    PR_TRY(mlp(m, name, ".channel1", ".channel2", x, &x));
    PR_TRY(pr__mc_lcr_dropout(m, PR__SITE_MIXER, &x));
    return add(m, name, ".add2", *tokens, x, tokens);
}

static pr_status mix(pr__mc_lcr *m, const stream *s, pr_value *feature)
{
    pr_value x = s->token;
    for (int64_t i = 0; i < m->net->options->n_layers; i++) {
        char name[NAME_BYTES / 2];
        (void)snprintf(name, sizeof(name), "%s.mixer.%lld", s->name, (long long)i);
        PR_TRY(mixer_layer(m, name, &x));
    }
    PR_TRY(norm(m, s->name, ".out_norm", x, &x));
    return plain(m, PR_OP_global_avg_pool, s->name, ".pool", x, feature);
}

pr_status pr__mc_lcr_spectral(pr__mc_lcr *m, pr_value image, pr_mc_lcr_out *out)
{
    const pr_mc_lcr_options *const options = m->net->options;
    pr_patch_spectrum_attr attr = {.patch_px = options->patch_px,
                                   .grey = options->grey == PR_MC_LCR_BT601 ? PR_GREY_BT601
                                                                            : PR_GREY_MEAN,
                                   .log_amplitude = options->amp == PR_MC_LCR_LOG1P,
                                   .phase_of_ratio = options->phase == PR_MC_LCR_ATAN};
    stream amp = {.name = "amp"};
    stream phase = {.name = "phase"};
    pr_value spectra[2];

    for (int c = 0; c < 3; c++) {
        attr.mean[c] = m->net->mean[c];
        attr.std[c] = m->net->std[c];
    }
    PR_TRY(pr_graph_op(m->builder.graph, PR_OP_patch_spectrum, "mc_lcr.spectrum", &attr, &image, 1,
                       spectra, 2));
    PR_TRY(embed(m, &amp, spectra[0]));
    PR_TRY(embed(m, &phase, spectra[1]));
    PR_TRY(attend(m, &amp, &phase));
    PR_TRY(attend(m, &phase, &amp));
    PR_TRY(mix(m, &amp, &out->amp));
    PR_TRY(mix(m, &phase, &out->phase));
    out->amp_embed = amp.embed;
    out->phase_embed = phase.embed;
    out->amp_token = amp.token;
    out->phase_token = phase.token;
    return PR_OK;
}
