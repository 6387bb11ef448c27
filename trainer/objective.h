/**
 * What is trained, and how a step of it is made: an objective is a table of stages, a stage a cycle
 * of phases. An objective touches neither ranks nor files nor the optimizer: it builds graphs and
 * names what steps. trainer/step.c runs any of them. What a row of these tables does not give is
 * zero, which always means the plain case; write them with designated initialisers.
 *
 * A phase's model graph runs once for each micro-batch. Its inputs are
 *     "image" [V, px, px, 3] real    "label" [V] i32    "weight" [V] real (1, or 0 for padding)
 *     "mask" [V, px, px] real, with wants_mask: how much of a pixel is forged
 * and it has *local* terms, outputs [V] with one value a row, or a *gathered* output "z" [V, D], or
 * both. The gathered rows of all micro-batches, in global order, are the input of the phase's loss
 * graph, which runs once on each rank and whose inputs and output memory_bank/bank.h describes ("z",
 * "k", "label", "pair", "id", "range", "info", "lambda"; "row_loss").
 *
 * Where a phase has a key graph (MoCo, He et al. 2020), items have two views: the model graph runs on
 * the first ones, so that its rows are items, and the key graph, whose parameters are moving averages
 * of the model graph's, on the second ones, without gradient. Its output "k" is gathered too, and comes
 * to the loss graph in the order of items.
 */
#ifndef PR_TRAINER_OBJECTIVE_H
#define PR_TRAINER_OBJECTIVE_H

#include "engine/base/config.h"
#include "engine/core/graph.h"
#include "engine/core/store.h"
#include "trainer/options.h"

/** The sizes that graphs are built for. */
typedef struct pr_build {
    const pr_train_options *options;
    int64_t n_rows;  /* V of a model or key graph, R of a loss graph */
    int64_t n_views; /* R of a model graph: what batch norm over the global batch divides by */
    int64_t n_cols;  /* D of a loss graph */
    pr_mode mode;    /* of a model graph */
    bool wants_loss; /* of a model graph: its local terms take seeds */
    int phase;       /* which of the stage's phases this is for */
} pr_build;

typedef pr_status (*pr_build_fn)(const pr_build *build, pr_graph *graph);

/** What a term's sum over its rows is divided by: a count over the global batch. */
typedef enum pr_divisor {
    PR_DIVISOR_ALL,   /* all rows */
    PR_DIVISOR_VALID, /* rows where the i32 output "<name>_valid" is not 0; none: the term is 0 */
} pr_divisor;

/** A local term. */
typedef struct pr_term {
    const char *name; /* an output [V] real of the model graph; the log has it under this name */
    pr_divisor divisor;
    /* In the total, when the stage has finished EPOCH epochs; NULL: 1. */
    double (*weight)(const pr_train_options *options, int64_t epoch);
} pr_term;

/** The parameters KEY + rest follow ONLINE + rest. */
typedef struct pr_ema_pair {
    const char *online, *key;
} pr_ema_pair;

enum { PR_STAGE_MAX_TRAINS = 12, PR_MAX_TERMS = 6, PR_MAX_EMA = 4 };

typedef struct pr_phase {
    const char *name;
    int views_per_item; /* 2: items are pairs, drawn as sampler.pairing says */
    pr_mode mode;       /* EVAL where everything in the graph is frozen but a mode-free head */
    pr_build_fn build_model;
    bool has_local; /* the model graph has local terms: those below, or one output "loss" */
    const pr_term *terms;
    int n_terms;
    pr_build_fn build_loss; /* NULL where nothing is gathered */
    /* Fills the loss graph's input "lambda" for a step whose first item is PLACE of EPOCH's plan;
     * NULL where it has none. */
    void (*draw)(const pr_train_options *options, uint32_t epoch, uint32_t place, double *lambda);
    const char *gathered_name; /* of the gathered term in the log; NULL: it is the only term */
    double (*gathered_weight)(const pr_train_options *options, int64_t epoch); /* NULL: 1 */

    const char *trains[PR_STAGE_MAX_TRAINS]; /* what steps in this phase; none: the stage's */
    int n_trains;
    /*
     * A term of parameters: sets *VALUE and adds its gradient to SUM, an arena of STORE's layout,
     * once a step, after gradients are summed. The same on every rank. NULL: none.
     */
    pr_status (*param_term)(const pr_train_options *options, pr_store *store, void *sum,
                            double *value);
    const char *param_name; /* of that term in the log */
    /* Changes what the config says of sampling, for this phase's views; NULL: nothing. */
    void (*sampler)(const pr_train_options *options, int phase, pr_sampler_options *sampler);
    bool wants_mask;

    pr_build_fn build_key;       /* NULL: no keys */
    pr_ema_pair ema[PR_MAX_EMA]; /* of the key graph's parameters, at a step's start */
    int n_ema;
    double (*ema_decay)(const pr_train_options *options); /* share of the old key parameter */
    /* Whether keys are dealt to other micro-batches than their queries (shuffling batch norm). */
    bool (*shuffles_keys)(const pr_train_options *options);
} pr_phase;

