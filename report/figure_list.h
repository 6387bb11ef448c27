/*
 * The figures of a page, in its order. No include guard: the file is included once for each table
 * made from it. To add one: a row here and report/figure_<name>.c (report/figure.h).
 */
/* clang-format off */
PR_FIGURE(tsne, "t-SNE of the embeddings by method")
PR_FIGURE(pca, "Principal components of the embeddings by method")
PR_FIGURE(hard, "Hard and easy samples by their similarity to the bank's prototypes")
PR_FIGURE(self_similarity, "Self-similarity of feature maps")
PR_FIGURE(feature_maps, "Feature maps")
PR_FIGURE(spectra, "Spectra of a real, its fake and their difference")
PR_FIGURE(subtask_weights, "Weights of the sub-tasks")
/* clang-format on */
