#include "launch/command.h"

#include "dataset/pack.h"
#include "engine/base/alloc.h"
#include "engine/base/log.h"
#include "engine/base/tree.h"

static const char synopsis[] =
    "pristine pack FOLDER|MANIFEST --out FOLDER [options]\n"
    "\n"
    "Packs crops as they came (JPEG or PNG) into shards part-00000.h5 ... and the index "
    "dataset.h5.\n"
    "MANIFEST is a table with tabs between columns (FOLDER: its manifest.tsv): dataset, path, "
    "label\n"
    "(real or fake), video, frame; where known method, compression, split, face, bg_video, bg_id,\n"
    "face_id, face_video, mask and landmarks (paths), crop0 ... crop5. Under mpirun the ranks "
    "share\n"
    "the work; a job that was killed goes on where it stopped.";

/* Ranks measure a block of the files each: on a parallel file system that is most of the wait. */
static pr_status measure(pr_comm *comm, pr_pack *pack)
{
    const int rank = pr_comm_rank(comm);
    const int n_ranks = pr_comm_n_ranks(comm);
    int64_t first = 0;
    int64_t last = 0;
    pr_tree_block(pr_pack_n(pack), n_ranks, rank, &first, &last);
    PR_TRY(pr_comm_agree(comm, "pack.measure", pr_pack_measure(pack, first, last)));

    size_t *const bytes_of = pr_calloc(n_ranks, sizeof(*bytes_of));
    pr_status status = PR_OK;
    if (bytes_of == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "pack: no memory for %d ranks", n_ranks);
    }
    status = pr_comm_agree(comm, "pack.memory", status);
    if (status == PR_OK && bytes_of != NULL) { /* NULL on any rank has failed on all */
        pr_pack_size *const sizes = pr_pack_sizes(pack);
        for (int r = 0; r < n_ranks; r++) {
            int64_t begin = 0;
            int64_t end = 0;
            pr_tree_block(pr_pack_n(pack), n_ranks, r, &begin, &end);
            bytes_of[r] = (size_t)(end - begin) * sizeof(*sizes);
        }
        status = pr_comm_allgather(comm, "pack.sizes", sizes + first, sizes, bytes_of);
    }
    pr_free(bytes_of);
    return status;
}

static pr_status write_shards(const pr_pack *pack, int rank, int n_ranks)
{
    const int n_shards = pr_pack_n_shards(pack);
    int64_t n_kept = 0;
    pr_progress progress;
    pr_progress_begin(&progress, "shards", 0, n_shards);
    for (int s = rank; s < n_shards; s += n_ranks) {
        bool kept = false;
        PR_TRY(pr_pack_write(pack, s, &kept));
        n_kept += kept;
        /* Ranks keep step with each other, more or less: what this one has done tells of all. */
        const int64_t n_done = (int64_t)s - rank + n_ranks;
        pr_progress_show(&progress, n_done < n_shards ? n_done : n_shards, NULL);
    }
    pr_progress_end(&progress, n_shards);
    if (n_kept > 0) {
        pr_log_each(PR_LOG_INFO, "%lld shards were there already", (long long)n_kept);
    }
    return PR_OK;
}

static pr_status pack_all(pr_comm *comm, pr_pack *pack)
{
    const int rank = pr_comm_rank(comm);
    PR_TRY(measure(comm, pack));
    PR_TRY(pr_comm_agree(comm, "pack.plan", pr_pack_plan(pack)));
    PR_TRY(pr_comm_agree(comm, "pack.write", write_shards(pack, rank, pr_comm_n_ranks(comm))));
    PR_TRY(pr_comm_agree(comm, "pack.finish", rank == 0 ? pr_pack_finish(pack) : PR_OK));
    pr_log_info("packed %lld crops into %d shards", (long long)pr_pack_n(pack),
                pr_pack_n_shards(pack));
    return PR_OK;
}

pr_status pr_cmd_pack(pr_command_call *call)
{
    pr_pack_options options = {0};
    const pr_option rows[] = {
        {"out", PR_OPTION_WORD, "!", 0, 0, &options.out, "folder of the dataset"},
        {"dataset", PR_OPTION_WORD, NULL, 0, 0, &options.dataset,
         "the dataset's name, where the manifest has no such column"},
        {"shard-mb", PR_OPTION_INT, "256", 1, 65536, &options.shard_mb,
         "MiB of a shard at most; a rank holds one in memory"},
        {"shards", PR_OPTION_INT, "0", 0, 100000, &options.n_shards,
         "so many shards of equally many crops instead; 0: by size"},
    };
    const char *source = NULL;
    int n_positional = 0;
    bool helped = false;
    PR_TRY(pr_options_parse(call, synopsis, rows, (int)(sizeof(rows) / sizeof(*rows)), &source, 1,
                            &n_positional, &helped));
    if (helped) {
        return PR_OK;
    }
    PR_REQUIRE(n_positional == 1, PR_ERR_INVALID, "pack: no manifest (pristine pack --help)");
    options.source = source;
    pr_pack *pack = NULL;
    pr_status status = pr_comm_agree(call->comm, "pack.manifest", pr_pack_open(&options, &pack));
    if (status == PR_OK) {
        status = pack_all(call->comm, pack);
    }
    pr_pack_destroy(&pack);
    return status;
}
