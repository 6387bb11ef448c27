#include "memory_bank/dcl.h"

#include "engine/core/op_attr.h"

#include <math.h>

#define WORDS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define ROW(key, kind, member, value, least, most, words, doc)                                     \
    {                                                                                              \
        (key), PR_CONFIG_##kind, (value), (least), (most), (words),                                \
            offsetof(pr_dcl_options, member), PR_CONFIG_IDENTITY, (doc)                            \
    }

/* Numbers like C5 are those of the readings of the paper where it is ambiguous. */
static const pr_config_row rows[] = {
    ROW("dcl.tau", REAL, tau, "0.07", 1e-4, 1e3, NULL, "temperature of equations 3, 7 and 8"),
    ROW("dcl.queue", INT, queue, "30000", 1, 1e8, NULL, "keys that each label's queue holds"),
    ROW("dcl.queue_init", CHOICE, queue_init, "empty", 0, 0, WORDS("empty", "random"),
        "whether a queue begins empty, or full of random directions as in the public code"),
    ROW("dcl.gate", CHOICE, gate, "theta", 0, 0, WORDS("theta", "topk", "none"),
        "which keys enter their queue: those above dcl.theta, the dcl.topk highest of the global "
        "batch, or all (C4)"),
    ROW("dcl.theta", REAL, theta, "0.5", -1, 1, NULL,
        "cosine with the other label's prototype that a key must be above (equation 6)"),
    ROW("dcl.topk", INT, topk, "5", 0, 1e6, NULL,
        "keys of each label that enter a step; gate topk"),
    ROW("dcl.min_neg", INT, min_neg, "32", 0, 1e8, NULL,
        "while a queue holds fewer, every key of its label enters"),
    ROW("dcl.alpha", REAL, alpha, "0.9", 0, 0.999999, NULL,
        "share of the old prototype in equations 4 and 5"),
    ROW("dcl.proto_init", CHOICE, proto_init, "mean", 0, 0, WORDS("mean", "random"),
        "whether a prototype begins as its first mean, or at random (C3)"),
    ROW("dcl.enqueue_first", BOOL, enqueue_first, "false", 0, 0, NULL,
        "whether the queues take a batch in before its loss, as in the public code (C5)"),
    ROW("dcl.ema", REAL, ema, "0.99", 0, 1, NULL,
        "beta: share of the old parameter of the key encoder in equation 1; the public code has "
        "0.999"),
    ROW("dcl.head", CHOICE, head, "softmax2", 0, 0, WORDS("softmax2", "sigmoid1"),
        "equation 2: softmax of two logits, or the sigmoid of one (C1)"),
    ROW("dcl.phi", REAL, phi, "0.5", 0, 1, NULL,
        "share of the contrastive losses in equation 10; the rest is cross-entropy's"),
    ROW("dcl.phi_warm", REAL, phi_warm, "0.1", 0, 1, NULL, "the same during warm-up"),
    ROW("dcl.warm_epochs", INT, warm_epochs, "5", 0, 1e9, NULL, "epochs of warm-up"),
    ROW("dcl.w_inter", REAL, w_inter, "1", 0, 1e6, NULL,
        "weight of equation 3; 0: Table 5 without"),
    ROW("dcl.w_intra_fake", REAL, w_intra_fake, "1", 0, 1e6, NULL,
        "weight of equation 7 in equation 9; the public code has 0.1"),
    ROW("dcl.w_intra_real", REAL, w_intra_real, "1", 0, 1e6, NULL,
        "weight of equation 8 in equation 9; the public code has 0.001"),
    ROW("dcl.mask_thr_fake", REAL, mask_thr_fake, "0.1", 0, 1, NULL,
        "a cell whose mean mask is above this is forged (C6); the public code has 0.01"),
    ROW("dcl.mask_thr_real", REAL, mask_thr_real, "0.1", 0, 1, NULL,
        "a cell whose mean mask is at most this is real (C6); the public code has 0"),
    ROW("dcl.exclude_self", BOOL, exclude_self, "false", 0, 0, NULL,
        "whether equations 7 and 8 leave out a cell's pair with itself"),
    ROW("dcl.compat_log", CHOICE, compat_log, "image", 0, 0, WORDS("image", "batch"),
        "equations 7 and 8: a logarithm for each image, or one of the batch's sums as in the "
        "public "
        "code"),
    ROW("dcl.compat_cells", CHOICE, compat_cells, "gather", 0, 0, WORDS("gather", "multiply"),
        "equations 7 and 8: sums over the chosen cells, or cells multiplied by 0 and 1 as in the "
        "public code, where each pair left out adds exp(0)"),
    ROW("dcl.shuffle_bn", BOOL, shuffle_bn, "true", 0, 0, NULL,
        "whether keys are dealt to other micro-batches than their queries: wants train.n_micro "
        "above 1"),
};

