#include "trainer/checkpoint_h5.h"

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/base/log.h"

#include <stdio.h>
#include <string.h>

enum { FORMAT_VERSION = 1, NAME_BYTES = 256 };

typedef struct head_field {
    const char *name;
    size_t offset;
    bool is_real;
} head_field;

#define INT(member)                                                                                \
    {                                                                                              \
#member, offsetof(pr_checkpoint_head, member), false                                       \
    }
#define REAL(member)                                                                               \
    {                                                                                              \
#member, offsetof(pr_checkpoint_head, member), true                                        \
    }

/* Every member of pr_checkpoint_head: eight bytes each, an attribute of the file's root each. */
static const head_field head_fields[] = {
    INT(position.stage),      INT(position.stage_epoch), INT(position.epoch),
    INT(position.epoch_step), INT(position.stage_step),  INT(position.step),
    INT(position.phase),      INT(config_hash),          INT(data_hash),
    INT(model_hash),          INT(canned_hash),          REAL(best),
    INT(best_step),           INT(n_bad_epochs),
};
enum { N_HEAD_FIELDS = sizeof(head_fields) / sizeof(head_fields[0]) };
_Static_assert(sizeof(pr_checkpoint_head) == N_HEAD_FIELDS * sizeof(int64_t),
               "every member of the head has its row");

static pr_status write_head(hid_t file, const pr_checkpoint_head *head, const char *config)
{
    const int64_t version = FORMAT_VERSION;
    PR_TRY(pr__h5_write_attribute(file, "version", H5T_STD_I64LE, &version));
    for (int i = 0; i < N_HEAD_FIELDS; i++) {
        const head_field *const field = &head_fields[i];
        PR_TRY(pr__h5_write_attribute(file, field->name,
                                      field->is_real ? H5T_IEEE_F64LE : H5T_STD_I64LE,
                                      (const char *)head + field->offset));
    }
    const uint64_t hash = pr_hash64(head, sizeof(*head), FORMAT_VERSION);
    PR_TRY(pr__h5_write_attribute(file, "head_xxh3", H5T_STD_U64LE, &hash));
    const pr_tensor text = pr_tensor_over(pr_desc_1(PR_U8, (int64_t)strlen(config)), config);
    return pr__h5_write_tensor(file, "config", &text);
}

static pr_status fill_file(hid_t file, const pr_checkpoint_head *head, const char *config,
                           const pr_part *parts, int n_parts, pr_image *out)
{
    PR_TRY(write_head(file, head, config));
    for (int i = 0; i < n_parts; i++) {
        PR_TRY(pr__h5_write_tensor(file, parts[i].name, &parts[i].tensor));
    }
    return pr__h5_image(file, out);
}

pr_status pr_checkpoint_pack(const pr_checkpoint_head *head, const char *config,
                             const pr_part *parts, int n_parts, pr_image *out)
{
    hid_t file = -1;
    PR_TRY(pr__h5_create("checkpoint", &file));
    const pr_status status = fill_file(file, head, config, parts, n_parts, out);
    (void)H5Fclose(file);
    return status;
}

static pr_status read_head(hid_t file, const char *name, pr_checkpoint_head *head)
{
    int64_t version = 0;
    uint64_t hash = 0;
    PR_TRY(pr__h5_read_attribute(file, name, "version", H5T_NATIVE_INT64, &version));
    PR_REQUIRE(version == FORMAT_VERSION, PR_ERR_FORMAT, "%s: checkpoint version %lld, wanted %d",
               name, (long long)version, FORMAT_VERSION);
    for (int i = 0; i < N_HEAD_FIELDS; i++) {
        const head_field *const field = &head_fields[i];
        PR_TRY(pr__h5_read_attribute(file, name, field->name,
                                     field->is_real ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64,
                                     (char *)head + field->offset));
    }
    PR_TRY(pr__h5_read_attribute(file, name, "head_xxh3", H5T_NATIVE_UINT64, &hash));
    PR_REQUIRE(hash == pr_hash64(head, sizeof(*head), FORMAT_VERSION), PR_ERR_FORMAT,
               "%s: the head's checksum is wrong", name);
    return PR_OK;
}

