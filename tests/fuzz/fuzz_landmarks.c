/*
 * Any bytes as the two tables of landmarks and identities, which a zero byte parts: refused with a
 * message, or read into faces that lie inside their pictures.
 */
#include "dataset/landmarks.h"
#include "engine/base/alloc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const char *const text = (const char *)bytes;
    const char *const zero = n_bytes > 0 ? memchr(text, '\0', n_bytes) : NULL;
    const char *const owners = zero != NULL ? zero + 1 : text + n_bytes;
    const size_t n_first = zero != NULL ? (size_t)(zero - text) : n_bytes;
    const size_t n_second = (size_t)(text + n_bytes - owners);
    pr_face_table *table = NULL;
    pr_error_clear();
    const pr_status status = pr_face_table_parse("landmarks", text, n_first, "identities", owners,
                                                 n_second, false, &table);
    if ((status == PR_OK) != (pr_error_message()[0] == '\0')) {
        abort(); /* success with a message, or failure without one */
    }
    for (int64_t i = 0; status == PR_OK && i < pr_face_table_n(table); i++) {
        const pr_face *const face = pr_face_table_at(table, i);
        for (int k = 0; k < PR_N_LANDMARKS; k++) {
            if (!(face->points[k][0] >= 0 && face->points[k][0] <= face->width)) {
                abort();
            }
        }
    }
    pr_face_table_destroy(&table);
    if (pr_alloc_n_live() != 0) {
        abort();
    }
    return 0;
}
