/**
 * What a run's config says, as structs: the rows that fill them are in options.c and with the
 * modules that own them. docs/config.md is made from the rows.
 */
#ifndef PR_TRAINER_OPTIONS_H
#define PR_TRAINER_OPTIONS_H

#include "dataset/augment.h"
#include "dataset/generate.h"
#include "dataset/loader.h"
#include "engine/base/config.h"
#include "engine/comm/comm.h"
#include "memory_bank/bank.h"
#include "memory_bank/dcl.h"
#include "models/mc_lcr.h"
#include "sampler/sampler.h"
#include "trainer/dadd.h"
#include "trainer/launch_options.h"
#include "trainer/metrics.h"
#include "trainer/optimizer.h"
#include "trainer/schedule.h"

#include <stddef.h>

/** One element of data.train, data.val or data.test.<name>. */
typedef struct pr_selection_options {
    const char *path; /* a dataset's folder; "" : data.root / the first word of `dataset` */
    pr_config_words dataset, split, method, compression;
    int label; /* pr_any_label */
    int64_t n_frames;
    int frame_rule;      /* pr_frame_rule */
    const char *perturb; /* tests only: "none", "jpeg(40)", "scale(0.5)" */
} pr_selection_options;

typedef enum pr_any_label { PR_SELECT_ANY, PR_SELECT_REALS, PR_SELECT_FAKES } pr_any_label;

typedef struct pr_data_options {
    const char *root;
    pr_config_array train, val, test; /* of pr_selection_options; test is named */
    bool shuffle_labels;
    int on_bad_sample; /* pr_bad_sample: stop or replace; evaluation leaves out unless stop */
    int64_t n_batches_ahead;
    const char *stage; /* a folder of each node, or "" */
    bool is_staged;    /* pr_staged_make was here */
} pr_data_options;

typedef struct pr_model_options {
    const char *name;
    double width;
    double depth;              /* factor on the number of blocks that repeat */
    double dropout, drop_path; /* as in models/backbone.h */
    int64_t px;
    bool sync_bn;
    double bn_momentum;
    int64_t proj_hidden; /* 0: as wide as the features */
    int64_t proj_out;
    bool proj_bn;
    const char *init; /* "random", a .safetensors file, a checkpoint, or a run directory */
    bool init_partial;
} pr_model_options;

/* Of the objective `focal`. */
typedef struct pr_focal_options {
    double gamma, alpha;
} pr_focal_options;

typedef struct pr_stage_options {
    int64_t epochs;
    int64_t batch;
    int select;       /* pr_select: what the next stage starts from */
    int64_t patience; /* epochs without a better validation metric; 0: never stop early */
    pr_optim_options optim;
    pr_schedule_options schedule;
} pr_stage_options;

typedef enum pr_select { PR_SELECT_LAST, PR_SELECT_BEST } pr_select;
typedef enum pr_batch_unit { PR_UNIT_PAIRS, PR_UNIT_VIEWS } pr_batch_unit;

typedef struct pr_eval_options {
    int64_t batch;      /* images a forward pass holds */
    double threshold;   /* of P(fake) */
    bool fit_threshold; /* chosen on the validation split instead */
    const char *metric; /* that picks the best checkpoint of a stage with a classifier */
    int video_agg;      /* pr_video_agg */
    int64_t video_topk; /* of PR_VIDEO_TOPK */
    bool tpr_interpolated;
    bool heads;           /* what each sub-task's head says too */
    bool choose_on_test;  /* the metric is taken on data.test: every output says so */
    int64_t every_epochs; /* validation; 0: only at a stage's end */
} pr_eval_options;

enum { PR_OWN_BYTES = 4096 };

typedef struct pr_train_options {
    int64_t seed;
    const char *objective;
    int device;             /* pr_device */
    int cpu_isa;            /* number of the word: auto, baseline, avx2, avx512 */
    int64_t cpu_threads;    /* 0: this task's cpuset, shared by the ranks of the node */
    int64_t loader_threads; /* -1: as many as compute */
    int reduction;          /* pr_reduction */
    bool reproducible;

    int64_t n_micro; /* 0: the largest power of two that leaves 32 views in a micro-batch */
    bool recompute;
    int batch_unit;      /* pr_batch_unit */
    int64_t batch_ranks; /* 1 once the stages' batches and n_micro are those of all */
    int64_t memory_mb;   /* refuse a run that needs more; 0: what the machine has */

    const char *stop_at;      /* "", "epoch 3", "step 120" */
    int64_t checkpoint_every; /* steps; 0: at the ends of epochs only */
    int64_t keep;             /* newest checkpoints */
    int64_t log_every;        /* steps */
    bool tensorboard;
    int64_t hash_every; /* steps between comparisons of the replicas */
    double stall_s;
    pr_launch_options launch;

    pr_data_options data;
    pr_model_options model;
    pr_augment_options augment;
    pr_generate_options generate; /* masks and mix-ups; the rest by the objective */
    pr_sampler_options sampler;   /* pairing, probabilities, gap, balance; the rest by the stage */
    pr_config_reals pair_probs;   /* instance, temporal, semantic, class */
    pr_rccl_options rccl;
    pr_focal_options focal;
    pr_supcon_options supcon;
    pr_dcl_options dcl;
    pr_mc_lcr_options mc_lcr;
    pr_dadd_options dadd;
    pr_addg_options addg;
    pr_eval_options eval;
    pr_stage_options stage; /* batch, optim.*, schedule.*: every stage's defaults */
    pr_config_array stages; /* of pr_stage_options, named */
    /* What rows of registered objectives fill: pr_own_options gives each its part. */
    _Alignas(max_align_t) unsigned char own[PR_OWN_BYTES];
} pr_train_options;

typedef enum pr_device { PR_DEVICE_CPU, PR_DEVICE_REF } pr_device;

/** Registers every row of a run's config, to be written into OPTIONS (NULL: only documented). */
pr_status pr_train_options_register(pr_config_schema *schema, pr_train_options *options);

/** The options of the stage NAME. Errors: PR_ERR_INVALID where the config has no such stage. */
pr_status pr_stage_options_find(const pr_train_options *options, const char *name,
                                const pr_stage_options **out);

/** How metrics are computed, at THRESHOLD. */
pr_metrics_options pr_eval_options_metrics(const pr_eval_options *options, double threshold);

/** The word of cpu.isa, for pr_cpu_isa_set. */
const char *pr_isa_word(const pr_train_options *options);

/**
 * What rows alone cannot check: stages that the objective does not have, combinations that exclude
 * each other (model.sync_bn with train.recompute, reproducible with comm.reduction fast).
 */
pr_status pr_train_options_check(const pr_train_options *options);

#endif
