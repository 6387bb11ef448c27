/*
 * Every op of the engine and which backend computes it: 1 where engine/<backend>/<backend>_<op>.c
 * exists. No include guard: the file is included once for each table made from it (the enum, the
 * names, the kernels of each backend, the gradient checks that must exist).
 *
 * To add an op: a row here, its attributes in engine/core/op_attr.h, engine/ops/<op>.c,
 * engine/ref/ref_<op>.c, and a case in tests/engine/op_cases.c. Without the files it does not link,
 * without the case the gradient check fails.
 */
/* clang-format off */
/*    op               ref  cpu  cuda */
PR_OP(conv2d,          1,   1,   0)   /* dense convolution, 1x1 included, optional bias */
PR_OP(depthwise,       1,   1,   0)   /* one filter a channel; optional ReLU of what it reads */
PR_OP(linear,          1,   1,   0)   /* y = x W^T + b, a 1x1 convolution on 1x1 maps */
PR_OP(batch_norm,      1,   1,   0)   /* over the micro-batch, with optional ReLU */
PR_OP(bn_stats,        1,   1,   0)   /* sums for batch norm over the global batch */
PR_OP(sync_sum,        1,   1,   0)   /* cut: a sum over all micro-batches */
PR_OP(bn_apply,        1,   1,   0)   /* batch norm from given sums, with optional ReLU */
PR_OP(relu,            1,   1,   0)
PR_OP(leaky_relu,      1,   1,   0)   /* y = x, or slope x where that is negative */
PR_OP(squeeze_excite,  1,   1,   0)   /* channels of a map, gated by what its mean says */
PR_OP(dropout,         1,   1,   0)   /* elements or whole rows, drawn by place in the plan */
PR_OP(concat,          1,   1,   0)   /* maps or rows side by side, by channel */
PR_OP(flatten,         1,   1,   0)   /* a map as one row an image */
PR_OP(add,             1,   1,   0)   /* y = a + b, with optional ReLU */
PR_OP(max_pool,        1,   1,   0)
PR_OP(global_avg_pool, 1,   1,   0)
PR_OP(l2norm,          1,   1,   0)   /* y = x / max(|x|, eps), by row */
PR_OP(softmax_ce,      1,   1,   0)   /* cross-entropy in nats and the probabilities, by row */
PR_OP(sigmoid_ce,      1,   1,   0)   /* binary cross-entropy of one logit a row */
PR_OP(focal_ce,        1,   1,   0)   /* cross-entropy that well-known rows count less in */
PR_OP(rccl_update,     1,   1,   0)   /* real centre and hard sets take in a batch */
PR_OP(rccl_fuse,       1,   1,   0)   /* transformed positives and mixed negatives */
PR_OP(margin_norm,     1,   1,   0)   /* each row's normaliser of the contrastive margin loss */
PR_OP(gather_rows,     1,   1,   0)   /* cut: rows of all ranks come together */
PR_OP(margin_loss,     1,   1,   0)   /* the contrastive margin loss from given normalisers */
PR_OP(gram_mean,       1,   1,   0)   /* row means of each image's Gram matrix of channels */
PR_OP(patch_spectrum,  1,   1,   0)   /* amplitude and phase of the grey image's patches */
PR_OP(layer_norm,      1,   1,   0)   /* over the last dimension */
PR_OP(gelu,            1,   1,   0)   /* x Phi(x), by erf */
PR_OP(attention,       1,   1,   0)   /* of many heads: softmax(scale Q K^T) V */
PR_OP(transpose,       1,   1,   0)   /* tokens and columns change places */
PR_OP(add_shared,      1,   1,   0)   /* the same tensor is added for each image */
PR_OP(mask_cells,      1,   1,   0)   /* which cells of a feature map a mask calls forged */
PR_OP(cell_contrast,   1,   1,   0)   /* DCL's contrast of forged and real cells in an image */
PR_OP(cell_sums,       1,   1,   0)   /* what that sums over pairs of cells, over the images */
PR_OP(queue_nce,       1,   1,   0)   /* InfoNCE of each row against the other label's queue */
PR_OP(queue_update,    1,   1,   0)   /* prototypes take in keys, queues those that the gate lets in */
/* clang-format on */
