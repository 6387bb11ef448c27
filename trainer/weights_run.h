/**
 * Weights only, out of a run and into a config's model: what `export` and `import` do with
 * models/weights.h.
 */
#ifndef PR_TRAINER_WEIGHTS_RUN_H
#define PR_TRAINER_WEIGHTS_RUN_H

#include "engine/base/text.h"
#include "engine/comm/comm.h"
#include "trainer/options.h"

typedef struct pr_export_request {
    const pr_train_options *options; /* of the run; borrowed, as all here */
    const pr_config *config;
    pr_comm *comm;
    const char *run_dir;
    const char *checkpoint; /* "best", "last", or a file */
    const char *out;        /* .safetensors */
    const char *prefix;     /* "backbone.", or "" for all */
    bool strip;             /* names without the prefix */
    bool torch; /* instead: backbone and classifier as the model's own program has them */
} pr_export_request;

/**
 * Collective; rank 0 writes. An export of everything, under the names of here, is a detector: it has
 * the notes of trainer/detector.h, and detector.py beside it, unless its objective or backbone was
 * registered from outside of the tree.
 *
 * Errors: PR_ERR_INVALID where no tensor has the prefix; PR_ERR_IO.
 */
pr_status pr_export(const pr_export_request *request);

/**
 * Collective: adds to TEXT what `model.init: FILE` would read into the model of OPTIONS, a line a
 * tensor. *FITS tells whether a run would accept it, with model.init_partial as it stands. Nothing
 * is written.
 *
 * Errors: those of pr_weights_plan.
 */
pr_status pr_import_report(const pr_train_options *options, pr_comm *comm, const char *file,
                           pr_text *text, bool *fits);

#endif
