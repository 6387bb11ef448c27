/*
 * The backbones, by the word in a config's model.name. No include guard: the file is included once
 * for each table made from it. To add one: a row here, pr_<name>_build() in a file of models, and
 * its parity test against PyTorch in tests/models.
 */
/* clang-format off */
PR_BACKBONE(xception)   /* Chollet 2017, as FaceForensics++ and its successors use it */
PR_BACKBONE(efficientnet_b0)      /* Tan and Le 2019, as timm has it */
PR_BACKBONE(efficientnet_b4)
PR_BACKBONE(tf_efficientnet_b0)   /* with TensorFlow's padding and eps */
PR_BACKBONE(tf_efficientnet_b4)
PR_BACKBONE(meso4)                /* Afchar et al. 2018, as DeepfakeBench has it */
PR_BACKBONE(meso_inception4)
PR_BACKBONE(meso4_keras)          /* as its authors have it */
PR_BACKBONE(meso_inception4_keras)
/* clang-format on */
