#include "launch/command.h"

#include "dataset/inspect.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/log.h"
#include "trainer/checkpoint_inspect.h"

/* clang-format off */
static const char synopsis[] =
    "pristine inspect FOLDER [--verify]\n"
    "pristine inspect CHECKPOINT.h5\n"
    "\n"
    "What the dataset in FOLDER holds: crops by split, label, method and compression, identities,\n"
    "codecs and sizes, masks, landmarks, aligned pairs, and where it came from. --verify reads every\n"
    "byte of every shard; the exit code is 1 if anything is bad. Under mpirun the ranks share that.\n"
    "\n"
    "Of a checkpoint: where the run stood, its hashes, its tensors, and a line `content HASH` over\n"
    "names, shapes and bytes of all tensors, by which two checkpoints compare.";
/* clang-format on */

/* What each rank tells of its shards. */
typedef struct told {
    int64_t n_crops, n_bad;
    size_t n_message_bytes;
} told;

/* All ranks' numbers in ALL [n_ranks], then all messages in MESSAGES, which goes to pr_free. */
static pr_status gather(pr_comm *comm, const pr_verify_result *mine, told *all, size_t *bytes_of,
                        char **messages)
{
    const int n_ranks = pr_comm_n_ranks(comm);
    const told my_part = {mine->n_crops, mine->n_bad, mine->messages.n_chars};
    for (int r = 0; r < n_ranks; r++) {
        bytes_of[r] = sizeof(*all);
    }
    PR_TRY(pr_comm_allgather(comm, "verify.counts", &my_part, all, bytes_of));
    size_t n_bytes = 0;
    for (int r = 0; r < n_ranks; r++) {
        bytes_of[r] = all[r].n_message_bytes;
        n_bytes += bytes_of[r];
    }
    *messages = pr_calloc((int64_t)n_bytes + 1, 1);
    pr_status status = PR_OK;
    if (*messages == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "verify: no memory for %zu bytes of messages", n_bytes);
    }
    PR_TRY(pr_comm_agree(comm, "verify.memory", status));
    return pr_comm_allgather(comm, "verify.messages", pr_text_chars(&mine->messages), *messages,
                             bytes_of);
}

static pr_status report(pr_command_call *call, const pr_verify_result *mine)
{
    const int n_ranks = pr_comm_n_ranks(call->comm);
    told *const all = pr_calloc(n_ranks, sizeof(*all));
    size_t *const bytes_of = pr_calloc(n_ranks, sizeof(*bytes_of));
    char *messages = NULL;
    pr_status status = PR_OK;
    if (all == NULL || bytes_of == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "verify: no memory for %d ranks", n_ranks);
    }
    status = pr_comm_agree(call->comm, "verify.ranks", status);
    if (status == PR_OK && all != NULL && bytes_of != NULL) { /* NULL anywhere failed everywhere */
        status = gather(call->comm, mine, all, bytes_of, &messages);
    }
    if (status == PR_OK && all != NULL) {
        int64_t n_crops = 0;
        int64_t n_bad = 0;
        for (int r = 0; r < n_ranks; r++) {
            n_crops += all[r].n_crops;
            n_bad += all[r].n_bad;
        }
        pr_log_print("%sverified %lld crops: %lld bad\n", messages, (long long)n_crops,
                     (long long)n_bad);
        call->exit_code = n_bad > 0;
    }
    pr_free(all);
    pr_free(bytes_of);
    pr_free(messages);
    return status;
}

static pr_status verify(pr_command_call *call, const char *dir, int64_t limit)
{
    pr_verify_result mine = {0};
    pr_status status =
        pr_verify(dir, pr_comm_rank(call->comm), pr_comm_n_ranks(call->comm), limit, &mine);
    status = pr_comm_agree(call->comm, "verify", status);
    if (status == PR_OK) {
        status = report(call, &mine);
    }
    pr_text_free(&mine.messages);
    return status;
}

static pr_status show(pr_command_call *call, const char *path,
                      pr_status (*describe)(const char *path, pr_text *text))
{
    pr_text text = {0};
    const pr_status status = pr_comm_agree(call->comm, "inspect", describe(path, &text));
    if (status == PR_OK) {
        pr_log_print("%s", pr_text_chars(&text));
    }
    pr_text_free(&text);
    return status;
}

pr_status pr_cmd_inspect(pr_command_call *call)
{
    bool all_bytes = false;
    int64_t limit = 0;
    const pr_option rows[] = {
        {"verify", PR_OPTION_FLAG, NULL, 0, 0, &all_bytes, "read every byte of every shard"},
        {"limit", PR_OPTION_INT, "50", 1, 1e9, &limit, "bad crops that each rank lists"},
    };
    const char *dir = NULL;
    int n_positional = 0;
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, rows, (int)(sizeof(rows) / sizeof(*rows)), &dir, 1,
                            &n_positional, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_REQUIRE(n_positional == 1, PR_ERR_INVALID,
               "inspect: no folder or file (pristine inspect --help)");
    if (!pr_fs_is_folder(dir)) {
        PR_REQUIRE(!all_bytes, PR_ERR_INVALID,
                   "inspect: --verify is for a dataset's folder; a checkpoint's checksums are "
                   "always checked");
        return show(call, dir, pr_checkpoint_inspect);
    }
    PR_TRY(show(call, dir, pr_inspect));
    return all_bytes ? verify(call, dir, limit) : PR_OK;
}
