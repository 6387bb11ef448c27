/*
 * The rows of a run's config that the trainer owns. A default, once released, never changes.
 */
#include "trainer/options.h"

#include "engine/base/text.h"
#include "trainer/objective.h"

#include <string.h>

enum { ID = PR_CONFIG_IDENTITY, FREE = PR_CONFIG_FREE_ON_RESUME };

static const char *const label_words[] = {"any", "real", "fake", NULL};
static const char *const frame_words[] = {"all", "first", "uniform", "random", NULL};
static const char *const bad_words[] = {"stop", "replace", NULL};
static const char *const device_words[] = {"cpu", "ref", NULL};
static const char *const isa_words[] = {"auto", "baseline", "avx2", "avx512", NULL};
static const char *const reduction_words[] = {"strict", "fast", NULL};
static const char *const unit_words[] = {"pairs", "views", NULL};
static const char *const pairing_words[] = {"none",     "instance", "temporal",
                                            "semantic", "class",    NULL};
static const char *const balance_words[] = {"epoch", "once", "none", NULL};
static const char *const select_words[] = {"last", "best", NULL};
static const char *const agg_words[] = {"mean", "max", "median", "topk", NULL};

/* clang-format off */
#define ROW(type, member, key, kind, def, min, max, words, flags, doc)                             \
    {key, kind, def, min, max, words, offsetof(type, member), flags, doc}

#define SELECTION(member, key, kind, def, min, max, words, doc)                                    \
    ROW(pr_selection_options, member, key, kind, def, min, max, words, 0, doc)
static const pr_config_row selection_rows[] = {
    ROW(pr_selection_options, path, "path", PR_CONFIG_STRING, "", 0, 0, NULL, FREE,
              "a dataset's folder; empty: the folder under data.root that has the word of `dataset`"),
    SELECTION(dataset, "dataset", PR_CONFIG_WORDS, "", 0, 0, NULL, "words of `dataset`; empty: any"),
    SELECTION(split, "split", PR_CONFIG_WORDS, "", 0, 0, NULL,
              "words of `split`, folds among them; empty: any"),
    SELECTION(method, "method", PR_CONFIG_WORDS, "", 0, 0, NULL, "words of `method`; empty: any"),
    SELECTION(compression, "compression", PR_CONFIG_WORDS, "", 0, 0, NULL,
              "words of `compression`; empty: any"),
    SELECTION(label, "label", PR_CONFIG_CHOICE, "any", 0, 0, label_words, "one class only, or both"),
    SELECTION(n_frames, "frames.n", PR_CONFIG_INT, "32", 1, 1e9, NULL,
              "frames of a video that are taken, unless frames.rule is all"),
    SELECTION(frame_rule, "frames.rule", PR_CONFIG_CHOICE, "all", 0, 0, frame_words,
              "which frames: all, the first, spread evenly, or drawn once a video"),
    SELECTION(perturb, "perturb", PR_CONFIG_STRING, "none", 0, 0, NULL,
              "tests only: none, jpeg(quality) or scale(factor), before the resize"),
};

#define STAGE(member, key, kind, def, min, max, words, doc)                                        \
    ROW(pr_stage_options, member, key, kind, def, min, max, words, ID, doc)
#define STAGE_DEFAULT_ROWS                                                                         \
    STAGE(batch, "batch", PR_CONFIG_INT, "128", 2, 1e9, NULL,                                      \
          "global batch of a step: pairs where views are paired (see batch_unit), else images"),   \
    STAGE(patience, "patience", PR_CONFIG_INT, "0", 0, 1e9, NULL,                                  \
          "epochs without a better validation metric that end the stage; 0: never"),               \
    STAGE(select, "select", PR_CONFIG_CHOICE, "last", 0, 0, select_words,                          \
          "parameters that the next stage starts from"),                                           \
    PR_OPTIM_ROWS(pr_stage_options, optim),                                                        \
    PR_SCHEDULE_ROWS(pr_stage_options, schedule)

static const pr_config_row stage_default_rows[] = {STAGE_DEFAULT_ROWS};
static const pr_config_row stage_rows[] = {
    {"epochs", PR_CONFIG_INT, NULL, 0, 1e9, NULL, offsetof(pr_stage_options, epochs),
     ID | PR_CONFIG_REQUIRED, "epochs of the stage: its schedule's horizon, which never changes"},
    STAGE_DEFAULT_ROWS,
};

#define RUN(member, key, kind, def, min, max, words, flags, doc)                                   \
    ROW(pr_train_options, member, key, kind, def, min, max, words, flags, doc)
