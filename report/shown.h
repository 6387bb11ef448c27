/**
 * What the figures of a page show: runs opened beside each other, the samples that all figures of
 * the page have in common, and what each run's model makes of them.
 *
 * Samples come from the first name of data.test of the first run, else from data.val, as `eval` sees
 * them (its perturb too). Every run must have the same list: the same name, the same keys, the same
 * bytes. Lists are chosen by a hash of each sample's key, so that neither shards nor ranks enter, and
 * are in key order; crops that do not decode are not among them.
 *
 * Forward passes are collective. Every rank makes the whole page, so a figure calls them on all ranks
 * alike; only rank 0's page is written.
 */
#ifndef PR_REPORT_SHOWN_H
#define PR_REPORT_SHOWN_H

#include "dataset/augment.h"
#include "dataset/samples.h"
#include "engine/base/config.h"
#include "trainer/objective.h"
#include "trainer/trained.h"

enum {
    PR_SHOWN_MAX_RUNS = 6,    /* what colours can tell apart */
    PR_SHOWN_N = 600,         /* for embeddings: the default */
    PR_SHOWN_N_PICTURES = 12, /* for pictures */
    PR_SHOWN_N_PAIRS = 200,   /* for spectra */
    PR_SHOWN_MAX_GROUPS = 32, /* reals, and methods of fakes */
    PR_SHOWN_NOTE_BYTES = 512
};

/** What a graph gave for a list of samples, a row each; f32, row-major. Starts as {0}. */
typedef struct pr_shown_rows {
    int64_t n, n_cols;
    float *x; /* [n, n_cols] */
} pr_shown_rows;

void pr_shown_rows_free(pr_shown_rows *rows);

/** A run of the page. */
typedef struct pr_shown_run {
    const char *dir; /* borrowed, as OPTIONS and CONFIG */
    char name[256];  /* the last part of DIR */
    const pr_train_options *options;
    const pr_config *config;
    pr_trained trained;     /* its best checkpoint, or its last where nothing was validated */
    pr_shown_rows features; /* of pr_shown_features, once made */
} pr_shown_run;

/**
 * Collective: opens the run's checkpoint. OPTIONS, CONFIG and DIR are borrowed until the close.
 *
 * Errors: PR_ERR_INVALID where the run has no checkpoint.
 */
pr_status pr_shown_run_open(const pr_train_options *options, const pr_config *config, pr_comm *comm,
                            const char *dir, pr_shown_run *out);
void pr_shown_run_close(pr_shown_run *run);

/** A fake and the real that it is aligned with (pr_samples_aligned). */
typedef struct pr_shown_pair {
    int64_t fake, real;
} pr_shown_pair;

/** All numbers of samples are those of SAMPLES; all lists are in key order. */
typedef struct pr_shown {
    char set[128];       /* "test.all", or "val" */
    pr_samples *samples; /* NULL where there are none to show: NOTE says why */
    char note[PR_SHOWN_NOTE_BYTES];
    pr_perturb perturb; /* of the list, by PERTURB_VALUE */
    double perturb_value;
    int64_t n_left_out; /* chosen, but did not decode */

    int64_t n; /* for embeddings: balanced over groups as far as they have so many */
    int64_t *at;
    int32_t *group; /* [n] 0: real; g: a fake of the method group_names[g] */
    int n_groups;   /* the same in every figure, so that colours mean the same */
    const char *group_names[PR_SHOWN_MAX_GROUPS]; /* "real", then methods in bytewise order */

    int64_t n_pictures; /* a balanced choice of AT */
    int64_t *pictures;

    int64_t n_pairs; /* fakes balanced over methods, each with its real; not all are in AT */
    pr_shown_pair *pairs;
} pr_shown;

/**
 * Chooses what RUNS [n_runs] show, at most N_MAX samples for embeddings (0: no figures, SAMPLES is
 * NULL). Not collective, the same on every rank. With one run, data that are gone are no error:
 * SAMPLES is NULL and NOTE tells.
 *
 * Errors: PR_ERR_INVALID where a run has no such list, or one of other samples, with the first that
 * one of the two lacks; PR_ERR_IO; PR_ERR_NOMEM.
 */
pr_status pr_shown_open(pr_shown_run *const *runs, int n_runs, int64_t n_max, pr_shown **out);
void pr_shown_close(pr_shown **shown);

/** The group of sample I: 0 for a real, otherwise its method's. */
int32_t pr_shown_group(const pr_shown *shown, int64_t i);

/**
 * Collective, the first time for RUN: the features of shown->at, as `predict --embeddings` gives
 * them: z of a stage without a classifier, otherwise what is classified. Borrowed until the run is
 * closed.
 */
pr_status pr_shown_features(pr_shown_run *run, const pr_shown *shown, const pr_shown_rows **out);

/**
 * Collective: what the output NAME of the graph that BUILD makes ("image" is its input; built with
 * PR_MODE_EVAL for eval.batch rows) is for the samples AT [n], each row flattened. The bits do not
 * depend on ranks, nor on what else is in the list. *OUT is the caller's (pr_shown_rows_free).
 *
 * Errors: those of BUILD; PR_ERR_INVALID where the graph has no such output; PR_ERR_FORMAT naming a
 * crop that does not decode.
 */
pr_status pr_shown_output(pr_shown_run *run, const pr_shown *shown, pr_build_fn build,
                          const char *name, const int64_t *at, int64_t n, pr_shown_rows *out);

/** Sample I as RUN's model sees it: IMAGE [px, px, 3], normalised, px of the run. Any thread. */
pr_status pr_shown_view(const pr_shown_run *run, const pr_shown *shown, int64_t i, float *image);

#endif
