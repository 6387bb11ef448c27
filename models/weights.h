/**
 * Weights of other programs into a store, and out of it: names of PyTorch, timm (legacy_xception,
 * efficientnet), Cadene's pretrained models and DeepfakeBench. Not collective; every rank may read the same file.
 *
 * A store keeps PyTorch's names and shapes below a prefix ("backbone."), so mapping a name means
 * taking wrappers off its front (module., model., net., encoder., backbone., efficientnet.) and
 * putting the store's prefix there. Cadene's older files hold pointwise convolutions as [out, in]
 * instead of [out, in, 1, 1]. DeepfakeBench's EfficientNet is lukemelas's, whose blocks are numbered
 * through and whose layers are called _depthwise_conv: these names are turned into timm's (and its
 * padding and eps are those of tf_efficientnet). What every file of a classifier has and no store wants is skipped:
 * the head for other classes (fc, fc2, _fc, last_linear, last_layer, classifier, head), batch norm's num_batches_tracked,
 * DeepfakeBench's adjust_channel.
 */
#ifndef PR_MODELS_WEIGHTS_H
#define PR_MODELS_WEIGHTS_H

#include "engine/base/text.h"
#include "engine/core/store.h"
#include "models/safetensors.h"

typedef enum pr_weight_fate {
    PR_WEIGHT_MATCHED,  /* name and shape */
    PR_WEIGHT_RESHAPED, /* the same numbers under a shape that differs in ones only */
    PR_WEIGHT_SKIPPED,  /* of the file, wanted by no store; the note says why */
    PR_WEIGHT_UNKNOWN,  /* of the file, and no tensor of the store is called so */
    PR_WEIGHT_MISFIT,   /* of another size than the store's tensor of its name */
    PR_WEIGHT_MISSING,  /* of the store below the prefix, not in the file */
    PR_WEIGHT_KEPT,     /* of the store outside of the prefix (heads): stays as it was */
    PR_WEIGHT_FATES
} pr_weight_fate;

/** "matched", "reshaped", … */
const char *pr_weight_fate_name(pr_weight_fate fate);

typedef struct pr_weight_row {
    pr_weight_fate fate;
    char *file_name; /* NULL: not in the file; owned */
    int file_idx;    /* in the safetensors file, or -1 */
    int store_idx;   /* in the store, or -1 */
    char file_shape[96];
    const char *note; /* why it is skipped, or ""; static */
} pr_weight_row;

/** One row for each tensor of the file in its order, then those of the store it has not. */
typedef struct pr_weights_report {
    char *path;
    pr_weight_row *rows;
    int n_rows;
    int n[PR_WEIGHT_FATES];
} pr_weights_report;

typedef struct pr_weights_options {
    const char *prefix; /* where the file's tensors belong: "backbone." */
    bool with_head;     /* the file's head is read into "fc." */
    bool partial;       /* tensors that are missing, unknown or misfit are left, and reported */
} pr_weights_options;

/**
 * What would be read from PATH into STORE; reads the header only and refuses nothing but a file that
 * cannot be opened, or two of its tensors that mean the same.
 */
pr_status pr_weights_plan(const char *path, const pr_store *store,
                          const pr_weights_options *options, pr_weights_report **out);
void pr_weights_report_destroy(pr_weights_report **report);

/**
 * Reads PATH into STORE, all of it or nothing: values are checked before the first is written.
 * Files that pr_weights_export wrote keep all their names, heads too, whatever the options.
 *
 * Errors: those of pr_safetensors_open and _read; PR_ERR_INVALID where a tensor is missing, unknown
 * or misfit and the options do not say partial, or where no tensor fits at all.
 */
pr_status pr_weights_load(const char *path, pr_store *store, const pr_weights_options *options,
                          pr_weights_report **report);

/** The report as a table, one line a tensor, and a line of counts. */
pr_status pr_weights_report_text(const pr_weights_report *report, const pr_store *store,
                                 pr_text *text);

typedef struct pr_weights_export_options {
    const char *prefix;                /* tensors whose names begin so; "": all */
    bool strip;                        /* without the prefix, as timm and Cadene name them */
    const char *head;                  /* not NULL: the classifier too, "fc." under this name */
    const pr_safetensor_source *extra; /* [n_extra] tensors behind those of the store */
    int n_extra;
    const pr_safetensor_note *notes; /* [n_notes] behind the file's own */
    int n_notes;
} pr_weights_export_options;

/**
 * Writes parameters and buffers of STORE as safetensors, f32; torch's load_state_dict takes the
 * result where names are stripped. RUN names the run or checkpoint, for __metadata__; may be NULL.
 *
 * Errors: PR_ERR_INVALID where no tensor has the prefix; those of pr_safetensors_write.
 */
pr_status pr_weights_export(const pr_store *store, const char *path,
                            const pr_weights_export_options *options, const char *run);

/**
 * What the program that MODEL's names come from calls its classifier: "fc." (timm's legacy_xception),
 * "classifier." (its EfficientNet), "fc2." (Meso).
 */
const char *pr_weights_head_name(const char *model);

#endif
