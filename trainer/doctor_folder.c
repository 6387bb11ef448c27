#include "trainer/doctor_private.h"

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/base/fs.h"
#include "trainer/checkpoint.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { N_FLOATS = 1 << 20, MAX_RANKS = 4096 };

/* Where rank 0 tries things out; all ranks know the name. */
typedef struct place {
    char folder[PR_PATH_BYTES], file[PR_PATH_BYTES], lock[PR_PATH_BYTES];
    double write_s;
} place;

static pr_status name_place(const pr__visit *v, place *p)
{
    char name[64];
    int64_t process = getpid();
    PR_TRY(pr_comm_broadcast(v->request->comm, "doctor", &process, sizeof(process), 0));
    (void)snprintf(name, sizeof(name), "pristine-doctor-%lld", (long long)process);
    PR_TRY(pr_fs_join(p->folder, v->request->folder, name));
    PR_TRY(pr_fs_join(p->file, p->folder, "checkpoint.h5"));
    return pr_fs_join(p->lock, p->folder, "lock");
}

/* A checkpoint is packed, written whole, read back and verified, as a run does. */
static pr_status try_checkpoint(place *p, const float *numbers)
{
    pr_checkpoint_head head;
    pr_image image = {NULL, 0};
    pr_image back = {NULL, 0};
    const pr_part part = {"model/numbers", pr_tensor_over(pr_desc_1(PR_F32, N_FLOATS), numbers)};
    memset(&head, 0, sizeof(head));
    PR_TRY(pr_checkpoint_pack(&head, "", &part, 1, &image));
    const double begin_s = pr_clock_s();
    pr_status status = pr_fs_write(p->file, image.bytes, image.n_bytes);
    p->write_s = pr_clock_s() - begin_s;
    pr_free(image.bytes);
    PR_TRY(status);
    PR_TRY(pr_checkpoint_read(p->file, &back));
    status = pr_checkpoint_verify(&back, p->file);
    pr_free(back.bytes);
    return status;
}

static pr_status try_folder(const char *root, place *p)
{
    pr_fs_lock *lock = NULL;
    PR_REQUIRE(pr_fs_is_folder(root), PR_ERR_INVALID, "%s: there is no such folder", root);
    PR_TRY(pr_fs_mkdirs(p->folder));
    PR_TRY(pr_fs_lock_take(p->folder, &lock));
    float *const numbers = pr_calloc(N_FLOATS, sizeof(*numbers));
    pr_status status = PR_OK;
    if (numbers == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "no memory for %d floats", (int)N_FLOATS);
    } else {
        status = try_checkpoint(p, numbers);
    }
    pr_free(numbers);
    pr_fs_lock_destroy(&lock);
    return status;
}

/* Collective: which ranks see the file that rank 0 wrote. */
static pr_status add_who_sees(pr__visit *v, const place *p)
{
    char sees[MAX_RANKS] = {0};
    size_t bytes_of[MAX_RANKS];
    const int n_ranks = pr_comm_n_ranks(v->request->comm);
    const int rank = pr_comm_rank(v->request->comm);
    PR_REQUIRE(n_ranks <= MAX_RANKS, PR_ERR_COMM, "%d ranks, at most %d", n_ranks, MAX_RANKS);
    for (int r = 0; r < n_ranks; r++) {
        bytes_of[r] = 1;
    }
    const char mine = pr_fs_exists(p->file) ? 1 : 0;
    sees[rank] = mine;
    PR_TRY(pr_comm_allgather(v->request->comm, "doctor", &mine, sees, bytes_of));
    for (int r = 0; r < n_ranks; r++) {
        if (sees[r] == 0) {
            v->n_bad++;
            PR_TRY(pr_text_add(v->text,
                               "  !! rank %d does not see what rank 0 writes: the folder must be "
                               "on a file system that all nodes share\n",
                               r));
        }
    }
    return PR_OK;
}

static pr_status add_findings(pr__visit *v, const place *p)
{
    struct statvfs disk;
    PR_TRY(pr_text_add(v->text,
                       "  exclusive locks, whole files and HDF5 checkpoints work: %d MB written "
                       "and synced in %.0f ms\n",
                       (int)(N_FLOATS * sizeof(float) >> 20), p->write_s * 1e3));
    if (statvfs(p->folder, &disk) == 0) {
        const double free_gb = (double)disk.f_bavail * (double)disk.f_frsize * 1e-9;
        PR_TRY(pr_text_add(v->text, "  %.1f GB are free\n", free_gb));
    }
    return PR_OK;
}

pr_status pr__doctor_folder(pr__visit *v)
{
    place p = {.write_s = 0.0};
    const bool leads = pr_comm_rank(v->request->comm) == 0;
    PR_TRY(name_place(v, &p));
    PR_TRY(pr_text_add(v->text, "folder %s\n", v->request->folder));
    pr_status status = pr_comm_agree(v->request->comm, "doctor",
                                     leads ? try_folder(v->request->folder, &p) : PR_OK);
    if (status != PR_OK) {
        v->n_bad++;
        status = pr_text_add(v->text, "  !! %s\n", pr_error_message());
        pr_error_clear();
    } else {
        status = add_findings(v, &p);
        if (status == PR_OK) {
            status = add_who_sees(v, &p);
        }
    }
    if (leads) {
        (void)pr_fs_remove(p.file);
        (void)pr_fs_remove(p.lock);
        (void)rmdir(p.folder);
    }
    return status;
}
