/**
 * Reading and writing safetensors files: eight bytes of header length, a JSON header, and the
 * tensors' bytes, little-endian and C order (https://huggingface.co/docs/safetensors).
 *
 * The reader is strict: a header that does not describe exactly the bytes behind it is refused with
 * the file and the tensor that does not fit. Tensors may begin at any byte; the format asks for no
 * alignment, and files of other writers have none.
 */
#ifndef PR_MODELS_SAFETENSORS_H
#define PR_MODELS_SAFETENSORS_H

#include "engine/core/tensor.h"

#include "engine/base/status.h"

enum { PR_SAFETENSORS_MAX_DIMS = 8 };

typedef struct pr_safetensor {
    const char *name; /* owned by the file */
    const char
        *dtype; /* "F32", "F16", "BF16", "F64", or one that cannot be read as weights: "I64" */
    int n_dims;
    int64_t dims[PR_SAFETENSORS_MAX_DIMS];
    int64_t n;                    /* elements */
    uint64_t first_byte, n_bytes; /* behind the header */
} pr_safetensor;

typedef struct pr_safetensors pr_safetensors;

/**
 * Opens PATH and reads its header; tensors are in the order of their bytes.
 *
 * Errors: PR_ERR_IO; PR_ERR_FORMAT with path and tensor: a header longer than the file or than
 * 100 MB, not JSON, a name twice, an unknown dtype, more than 8 dimensions, sizes that do not
 * multiply to the bytes, bytes that overlap, that no tensor owns, or that the file has not. A
 * PyTorch file (zip or pickle) is refused with the way to convert it.
 */
pr_status pr_safetensors_open(const char *path, pr_safetensors **out);
void pr_safetensors_close(pr_safetensors **file);

/** The same checks of N_BYTES in memory, which are borrowed; PATH is for messages. */
pr_status pr_safetensors_parse(const char *path, const void *bytes, size_t n_bytes,
                               pr_safetensors **out);

int pr_safetensors_n(const pr_safetensors *file);
const pr_safetensor *pr_safetensors_at(const pr_safetensors *file, int i);
const char *pr_safetensors_path(const pr_safetensors *file);

/** The value of KEY in the header's __metadata__, or NULL. Borrowed. */
const char *pr_safetensors_note(const pr_safetensors *file, const char *key);

/**
 * Reads tensor I as REAL (PR_F32, PR_F64) into OUT [n]. F16 and BF16 become f32 exactly; F64 to f32
 * is rounded to nearest even.
 *
 * Errors: PR_ERR_IO; PR_ERR_FORMAT for a dtype that holds no real numbers; PR_ERR_NUMERIC for a
 * value that is not finite, or is not once rounded: weights are never that.
 */
pr_status pr_safetensors_read(const pr_safetensors *file, int i, pr_dtype real, void *out);

/** One tensor to be written, always as F32. */
typedef struct pr_safetensor_source {
    const char *name;
    pr_desc desc;     /* PR_F32 or PR_F64 */
    const void *data; /* borrowed */
} pr_safetensor_source;

typedef struct pr_safetensor_note {
    const char *key, *value;
} pr_safetensor_note;

/**
 * Writes PATH whole or not at all, tensors in the given order, NOTES into __metadata__.
 *
 * Errors: PR_ERR_IO; PR_ERR_INVALID for a name twice or another dtype; PR_ERR_NUMERIC for a value
 * that is not finite as f32; PR_ERR_NOMEM.
 */
pr_status pr_safetensors_write(const char *path, const pr_safetensor_source *tensors, int n,
                               const pr_safetensor_note *notes, int n_notes);

#endif
