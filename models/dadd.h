/**
 * DADD's heads on a backbone's features (Hong and Du 2021, 3.2): for each sub-task private features,
 * on which its own head stands, and a final head on all of them side by side.
 *
 *     p_n = relu(task<n>.private(z))  [N, F]     sub-task n: task<n>.head(p_n)      n = 1 .. 9
 *     final: fc([p_1 ... p_9])                   logits [N, 2] each
 *
 * With a hidden width H > 0 a head is two layers: head.hidden (fc_hidden), ReLU, head (fc).
 */
#ifndef PR_MODELS_DADD_H
#define PR_MODELS_DADD_H

#include "engine/core/graph.h"
#include "engine/core/store.h"

enum { PR_DADD_N_TASKS = 9 };

typedef struct pr_dadd_heads {
    int64_t n_private; /* F */
    int64_t n_hidden;  /* H, or 0: heads are linear */
} pr_dadd_heads;

/** *OUT [N, F], the private features of sub-task TASK (1 .. 9), from FEATURES [N, Z]. */
pr_status pr_dadd_private_build(pr_graph *graph, const pr_dadd_heads *heads, int task,
                                pr_value features, pr_value *out);

/** *LOGITS [N, 2] of sub-task TASK from its private features. */
pr_status pr_dadd_task_build(pr_graph *graph, const pr_dadd_heads *heads, int task,
                             pr_value private_features, pr_value *logits);

/** *LOGITS [N, 2] of the final head from all of them; *ALL [N, 9 F] is what it reads. */
pr_status pr_dadd_final_build(pr_graph *graph, const pr_dadd_heads *heads,
                              const pr_value privates[PR_DADD_N_TASKS], pr_value *all,
                              pr_value *logits);

/**
 * Equation 3 on the layer that reads the private features, W [n_out, 9 F]: the sum over groups g of
 * sqrt(sum over the group's elements of W^2), times LAMBDA, into *VALUE; its gradient is added to
 * that layer's part of SUM, an arena of STORE's layout. BY_TASK: a group is what belongs to one
 * sub-task (F columns); otherwise to one feature (one column). Without any epsilon: a group that is all
 * zero has the subgradient 0.
 *
 * Errors: PR_ERR_INVALID where STORE has no such layer, or its width does not divide by nine.
 */
pr_status pr_dadd_l21(pr_store *store, double lambda, bool by_task, void *sum, double *value);

#endif
