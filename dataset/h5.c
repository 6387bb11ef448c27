#include "dataset/h5.h"

#include "engine/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void pr_h5_begin(void)
{
    (void)H5dont_atexit(); /* fails, and need not succeed, once HDF5 is in use */
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static herr_t keep_first_cause(unsigned n, const H5E_error2_t *error, void *text)
{
    if (n == 0) {
        (void)snprintf(text, 128, "%s", error->desc);
    }
    return 0;
}

/* The innermost cause that HDF5 recorded; TEXT has room for 128 bytes. */
static const char *why(char *text)
{
    (void)snprintf(text, 128, "no cause recorded");
    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first_cause, text);
    return text;
}

static hid_t scalar_type(pr_h5_kind kind, size_t item_bytes)
{
    hid_t type = -1;
    switch (kind) {
    case PR_H5_U8:
        return H5Tcopy(H5T_STD_U8LE);
    case PR_H5_I32:
        return H5Tcopy(H5T_STD_I32LE);
    case PR_H5_U32:
        return H5Tcopy(H5T_STD_U32LE);
    case PR_H5_I64:
        return H5Tcopy(H5T_STD_I64LE);
    case PR_H5_U64:
        return H5Tcopy(H5T_STD_U64LE);
    case PR_H5_F32:
        return H5Tcopy(H5T_IEEE_F32LE);
    case PR_H5_F64:
        return H5Tcopy(H5T_IEEE_F64LE);
    case PR_H5_TEXT:
        type = H5Tcopy(H5T_C_S1);
        (void)H5Tset_size(type, item_bytes);
        (void)H5Tset_strpad(type, H5T_STR_NULLPAD);
        (void)H5Tset_cset(type, H5T_CSET_UTF8);
        return type;
    }
    return type;
}

/* Insertions into a type of the right size cannot fail but for memory; H5Tequal and H5Dcreate see that. */
static hid_t table_type(const pr_h5_table *table)
{
    if (table->n_fields == 0) {
        return scalar_type(table->kind, table->item_bytes);
    }
    const hid_t type = H5Tcreate(H5T_COMPOUND, table->item_bytes);
    for (int i = 0; i < table->n_fields; i++) {
        const pr_h5_field *field = &table->fields[i];
        const hid_t scalar = scalar_type(field->kind, 0);
        const hsize_t n = (hsize_t)field->n;
        const hid_t member = field->n > 1 ? H5Tarray_create2(scalar, 1, &n) : H5Tcopy(scalar);
        (void)H5Tinsert(type, field->name, field->offset, member);
        (void)H5Tclose(member);
        (void)H5Tclose(scalar);
    }
    return type;
}

size_t pr_h5_table_bytes(const pr_h5_table *table)
{
    const int64_t n_cols = table->n_cols > 0 ? table->n_cols : 1;
    return (size_t)(table->n_rows * n_cols) * table->item_bytes;
}

static bool create_table(hid_t file, pr_h5_table *table)
{
    const hsize_t dims[2] = {(hsize_t)table->n_rows, (hsize_t)table->n_cols};
    const hid_t type = table_type(table);
    const hid_t space = H5Screate_simple(table->n_cols > 0 ? 2 : 1, dims, NULL);
    const hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    bool ok = H5Pset_layout(plist, H5D_CONTIGUOUS) >= 0 &&
              H5Pset_alloc_time(plist, H5D_ALLOC_TIME_EARLY) >= 0 &&
              H5Pset_fill_time(plist, H5D_FILL_TIME_NEVER) >= 0 &&
              H5Pset_obj_track_times(plist, 0) >= 0;
    const hid_t set =
        ok ? H5Dcreate2(file, table->name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT) : -1;
    ok = set >= 0;
    if (ok) {
        const haddr_t at = H5Dget_offset(set);
        table->at = at == HADDR_UNDEF ? 0 : (uint64_t)at;
        ok = at != HADDR_UNDEF || pr_h5_table_bytes(table) == 0;
        ok = H5Dclose(set) >= 0 && ok;
    }
    (void)H5Pclose(plist);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    return ok;
}