static const pr_config_row run_rows[] = {
    RUN(seed, "seed", PR_CONFIG_INT, "1", 0, 9e15, NULL, ID, "what every random draw is keyed by"),
    RUN(objective, "objective", PR_CONFIG_STRING, NULL, 0, 0, NULL, ID | PR_CONFIG_REQUIRED,
        "what is trained: cross_entropy, focal, mc_lcr, supcon, rccl, dcl, dadd"),
    RUN(device, "device", PR_CONFIG_CHOICE, "cpu", 0, 0, device_words, FREE,
        "cpu (f32), or ref: plain loops in double, slow, the judge"),
    RUN(cpu_isa, "cpu.isa", PR_CONFIG_CHOICE, "auto", 0, 0, isa_words, FREE,
        "highest instruction set: lower it where the ranks' processors differ"),
    RUN(cpu_threads, "cpu.threads", PR_CONFIG_INT, "0", 0, 4096, NULL, FREE,
        "computing threads a rank; 0: its cpuset, shared by the ranks of the node"),
    RUN(loader_threads, "cpu.loader_threads", PR_CONFIG_INT, "-1", -1, 4096, NULL, FREE,
        "decoding threads a rank; -1: as many as compute; 0: the step decodes itself"),
    RUN(reduction, "comm.reduction", PR_CONFIG_CHOICE, "strict", 0, 0, reduction_words, ID,
        "strict: ordered sums, the same bits on any number of ranks; fast: MPI_Allreduce"),
    RUN(reproducible, "reproducible", PR_CONFIG_BOOL, "true", 0, 0, NULL, ID,
        "refuse whatever would make bits depend on the number of ranks"),
    RUN(n_micro, "train.n_micro", PR_CONFIG_INT, "0", 0, 65536, NULL, ID,
        "micro-batches of a step; 0: the largest power of two that leaves 32 views in each"),
    RUN(recompute, "train.recompute", PR_CONFIG_BOOL, "false", 0, 0, NULL, FREE,
        "keep no activations and run forward twice: any batch in little memory, same bits"),
    RUN(batch_unit, "batch_unit", PR_CONFIG_CHOICE, "pairs", 0, 0, unit_words, ID,
        "whether `batch` counts pairs or views where views are paired"),
    RUN(batch_ranks, "batch_ranks", PR_CONFIG_INT, "1", 1, 4096, NULL, ID,
        "`batch` and train.n_micro are one rank's of so many, as in code that has a batch a GPU; the "
        "run itself may have any number of ranks"),
    RUN(memory_mb, "train.memory_mb", PR_CONFIG_INT, "0", 0, 1e9, NULL, FREE,
        "megabytes that a rank may take; 0: the node's, shared by its ranks"),
    RUN(stop_at, "train.stop_at", PR_CONFIG_STRING, "", 0, 0, NULL, FREE,
        "end early: `epoch N` or `step N`, counted over all stages; the horizon stays"),
    RUN(checkpoint_every, "train.checkpoint_every", PR_CONFIG_INT, "0", 0, 1e12, NULL, FREE,
        "steps between checkpoints; 0: at the ends of epochs only"),
    RUN(keep, "train.keep", PR_CONFIG_INT, "2", 1, 1e6, NULL, FREE,
        "newest checkpoints that are kept beside the best"),
    RUN(log_every, "train.log_every", PR_CONFIG_INT, "1", 1, 1e9, NULL, FREE,
        "steps between lines of log.jsonl"),
    RUN(tensorboard, "train.tensorboard", PR_CONFIG_BOOL, "true", 0, 0, NULL, FREE,
        "write an event file for TensorBoard beside log.jsonl"),
    RUN(hash_every, "train.hash_every", PR_CONFIG_INT, "50", 1, 1e9, NULL, FREE,
        "steps between comparisons of the ranks' replicas"),
    RUN(stall_s, "launch.stall_s", PR_CONFIG_REAL, "600", 1, 1e7, NULL, FREE,
        "seconds without any progress after which the job is ended, naming the rank"),

    RUN(data.root, "data.root", PR_CONFIG_STRING, "", 0, 0, NULL, FREE,
        "folder under which datasets lie by their word; relative paths start here too"),
    RUN(data.shuffle_labels, "data.shuffle_labels", PR_CONFIG_BOOL, "false", 0, 0, NULL, ID,
        "the control experiment: training labels permuted once, by the seed"),
    RUN(data.on_bad_sample, "data.on_bad_sample", PR_CONFIG_CHOICE, "stop", 0, 0, bad_words, ID,
        "a crop that does not decode: stop, or in training draw another of its class"),
    RUN(data.stage, "data.stage", PR_CONFIG_STRING, "", 0, 0, NULL, FREE,
        "a folder on each node's own disk, to which training copies its data first; empty: none"),
    RUN(data.n_batches_ahead, "data.batches_ahead", PR_CONFIG_INT, "2", 1, 64, NULL, FREE,
        "batches that are decoded ahead"),

    RUN(model.name, "model.name", PR_CONFIG_STRING, "xception", 0, 0, NULL, ID,
        "the backbone: xception, efficientnet_b0 or _b4 (tf_ before: TensorFlow's padding), meso4, "
        "meso_inception4 (_keras behind: as its authors have it)"),
    RUN(model.width, "model.width", PR_CONFIG_REAL, "1", 0.03125, 4, NULL, ID,
        "factor on every width, rounded to a multiple of 8"),
    RUN(model.depth, "model.depth", PR_CONFIG_REAL, "1", 0, 4, NULL, ID,
        "factor on the number of middle blocks (Xception) or of each stage's (EfficientNet)"),
    RUN(model.dropout, "model.dropout", PR_CONFIG_REAL, "-1", -1, 0.99, NULL, ID,
        "share of the features that training drops; -1: the model's own (Meso 0.5, others 0)"),
    RUN(model.drop_path, "model.drop_path", PR_CONFIG_REAL, "0", 0, 0.99, NULL, ID,
        "EfficientNet: share of images for which training leaves out the last block"),
    RUN(model.px, "model.px", PR_CONFIG_INT, "299", 32, 4096, NULL, ID,
        "input size in pixels, both ways"),
    RUN(model.sync_bn, "model.sync_bn", PR_CONFIG_BOOL, "false", 0, 0, NULL, ID,
        "batch norm over the global batch instead of the micro-batch"),
    RUN(model.bn_momentum, "model.bn_momentum", PR_CONFIG_REAL, "0.1", 0, 1, NULL, ID,
        "share of a step's statistics in the running ones"),
    RUN(model.proj_hidden, "model.proj_hidden", PR_CONFIG_INT, "0", 0, 65536, NULL, ID,
        "hidden width of the projector; 0: as wide as the features (R18)"),
    RUN(model.proj_out, "model.proj_out", PR_CONFIG_INT, "128", 2, 65536, NULL, ID,
        "width of the embedding (R18)"),
    RUN(model.proj_bn, "model.proj_bn", PR_CONFIG_BOOL, "false", 0, 0, NULL, ID,
        "batch norm in the projector (R18)"),
    RUN(model.init, "model.init", PR_CONFIG_STRING, NULL, 0, 0, NULL, ID | PR_CONFIG_REQUIRED,
        "where weights start: `random`, a .safetensors file, a checkpoint, or a run's folder; a head "
        "of another shape there stays at random"),
    RUN(model.init_partial, "model.init_partial", PR_CONFIG_BOOL, "false", 0, 0, NULL, ID,
        "allow weights that leave a part of the backbone at random"),
    RUN(focal.gamma, "focal.gamma", PR_CONFIG_REAL, "2", 0, 16, NULL, ID,
        "objective focal: power of 1 - p that a row's cross-entropy is multiplied by"),
    RUN(focal.alpha, "focal.alpha", PR_CONFIG_REAL, "0", 0, 0.99, NULL, ID,
        "objective focal: weight of fakes, reals have 1 - alpha; 0: none"),

    RUN(sampler.pairing, "sampler.pairing", PR_CONFIG_CHOICE, "semantic", 0, 0, pairing_words, ID,
        "levels at which a second view is drawn; each word includes those before it (R31)"),
    RUN(pair_probs, "sampler.pair_probs", PR_CONFIG_REALS, "", 0, 1, NULL, ID,
        "probabilities of instance, temporal, semantic, class; empty: uniform (R2)"),
    RUN(sampler.max_gap, "sampler.temporal_gap", PR_CONFIG_INT, "1000000", 1, 1e9, NULL, ID,
        "frames that a temporal mate may be away; the nearest stored one is taken (R4)"),
    RUN(sampler.balance, "sampler.balance", PR_CONFIG_CHOICE, "epoch", 0, 0, balance_words, ID,
        "under-sampling of the larger class: anew each epoch, once, or none (R21)"),
    RUN(sampler.frame_shift_prob, "sampler.frame_shift_prob", PR_CONFIG_REAL, "0", 0, 1, NULL, ID,
        "share of views that show another frame of their video (DCL; C9)"),
    RUN(sampler.mixup_prob, "sampler.mixup_prob", PR_CONFIG_REAL, "0", 0, 1, NULL, ID,
        "share of fake views that are mixed with their aligned real (DCL; C9)"),

    RUN(eval.batch, "eval.batch", PR_CONFIG_INT, "32", 1, 65536, NULL, FREE,
        "images of a forward pass in evaluation"),
    RUN(eval.threshold, "eval.threshold", PR_CONFIG_REAL, "0.5", -10, 10, NULL, FREE,
        "score from which on a crop is called fake"),
    RUN(eval.fit_threshold, "eval.fit_threshold", PR_CONFIG_BOOL, "false", 0, 0, NULL, FREE,
        "choose the threshold on the validation split instead"),
    RUN(eval.metric, "eval.metric", PR_CONFIG_STRING, "frame.auc", 0, 0, NULL, ID,
        "metric of the validation split that picks the best checkpoint"),
    RUN(eval.video_agg, "eval.video_agg", PR_CONFIG_CHOICE, "mean", 0, 0, agg_words, FREE,
        "how a video's score is made of its frames'"),
    RUN(eval.video_topk, "eval.video_topk", PR_CONFIG_INT, "5", 1, 1e6, NULL, FREE,
        "frames that topk takes"),
    RUN(eval.tpr_interpolated, "eval.tpr_interpolated", PR_CONFIG_BOOL, "false", 0, 0, NULL, FREE,
        "TPR at an FPR on the line between two points, not the largest with an FPR up to it"),
    RUN(eval.heads, "eval.heads", PR_CONFIG_BOOL, "false", 0, 0, NULL, FREE,
        "also test what each sub-task's head says, as eval --heads (dadd)"),
    RUN(eval.choose_on_test, "eval.choose_on_test", PR_CONFIG_BOOL, "false", 0, 0, NULL, ID,
        "pick the best checkpoint on data.test: every output then says so"),
    RUN(eval.every_epochs, "eval.every_epochs", PR_CONFIG_INT, "1", 0, 1e9, NULL, ID,
        "epochs between validations; 0: at the ends of stages only"),
};
/* clang-format on */

