/*
 * The backbones, by the word in a config's model.name. No include guard: the file is included once
 * for each table made from it. To add one: a row here, models/<name>.c with
 * pr_<name>_build(), and its parity test against PyTorch in tests/models.
 */
/* clang-format off */
PR_BACKBONE(xception)   /* Chollet 2017, as FaceForensics++ and its successors use it */
/* clang-format on */
