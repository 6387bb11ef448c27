/** What `pristine forge --preview` does. */
#ifndef PR_LAUNCH_FORGE_PREVIEW_H
#define PR_LAUNCH_FORGE_PREVIEW_H

#include "dataset/forge.h"
#include "engine/comm/comm.h"

typedef struct pr_forge_preview {
    const pr_forge_options *forge; /* whose faces; not looked at where DATA is given */
    const char *data;              /* a dataset's folder, whose reals are shown; or NULL */
    const char *out;               /* the sheet; its legend is OUT.tsv */
    int n_faces;
    const char *const *sets; /* "addg.key=value", NULL-terminated */
} pr_forge_preview;

/**
 * Collective; rank 0 makes and writes the sheet, which no other rank enters into.
 *
 * Errors: those of dataset/preview.h and pr_forge_open; PR_ERR_INVALID for a setting that ADDG does
 * not have, or OUT's ending.
 */
pr_status pr_forge_preview_run(pr_comm *comm, const pr_forge_preview *preview);

#endif
