/**
 * report.html: one page of a run that needs nothing but itself. Styles, pictures and drawings are
 * inside it; it asks for no script and no network, fits light and dark screens and a phone.
 *
 * Numbers come from log.jsonl and the files in eval/, so a page can be made again from a run's folder
 * alone. A number in a table carries the file's full value in its data-v attribute.
 */
#ifndef PR_REPORT_REPORT_H
#define PR_REPORT_REPORT_H

#include "engine/base/status.h"

#include <stddef.h>
#include <stdint.h>

/** A line of the summary: "config hash", "7bb1f0c2…". */
typedef struct pr_report_fact {
    const char *name, *value;
} pr_report_fact;

/** One picture: bytes as they are encoded. */
typedef struct pr_report_image {
    const void *bytes; /* borrowed until the next call of the function that gave it */
    size_t n_bytes;
    const char *mime;    /* "image/jpeg", "image/png" */
    const char *caption; /* borrowed likewise */
} pr_report_image;

typedef pr_status (*pr_report_image_fn)(void *ctx, int64_t i, pr_report_image *out);

/** A set of pictures under a heading: the hard reals, the hard fakes, the worst mistakes. */
typedef struct pr_report_gallery {
    const char *title;
    const char *text; /* a sentence on what is seen */
    int64_t n;
    pr_report_image_fn image;
    void *ctx;
} pr_report_gallery;

/** All borrowed; any text may be NULL where there is none, and any list empty. */
typedef struct pr_report_data {
    const char *title;
    const char *summary; /* a sentence */
    const pr_report_fact *facts;
    int n_facts;
    const char *log_path;
    const char *const *eval_paths;
    int n_evals;
    const pr_report_gallery *galleries;
    int n_galleries;
    const char *figures; /* HTML, put as it is */
    const char *config;  /* YAML */
    const char *const *bad_samples;
    int n_bad_samples;
} pr_report_data;

/**
 * Writes PATH, whole or not at all. A last line of the log that is cut off (the run was killed while
 * it wrote, or writes now) is left out, and the page says so.
 *
 * Errors: PR_ERR_IO; PR_ERR_FORMAT for a line or file that is not what it should be, with path and
 * line; PR_ERR_NOMEM; what a gallery's function returns.
 */
pr_status pr_report_write(const char *path, const pr_report_data *data);

#endif