static bool has_shape(hid_t dataset, const pr_tensor *wanted)
{
    const hid_t space = H5Dget_space(dataset);
    const hid_t type = H5Dget_type(dataset);
    hsize_t dims[H5S_MAX_RANK] = {0};
    const int n_dims = H5Sget_simple_extent_dims(space, dims, NULL);
    const bool same_type = H5Tequal(type, pr__h5_type(wanted->dtype)) > 0;
    (void)H5Tclose(type);
    (void)H5Sclose(space);
    bool same = same_type && n_dims == wanted->shape.n_dims;
    for (int i = 0; same && i < n_dims; i++) {
        same = dims[i] == (hsize_t)wanted->shape.dims[i];
    }
    return same;
}

static pr_status check_shape(hid_t dataset, const char *file, const char *name,
                             const pr_tensor *wanted)
{
    char text[96];
    PR_REQUIRE(has_shape(dataset, wanted), PR_ERR_FORMAT,
               "%s: '%s' has another shape or type than this model's %s of %s (checkpoint of "
               "another model?)",
               file, name, pr_shape_text(&wanted->shape, text), pr_dtype_name(wanted->dtype));
    return PR_OK;
}

static pr_status read_dataset(hid_t file, const char *file_name, const char *name,
                              const pr_tensor *tensor)
{
    const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    PR_REQUIRE(dataset >= 0, PR_ERR_FORMAT, "%s: has no '%s' (checkpoint of another model?)",
               file_name, name);
    pr_status status = check_shape(dataset, file_name, name, tensor);
    if (status == PR_OK && pr_shape_n(&tensor->shape) > 0 &&
        H5Dread(dataset, pr__h5_type(tensor->dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor->data) <
            0) {
        status = PR_FAIL(PR_ERR_FORMAT, "%s: '%s' cannot be read", file_name, name);
    }
    uint64_t hash = 0;
    if (status == PR_OK) {
        status = pr__h5_read_attribute(dataset, file_name, "xxh3", H5T_NATIVE_UINT64, &hash);
    }
    (void)H5Dclose(dataset);
    PR_TRY(status);
    PR_REQUIRE(hash == pr__h5_hash(tensor), PR_ERR_FORMAT, "%s: the checksum of '%s' is wrong",
               file_name, name);
    return PR_OK;
}

/* H5Lexists wants every group on the way to exist. */
static bool has_dataset(hid_t file, const char *name)
{
    char path[NAME_BYTES];
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        (void)snprintf(path, sizeof(path), "%.*s", (int)(slash - name), name);
        if (H5Lexists(file, path, H5P_DEFAULT) <= 0) {
            return false;
        }
    }
    return H5Lexists(file, name, H5P_DEFAULT) > 0;
}

pr_status pr_checkpoint_unpack(const pr_image *image, const char *name, pr_checkpoint_head *head,
                               const pr_part *parts, int n_parts)
{
    hid_t file = -1;
    pr_checkpoint_head read;
    memset(&read, 0, sizeof(read));
    PR_TRY(pr__h5_open(image, name, &file));
    pr_status status = read_head(file, name, &read);
    for (int i = 0; status == PR_OK && i < n_parts; i++) {
        status = read_dataset(file, name, parts[i].name, &parts[i].tensor);
    }
    (void)H5Fclose(file);
    PR_TRY(status);
    if (head != NULL) {
        *head = read;
    }
    return PR_OK;
}

static bool fits(hid_t file, const pr_part *part)
{
    const hid_t dataset = H5Dopen2(file, part->name, H5P_DEFAULT);
    const bool is_fit = dataset >= 0 && has_shape(dataset, &part->tensor);
    if (dataset >= 0) {
        (void)H5Dclose(dataset);
    }
    return is_fit;
}

