/**
 * Plans and executors. A plan is a graph on a backend with its memory laid out; an executor is one
 * micro-batch's memory and library state on that plan. Executors of one plan run concurrently, one
 * thread each; they share the store.
 *
 * A pass (forward, backward) is a list of segments. Between two segments stands a cut, where a
 * synchronised op needs the other micro-batches and ranks:
 *
 *     for (int s = 0; s < pr_plan_n_segments(plan, pass); s++) {
 *         pr_exec_run(exec, pass, s, mode, rows, leaf);      -- for every local executor
 *         pr_exec_cut(exec, pass, s, &cut);                  -- cut.sync is NONE after the last
 *         ... the trainer sums or gathers cut.in of all executors and ranks into cut.out ...
 *     }
 *
 * Nothing is allocated after creation.
 */
#ifndef PR_ENGINE_CORE_EXEC_H
#define PR_ENGINE_CORE_EXEC_H

#include "engine/core/store.h"

typedef struct pr_plan pr_plan;
typedef struct pr_exec pr_exec;

typedef enum pr_pass { PR_PASS_FORWARD, PR_PASS_BACKWARD } pr_pass;

typedef struct pr_plan_options {
    pr_backend_id backend;
    bool backward; /* false: forward only, activations are freed after their last use */
    /* Parameters whose name begins with one of these take a gradient; NULL: all do. */
    const char *const *trains;
    int n_trains;
} pr_plan_options;

typedef struct pr_plan_memory {
    size_t activation_bytes; /* per executor: values, gradients of values, saved tensors */
    size_t workspace_bytes;  /* per executor */
    size_t leaf_bytes;       /* of one leaf */
} pr_plan_memory;

typedef struct pr_cut {
    pr_sync sync;
    const pr_tensor *in;
    pr_tensor *out;
} pr_cut;

/**
 * GRAPH and STORE are borrowed and must outlive the plan; the store must be allocated. Called under
 * the library thread count that will run it, since kernels are prepared to learn their workspace.
 *
 * An op with running statistics none of whose parameters is trained is frozen: it runs in
 * PR_MODE_EVAL whatever the mode, and writes no statistics.
 *
 * Nothing is computed upstream of the last tensor that takes a gradient. Backward, gradients are
 * packed by lifetime with the values; inputs, outputs and seeds keep their memory.
 *
 * Errors: PR_ERR_DEVICE if the backend lacks a kernel; PR_ERR_SHAPE if the graph's real type is not
 * the backend's or not the store's; PR_ERR_INVALID if a tensor is not in the store, if an op wants
 * the gradient of one value twice, if the input of a summing cut takes a gradient elsewhere too, if
 * two ops write one buffer's statistics, or if backward would read a state updated since.
 */
pr_status pr_plan_create(const pr_graph *graph, pr_store *store, const pr_plan_options *options,
                         pr_plan **out);
/**
 * For tests. POISON: memory is NaN while no op may read it. UNPACKED: no two tensors share memory,
 * whenever they live. Neither changes a result, if plans and kernels are right.
 */
pr_status pr_plan_create_checked(const pr_graph *graph, pr_store *store,
                                 const pr_plan_options *options, bool poison, bool unpacked,
                                 pr_plan **out);
void pr_plan_destroy(pr_plan **plan);
const pr_plan_memory *pr_plan_memory_get(const pr_plan *plan);
int pr_plan_n_segments(const pr_plan *plan, pr_pass pass);
/**
 * Whether a training run of this plan writes the leaf at the store's entry number ENTRY: trained
 * parameters (backward), and buffers of ops that are not frozen (forward).
 */
bool pr_plan_writes(const pr_plan *plan, int entry);

/** Called on the thread that will run it, or under the same library thread count. */
pr_status pr_exec_create(const pr_plan *plan, pr_exec **out);
/** Bytes of an executor's memory: its activations, then its workspace, both aligned. */
size_t pr_plan_exec_bytes(const pr_plan *plan);
/**
 * The same over MEMORY, which is borrowed, aligned to PR_ALIGN_BYTES and has at least
 * pr_plan_exec_bytes: executors that never run at the same time may share it. What is written to the
 * inputs of one lasts until another runs.
 */
pr_status pr_exec_create_over(const pr_plan *plan, void *memory, pr_exec **out);
void pr_exec_destroy(pr_exec **exec);

/**
 * The tensor of an input or output by name, or of its gradient (an output's is the seed, to be
 * written before each backward, which may add to it; an input's is there after it). An input keeps
 * what was written to it. Valid as long as the executor.
 *
 * Errors: PR_ERR_INVALID if the graph has none of that name, or no gradient was planned.
 */
pr_status pr_exec_value(pr_exec *exec, const char *name, pr_tensor *out);
pr_status pr_exec_grad(pr_exec *exec, const char *name, pr_tensor *out);

/**
 * Runs one segment. LEAF (backward, and forward in PR_MODE_TRAIN where the graph has buffers) is
 * an arena of the store's layout: gradients of parameters are written there, overwritten at a
 * parameter's first use and added at later ones, zero where a trained one takes no part in what is
 * seeded; statistics of buffers too; what the graph does not train is left as it is. May be NULL
 * where the graph has nothing to write.
 *
 * Errors: what the kernels return, with the op's name; PR_ERR_INVALID for a segment that does not
 * exist or a leaf that is missing.
 */
pr_status pr_exec_run(pr_exec *exec, pr_pass pass, int segment, pr_mode mode, const pr_rows *rows,
                      void *leaf);

/**
 * What stands after SEGMENT, which has run: OUT already holds a copy of IN, to be written over.
 * Backward, IN is the gradient of the sum and OUT that of what was summed. The tensors are valid
 * until the next call on this executor.
 */
pr_status pr_exec_cut(pr_exec *exec, pr_pass pass, int segment, pr_cut *out);

/** All segments of a pass for a graph without cuts. Errors: PR_ERR_INVALID if it has one. */
pr_status pr_exec_run_all(pr_exec *exec, pr_pass pass, pr_mode mode, const pr_rows *rows,
                          void *leaf);

#endif
