/*
 * The objectives, by the word in a config's `objective`. No include guard: the file is included once
 * for each table made from it. To add one: a row here and trainer/objective_<name>.c with
 * pr_objective_<name>.
 */
/* clang-format off */
PR_OBJECTIVE(cross_entropy)   /* a classifier, end to end */
PR_OBJECTIVE(focal)           /* a classifier that well-known rows count less in */
PR_OBJECTIVE(mc_lcr)          /* locally correlated representations, with a contrastive loss */
PR_OBJECTIVE(supcon)          /* supervised contrastive, then a linear classifier */
PR_OBJECTIVE(rccl)            /* real-centric consistency learning, then a linear classifier */
PR_OBJECTIVE(dcl)             /* dual contrastive learning with keys and queues */
PR_OBJECTIVE(dadd)            /* nine sub-tasks on reals forged in memory, and a final task */
/* clang-format on */