#define N(rows) ((int64_t)(sizeof(rows) / sizeof((rows)[0])))

static const pr_config_group groups[] = {
    {"data.train", PR_CONFIG_BY_NUMBER, selection_rows, N(selection_rows),
     sizeof(pr_selection_options), offsetof(pr_train_options, data.train), NULL,
     "what is trained on: a list of selections"},
    {"data.val", PR_CONFIG_BY_NUMBER, selection_rows, N(selection_rows),
     sizeof(pr_selection_options), offsetof(pr_train_options, data.val), NULL,
     "what the best checkpoint is chosen on"},
    {"data.test", PR_CONFIG_BY_NAME_NUMBER, selection_rows, N(selection_rows),
     sizeof(pr_selection_options), offsetof(pr_train_options, data.test), NULL,
     "what is tested on: lists of selections by name"},
    {"stage", PR_CONFIG_BY_NAME, stage_rows, N(stage_rows), sizeof(pr_stage_options),
     offsetof(pr_train_options, stages), "",
     "a stage of the objective; what is not given here is taken from the same key without "
     "`stage.<name>.`"},
};

pr_status pr_train_options_register(pr_config_schema *schema, pr_train_options *options)
{
    const pr_config_module run = {"The run", run_rows, N(run_rows), groups, N(groups), options};
    const pr_config_module stage = {"Every stage's defaults",
                                    stage_default_rows,
                                    N(stage_default_rows),
                                    NULL,
                                    0,
                                    options == NULL ? NULL : &options->stage};
    PR_TRY(pr_config_register(schema, &run));
    PR_TRY(pr_config_register(schema, &stage));
    const pr_config_module mc_lcr = pr_mc_lcr_config(options == NULL ? NULL : &options->mc_lcr);
    PR_TRY(pr_config_register(schema, &mc_lcr));
    const pr_config_module rccl = pr_rccl_config(options == NULL ? NULL : &options->rccl);
    const pr_config_module supcon = pr_supcon_config(options == NULL ? NULL : &options->supcon);
    const pr_config_module augment = pr_augment_config(options == NULL ? NULL : &options->augment);
    const pr_config_module generate =
        pr_generate_config(options == NULL ? NULL : &options->generate);
    const pr_config_module dcl = pr_dcl_config(options == NULL ? NULL : &options->dcl);
    PR_TRY(pr_config_register(schema, &augment));
    PR_TRY(pr_config_register(schema, &dcl));
    PR_TRY(pr_config_register(schema, &generate));
    PR_TRY(pr_config_register(schema, &rccl));
    PR_TRY(pr_config_register(schema, &supcon));
    const pr_config_module dadd = pr_dadd_config(options == NULL ? NULL : &options->dadd);
    const pr_config_module addg = pr_addg_config(options == NULL ? NULL : &options->addg);
    PR_TRY(pr_config_register(schema, &dadd));
    PR_TRY(pr_config_register(schema, &addg));
    const pr_config_module launch = pr_launch_config(options == NULL ? NULL : &options->launch);
    PR_TRY(pr_config_register(schema, &launch));
    return pr_own_options_register(schema, options);
}

