#include "memory_bank/bank.h"

#include "engine/base/draw.h"
#include "engine/core/op_attr.h"

/* Where the values of a loss graph stand while it is built. */
typedef struct building {
    pr_graph *graph;
    int64_t n_rows, n_cols;
    pr_value z, label, pair, range;
    pr_value id, info, lambda; /* RCCL */
} building;

enum { SUM, COUNT, CENTRE, HARD, SCORE, KEY, HARD_COUNT, N_STATES };
enum { TP, TP_LABEL, TP_VALID, MN, MN_VALID, TP_INDEX, MN_INDEX, N_SYNTHETIC };

static pr_status add_common(building *b)
{
    const pr_dtype real = pr_graph_real(b->graph);

    PR_REQUIRE(b->n_rows >= 2 && b->n_cols >= 1, PR_ERR_INVALID,
               "%s: %lld embeddings of %lld columns; a contrastive loss needs at least 2 of 1",
               pr_graph_name(b->graph), (long long)b->n_rows, (long long)b->n_cols);
    PR_TRY(pr_graph_input(b->graph, "z", pr_desc_2(real, b->n_rows, b->n_cols), true, &b->z));
    PR_TRY(pr_graph_input(b->graph, "label", pr_desc_1(PR_I32, b->n_rows), false, &b->label));
    PR_TRY(pr_graph_input(b->graph, "pair", pr_desc_1(PR_I64, b->n_rows), false, &b->pair));
    return pr_graph_input(b->graph, "range", pr_desc_1(PR_I64, 2), false, &b->range);
}

/* The two passes of the loss with the gather between. SYNTHETIC is NULL for none. */
static pr_status add_loss(const building *b, const pr_margin_attr *attr, const pr_value *synthetic)
{
    const int n_synthetic = attr->synthetic ? 5 : 0;
    pr_value norm_in[8] = {b->z, b->label, b->range};
    pr_value loss_in[10] = {b->z, b->label, b->range, b->z, b->pair};
    pr_value norm;
    pr_value all;
    pr_value loss;

    for (int i = 0; i < n_synthetic; i++) {
        norm_in[3 + i] = synthetic[i];
        loss_in[5 + i] = synthetic[i];
    }
    PR_TRY(pr_graph_op(b->graph, PR_OP_margin_norm, "loss.norm", attr, norm_in, 3 + n_synthetic,
                       &norm, 1));
    PR_TRY(pr_graph_op(b->graph, PR_OP_gather_rows, "loss.gather", NULL, &norm, 1, &all, 1));
    loss_in[3] = all;
    PR_TRY(pr_graph_op(b->graph, PR_OP_margin_loss, "loss.margin", attr, loss_in, 5 + n_synthetic,
                       &loss, 1));
    return pr_graph_output(b->graph, "row_loss", loss, true);
}

pr_status pr_supcon_build(pr_graph *graph, const pr_supcon_options *options, int64_t n_rows,
                          int64_t n_cols)
{
    building b = {.graph = graph, .n_rows = n_rows, .n_cols = n_cols};
    const pr_margin_attr attr = {.tau = options->tau,
                                 .margin = PR_MARGIN_NONE,
                                 .pos_pair = options->pos == PR_POS_PAIR,
                                 .sum_rows = options->reduce == PR_REDUCE_SUM,
                                 .negatives_only = options->denominator == PR_DENOMINATOR_NEG};

    PR_TRY(add_common(&b));
    return add_loss(&b, &attr, NULL);
}

static bool is_linear(const pr_rccl_options *options)
{
    return options->fuse != PR_RCCL_SMOOTH;
}

static int64_t n_mixed(const pr_rccl_options *options)
{
    return options->s * (options->mix == PR_RCCL_PAIR ? options->v : 1);
}

int64_t pr_rccl_n_lambda(const pr_rccl_options *options)
{
    return n_mixed(options) + (is_linear(options) ? 2 * options->u * options->m_pos : 0);
}

void pr_rccl_draw(const pr_rccl_options *options, uint64_t seed, uint32_t epoch, uint32_t place,
                  double *lambda)
{
    const pr_draw_key key = {.seed = seed, .epoch = epoch, .place = place, .purpose = PR_FOR_MIX};

    for (int64_t i = 0; i < pr_rccl_n_lambda(options); i++) {
        lambda[i] = pr_draw_beta(&key, (uint32_t)i, options->mix_beta, options->mix_beta);
    }
}

static pr_status add_states(const building *b, const pr_rccl_options *options,
                            pr_value state[N_STATES])
{
    const int64_t n_slots = 2 * options->u;
    const struct {
        const char *name;
        pr_desc desc;
    } states[N_STATES] = {
        [SUM] = {"bank.centre_sum", pr_desc_1(PR_F64, b->n_cols)},
        [COUNT] = {"bank.centre_count", pr_desc_1(PR_I64, 1)},
        [CENTRE] = {"bank.centre", pr_desc_1(PR_F64, b->n_cols)},
        [HARD] = {"bank.hard", pr_desc_2(pr_graph_real(b->graph), n_slots, b->n_cols)},
        [SCORE] = {"bank.hard_score", pr_desc_1(PR_F64, n_slots)},
        [KEY] = {"bank.hard_key", pr_desc_2(PR_I64, n_slots, 3)},
        [HARD_COUNT] = {"bank.hard_count", pr_desc_1(PR_I64, 2)},
    };
    for (int i = 0; i < N_STATES; i++) {
        PR_TRY(pr_graph_state(b->graph, states[i].name, states[i].desc,
                              (pr_init){PR_INIT_ZERO, 0.0}, &state[i]));
    }
    return PR_OK;
}