pr_config_module pr_dcl_config(pr_dcl_options *target)
{
    return (pr_config_module){
        .title = "DCL", .rows = rows, .n_rows = sizeof(rows) / sizeof(rows[0]), .target = target};
}

double pr_dcl_phi(const pr_dcl_options *options, int64_t epoch)
{
    return epoch < options->warm_epochs ? options->phi_warm : options->phi;
}

enum { PROTO, PROTO_COUNT, QUEUE, CURSOR, COUNT, N_STATES };

static pr_status add_states(pr_graph *graph, const pr_dcl_options *options, int64_t n_cols,
                            pr_value state[N_STATES])
{
    const pr_init zero = {PR_INIT_ZERO, 0.0};
    const pr_init random = {PR_INIT_NORMAL, 1.0 / sqrt((double)n_cols)}; /* of about unit length */
    const bool random_proto = options->proto_init == PR_DCL_PROTO_RANDOM;
    const bool random_queue = options->queue_init == PR_DCL_QUEUE_RANDOM;
    const struct {
        const char *name;
        pr_desc desc;
        pr_init init;
    } states[N_STATES] = {
        [PROTO] = {"bank.proto", pr_desc_2(PR_F64, 2, n_cols), random_proto ? random : zero},
        [PROTO_COUNT] = {"bank.proto_count", pr_desc_1(PR_I64, 2), zero},
        [QUEUE] = {"bank.queue", pr_desc_3(pr_graph_real(graph), 2, options->queue, n_cols),
                   random_queue ? random : zero},
        [CURSOR] = {"bank.cursor", pr_desc_1(PR_I64, 2), zero},
        [COUNT] = {"bank.count", pr_desc_1(PR_I64, 2), zero},
    };
    for (int i = 0; i < N_STATES; i++) {
        PR_TRY(pr_graph_state(graph, states[i].name, states[i].desc, states[i].init, &state[i]));
    }
    return PR_OK;
}

/* STATE becomes what stands after the update. */
static pr_status add_update(pr_graph *graph, const pr_dcl_options *options, pr_value k,
                            pr_value label, pr_value state[N_STATES])
{
    static const pr_gate gates[] = {PR_GATE_THETA, PR_GATE_TOPK, PR_GATE_NONE};
    const pr_queue_update_attr attr = {
        .alpha = options->alpha,
        .gate = gates[options->gate],
        .theta = options->theta,
        .n_top = options->topk,
        .n_least = options->min_neg,
        .proto_is_random = options->proto_init == PR_DCL_PROTO_RANDOM,
        .starts_full = options->queue_init == PR_DCL_QUEUE_RANDOM,
    };
    pr_value in[2 + N_STATES] = {k, label};
    for (int i = 0; i < N_STATES; i++) {
        in[2 + i] = state[i];
    }
    return pr_graph_op(graph, PR_OP_queue_update, "bank.update", &attr, in, 2 + N_STATES, state,
                       N_STATES);
}

static pr_status add_loss(pr_graph *graph, const pr_dcl_options *options, const pr_value in[4],
                          const pr_value state[N_STATES])
{
    const pr_queue_nce_attr attr = {.tau = options->tau,
                                    .starts_full = options->queue_init == PR_DCL_QUEUE_RANDOM};
    const pr_value all[] = {in[0], in[1], in[2], in[3], state[QUEUE], state[COUNT]};
    pr_value loss;
    PR_TRY(pr_graph_op(graph, PR_OP_queue_nce, "loss.nce", &attr, all, 6, &loss, 1));
    return pr_graph_output(graph, "row_loss", loss, true);
}

pr_status pr_dcl_build(pr_graph *graph, const pr_dcl_options *options, int64_t n_rows,
                       int64_t n_cols)
{
    const pr_desc rows_of = pr_desc_2(pr_graph_real(graph), n_rows, n_cols);
    pr_value in[4];
    pr_value state[N_STATES];
    PR_TRY(pr_graph_input(graph, "z", rows_of, true, &in[0]));
    PR_TRY(pr_graph_input(graph, "k", rows_of, false, &in[1]));
    PR_TRY(pr_graph_input(graph, "label", pr_desc_1(PR_I32, n_rows), false, &in[2]));
    PR_TRY(pr_graph_input(graph, "range", pr_desc_1(PR_I64, 2), false, &in[3]));
    PR_TRY(add_states(graph, options, n_cols, state));
    if (options->enqueue_first) {
        PR_TRY(add_update(graph, options, in[1], in[2], state));
    }
    PR_TRY(add_loss(graph, options, in, state));
    return options->enqueue_first ? PR_OK : add_update(graph, options, in[1], in[2], state);
}
