#include "models/safetensors.h"

#include "engine/base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_HEADER_BYTES = 100 * 1000 * 1000 }; /* the format's own limit */

struct pr_safetensors {
    char *path;                 /* owned */
    int fd;                     /* -1: the bytes are in memory */
    const unsigned char *bytes; /* borrowed, where they are in memory */
    uint64_t n_file_bytes, n_header_bytes;
    json_t *header;         /* owned; names and notes are its strings */
    pr_safetensor *tensors; /* [n] owned, in the order of their bytes */
    int n;
};

static const struct {
    const char *name;
    int n_bytes;
} dtypes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2},  {"BF16", 2},    {"I64", 8},
              {"I32", 4}, {"I16", 2}, {"I8", 1},   {"U64", 8},     {"U32", 4},
              {"U16", 2}, {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};

static pr_status read_at(const pr_safetensors *file, uint64_t offset, void *out, size_t n_bytes)
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

/* A zip ("PK") holds torch.save's newer format, 0x80 and a small number begins a pickle. */
static pr_status refuse_pytorch(const pr_safetensors *file, const unsigned char first[8])
{
    const bool is_zip = memcmp(first, "PK\003\004", 4) == 0;
    const bool is_pickle = first[0] == 0x80 && first[1] >= 1 && first[1] <= 5 && first[2] != 0;
    PR_REQUIRE(!is_zip && !is_pickle, PR_ERR_FORMAT,
               "%s: a PyTorch file (%s), which only Python can read: convert it once with "
               "tools/pth2safetensors.py IN.pth OUT.safetensors",
               file->path, is_zip ? "zip" : "pickle");
    return PR_OK;
}

static pr_status read_header(pr_safetensors *file)
{
    unsigned char first[8];
    PR_REQUIRE(file->n_file_bytes >= 8, PR_ERR_FORMAT,
               "%s: %llu bytes, a safetensors file begins with 8 bytes of header length",
               file->path, (unsigned long long)file->n_file_bytes);
    PR_TRY(read_at(file, 0, first, sizeof(first)));
    PR_TRY(refuse_pytorch(file, first));
    file->n_header_bytes = little_endian(first);
    PR_REQUIRE(file->n_header_bytes <= MAX_HEADER_BYTES, PR_ERR_FORMAT,
               "%s: a header of %llu bytes, must be at most %d (is this a safetensors file?)",
               file->path, (unsigned long long)file->n_header_bytes, MAX_HEADER_BYTES);
    PR_REQUIRE(file->n_header_bytes <= file->n_file_bytes - 8, PR_ERR_FORMAT,
               "%s: truncated: a header of %llu bytes in a file of %llu", file->path,
               (unsigned long long)file->n_header_bytes, (unsigned long long)file->n_file_bytes);
    char *text = pr_calloc((int64_t)file->n_header_bytes, 1);
    PR_REQUIRE(text != NULL, PR_ERR_NOMEM, "%s: no memory for a header of %llu bytes", file->path,
               (unsigned long long)file->n_header_bytes);
    const pr_status status = read_at(file, 8, text, (size_t)file->n_header_bytes);
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

static float float_of_bits(uint32_t bits)
{
    float value = 0.0F;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* IEEE half: 5 bits of exponent, 10 of fraction. Every half is a float. */
static float half_to_float(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
    const uint32_t exponent = half >> 10 & 0x1fU;
    const uint32_t fraction = half & 0x3ffU;
    if (exponent == 0x1f) {
        return float_of_bits(sign | 0x7f800000U | fraction << 13);
    }
    if (exponent == 0) {
        const float magnitude = (float)fraction * 0x1p-24F;
        return sign != 0 ? -magnitude : magnitude;
    }
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* Element I of BYTES, which need not be aligned. */
static double element(const char *dtype, const unsigned char *bytes, size_t i)
{
    uint16_t narrow = 0;
    float single = 0.0F;
    double wide = 0.0;
    switch (dtype[0] == 'B' ? 'B' : dtype[1]) {
    case '6':
        memcpy(&wide, bytes + 8 * i, sizeof(wide));
        return wide;
    case '3':
        memcpy(&single, bytes + 4 * i, sizeof(single));
        return (double)single;
    case 'B':
        memcpy(&narrow, bytes + 2 * i, sizeof(narrow));
        return (double)float_of_bits((uint32_t)narrow << 16);
    default:
        memcpy(&narrow, bytes + 2 * i, sizeof(narrow));
        return (double)half_to_float(narrow);
    }
}

static bool is_finite_as(double value, pr_dtype real)
{
    const double as_read = real == PR_F64 ? value : (double)(float)value;
    return as_read - as_read == 0.0; /* inf - inf and NaN - NaN are NaN */
}

pr_status pr_safetensors_read(const pr_safetensors *file, int i, pr_dtype real, void *out)
{
    enum { ROOM_BYTES = 65536 };
    const pr_safetensor *t = &file->tensors[i];
    const bool is_real = strcmp(t->dtype, "F32") == 0 || strcmp(t->dtype, "F64") == 0 ||
                         strcmp(t->dtype, "F16") == 0 || strcmp(t->dtype, "BF16") == 0;
    PR_REQUIRE(is_real, PR_ERR_FORMAT, "%s: tensor '%s' is %s, weights are F32, F16, BF16 or F64",
               file->path, t->name, t->dtype);
    PR_REQUIRE(real == PR_F32 || real == PR_F64, PR_ERR_SHAPE,
               "safetensors: weights are read as f32 or f64, not %s", pr_dtype_name(real));
    unsigned char room[ROOM_BYTES];
    const size_t n_element_bytes = t->n == 0 ? 1 : (size_t)(t->n_bytes / (uint64_t)t->n);
    for (uint64_t done = 0; done < t->n_bytes; done += ROOM_BYTES) {
        const uint64_t left = t->n_bytes - done;
        const size_t n_here = left < ROOM_BYTES ? (size_t)left : ROOM_BYTES;
        PR_TRY(read_at(file, 8 + file->n_header_bytes + t->first_byte + done, room, n_here));
        for (size_t k = 0; k < n_here / n_element_bytes; k++) {
            const double value = element(t->dtype, room, k);
            const size_t place = (size_t)done / n_element_bytes + k;
            PR_REQUIRE(is_finite_as(value, real), PR_ERR_NUMERIC,
                       "%s: tensor '%s': element %zu is %g, must be finite as %s", file->path,
                       t->name, place, value, pr_dtype_name(real));
            if (real == PR_F64) {
                ((double *)out)[place] = value;
            } else {
                ((float *)out)[place] = (float)value;
            }
        }
    }
    return PR_OK;
}
