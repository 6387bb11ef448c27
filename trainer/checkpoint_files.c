/*
 * Checkpoints as files of a run directory: checkpoints/step-NNNNNNNN.h5, the newest few and the
 * best. A new one is read back before an older one goes.
 */
#include "trainer/checkpoint.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/log.h"
#include "engine/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static pr_status folder_of(char out[static PR_PATH_BYTES], const char *run_dir)
{
    return pr_fs_join(out, run_dir, "checkpoints");
}

/* The step in a checkpoint's name, or -1. */
static int64_t step_of(const char *name)
{
    static const char head[] = "step-";
    static const char tail[] = ".h5";
    char digits[24];
    const size_t n = strlen(name);
    const size_t n_around = sizeof(head) - 1 + sizeof(tail) - 1;
    if (n <= n_around || n - n_around >= sizeof(digits) ||
        strncmp(name, head, sizeof(head) - 1) != 0 ||
        strcmp(name + n - (sizeof(tail) - 1), tail) != 0) {
        return -1;
    }
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)(n - n_around), name + sizeof(head) - 1);
    int64_t step = -1;
    return pr_text_to_int(digits, &step) ? step : -1;
}

pr_status pr_checkpoint_path(char out[static PR_PATH_BYTES], const char *run_dir, int64_t step)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "checkpoints/step-%08" PRId64 ".h5", step);
    return pr_fs_join(out, run_dir, name);
}

pr_status pr_checkpoint_read(const char *path, pr_image *out)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    PR_TRY(pr_fs_read(path, &bytes, &n_bytes));
    *out = (pr_image){(uint8_t *)bytes, n_bytes};
    return PR_OK;
}

/* Half a checkpoint: what a writer that was killed left behind, for no other one is at work. */
static bool is_half(const char *name)
{
    return strncmp(name, "step-", 5) == 0 && strstr(name, ".h5.tmp-") != NULL;
}

static pr_status remove_halves(const char *folder, char *const *names, int64_t n_names)
{
    for (int64_t i = 0; i < n_names; i++) {
        char path[PR_PATH_BYTES];
        if (is_half(names[i])) {
            PR_TRY(pr_fs_join(path, folder, names[i]));
            PR_TRY(pr_fs_remove(path));
        }
    }
    return PR_OK;
}

/*
 * Removes all but the newest KEEP up to NEWEST_STEP, and KEPT_STEP. NAMES are in increasing order of
 * steps. What is newer than the newest is damaged, was left aside by a resume, and counts for nothing.
 */
static pr_status remove_old(const char *run_dir, char *const *names, int64_t n_names,
                            int64_t newest_step, int keep, int64_t kept_step)
{
    int64_t n_newer = 0;
    for (int64_t i = n_names - 1; i >= 0; i--) {
        const int64_t step = step_of(names[i]);
        if (step < 0 || step > newest_step) {
            continue;
        }
        n_newer++;
        if (n_newer > keep && step != kept_step) {
            char path[PR_PATH_BYTES];
            PR_TRY(pr_checkpoint_path(path, run_dir, step));
            PR_TRY(pr_fs_remove(path));
        }
    }
    return PR_OK;
}

static pr_status verify(const char *path, const pr_image *written)
{
    pr_image read = {0};
    PR_TRY(pr_checkpoint_read(path, &read));
    const bool same =
        read.n_bytes == written->n_bytes && memcmp(read.bytes, written->bytes, read.n_bytes) == 0;
    pr_free(read.bytes);
    PR_REQUIRE(same, PR_ERR_IO, "%s: what was written does not read back", path);
    return PR_OK;
}

pr_status pr_checkpoint_write(const char *run_dir, int64_t step, const pr_image *image, int keep,
                              int64_t kept_step)
{
    char folder[PR_PATH_BYTES];
    char path[PR_PATH_BYTES];
    PR_TRY(folder_of(folder, run_dir));
    PR_TRY(pr_fs_mkdirs(folder));
    PR_TRY(pr_checkpoint_path(path, run_dir, step));
    PR_TRY(pr_fs_write(path, image->bytes, image->n_bytes));
    PR_TRY(verify(path, image));

    char **names = NULL;
    int64_t n_names = 0;
    PR_TRY(pr_fs_list(folder, &names, &n_names));
    pr_status status = remove_halves(folder, names, n_names);
    if (status == PR_OK) {
        status = remove_old(run_dir, names, n_names, step, keep, kept_step);
    }
    pr_free(names);
    return status;
}

static pr_status check_whole(const pr_image *image, const char *path)
{
    PR_TRY(pr_checkpoint_unpack(image, path, NULL, NULL, 0));
    return pr_checkpoint_verify(image, path);
}

pr_status pr_checkpoint_newest(const char *run_dir, pr_image *out, char *path, size_t n_path,
                               int *n_damaged)
{
    char folder[PR_PATH_BYTES];
    *out = (pr_image){NULL, 0};
    *n_damaged = 0;
    PR_TRY(folder_of(folder, run_dir));
    if (!pr_fs_is_folder(folder)) {
        return PR_OK;
    }
    char **names = NULL;
    int64_t n_names = 0;
    PR_TRY(pr_fs_list(folder, &names, &n_names));
    pr_status status = PR_OK;
    for (int64_t i = n_names - 1; i >= 0 && out->bytes == NULL && status == PR_OK; i--) {
        char candidate[PR_PATH_BYTES];
        pr_image image = {0};
        if (step_of(names[i]) < 0) {
            continue;
        }
        status = pr_fs_join(candidate, folder, names[i]);
        if (status == PR_OK) {
            status = pr_checkpoint_read(candidate, &image);
        }
        if (status == PR_OK) {
            status = check_whole(&image, candidate);
        }
        if (status == PR_OK) {
            *out = image;
            (void)snprintf(path, n_path, "%s", candidate);
            continue;
        }
        pr_free(image.bytes);
        if (status == PR_ERR_FORMAT) { /* any other failure says nothing about the file */
            pr_log_warn("damaged checkpoint left aside: %s", pr_error_message());
            pr_error_clear();
            (*n_damaged)++;
            status = PR_OK;
        }
    }
    pr_free(names);
    return status;
}
