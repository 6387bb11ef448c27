#include "models/safetensors.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/text.h"

#include <string.h>

static pr_status check_sources(const pr_safetensor_source *tensors, int n)
{
    for (int i = 0; i < n; i++) {
        PR_REQUIRE(tensors[i].desc.dtype == PR_F32 || tensors[i].desc.dtype == PR_F64,
                   PR_ERR_INVALID, "safetensors: tensor '%s' is %s, must be f32 or f64",
                   tensors[i].name, pr_dtype_name(tensors[i].desc.dtype));
        PR_REQUIRE(strcmp(tensors[i].name, "__metadata__") != 0, PR_ERR_INVALID,
                   "safetensors: a tensor may not be called __metadata__");
        for (int k = 0; k < i; k++) {
            PR_REQUIRE(strcmp(tensors[i].name, tensors[k].name) != 0, PR_ERR_INVALID,
                       "safetensors: two tensors are called '%s'", tensors[i].name);
        }
    }
    return PR_OK;
}

static pr_status add_note(pr_text *text, const pr_safetensor_note *note, bool is_first)
{
    PR_TRY(pr_text_add(text, is_first ? "" : ","));
    PR_TRY(pr_text_add_json(text, note->key));
    PR_TRY(pr_text_add(text, ":"));
    return pr_text_add_json(text, note->value);
}

static pr_status add_notes(pr_text *text, const pr_safetensor_note *notes, int n_notes)
{
    PR_TRY(pr_text_add(text, "\"__metadata__\":{"));
    for (int i = 0; i < n_notes; i++) {
        PR_TRY(add_note(text, &notes[i], i == 0));
    }
    return pr_text_add(text, "}");
}

static pr_status add_tensor(pr_text *text, const pr_safetensor_source *tensor, bool is_first,
                            uint64_t *offset)
{
    const uint64_t n_bytes = 4 * (uint64_t)pr_shape_n(&tensor->desc.shape);
    PR_TRY(pr_text_add(text, is_first ? "" : ","));
    PR_TRY(pr_text_add_json(text, tensor->name));
    PR_TRY(pr_text_add(text, ":{\"dtype\":\"F32\",\"shape\":["));
    for (int d = 0; d < tensor->desc.shape.n_dims; d++) {
        PR_TRY(
            pr_text_add(text, "%s%lld", d > 0 ? "," : "", (long long)tensor->desc.shape.dims[d]));
    }
    PR_TRY(pr_text_add(text, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)*offset,
                       (unsigned long long)(*offset + n_bytes)));
    *offset += n_bytes;
    return PR_OK;
}

static pr_status make_header(const pr_safetensor_source *tensors, int n,
                             const pr_safetensor_note *notes, int n_notes, pr_text *text)
{
    uint64_t offset = 0;
    PR_TRY(pr_text_add(text, "{"));
    if (n_notes > 0) {
        PR_TRY(add_notes(text, notes, n_notes));
    }
    for (int i = 0; i < n; i++) {
        PR_TRY(add_tensor(text, &tensors[i], i == 0 && n_notes == 0, &offset));
    }
    PR_TRY(pr_text_add(text, "}"));
    while (text->n_chars % 8 != 0) {
        PR_TRY(pr_text_add(text, " ")); /* the data then begin at a multiple of 8 */
    }
    return PR_OK;
}

static pr_status put_tensor(pr_fs_writer *writer, const pr_safetensor_source *tensor,
                            uint64_t *offset)
{
    enum { ROOM = 16384 };
    float room[ROOM];
    const int64_t n = pr_shape_n(&tensor->desc.shape);
    for (int64_t done = 0; done < n; done += ROOM) {
        const int64_t n_here = n - done < ROOM ? n - done : ROOM;
        for (int64_t k = 0; k < n_here; k++) {
            room[k] = tensor->desc.dtype == PR_F64 ? (float)((const double *)tensor->data)[done + k]
                                                   : ((const float *)tensor->data)[done + k];
            PR_REQUIRE(room[k] - room[k] == 0.0F, PR_ERR_NUMERIC,
                       "safetensors: element %lld of '%s' is %g, must be finite as f32",
                       (long long)(done + k), tensor->name, (double)room[k]);
        }
        PR_TRY(pr_fs_writer_put(writer, room, (size_t)n_here * sizeof(room[0]), *offset));
        *offset += (uint64_t)n_here * sizeof(room[0]);
    }
    return PR_OK;
}

static pr_status put_all(pr_fs_writer *writer, const pr_text *header,
                         const pr_safetensor_source *tensors, int n)
{
    unsigned char length[8];
    for (int i = 0; i < 8; i++) {
        length[i] = (unsigned char)((uint64_t)header->n_chars >> (8 * i));
    }
    PR_TRY(pr_fs_writer_put(writer, length, sizeof(length), 0));
    PR_TRY(pr_fs_writer_put(writer, header->chars, header->n_chars, sizeof(length)));
    uint64_t offset = sizeof(length) + header->n_chars;
    for (int i = 0; i < n; i++) {
        PR_TRY(put_tensor(writer, &tensors[i], &offset));
    }
    return PR_OK;
}

pr_status pr_safetensors_write(const char *path, const pr_safetensor_source *tensors, int n,
                               const pr_safetensor_note *notes, int n_notes)
{
    pr_text header = {0};
    pr_fs_writer *writer = NULL;
    PR_TRY(check_sources(tensors, n));
    pr_status status = make_header(tensors, n, notes, n_notes, &header);
    if (status == PR_OK) {
        status = pr_fs_writer_create(path, 0, &writer);
    }
    if (status == PR_OK) {
        status = put_all(writer, &header, tensors, n);
    }
    if (status == PR_OK) {
        status = pr_fs_writer_commit(&writer);
    }
    pr_fs_writer_destroy(&writer);
    pr_text_free(&header);
    return status;
}
