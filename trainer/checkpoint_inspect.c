#include "trainer/checkpoint_inspect.h"

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "trainer/checkpoint_h5.h"

#include <inttypes.h>
#include <string.h>

/* One walk over the tensors of a file, in the order of their names. */
typedef struct walk {
    const char *file;
    pr_text *text;
    pr_hash *hash;
    int64_t n_tensors, n_bytes;
    pr_status status;
} walk;

static pr_status dtype_of(hid_t type, const char *file, const char *name, pr_dtype *out)
{
    for (int dtype = 0; dtype < PR_DTYPE_COUNT; dtype++) {
        if (H5Tequal(type, pr__h5_type((pr_dtype)dtype)) > 0) {
            *out = (pr_dtype)dtype;
            return PR_OK;
        }
    }
    return PR_FAIL(PR_ERR_FORMAT, "%s: '%s' is of a type that checkpoints do not have", file, name);
}

static pr_status describe(hid_t dataset, const char *file, const char *name, pr_desc *desc)
{
    hsize_t dims[H5S_MAX_RANK] = {0};
    const hid_t type = H5Dget_type(dataset);
    const hid_t space = H5Dget_space(dataset);
    const int n_dims = H5Sget_simple_extent_dims(space, dims, NULL);
    const pr_status status = dtype_of(type, file, name, &desc->dtype);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    PR_TRY(status);
    PR_REQUIRE(n_dims >= 0 && n_dims <= PR_MAX_DIMS, PR_ERR_FORMAT,
               "%s: '%s' has %d dimensions, at most %d", file, name, n_dims, PR_MAX_DIMS);
    memset(&desc->shape, 0, sizeof(desc->shape));
    desc->shape.n_dims = n_dims;
    for (int i = 0; i < n_dims; i++) {
        desc->shape.dims[i] = (int64_t)dims[i];
    }
    return PR_OK;
}

static pr_status take_bytes(const walk *w, hid_t dataset, const char *name, const pr_desc *desc)
{
    const size_t n_bytes = pr_desc_bytes(desc);
    void *const bytes = pr_calloc((int64_t)n_bytes + 1, 1);
    PR_REQUIRE(bytes != NULL, PR_ERR_NOMEM, "%s: no memory for '%s'", w->file, name);
    const hid_t type = pr__h5_type(desc->dtype);
    pr_status status = PR_OK;
    if (n_bytes > 0 && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0) {
        status = PR_FAIL(PR_ERR_FORMAT, "%s: '%s' cannot be read", w->file, name);
    } else {
        const int64_t kind[2] = {(int64_t)desc->dtype, desc->shape.n_dims};
        pr_hash_add(w->hash, name, strlen(name) + 1);
        pr_hash_add(w->hash, kind, sizeof(kind));
        pr_hash_add(w->hash, desc->shape.dims, (size_t)desc->shape.n_dims * sizeof(int64_t));
        pr_hash_add(w->hash, bytes, n_bytes);
    }
    pr_free(bytes);
    return status;
}

static pr_status take_tensor(walk *w, hid_t dataset, const char *name)
{
    pr_desc desc;
    char shape[96];
    PR_TRY(describe(dataset, w->file, name, &desc));
    PR_TRY(take_bytes(w, dataset, name, &desc));
    w->n_tensors++;
    w->n_bytes += (int64_t)pr_desc_bytes(&desc);
    return pr_text_add(w->text, "  %-56s %s %s\n", name, pr_dtype_name(desc.dtype),
                       pr_shape_text(&desc.shape, shape));
}

/* H5Ovisit's callback. */
static herr_t visit(hid_t root, const char *name, const H5O_info_t *info, void *ctx)
{
    walk *const w = ctx;
    if (info->type != H5O_TYPE_DATASET || strcmp(name, "config") == 0) {
        return 0;
    }
    const hid_t dataset = H5Dopen2(root, name, H5P_DEFAULT);
    if (dataset < 0) {
        w->status = PR_FAIL(PR_ERR_FORMAT, "%s: '%s' cannot be opened", w->file, name);
    } else {
        w->status = take_tensor(w, dataset, name);
    }
    (void)H5Dclose(dataset);
    return w->status == PR_OK ? 0 : 1;
}

static pr_status add_head(const pr_checkpoint_head *head, pr_text *text)
{
    const pr_position *const at = &head->position;
    PR_TRY(pr_text_add(text,
                       "position: stage %" PRId64 ", %" PRId64 " of its epochs and %" PRId64
                       " of its steps done; epoch %" PRId64 " with %" PRId64
                       " steps done; step %" PRId64 " over all; phase %" PRId64 "\n",
                       at->stage, at->stage_epoch, at->stage_step, at->epoch, at->epoch_step,
                       at->step, at->phase));
    PR_TRY(pr_text_add(text,
                       "best on validation: %.17g at step %" PRId64 ", %" PRId64 " epochs since\n",
                       head->best, head->best_step, head->n_bad_epochs));
    return pr_text_add(text,
                       "config hash %016" PRIx64 "\ndata hash %016" PRIx64
                       "\nmodel hash %016" PRIx64 "\narithmetic hash %016" PRIx64 "\n",
                       head->config_hash, head->data_hash, head->model_hash, head->canned_hash);
}

static pr_status walk_file(walk *w, const pr_image *image)
{
    hid_t file = -1;
    PR_TRY(pr__h5_open(image, w->file, &file));
    const herr_t walked = H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, visit, w, H5O_INFO_BASIC);
    (void)H5Fclose(file);
    PR_TRY(w->status);
    PR_REQUIRE(walked >= 0, PR_ERR_FORMAT, "%s: its contents cannot be listed", w->file);
    return pr_text_add(w->text, "%" PRId64 " tensors, %" PRId64 " bytes\ncontent %016" PRIx64 "\n",
                       w->n_tensors, w->n_bytes, pr_hash_value(w->hash));
}

static pr_status inspect(const pr_image *image, const char *path, pr_text *text)
{
    pr_checkpoint_head head;
    walk w = {.file = path, .text = text, .status = PR_OK};
    PR_TRY(pr_checkpoint_unpack(image, path, &head, NULL, 0));
    PR_TRY(pr_checkpoint_verify(image, path));
    PR_TRY(add_head(&head, text));
    PR_TRY(pr_hash_create(0, &w.hash));
    const pr_status status = walk_file(&w, image);
    pr_hash_destroy(&w.hash);
    return status;
}

pr_status pr_checkpoint_inspect(const char *path, pr_text *text)
{
    pr_image image = {NULL, 0};
    PR_TRY(pr_checkpoint_read(path, &image));
    const pr_status status = inspect(&image, path, text);
    pr_free(image.bytes);
    return status;
}