/* STATE becomes what stands after the update. */
static pr_status add_update(const building *b, const pr_rccl_options *options,
                            pr_value state[N_STATES])
{
    static const pr_rccl_centre centres[] = {PR_RCCL_CENTRE_EPOCH, PR_RCCL_CENTRE_EMA,
                                             PR_RCCL_CENTRE_BATCH};
    const pr_rccl_update_attr attr = {.centre = centres[options->centre],
                                      .ema_decay = options->ema_decay,
                                      .n_offered = options->k,
                                      .n_kept = options->u,
                                      .rescore = options->rescore,
                                      .unique = options->hard_unique};
    pr_value in[4 + N_STATES] = {b->z, b->label, b->id, b->info};

    for (int i = 0; i < N_STATES; i++) {
        in[4 + i] = state[i];
    }
    return pr_graph_op(b->graph, PR_OP_rccl_update, "bank.update", &attr, in, 4 + N_STATES, state,
                       N_STATES);
}

static pr_status add_fusion(const building *b, const pr_rccl_options *options,
                            const pr_value state[N_STATES], pr_value out[N_SYNTHETIC])
{
    static const char *const names[N_SYNTHETIC] = {"tp",       "tp_label", "tp_valid", "mn",
                                                   "mn_valid", "tp_index", "mn_index"};
    static const pr_rccl_fusion fusions[] = {PR_RCCL_FUSE_SMOOTH, PR_RCCL_FUSE_LINEAR,
                                             PR_RCCL_FUSE_LINEAR_SMOOTH};
    const pr_rccl_fuse_attr attr = {
        .fusion = fusions[options->fuse],
        .mixing = options->mix == PR_RCCL_PAIR ? PR_RCCL_MIX_PAIR : PR_RCCL_MIX_MEAN,
        .n_kept = options->u,
        .n_near = options->m_pos,
        .n_smooth = options->m_smooth,
        .n_local = options->s,
        .n_mixed = options->v,
        .before_update = options->order == PR_RCCL_UPDATE_LAST,
        .synth_grad = options->synth_grad,
    };
    const pr_value in[] = {b->z,          b->label,     b->info,
                           state[HARD],   state[KEY],   state[HARD_COUNT],
                           state[CENTRE], state[COUNT], b->lambda};

    PR_TRY(pr_graph_op(b->graph, PR_OP_rccl_fuse, "bank.fuse", &attr, in,
                       (int)(sizeof(in) / sizeof(in[0])), out, N_SYNTHETIC));
    for (int i = 0; i < N_SYNTHETIC; i++) {
        PR_TRY(pr_graph_output(b->graph, names[i], out[i], false));
    }
    return PR_OK;
}

static pr_margin_attr margin_of(const pr_rccl_options *options)
{
    static const pr_margin_set sets[] = {PR_MARGIN_MIXED, PR_MARGIN_BATCH, PR_MARGIN_NONE};
    const bool as_fake = options->mixed_as == PR_RCCL_AS_FAKE;
    return (pr_margin_attr){
        .tau = options->tau,
        .synthetic = true,
        .transformed = options->transform,
        .margin = as_fake ? PR_MARGIN_NONE : sets[options->margin_set],
        .margin_real_only = options->margin_anchor == PR_RCCL_ANCHOR_REAL,
        .mixed_as_fake = as_fake,
        .pos_pair = options->pos == PR_POS_PAIR,
        .divide_extended = options->norm == PR_RCCL_NORM_P_PRIME,
        .sum_rows = options->reduce == PR_REDUCE_SUM,
    };
}

/* What RCCL has beside the inputs of every contrastive loss. */
static pr_status add_own(building *b, const pr_rccl_options *options, pr_value state[N_STATES])
{
    const int64_t n_lambda = pr_rccl_n_lambda(options);

    PR_TRY(pr_graph_input(b->graph, "id", pr_desc_1(PR_I64, b->n_rows), false, &b->id));
    PR_TRY(pr_graph_input(b->graph, "info", pr_desc_1(PR_I64, 2), false, &b->info));
    PR_TRY(pr_graph_input(b->graph, "lambda", pr_desc_1(PR_F64, n_lambda), false, &b->lambda));
    return add_states(b, options, state);
}

pr_status pr_rccl_build(pr_graph *graph, const pr_rccl_options *options, int64_t n_rows,
                        int64_t n_cols)
{
    building b = {.graph = graph, .n_rows = n_rows, .n_cols = n_cols};
    const pr_margin_attr margin = margin_of(options);
    pr_value state[N_STATES];
    pr_value synthetic[N_SYNTHETIC];

    PR_TRY(add_common(&b));
    PR_TRY(add_own(&b, options, state));
    /* R29: the bank takes the batch in before anything is made from it. */
    if (options->order == PR_RCCL_UPDATE_FIRST) {
        PR_TRY(add_update(&b, options, state));
    }
    PR_TRY(add_fusion(&b, options, state, synthetic));
    PR_TRY(add_loss(&b, &margin, synthetic));
    if (options->order == PR_RCCL_UPDATE_LAST) {
        PR_TRY(add_update(&b, options, state));
    }
    return PR_OK;
}