static bool create_attr(hid_t file, const pr_h5_attr *attr)
{
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t id = H5Acreate2(file, attr->name, H5T_STD_U64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = id >= 0 && H5Awrite(id, H5T_NATIVE_UINT64, &attr->value) >= 0;
    ok = id >= 0 && H5Aclose(id) >= 0 && ok;
    (void)H5Sclose(space);
    return ok;
}

static hid_t access_list(void)
{
    const hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    /* The format of 1.8: checksums on HDF5's own structures, and every later release reads it. */
    (void)H5Pset_libver_bounds(list, H5F_LIBVER_V18, H5F_LIBVER_V18);
    (void)H5Pset_file_locking(list, 0, 1);
    (void)H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
    return list;
}

static hid_t create_file(const char *path)
{
    const hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    const hid_t access = access_list();
    (void)H5Pset_obj_track_times(creation, 0);
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    (void)H5Pclose(access);
    (void)H5Pclose(creation);
    return file;
}

/* HDF5 stays open until the reservation has succeeded: closing is what writes its metadata. */
static pr_status lay_out_open(hid_t file, const char *path, pr_h5_table *tables, int n_tables,
                              const pr_h5_attr *attrs, int n_attrs, int fd)
{
    char text[128];
    for (int i = 0; i < n_tables; i++) {
        PR_REQUIRE(create_table(file, &tables[i]), PR_ERR_IO, "%s: cannot create /%s: %s", path,
                   tables[i].name, why(text));
    }
    for (int i = 0; i < n_attrs; i++) {
        PR_REQUIRE(create_attr(file, &attrs[i]), PR_ERR_IO, "%s: cannot create attribute %s: %s",
                   path, attrs[i].name, why(text));
    }
    hsize_t n_bytes = 0;
    PR_REQUIRE(H5Fget_filesize(file, &n_bytes) >= 0, PR_ERR_IO, "%s: no file size: %s", path,
               why(text));
    const int code = posix_fallocate(fd, 0, (off_t)n_bytes);
    PR_REQUIRE(code == 0, PR_ERR_IO, "%s: cannot reserve %llu bytes: %s", path,
               (unsigned long long)n_bytes, strerror(code));
    return PR_OK;
}

pr_status pr_h5_lay_out(const char *path, pr_h5_table *tables, int n_tables,
                        const pr_h5_attr *attrs, int n_attrs, int *fd)
{
    char text[128];
    pr_h5_begin();
    const hid_t file = create_file(path);
    if (file < 0) {
        (void)unlink(path);
        return PR_FAIL(PR_ERR_IO, "%s: cannot be created: %s", path, why(text));
    }
    const int opened = open(path, O_RDWR | O_CLOEXEC);
    pr_status status = PR_OK;
    if (opened < 0) {
        status = PR_FAIL(PR_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    } else {
        status = lay_out_open(file, path, tables, n_tables, attrs, n_attrs, opened);
    }
    if (H5Fclose(file) < 0 && status == PR_OK) {
        status = PR_FAIL(PR_ERR_IO, "%s: cannot be closed: %s", path, why(text));
    }
    if (status != PR_OK) {
        (void)unlink(path);
        if (opened >= 0) {
            (void)close(opened);
        }
        return status;
    }
    *fd = opened;
    return PR_OK;
}

pr_status pr_h5_pwrite(int fd, const char *path, const void *bytes, size_t n_bytes, uint64_t at)
{
    for (size_t done = 0; done < n_bytes;) {
        const ssize_t n =
            pwrite(fd, (const char *)bytes + done, n_bytes - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        PR_REQUIRE(n > 0, PR_ERR_IO, "%s: cannot write %zu bytes at %llu: %s", path, n_bytes - done,
                   (unsigned long long)(at + done), strerror(errno));
        done += (size_t)n;
    }
    return PR_OK;
}

pr_status pr_h5_pread(int fd, const char *path, void *bytes, size_t n_bytes, uint64_t at)
{
    for (size_t done = 0; done < n_bytes;) {
        const ssize_t n = pread(fd, (char *)bytes + done, n_bytes - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        PR_REQUIRE(n >= 0, PR_ERR_IO, "%s: cannot read %zu bytes at %llu: %s", path, n_bytes - done,
                   (unsigned long long)(at + done), strerror(errno));
        PR_REQUIRE(n > 0, PR_ERR_IO, "%s: ends at byte %llu, %zu bytes too early", path,
                   (unsigned long long)(at + done), n_bytes - done);
        done += (size_t)n;
    }
    return PR_OK;
}

pr_status pr_h5_fill(int fd, const char *path, const pr_h5_table *tables, int n_tables)
{
    for (int i = 0; i < n_tables; i++) {
        if (tables[i].data != NULL) {
            PR_TRY(pr_h5_pwrite(fd, path, tables[i].data, pr_h5_table_bytes(&tables[i]),
                                tables[i].at));
        }
    }
    return PR_OK;
}

pr_status pr_h5_commit(int *fd, const char *tmp, const char *dir, const char *path)
{
    const bool synced = fsync(*fd) == 0;
    const int code = errno;
    const bool closed = close(*fd) == 0;
    *fd = -1;
    PR_REQUIRE(synced && closed, PR_ERR_IO, "%s: cannot be made durable: %s", tmp,
               strerror(synced ? errno : code));
    PR_REQUIRE(rename(tmp, path) == 0, PR_ERR_IO, "%s: cannot become %s: %s", tmp, path,
               strerror(errno));
    return pr_fs_sync_folder(dir);
}

/* What is wrong with an open dataset, or NULL; fills the table in. */
static const char *check_table(hid_t set, uint64_t file_bytes, pr_h5_table *table)
{
    const char *wrong = NULL;
    hsize_t dims[2] = {0, 0};
    const int n_dims = table->n_cols > 0 ? 2 : 1;
    const hid_t type = H5Dget_type(set);
    const hid_t space = H5Dget_space(set);
    const hid_t plist = H5Dget_create_plist(set);
    if (table->kind == PR_H5_TEXT && table->n_fields == 0) {
        table->item_bytes = H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0
                                ? H5Tget_size(type)
                                : 0;
    }
    const hid_t wanted = table_type(table);
    if (type < 0 || wanted < 0 || table->item_bytes == 0 || H5Tequal(type, wanted) <= 0) {
        wrong = "has another type than this version of the format";
    } else if (H5Sget_simple_extent_ndims(space) != n_dims ||
               H5Sget_simple_extent_dims(space, dims, NULL) < 0 ||
               (table->n_cols > 0 && dims[1] != (hsize_t)table->n_cols)) {
        wrong = "has another shape than this version of the format";
    } else if (H5Pget_layout(plist) != H5D_CONTIGUOUS || H5Pget_external_count(plist) != 0) {
        wrong = "is not contiguous in this file";
    } else {
        const uint64_t row_bytes = table->item_bytes * (n_dims == 2 ? (uint64_t)dims[1] : 1);
        const haddr_t at = dims[0] > 0 ? H5Dget_offset(set) : 0;
        if (at == HADDR_UNDEF || (uint64_t)at > file_bytes ||
            dims[0] > (file_bytes - (uint64_t)at) / row_bytes) {
            wrong = "reaches beyond the end of the file";
        } else {
            table->n_rows = (int64_t)dims[0];
            table->at = (uint64_t)at;
        }
    }
    (void)H5Tclose(wanted);
    (void)H5Pclose(plist);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    return wrong;
}

static pr_status find_attr(hid_t file, const char *path, pr_h5_attr *attr)
{
    const hid_t id = H5Aopen(file, attr->name, H5P_DEFAULT);
    const hid_t space = id >= 0 ? H5Aget_space(id) : -1;
    const bool ok = id >= 0 && H5Sget_simple_extent_npoints(space) == 1 &&
                    H5Aread(id, H5T_NATIVE_UINT64, &attr->value) >= 0;
    (void)H5Sclose(space);
    (void)H5Aclose(id);
    PR_REQUIRE(ok, PR_ERR_FORMAT, "%s: has no attribute %s: not a file of this format", path,
               attr->name);
    PR_REQUIRE(attr->wanted == 0 || attr->value == attr->wanted, PR_ERR_FORMAT,
               "%s: %s is %llu, this program reads %llu", path, attr->name,
               (unsigned long long)attr->value, (unsigned long long)attr->wanted);
    return PR_OK;
}

static pr_status find_table(hid_t file, const char *path, uint64_t file_bytes, bool optional,
                            pr_h5_table *table)
{
    table->n_rows = -1;
    const htri_t there = H5Lexists(file, table->name, H5P_DEFAULT);
    if (there == 0 && optional) {
        return PR_OK;
    }
    const hid_t set = there > 0 ? H5Dopen2(file, table->name, H5P_DEFAULT) : -1;
    PR_REQUIRE(set >= 0, PR_ERR_FORMAT, "%s: has no /%s", path, table->name);
    const char *const wrong = check_table(set, file_bytes, table);
    (void)H5Dclose(set);
    PR_REQUIRE(wrong == NULL, PR_ERR_FORMAT, "%s: /%s %s", path, table->name, wrong);
    return PR_OK;
}

static pr_status find_in(hid_t file, const char *path, uint64_t file_bytes, pr_h5_table *tables,
                         const bool *optional, int n_tables, pr_h5_attr *attrs, int n_attrs)
{
    for (int i = 0; i < n_attrs; i++) {
        PR_TRY(find_attr(file, path, &attrs[i]));
    }
    for (int i = 0; i < n_tables; i++) {
        PR_TRY(find_table(file, path, file_bytes, optional != NULL && optional[i], &tables[i]));
    }
    return PR_OK;
}

pr_status pr_h5_find(const char *path, pr_h5_table *tables, const bool *optional, int n_tables,
                     pr_h5_attr *attrs, int n_attrs, int *fd, uint64_t *n_bytes)
{
    char text[128];
    pr_h5_begin();
    const int opened = open(path, O_RDONLY | O_CLOEXEC);
    PR_REQUIRE(opened >= 0, PR_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    struct stat info;
    pr_status status = PR_OK;
    if (fstat(opened, &info) != 0 || !S_ISREG(info.st_mode)) {
        status = PR_FAIL(PR_ERR_IO, "%s: is not a file that can be read", path);
    } else {
        const hid_t access = access_list();
        const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
        (void)H5Pclose(access);
        if (file < 0) {
            status = PR_FAIL(PR_ERR_FORMAT, "%s: %lld bytes that are no whole HDF5 file: %s", path,
                             (long long)info.st_size, why(text));
        } else {
            status = find_in(file, path, (uint64_t)info.st_size, tables, optional, n_tables, attrs,
                             n_attrs);
            (void)H5Fclose(file);
        }
    }
    if (status != PR_OK) {
        (void)close(opened);
        return status;
    }
    *fd = opened;
    *n_bytes = (uint64_t)info.st_size;
    return PR_OK;
}
