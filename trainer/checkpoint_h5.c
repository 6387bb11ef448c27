#include "trainer/checkpoint_h5.h"

#include "engine/base/alloc.h"
#include "engine/base/hash.h"

enum { CORE_INCREMENT_BYTES = 1 << 20 };

hid_t pr__h5_type(pr_dtype dtype)
{
    switch (dtype) {
    case PR_F32:
        return H5T_IEEE_F32LE;
    case PR_F64:
        return H5T_IEEE_F64LE;
    case PR_I32:
        return H5T_STD_I32LE;
    case PR_I64:
        return H5T_STD_I64LE;
    case PR_U8:
    case PR_DTYPE_COUNT:
        break;
    }
    return H5T_STD_U8LE;
}

pr_status pr__h5_write_attribute(hid_t object, const char *name, hid_t type, const void *value)
{
    const hid_t space = H5Screate(H5S_SCALAR);
    PR__TRY_H5(space, "make a space");
    const hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    const herr_t written = attribute < 0 ? -1 : H5Awrite(attribute, type, value);
    (void)H5Aclose(attribute);
    (void)H5Sclose(space);
    PR__TRY_H5(written, name);
    return PR_OK;
}

pr_status pr__h5_read_attribute(hid_t object, const char *file, const char *name, hid_t type,
                                void *value)
{
    PR_REQUIRE(H5Aexists(object, name) > 0, PR_ERR_FORMAT, "%s: no attribute '%s'", file, name);
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    const herr_t got = attribute < 0 ? -1 : H5Aread(attribute, type, value);
    (void)H5Aclose(attribute);
    PR_REQUIRE(got >= 0, PR_ERR_FORMAT, "%s: attribute '%s' cannot be read", file, name);
    return PR_OK;
}

uint64_t pr__h5_hash(const pr_tensor *tensor)
{
    const pr_desc desc = {tensor->dtype, tensor->shape};
    return pr_hash64(tensor->data, pr_desc_bytes(&desc), 0);
}

/* Without the times that would make two equal files differ. */
pr_status pr__h5_write_tensor(hid_t file, const char *name, const pr_tensor *tensor)
{
    hsize_t dims[PR_MAX_DIMS];
    for (int i = 0; i < tensor->shape.n_dims; i++) {
        dims[i] = (hsize_t)tensor->shape.dims[i];
    }
    const hid_t type = pr__h5_type(tensor->dtype);
    const hid_t space = H5Screate_simple(tensor->shape.n_dims, dims, NULL);
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    (void)H5Pset_create_intermediate_group(links, 1);
    (void)H5Pset_obj_track_times(creation, false);
    const hid_t dataset = H5Dcreate2(file, name, type, space, links, creation, H5P_DEFAULT);
    herr_t written = dataset < 0 ? -1 : 0;
    if (written >= 0 && pr_shape_n(&tensor->shape) > 0) {
        written = H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor->data);
    }
    const uint64_t hash = pr__h5_hash(tensor);
    const pr_status status =
        written < 0 ? PR_OK : pr__h5_write_attribute(dataset, "xxh3", H5T_STD_U64LE, &hash);
    (void)H5Dclose(dataset);
    (void)H5Pclose(creation);
    (void)H5Pclose(links);
    (void)H5Sclose(space);
    PR__TRY_H5(written, name);
    return status;
}

/*
 * The seal: behind the HDF5 file's own end, where readers of HDF5 do not look, stand eight letters and
 * the XXH3 of everything before them. HDF5 1.10.8 reads freed memory where a file's metadata are
 * damaged (AddressSanitizer says so), so it is only shown bytes whose seal holds.
 */
static const char seal_letters[8] = {'P', 'R', 'S', 'E', 'A', 'L', '0', '1'};
enum { SEAL_BYTES = sizeof(seal_letters) + sizeof(uint64_t) };

static void seal(uint8_t *bytes, size_t n_bytes)
{
    const uint64_t hash = pr_hash64(bytes, n_bytes, 0);
    memcpy(bytes + n_bytes, seal_letters, sizeof(seal_letters));
    memcpy(bytes + n_bytes + sizeof(seal_letters), &hash, sizeof(hash));
}

static bool seal_holds(const pr_image *image)
{
    if (image->n_bytes <= SEAL_BYTES) {
        return false;
    }
    const size_t n_bytes = image->n_bytes - SEAL_BYTES;
    uint64_t hash = 0;
    memcpy(&hash, image->bytes + n_bytes + sizeof(seal_letters), sizeof(hash));
    return memcmp(image->bytes + n_bytes, seal_letters, sizeof(seal_letters)) == 0 &&
           hash == pr_hash64(image->bytes, n_bytes, 0);
}

pr_status pr__h5_image(hid_t file, pr_image *out)
{
    PR__TRY_H5(H5Fflush(file, H5F_SCOPE_GLOBAL), "flush the image");
    const ssize_t n_bytes = H5Fget_file_image(file, NULL, 0);
    PR__TRY_H5(n_bytes, "size the image");
    uint8_t *const bytes = pr_calloc(n_bytes + SEAL_BYTES, 1);
    PR_REQUIRE(bytes != NULL, PR_ERR_NOMEM, "no memory for a checkpoint of %lld bytes",
               (long long)n_bytes);
    if (H5Fget_file_image(file, bytes, (size_t)n_bytes) != n_bytes) {
        pr_free(bytes);
        return PR_FAIL(PR_ERR_FORMAT, "checkpoint: HDF5 refused to give its image");
    }
    seal(bytes, (size_t)n_bytes);
    *out = (pr_image){bytes, (size_t)n_bytes + SEAL_BYTES};
    return PR_OK;
}

/* Opens IMAGE as a file in memory; HDF5 copies the bytes. */
pr_status pr__h5_open(const pr_image *image, const char *name, hid_t *out)
{
    PR_REQUIRE(seal_holds(image), PR_ERR_FORMAT,
               "%s: not a whole checkpoint: the seal over its %zu bytes does not hold", name,
               image->n_bytes);
    (void)H5dont_atexit();
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    (void)H5Pset_fapl_core(access, CORE_INCREMENT_BYTES, false);
    herr_t got = H5Pset_file_image(access, image->bytes, image->n_bytes - SEAL_BYTES);
    const hid_t file = got < 0 ? -1 : H5Fopen("checkpoint", H5F_ACC_RDONLY, access);
    (void)H5Pclose(access);
    PR_REQUIRE(file >= 0, PR_ERR_FORMAT, "%s: not a whole HDF5 file (%zu bytes)", name,
               image->n_bytes);
    *out = file;
    return PR_OK;
}

/* Equal content gives equal bytes: no object times, and no library's newest format. */
pr_status pr__h5_create(const char *name, hid_t *out)
{
    (void)H5dont_atexit();
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    const hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    (void)H5Pset_fapl_core(access, CORE_INCREMENT_BYTES, false);
    (void)H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18);
    (void)H5Pset_obj_track_times(creation, false);
    const hid_t file = H5Fcreate(name, H5F_ACC_TRUNC, creation, access);
    (void)H5Pclose(creation);
    (void)H5Pclose(access);
    PR__TRY_H5(file, "make a file in memory");
    *out = file;
    return PR_OK;
}
