/**
 * What is trained, and how a step of it is made: an objective is a table of stages, a stage a cycle
 * of phases. An objective touches neither ranks nor files nor the optimizer: it builds graphs and
 * names what steps. trainer/step.c runs any of them.
 *
 * A phase's model graph runs once for each micro-batch. Its inputs are
 *     "image" [V, px, px, 3] real    "label" [V] i32    "weight" [V] real (1, or 0 for padding)
 * and it has a *local* term, an output "loss" [V] with one value a row, or a *gathered* output "z"
 * [V, D], or both. The gathered rows of all micro-batches, in global order, are the input of the
 * phase's loss graph, which runs once on each rank and whose inputs and output memory_bank/bank.h
 * describes ("z", "label", "pair", "id", "range", "info", "lambda"; "row_loss").
 */
#ifndef PR_TRAINER_OBJECTIVE_H
#define PR_TRAINER_OBJECTIVE_H

#include "engine/base/config.h"
#include "engine/core/graph.h"
#include "trainer/options.h"

/** The sizes that graphs are built for. */
typedef struct pr_build {
    const pr_train_options *options;
    int64_t n_rows;  /* V of a model graph, R of a loss graph */
    int64_t n_views; /* R of a model graph: what batch norm over the global batch divides by */
    int64_t n_cols;  /* D of a loss graph */
    pr_mode mode;    /* of a model graph */
    bool wants_loss; /* of a model graph: its output "loss" takes a seed */
} pr_build;

typedef pr_status (*pr_build_fn)(const pr_build *build, pr_graph *graph);

typedef struct pr_phase {
    const char *name;
    int views_per_item; /* 2: items are pairs, drawn as sampler.pairing says */
    pr_mode mode;       /* EVAL where everything in the graph is frozen but a mode-free head */
    pr_build_fn build_model;
    bool has_local;         /* the model graph has an output "loss" */
    pr_build_fn build_loss; /* NULL where nothing is gathered */
    /* Fills the loss graph's input "lambda" for a step whose first item is PLACE of EPOCH's plan;
     * NULL where it has none. */
    void (*draw)(const pr_train_options *options, uint32_t epoch, uint32_t place, double *lambda);
} pr_phase;

enum { PR_STAGE_MAX_TRAINS = 8 };

typedef struct pr_stage {
    const char *name;
    const char *trains[PR_STAGE_MAX_TRAINS]; /* name prefixes of the parameters that step */
    int n_trains;
    bool classifies; /* has a head "fc": scored by P(fake); otherwise by 1 - cos(z, centre) */
    const pr_phase *phases;
    int n_phases;
} pr_stage;

typedef struct pr_objective {
    const char *name;
    const char *doc;
    const pr_stage *stages;
    int n_stages;
} pr_objective;

/** The objective of that name, from objective_list.h. Errors: PR_ERR_INVALID, naming the nearest. */
pr_status pr_objective_find(const char *name, const pr_objective **out);

/** The names of all objectives, for messages and help; NULL-terminated. */
const char *const *pr_objective_names(void);

/** Model graphs that objectives share: backbone to "z" (L2-normalised projection), and to "loss"
 * and "prob" [V, 2] through the linear head. */
pr_status pr_build_embedding(const pr_build *build, pr_graph *graph);
pr_status pr_build_classifier(const pr_build *build, pr_graph *graph);

#endif