pr_status pr_checkpoint_unpack_found(const pr_image *image, const char *name, const char *held,
                                     const pr_part *parts, int n_parts, int *n_found)
{
    hid_t file = -1;
    pr_checkpoint_head head;
    PR_TRY(pr__h5_open(image, name, &file));
    pr_status status = read_head(file, name, &head);
    *n_found = 0;
    for (int i = 0; status == PR_OK && i < n_parts; i++) {
        const pr_part *const part = &parts[i];
        if (!has_dataset(file, part->name)) {
            continue;
        }
        if (strncmp(part->name, held, strlen(held)) != 0 && !fits(file, part)) {
            pr_log_info("%s: '%s' has another shape there and stays as it is", name, part->name);
            continue;
        }
        status = read_dataset(file, name, part->name, &part->tensor);
        (*n_found)++;
    }
    (void)H5Fclose(file);
    return status;
}

typedef struct verify_walk {
    const char *file;
    pr_status status;
} verify_walk;

/* H5Ovisit's callback: what is no dataset is passed over. */
static herr_t verify_object(hid_t root, const char *name, const H5O_info_t *info, void *ctx)
{
    verify_walk *const walk = ctx;
    if (info->type != H5O_TYPE_DATASET) {
        return 0;
    }
    const hid_t dataset = H5Dopen2(root, name, H5P_DEFAULT);
    const hid_t type = H5Dget_type(dataset);
    const hid_t space = H5Dget_space(dataset);
    const size_t n_bytes = H5Tget_size(type) * (size_t)H5Sget_simple_extent_npoints(space);
    void *const bytes = pr_calloc((int64_t)n_bytes, 1);
    uint64_t hash = 0;
    if (bytes == NULL) {
        walk->status = PR_FAIL(PR_ERR_NOMEM, "%s: no memory for '%s'", walk->file, name);
    } else if (n_bytes > 0 && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0) {
        walk->status = PR_FAIL(PR_ERR_FORMAT, "%s: '%s' cannot be read", walk->file, name);
    } else {
        walk->status = pr__h5_read_attribute(dataset, walk->file, "xxh3", H5T_NATIVE_UINT64, &hash);
    }
    if (walk->status == PR_OK && hash != pr_hash64(bytes, n_bytes, 0)) {
        walk->status =
            PR_FAIL(PR_ERR_FORMAT, "%s: the checksum of '%s' is wrong", walk->file, name);
    }
    pr_free(bytes);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    (void)H5Dclose(dataset);
    return walk->status == PR_OK ? 0 : 1;
}

pr_status pr_checkpoint_verify(const pr_image *image, const char *name)
{
    hid_t file = -1;
    verify_walk walk = {name, PR_OK};
    PR_TRY(pr__h5_open(image, name, &file));
    const herr_t walked =
        H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, verify_object, &walk, H5O_INFO_BASIC);
    (void)H5Fclose(file);
    PR_TRY(walk.status);
    PR_REQUIRE(walked >= 0, PR_ERR_FORMAT, "%s: its contents cannot be listed", name);
    return PR_OK;
}

static pr_status read_config(hid_t file, const char *name, char **out)
{
    PR_REQUIRE(has_dataset(file, "config"), PR_ERR_FORMAT, "%s: has no 'config'", name);
    const hid_t dataset = H5Dopen2(file, "config", H5P_DEFAULT);
    const hid_t space = H5Dget_space(dataset);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    (void)H5Sclose(space);
    char *const text = n < 0 ? NULL : pr_calloc(n + 1, 1);
    pr_status status = PR_OK;
    if (n < 0) {
        status = PR_FAIL(PR_ERR_FORMAT, "%s: its config has no size", name);
    } else if (text == NULL) {
        status =
            PR_FAIL(PR_ERR_NOMEM, "%s: no memory for a config of %lld bytes", name, (long long)n);
    } else if (n > 0 && H5Dread(dataset, H5T_STD_U8LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0) {
        status = PR_FAIL(PR_ERR_FORMAT, "%s: its config cannot be read", name);
    }
    (void)H5Dclose(dataset);
    if (status != PR_OK) {
        pr_free(text);
        return status;
    }
    *out = text;
    return PR_OK;
}

pr_status pr_checkpoint_config(const pr_image *image, const char *name, char **out)
{
    hid_t file = -1;
    PR_TRY(pr__h5_open(image, name, &file));
    const pr_status status = read_config(file, name, out);
    (void)H5Fclose(file);
    return status;
}