pr_metrics_options pr_eval_options_metrics(const pr_eval_options *options, double threshold)
{
    return (pr_metrics_options){.threshold = threshold,
                                .video_agg = (pr_video_agg)options->video_agg,
                                .video_topk = options->video_topk,
                                .tpr_interpolated = options->tpr_interpolated};
}

const char *pr_isa_word(const pr_train_options *options)
{
    return isa_words[options->cpu_isa];
}

pr_status pr_stage_options_find(const pr_train_options *options, const char *name,
                                const pr_stage_options **out)
{
    const pr_stage_options *const stages = options->stages.at;
    for (int64_t i = 0; i < options->stages.n; i++) {
        if (strcmp(options->stages.names[i], name) == 0) {
            *out = &stages[i];
            return PR_OK;
        }
    }
    return PR_FAIL(PR_ERR_INVALID, "stage.%s.epochs must be given: objective '%s' has that stage",
                   name, options->objective);
}

static bool has_stage(const pr_objective *objective, const char *name)
{
    for (int s = 0; s < objective->n_stages; s++) {
        if (strcmp(objective->stages[s].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * A stage of another objective is borne, so that one file can hold the rows of a table; one that no
 * objective has is a typing error.
 */
static pr_status check_stages(const pr_train_options *options, const pr_objective *objective)
{
    for (int64_t i = 0; i < options->stages.n; i++) {
        bool known = false;
        for (const char *const *name = pr_objective_names(); *name != NULL; name++) {
            const pr_objective *other = NULL;
            PR_TRY(pr_objective_find(*name, &other));
            known = known || has_stage(other, options->stages.names[i]);
        }
        PR_REQUIRE(known, PR_ERR_INVALID, "stage.%s: no objective has such a stage ('%s' has '%s')",
                   options->stages.names[i], objective->name, objective->stages[0].name);
    }
    for (int s = 0; s < objective->n_stages; s++) {
        const pr_stage_options *found = NULL;
        PR_TRY(pr_stage_options_find(options, objective->stages[s].name, &found));
    }
    return PR_OK;
}

pr_status pr_train_options_check(const pr_train_options *options)
{
    const pr_objective *objective = NULL;
    PR_TRY(pr_objective_find(options->objective, &objective));
    PR_TRY(check_stages(options, objective));
    PR_REQUIRE(
        !(options->model.sync_bn && options->recompute), PR_ERR_INVALID,
        "model.sync_bn and train.recompute exclude each other: a layer's statistics need all "
        "micro-batches at once");
    PR_REQUIRE(!(options->reproducible && options->reduction == PR_REDUCE_FAST), PR_ERR_INVALID,
               "comm.reduction: fast gives up equal bits on any number of ranks; it wants "
               "reproducible: false");
    PR_REQUIRE(options->data.train.n > 0, PR_ERR_INVALID,
               "data.train names no selection: data.train.0.path must be given");
    PR_REQUIRE(
        options->pair_probs.n == 0 || options->pair_probs.n == 4, PR_ERR_INVALID,
        "sampler.pair_probs has %lld numbers, wanted 4 (instance, temporal, semantic, class)",
        (long long)options->pair_probs.n);
    PR_REQUIRE(options->dadd.source == PR_DADD_FILES || objective->val_sampler != NULL,
               PR_ERR_INVALID,
               "dadd.source: objective '%s' does not train on forged views (cross_entropy and dadd "
               "do)",
               objective->name);
    return objective->check == NULL ? PR_OK : objective->check(options);
}
