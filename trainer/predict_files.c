#include "trainer/predict_files.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_DEPTH = 64, NPY_ALIGN_BYTES = 64, NPY_PREFIX_BYTES = 10 };

void pr__paths_free(pr__paths *paths)
{
    pr_free(paths->chars);
    pr_free(paths->at);
    memset(paths, 0, sizeof(*paths));
}

pr_status pr__paths_index(pr__paths *paths, int64_t n)
{
    pr_free(paths->at);
    paths->at = pr_calloc(n, sizeof(*paths->at));
    PR_REQUIRE(paths->at != NULL, PR_ERR_NOMEM, "no memory for %" PRId64 " paths", n);
    int64_t byte = 0;
    for (paths->n = 0; paths->n < n; paths->n++) {
        paths->at[paths->n] = byte;
        byte += (int64_t)strlen(paths->chars + byte) + 1;
    }
    return PR_OK;
}

/* A list that grows while folders are read. */
typedef struct found {
    char **at;
    int64_t n, capacity;
} found;

static pr_status found_add(found *list, const char *path)
{
    if (list->n == list->capacity) {
        const int64_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
        char **const more = pr_calloc(capacity, sizeof(*more));
        PR_REQUIRE(more != NULL, PR_ERR_NOMEM, "no memory for %" PRId64 " paths", capacity);
        if (list->n > 0) {
            memcpy(more, list->at, (size_t)list->n * sizeof(*more));
        }
        pr_free(list->at);
        list->at = more;
        list->capacity = capacity;
    }
    const size_t n_bytes = strlen(path) + 1;
    char *const copy = pr_calloc((int64_t)n_bytes, 1);
    PR_REQUIRE(copy != NULL, PR_ERR_NOMEM, "no memory for a path");
    memcpy(copy, path, n_bytes);
    list->at[list->n++] = copy;
    return PR_OK;
}

static void found_free(found *list)
{
    for (int64_t i = 0; i < list->n; i++) {
        pr_free(list->at[i]);
    }
    pr_free(list->at);
}

static bool is_image(const char *name)
{
    static const char *const ends[] = {".jpg", ".jpeg", ".png"};
    const char *const dot = strrchr(name, '.');
    for (int i = 0; dot != NULL && i < 3; i++) {
        if (strcasecmp(dot, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

static pr_status enter_folder(found *list, const char *folder, int depth);

/* NOLINTNEXTLINE(misc-no-recursion) */
static pr_status take_name(found *list, const char *folder, const char *name, int depth)
{
    char path[PR_PATH_BYTES];
    PR_TRY(pr_fs_join(path, folder, name));
    if (pr_fs_is_folder(path)) {
        return enter_folder(list, path, depth + 1);
    }
    return is_image(name) ? found_add(list, path) : PR_OK;
}

/* As deep as folders lie in each other, which is bounded: links may lead in circles. */

static pr_status enter_folder(found *list, const char *folder, int depth)
{
    PR_REQUIRE(depth < MAX_DEPTH, PR_ERR_INVALID, "%s: more than %d folders in each other", folder,
               MAX_DEPTH);
    char **names = NULL;
    int64_t n_names = 0;
    PR_TRY(pr_fs_list(folder, &names, &n_names));
    pr_status status = PR_OK;
    for (int64_t i = 0; i < n_names && status == PR_OK; i++) {
        status = take_name(list, folder, names[i], depth);
    }
    pr_free(names);
    return status;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static pr_status append(pr__paths *paths, const found *list)
{
    int64_t n_bytes = paths->n_bytes;
    for (int64_t i = 0; i < list->n; i++) {
        n_bytes += (int64_t)strlen(list->at[i]) + 1;
    }
    char *const chars = pr_calloc(n_bytes, 1);
    PR_REQUIRE(chars != NULL, PR_ERR_NOMEM, "no memory for %" PRId64 " paths", list->n);
    int64_t byte = paths->n_bytes;
    if (byte > 0) {
        memcpy(chars, paths->chars, (size_t)byte);
    }
    for (int64_t i = 0; i < list->n; i++) {
        const size_t n = strlen(list->at[i]) + 1;
        memcpy(chars + byte, list->at[i], n);
        byte += (int64_t)n;
    }
    pr_free(paths->chars);
    paths->chars = chars;
    paths->n_bytes = n_bytes;
    return pr__paths_index(paths, paths->n + list->n);
}

pr_status pr__paths_add(pr__paths *paths, const char *path)
{
    found list = {NULL, 0, 0};
    PR_REQUIRE(pr_fs_exists(path), PR_ERR_INVALID, "%s: there is no such file or folder", path);
    pr_status status =
        pr_fs_is_folder(path) ? enter_folder(&list, path, 0) : found_add(&list, path);
    if (status == PR_OK && list.n == 0) {
        status = PR_FAIL(PR_ERR_INVALID,
                         "%s: neither a dataset (no dataset.h5) nor a folder with .jpg, .jpeg or "
                         ".png files",
                         path);
    }
    if (status == PR_OK) {
        qsort(list.at, (size_t)list.n, sizeof(*list.at), compare);
        status = append(paths, &list);
    }
    found_free(&list);
    return status;
}

pr_status pr__npy_write(const char *file, const float *rows, int64_t n_rows, int64_t n_cols)
{
    static const unsigned char magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    char head[4 * NPY_ALIGN_BYTES];
    memcpy(head, magic, sizeof(magic));
    const int n_text =
        snprintf(head + NPY_PREFIX_BYTES, sizeof(head) - NPY_PREFIX_BYTES,
                 "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRId64 ", %" PRId64 "), }",
                 n_rows, n_cols);
    /* Blanks and a newline fill the head to a multiple of the alignment. */
    size_t n_head = NPY_PREFIX_BYTES + (size_t)n_text + 1;
    n_head += (NPY_ALIGN_BYTES - n_head % NPY_ALIGN_BYTES) % NPY_ALIGN_BYTES;
    memset(head + NPY_PREFIX_BYTES + n_text, ' ', n_head - NPY_PREFIX_BYTES - (size_t)n_text);
    head[n_head - 1] = '\n';
    head[8] = (char)((n_head - NPY_PREFIX_BYTES) & 0xff);
    head[9] = (char)((n_head - NPY_PREFIX_BYTES) >> 8);

    const size_t n_body = (size_t)(n_rows * n_cols) * sizeof(float);
    pr_fs_writer *writer = NULL;
    PR_TRY(pr_fs_writer_create(file, n_head + n_body, &writer));
    pr_status status = pr_fs_writer_put(writer, head, n_head, 0);
    if (status == PR_OK && n_body > 0) {
        status = pr_fs_writer_put(writer, rows, n_body, n_head);
    }
    if (status != PR_OK) {
        pr_fs_writer_destroy(&writer);
        return status;
    }
    return pr_fs_writer_commit(&writer);
}
