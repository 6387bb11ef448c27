#include "trainer/staged.h"

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/base/log.h"
#include "engine/base/text.h"
#include "engine/comm/watchdog.h"
#include "trainer/data.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PIECE_BYTES = 1 << 22, RECORD_BYTES = 96 };

/* One file of a dataset and its copy. */
typedef struct copy {
    const char *from;
    char to[PR_PATH_BYTES];
    char record[PR_PATH_BYTES]; /* the file beside the copy that says what it is of */
    struct stat source;
    char *piece; /* [PIECE_BYTES] */
} copy;

/* Where copies go, and room for a piece of a file. */
typedef struct staging {
    const char *stage;
    char *piece; /* [PIECE_BYTES] */
} staging;

pr_status pr_staged_folder(const char *stage, const char *folder, char out[static PR_PATH_BYTES])
{
    char name[32];
    char *const whole = realpath(folder, NULL);
    PR_REQUIRE(whole != NULL, PR_ERR_IO, "%s: %s", folder, strerror(errno));
    (void)snprintf(name, sizeof(name), "%016" PRIx64, pr_hash64(whole, strlen(whole), 0));
    free(whole);
    return pr_fs_join(out, stage, name);
}

/* The hash of FROM's bytes; what it has is also written to WRITER, unless NULL. */
static pr_status read_through(const copy *c, const char *from, pr_fs_writer *writer, uint64_t *hash)
{
    FILE *const file = fopen(from, "rb");
    PR_REQUIRE(file != NULL, PR_ERR_IO, "%s: %s", from, strerror(errno));
    uint64_t at = 0;
    size_t n = PIECE_BYTES;
    pr_status status = PR_OK;
    *hash = 0;
    while (n == PIECE_BYTES && status == PR_OK) {
        n = fread(c->piece, 1, PIECE_BYTES, file);
        *hash = pr_hash64(c->piece, n, *hash);
        if (writer != NULL && n > 0) {
            status = pr_fs_writer_put(writer, c->piece, n, at);
        }
        at += n;
        pr_watchdog_progress();
    }
    if (status == PR_OK && ferror(file) != 0) {
        status = PR_FAIL(PR_ERR_IO, "%s: cannot read: %s", from, strerror(errno));
    }
    (void)fclose(file);
    return status;
}

static void describe(const copy *c, uint64_t hash, char record[static RECORD_BYTES])
{
    (void)snprintf(record, RECORD_BYTES, "%lld %lld.%09ld %016" PRIx64 "\n",
                   (long long)c->source.st_size, (long long)c->source.st_mtim.tv_sec,
                   c->source.st_mtim.tv_nsec, hash);
}

/* Whether the copy that is there is whole and of the source as it is now. */
static pr_status is_good(const copy *c, bool *good)
{
    char wanted[RECORD_BYTES];
    char *record = NULL;
    uint64_t hash = 0;
    *good = false;
    if (!pr_fs_exists(c->to) || !pr_fs_exists(c->record)) {
        return PR_OK;
    }
    PR_TRY(pr_fs_read(c->record, &record, NULL));
    const pr_status status = read_through(c, c->to, NULL, &hash);
    if (status == PR_OK) {
        describe(c, hash, wanted);
        *good = strcmp(record, wanted) == 0;
    }
    pr_free(record);
    PR_TRY(status);
    if (!*good) {
        pr_log_warn("%s is not what %s is, or was when it was copied: it is copied again", c->to,
                    c->from);
    }
    return PR_OK;
}

static pr_status write_copy(const copy *c)
{
    pr_fs_writer *writer = NULL;
    uint64_t hash = 0;
    uint64_t written = 0;
    char record[RECORD_BYTES];
    PR_TRY(pr_fs_remove(c->record));
    PR_TRY(pr_fs_writer_create(c->to, (uint64_t)c->source.st_size, &writer));
    const pr_status status = read_through(c, c->from, writer, &hash);
    if (status != PR_OK) {
        pr_fs_writer_destroy(&writer);
        return status;
    }
    PR_TRY(pr_fs_writer_commit(&writer));
    PR_TRY(read_through(c, c->to, NULL, &written));
    PR_REQUIRE(written == hash, PR_ERR_IO,
               "%s: the copy of %s does not read back (%016" PRIx64 ", wanted %016" PRIx64 ")",
               c->to, c->from, written, hash);
    describe(c, hash, record);
    return pr_fs_write(c->record, record, strlen(record));
}

static pr_status stage_file(const staging *s, const char *from, const char *folder,
                            const char *name)
{
    copy c = {.from = from, .piece = s->piece};
    char record[PR_PATH_BYTES];
    bool good = false;
    PR_TRY(pr_fs_join(c.to, folder, name));
    PR_REQUIRE(snprintf(record, sizeof(record), "%s.copied", name) < (int)sizeof(record),
               PR_ERR_INVALID, "%s: too long a name", name);
    PR_TRY(pr_fs_join(c.record, folder, record));
    PR_REQUIRE(stat(from, &c.source) == 0, PR_ERR_IO, "%s: %s", from, strerror(errno));
    PR_TRY(is_good(&c, &good));
    return good ? PR_OK : write_copy(&c);
}

static bool is_shard(const char *name)
{
    const size_t n = strlen(name);
    return n > 3 && strcmp(name + n - 3, ".h5") == 0;
}

static pr_status stage_folder(const staging *s, const char *folder)
{
    char to[PR_PATH_BYTES];
    char **names = NULL;
    int64_t n_names = 0;
    PR_TRY(pr_staged_folder(s->stage, folder, to));
    PR_TRY(pr_fs_mkdirs(to));
    PR_TRY(pr_fs_list(folder, &names, &n_names));
    pr_status status = PR_OK;
    for (int64_t i = 0; i < n_names && status == PR_OK; i++) {
        char from[PR_PATH_BYTES];
        if (is_shard(names[i])) {
            status = pr_fs_join(from, folder, names[i]);
            status = status == PR_OK ? stage_file(s, from, to, names[i]) : status;
        }
    }
    pr_free(names);
    return status;
}

static pr_status stage_list(const pr_train_options *options, const char *key,
                            const pr_config_array *list, const staging *s)
{
    const pr_selection_options *const selections = list->at;
    for (int64_t i = 0; i < list->n; i++) {
        char folder[PR_PATH_BYTES];
        PR_TRY(pr_data_folder(options, key, &selections[i], folder));
        PR_TRY(stage_folder(s, folder));
    }
    return PR_OK;
}

static pr_status stage_all(const pr_train_options *options)
{
    const pr_data_options *const data = &options->data;
    const staging s = {options->data.stage, pr_calloc(PIECE_BYTES, 1)};
    PR_REQUIRE(s.piece != NULL, PR_ERR_NOMEM, "no memory for %d bytes", (int)PIECE_BYTES);
    pr_status status = stage_list(options, "data.train", &data->train, &s);
    if (status == PR_OK) {
        status = stage_list(options, "data.val", &data->val, &s);
    }
    if (status == PR_OK && options->eval.choose_on_test) {
        status = stage_list(options, "data.test", &data->test, &s);
    }
    pr_free(s.piece);
    return status;
}

pr_status pr_staged_make(pr_train_options *options, pr_comm *comm)
{
    if (options->data.stage[0] == '\0') {
        return PR_OK;
    }
    pr_log_info("data.stage: data are copied to %s on each node", options->data.stage);
    const pr_status mine = pr_comm_local_rank(comm) == 0 ? stage_all(options) : PR_OK;
    PR_TRY(pr_comm_agree(comm, "data.stage", mine));
    options->data.is_staged = true;
    return PR_OK;
}
