#include "trainer/trained.h"

#include "engine/base/alloc.h"
#include "trainer/checkpoint.h"
#include "trainer/state.h"

#include <stdio.h>
#include <string.h>

/* Rank 0 reads the image that CHECKPOINT means; HEAD of the newest says which one is best. */
static pr_status find_image(const char *run_dir, const char *checkpoint, pr_image *image,
                            char *path, size_t n_path)
{
    int n_damaged = 0;
    pr_checkpoint_head head;
    if (strcmp(checkpoint, "best") != 0 && strcmp(checkpoint, "last") != 0) {
        (void)snprintf(path, n_path, "%s", checkpoint);
        return pr_checkpoint_read(path, image);
    }
    PR_TRY(pr_checkpoint_newest(run_dir, image, path, n_path, &n_damaged));
    PR_REQUIRE(image->bytes != NULL, PR_ERR_INVALID, "%s has no checkpoint: train it first",
               run_dir);
    if (strcmp(checkpoint, "last") == 0) {
        return PR_OK;
    }
    PR_TRY(pr_checkpoint_unpack(image, path, &head, NULL, 0));
    if (head.best_step < 0) {
        return PR_OK; /* nothing was validated: the last one is all there is */
    }
    char best[PR_PATH_BYTES];
    PR_TRY(pr_checkpoint_path(best, run_dir, head.best_step));
    (void)snprintf(path, n_path, "%s", best);
    pr_free(image->bytes);
    *image = (pr_image){NULL, 0};
    return pr_checkpoint_read(path, image);
}

static pr_status share_image(pr_comm *comm, pr_image *image, char *path, size_t n_path)
{
    int64_t n_bytes = (int64_t)image->n_bytes;
    PR_TRY(pr_comm_broadcast(comm, "checkpoint size", &n_bytes, sizeof(n_bytes), 0));
    PR_TRY(pr_comm_broadcast(comm, "checkpoint path", path, n_path, 0));
    if (pr_comm_rank(comm) != 0) {
        *image = (pr_image){pr_calloc(n_bytes, 1), (size_t)n_bytes};
    }
    PR_TRY(pr_comm_agree(comm, "checkpoint memory",
                         image->bytes == NULL ? PR_FAIL(PR_ERR_NOMEM, "no memory for a checkpoint")
                                              : PR_OK));
    return pr_comm_broadcast(comm, "checkpoint", image->bytes, image->n_bytes, 0);
}

static void describe(const pr_train_options *options, const char *checkpoint,
                     const pr_checkpoint_head *head, pr_trained *out)
{
    const pr_objective *const objective = out->trainer->objective;
    const int64_t last = objective->n_stages - 1;
    out->stage = &objective->stages[head->position.stage < last ? head->position.stage : last];
    out->epoch = head->position.epoch;
    out->step = head->position.step;
    if (strcmp(checkpoint, "best") == 0 && head->best_step >= 0) {
        (void)snprintf(out->selection, sizeof(out->selection), "best %s.%s%s",
                       options->eval.choose_on_test ? "TEST" : "val",
                       out->stage->classifies ? "" : "centre.", options->eval.metric);
    } else {
        (void)snprintf(out->selection, sizeof(out->selection), "%s",
                       strcmp(checkpoint, "best") == 0   ? "last (nothing was validated)"
                       : strcmp(checkpoint, "last") == 0 ? "last"
                                                         : "named by the caller");
    }
}

pr_status pr_trained_open(const pr_train_options *options, pr_comm *comm, const char *run_dir,
                          const char *checkpoint, pr_trained *out)
{
    pr_image image = {NULL, 0};
    pr_checkpoint_head head;
    pr_status status = PR_OK;
    memset(out, 0, sizeof(*out));
    if (pr_comm_rank(comm) == 0) {
        status = find_image(run_dir, checkpoint, &image, out->path, sizeof(out->path));
    }
    PR_TRY(pr_comm_agree(comm, "checkpoint", status));
    PR_TRY(share_image(comm, &image, out->path, sizeof(out->path)));
    status = pr_trainer_create(options, NULL, comm, &out->trainer);
    if (status == PR_OK) {
        status = pr_state_unpack(out->trainer, &image, out->path, false, &head);
    }
    pr_free(image.bytes);
    if (status != PR_OK) {
        pr_trained_close(out);
        return status;
    }
    describe(options, checkpoint, &head, out);
    return PR_OK;
}

void pr_trained_close(pr_trained *trained)
{
    pr_trainer_destroy(&trained->trainer);
}
