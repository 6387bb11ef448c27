/*
 * Any bytes as a manifest, with and without --dataset, and as a list of points: refused with a
 * message, or rows in key order whose texts can be read.
 */
#include "dataset/manifest.h"
#include "engine/base/alloc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void parse(const char *text, size_t n_bytes, const char *dataset)
{
    pr_manifest *manifest = NULL;
    pr_error_clear();
    const pr_status status = pr_manifest_parse("fuzz", text, n_bytes, dataset, &manifest);
    require((status == PR_OK) == (pr_error_message()[0] == '\0'));
    require((status == PR_OK) == (manifest != NULL));
    for (int64_t i = 0; status == PR_OK && i < manifest->n; i++) {
        const pr_manifest_row *const row = &manifest->rows[i];
        require(row->frame >= 0 && row->face >= 0 && row->path[0] != '\0' && row->video[0] != '\0');
        require(strlen(row->bg_id) < 256 && strlen(row->mask) <= n_bytes &&
                row->dataset[0] != '\0');
        require(i == 0 || strcmp(row[-1].dataset, row->dataset) <= 0);
    }
    pr_manifest_destroy(&manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    char *const text = pr_calloc((int64_t)n_bytes + 1, 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, bytes, n_bytes);
    parse(text, n_bytes, NULL);
    parse(text, n_bytes, "d");
    float *points = NULL;
    int n = 0;
    pr_error_clear();
    const pr_status status = pr_points_parse("fuzz", text, &points, &n);
    require((status == PR_OK) == (pr_error_message()[0] == '\0') && (status != PR_OK || n > 0));
    pr_free(status == PR_OK ? points : NULL);
    pr_free(text);
    require(pr_alloc_n_live() == 0);
    return 0;
}
