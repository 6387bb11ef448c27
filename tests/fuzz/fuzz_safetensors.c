/*
 * Any bytes as a safetensors file: refused with a message, or read without a step outside of them.
 */
#include "engine/base/alloc.h"
#include "models/safetensors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    pr_safetensors *file = NULL;
    pr_error_clear();
    const pr_status status = pr_safetensors_parse("fuzz", bytes, n_bytes, &file);
    if ((status == PR_OK) != (pr_error_message()[0] == '\0')) {
        abort(); /* success with a message, or failure without one */
    }
    for (int i = 0; status == PR_OK && i < pr_safetensors_n(file); i++) {
        double *values = pr_calloc(pr_safetensors_at(file, i)->n, sizeof(*values));
        if (values != NULL) {
            (void)pr_safetensors_read(file, i, PR_F64, values);
            (void)pr_safetensors_read(file, i, PR_F32, values);
        }
        pr_free(values);
    }
    pr_safetensors_close(&file);
    if (pr_alloc_n_live() != 0) {
        abort();
    }
    return 0;
}
