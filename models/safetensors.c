#include "models/safetensors_internal.h"

#include "engine/base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_HEADER_BYTES = 100 * 1000 * 1000 }; /* the format's own limit */

static const struct {
    const char *name;
    int n_bytes;
} dtypes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2},  {"BF16", 2},    {"I64", 8},
              {"I32", 4}, {"I16", 2}, {"I8", 1},   {"U64", 8},     {"U32", 4},
              {"U16", 2}, {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};

pr_status pr__safetensors_read_at(const pr_safetensors *file, uint64_t offset, void *out,
                                  size_t n_bytes)
{
    if (file->fd < 0) {
        memcpy(out, file->bytes + offset, n_bytes);
        return PR_OK;
    }
    size_t n_done = 0;
    while (n_done < n_bytes) {
        const ssize_t n =
            pread(file->fd, (char *)out + n_done, n_bytes - n_done, (off_t)(offset + n_done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        PR_REQUIRE(n >= 0, PR_ERR_IO, "%s: cannot read: %s", file->path, strerror(errno));
        PR_REQUIRE(n > 0, PR_ERR_IO, "%s: ends at byte %llu while it is read", file->path,
                   (unsigned long long)(offset + n_done));
        n_done += (size_t)n;
    }
    return PR_OK;
}

static uint64_t little_endian(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static pr_status read_length(pr_safetensors *file)
{
    unsigned char first[8];
    PR_REQUIRE(file->n_file_bytes >= 8, PR_ERR_FORMAT,
               "%s: %llu bytes, a safetensors file begins with 8 bytes of header length",
               file->path, (unsigned long long)file->n_file_bytes);
    PR_TRY(pr__safetensors_read_at(file, 0, first, sizeof(first)));
    file->n_header_bytes = little_endian(first);
    if (file->n_header_bytes > MAX_HEADER_BYTES) {
        PR_TRY(pr__safetensors_refuse_foreign(file, first));
        return PR_FAIL(
            PR_ERR_FORMAT,
            "%s: no safetensors file, nor another that is known: its first 8 bytes would be "
            "a header of %llu bytes, must be at most %d",
            file->path, (unsigned long long)file->n_header_bytes, MAX_HEADER_BYTES);
    }
    PR_REQUIRE(file->n_header_bytes <= file->n_file_bytes - 8, PR_ERR_FORMAT,
               "%s: truncated: a header of %llu bytes in a file of %llu", file->path,
               (unsigned long long)file->n_header_bytes, (unsigned long long)file->n_file_bytes);
    return PR_OK;
}

static pr_status read_header(pr_safetensors *file)
{
    PR_TRY(read_length(file));
    char *text = pr_calloc((int64_t)file->n_header_bytes, 1);
    PR_REQUIRE(text != NULL, PR_ERR_NOMEM, "%s: no memory for a header of %llu bytes", file->path,
               (unsigned long long)file->n_header_bytes);
    const pr_status status = pr__safetensors_read_at(file, 8, text, (size_t)file->n_header_bytes);
    json_error_t error = {.line = 0};
    if (status == PR_OK) {
        file->header =
            json_loadb(text, (size_t)file->n_header_bytes, JSON_REJECT_DUPLICATES, &error);
    }
    pr_free(text);
    PR_TRY(status);
    PR_REQUIRE(file->header != NULL, PR_ERR_FORMAT, "%s: the header: %s", file->path, error.text);
    PR_REQUIRE(json_is_object(file->header), PR_ERR_FORMAT, "%s: the header is no JSON object",
               file->path);
    return PR_OK;
}

static pr_status parse_shape(const pr_safetensors *file, const json_t *shape, pr_safetensor *out)
{
    PR_REQUIRE(json_is_array(shape), PR_ERR_FORMAT, "%s: tensor '%s' has no shape", file->path,
               out->name);
    const size_t n_dims = json_array_size(shape);
    PR_REQUIRE(n_dims <= PR_SAFETENSORS_MAX_DIMS, PR_ERR_FORMAT,
               "%s: tensor '%s' has %zu dimensions, at most %d are read", file->path, out->name,
               n_dims, PR_SAFETENSORS_MAX_DIMS);
    out->n_dims = (int)n_dims;
    out->n = 1;
    for (size_t d = 0; d < n_dims; d++) {
        const json_t *dim = json_array_get(shape, d);
        const int64_t value = json_is_integer(dim) ? (int64_t)json_integer_value(dim) : -1;
        PR_REQUIRE(value >= 0, PR_ERR_FORMAT,
                   "%s: tensor '%s': dimension %zu is not a whole number", file->path, out->name,
                   d);
        PR_REQUIRE(value == 0 || out->n <= INT64_MAX / 16 / value, PR_ERR_FORMAT,
                   "%s: tensor '%s': its dimensions multiply to more than a file can hold",
                   file->path, out->name);
        out->dims[d] = value;
        out->n *= value;
    }
    return PR_OK;
}

static pr_status parse_tensor(const pr_safetensors *file, const char *name, const json_t *entry,
                              pr_safetensor *out)
{
    out->name = name;
    PR_REQUIRE(json_is_object(entry), PR_ERR_FORMAT, "%s: tensor '%s' is described by no object",
               file->path, name);
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    int n_element_bytes = 0;
    for (size_t i = 0; dtype != NULL && i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
        if (strcmp(dtype, dtypes[i].name) == 0) {
            n_element_bytes = dtypes[i].n_bytes;
        }
    }
    PR_REQUIRE(n_element_bytes > 0, PR_ERR_FORMAT, "%s: tensor '%s' has the unknown dtype '%s'",
               file->path, name, dtype != NULL ? dtype : "");
    out->dtype = dtype;
    PR_TRY(parse_shape(file, json_object_get(entry, "shape"), out));
    const json_t *range = json_object_get(entry, "data_offsets");
    const json_t *ends[2] = {json_array_get(range, 0), json_array_get(range, 1)};
    PR_REQUIRE(json_array_size(range) == 2 && json_is_integer(ends[0]) &&
                   json_is_integer(ends[1]) && json_integer_value(ends[0]) >= 0 &&
                   json_integer_value(ends[1]) >= json_integer_value(ends[0]),
               PR_ERR_FORMAT, "%s: tensor '%s': data_offsets are not [begin, end]", file->path,
               name);
    out->first_byte = (uint64_t)json_integer_value(ends[0]);
    out->n_bytes = (uint64_t)json_integer_value(ends[1]) - out->first_byte;
    PR_REQUIRE(out->n_bytes == (uint64_t)out->n * (uint64_t)n_element_bytes, PR_ERR_FORMAT,
               "%s: tensor '%s' has %llu bytes, its shape and dtype %s want %llu", file->path, name,
               (unsigned long long)out->n_bytes, dtype,
               (unsigned long long)out->n * (unsigned long long)n_element_bytes);
    return PR_OK;
}

/* By place; an empty tensor before the one that begins where it stands. */
static int compare_tensors(const void *left, const void *right)
{
    const pr_safetensor *a = left;
    const pr_safetensor *b = right;
    if (a->first_byte != b->first_byte) {
        return a->first_byte < b->first_byte ? -1 : 1;
    }
    if (a->n_bytes != b->n_bytes) {
        return a->n_bytes < b->n_bytes ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

/* Every byte behind the header belongs to one tensor. */
static pr_status check_layout(const pr_safetensors *file)
{
    const uint64_t n_data = file->n_file_bytes - 8 - file->n_header_bytes;
    uint64_t end = 0;
    for (int i = 0; i < file->n; i++) {
        const pr_safetensor *t = &file->tensors[i];
        PR_REQUIRE(t->first_byte <= n_data && t->n_bytes <= n_data - t->first_byte, PR_ERR_FORMAT,
                   "%s: truncated: tensor '%s' ends at byte %llu of the data, which has %llu",
                   file->path, t->name, (unsigned long long)(t->first_byte + t->n_bytes),
                   (unsigned long long)n_data);
        PR_REQUIRE(t->first_byte >= end, PR_ERR_FORMAT,
                   "%s: tensors '%s' and '%s' overlap at byte %llu of the data", file->path,
                   file->tensors[i - 1].name, t->name, (unsigned long long)t->first_byte);
        PR_REQUIRE(t->first_byte == end, PR_ERR_FORMAT,
                   "%s: no tensor owns bytes %llu to %llu of the data, before '%s'", file->path,
                   (unsigned long long)end, (unsigned long long)t->first_byte, t->name);
        end = t->first_byte + t->n_bytes;
    }
    PR_REQUIRE(end == n_data, PR_ERR_FORMAT, "%s: %llu bytes behind the last tensor, must be 0",
               file->path, (unsigned long long)(n_data - end));
    return PR_OK;
}

static pr_status parse_header(pr_safetensors *file)
{
    PR_TRY(read_header(file));
    file->tensors = pr_calloc((int64_t)json_object_size(file->header), sizeof(*file->tensors));
    PR_REQUIRE(file->tensors != NULL, PR_ERR_NOMEM, "%s: no memory for %zu tensors", file->path,
               json_object_size(file->header));
    const char *name = NULL;
    json_t *entry = NULL;
    json_object_foreach(file->header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) {
            PR_REQUIRE(json_is_object(entry), PR_ERR_FORMAT, "%s: __metadata__ is no JSON object",
                       file->path);
            continue;
        }
        PR_TRY(parse_tensor(file, name, entry, &file->tensors[file->n]));
        file->n++;
    }
    if (file->n > 0) {
        qsort(file->tensors, (size_t)file->n, sizeof(*file->tensors), compare_tensors);
    }
    return check_layout(file);
}

static pr_status open_file(pr_safetensors *file)
{
    struct stat info;
    file->fd = open(file->path, O_RDONLY | O_CLOEXEC);
    PR_REQUIRE(file->fd >= 0, PR_ERR_IO, "%s: cannot open: %s", file->path, strerror(errno));
    PR_REQUIRE(fstat(file->fd, &info) == 0, PR_ERR_IO, "%s: cannot be looked at: %s", file->path,
               strerror(errno));
    PR_REQUIRE(S_ISREG(info.st_mode), PR_ERR_IO, "%s: not a file", file->path);
    file->n_file_bytes = (uint64_t)info.st_size;
    return parse_header(file);
}

static pr_status create(const char *path, pr_safetensors **out)
{
    pr_safetensors *file = pr_calloc(1, sizeof(*file));
    PR_REQUIRE(file != NULL, PR_ERR_NOMEM, "%s: out of memory", path);
    file->fd = -1;
    file->path = pr_strdup(path);
    if (file->path == NULL) {
        pr_safetensors_close(&file);
        return PR_FAIL(PR_ERR_NOMEM, "%s: out of memory", path);
    }
    *out = file;
    return PR_OK;
}

pr_status pr_safetensors_open(const char *path, pr_safetensors **out)
{
    pr_safetensors *file = NULL;
    PR_TRY(create(path, &file));
    const pr_status status = open_file(file);
    if (status != PR_OK) {
        pr_safetensors_close(&file);
        return status;
    }
    *out = file;
    return PR_OK;
}

pr_status pr_safetensors_parse(const char *path, const void *bytes, size_t n_bytes,
                               pr_safetensors **out)
{
    pr_safetensors *file = NULL;
    PR_TRY(create(path, &file));
    file->bytes = bytes;
    file->n_file_bytes = n_bytes;
    const pr_status status = parse_header(file);
    if (status != PR_OK) {
        pr_safetensors_close(&file);
        return status;
    }
    *out = file;
    return PR_OK;
}

void pr_safetensors_close(pr_safetensors **file)
{
    if (*file != NULL) {
        if ((*file)->fd >= 0) {
            (void)close((*file)->fd);
        }
        json_decref((*file)->header);
        pr_free((*file)->tensors);
        pr_free((*file)->path);
        pr_free(*file);
        *file = NULL;
    }
}

int pr_safetensors_n(const pr_safetensors *file)
{
    return file->n;
}

const pr_safetensor *pr_safetensors_at(const pr_safetensors *file, int i)
{
    return &file->tensors[i];
}

const char *pr_safetensors_path(const pr_safetensors *file)
{
    return file->path;
}

const char *pr_safetensors_note(const pr_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}