typedef struct pr_stage {
    const char *name;
    const char *trains[PR_STAGE_MAX_TRAINS]; /* name prefixes of the parameters that step */
    int n_trains;
    bool classifies; /* has an output "prob": scored by P(fake); otherwise by 1 - cos(z, centre) */
    const pr_phase *phases;
    int n_phases;
    /* The cycle: how many steps it has, and the phase of step I. NULL: each phase once, in order. */
    int (*n_cycle)(const pr_train_options *options);
    int (*cycle_phase)(const pr_train_options *options, int i);
    /* The graph that is evaluated: "image" to "prob" and "features", or "z". NULL: the shared
     * classifier, or the shared embedding where the stage does not classify. */
    pr_build_fn build_eval;
    /* For `eval --heads`: the same with n_heads further heads, "features" [V, 2 n_heads] being the
     * probabilities of each ("prob" stays the stage's own answer). NULL: there are none. */
    pr_build_fn build_heads;
    int n_heads;
} pr_stage;

enum { PR_NEEDS_REAL = 1, PR_NEEDS_FAKE = 2 };

typedef struct pr_objective {
    const char *name;
    const char *doc;
    const pr_stage *stages;
    int n_stages;
    int needs; /* PR_NEEDS_*: classes that data.train must have; 0: as the sampler judges */
    /* What rows alone cannot check; NULL: nothing. */
    pr_status (*check)(const pr_train_options *options);
    /*
     * How validation draws its views from data.val: true where SAMPLER was filled (one view an item,
     * one micro-batch), and epoch 0 of its plan is what is scored each time; false, or NULL: every
     * sample once, as it is.
     */
    bool (*val_sampler)(const pr_train_options *options, pr_sampler_options *sampler);
    /*
     * Of a registered objective: its own rows of the config. Their offsets are within the struct of
     * OWN_BYTES that pr_own_options gives.
     */
    const pr_config_row *rows;
    int n_rows;
    size_t own_bytes;
} pr_objective;

/**
 * Makes OBJECTIVE (borrowed for good) one that a config may name, beside those of objective_list.h.
 * Not collective: every rank does it before pr_program_main (launch/program.h), on its main thread.
 *
 * Errors: PR_ERR_INVALID, saying what is wrong: a name that is taken or has other characters than
 * a-z, 0-9 and _; tables longer than this header allows, or without a graph; a row whose key there
 * is or that lies outside of own_bytes; more than 16 objectives, or than PR_OWN_BYTES together.
 */
pr_status pr_objective_register(const pr_objective *objective);

/** The struct that the rows of the registered objective NAME filled; NULL where it has none. */
const void *pr_own_options(const pr_train_options *options, const char *name);

/** Adds the rows of registered objectives; OPTIONS may be NULL, where only documented. */
pr_status pr_own_options_register(pr_config_schema *schema, pr_train_options *options);

/** The objective of that name. Errors: PR_ERR_INVALID, with the nearest and all there are. */
pr_status pr_objective_find(const char *name, const pr_objective **out);

/** The names of all objectives, for messages and help; NULL-terminated. */
const char *const *pr_objective_names(void);

/** Model graphs that objectives share: backbone to "z" (L2-normalised projection), and to "loss"
 * and "prob" [V, 2] through the linear head. */
pr_status pr_build_embedding(const pr_build *build, pr_graph *graph);
pr_status pr_build_classifier(const pr_build *build, pr_graph *graph);
/** The classifier with another loss than softmax_ce, whose inputs and outputs it must have. */
pr_status pr_build_classifier_as(const pr_build *build, pr_graph *graph, pr_op_id loss,
                                 const void *attr);

/** What those begin with: the input "image", and *FEATURES [V, F] of the backbone. */
pr_status pr_build_features(const pr_build *build, pr_graph *graph, pr_value *features);

/** Batch norm over so many views of the global batch, in BUILD's graph; 0: over the micro-batch. */
int64_t pr_build_sync_views(const pr_build *build);

#endif
