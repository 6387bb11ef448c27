/* What a run's directory says of how far the run came, and what of it may go. */
#include "engine/base/alloc.h"
#include "launch/jobs_internal.h"
#include "trainer/checkpoint.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { WORD_BYTES = 48 };

/* The lines of log.jsonl that matter here. */
typedef struct history {
    bool is_begun;                                                 /* there is a "start" */
    char version[WORD_BYTES], hash[WORD_BYTES], stage[WORD_BYTES]; /* of the last "start" */
    bool is_ended;
    char why[WORD_BYTES], end_stage[WORD_BYTES];
    int64_t end_step, end_epoch;
    int64_t best_step; /* of the last best "eval"; -1: none */
    char best_stage[WORD_BYTES];
    int64_t step; /* of the last line */
} history;

pr_status pr_jobs_config(const pr_jobs_run *run, pr_run_config **out)
{
    return pr_run_config_load(NULL, run->config, run->row, run->sets, out);
}

static pr_status list_sets(const pr_jobs_run *run, const pr_data_options *data, pr_text *sets)
{
    if (data->val.n > 0) {
        PR_TRY(pr_text_add(sets, "val\n"));
    }
    const char *before = "";
    for (int64_t i = 0; i < data->test.n && !run->val_only; i++) {
        if (strcmp(data->test.names[i], before) != 0) {
            PR_TRY(pr_text_add(sets, "test.%s\n", data->test.names[i]));
        }
        before = data->test.names[i];
    }
    return PR_OK;
}

pr_status pr__wanted_read(const pr_jobs_run *run, pr__wanted *out)
{
    pr_run_config *config = NULL;
    PR_TRY(pr_jobs_config(run, &config));
    *out = (pr__wanted){.has_threads = pr_config_is_set(config->config, "cpu.threads"),
                        .has_memory = pr_config_is_set(config->config, "train.memory_mb"),
                        .has_keep = pr_config_is_set(config->config, "train.keep"),
                        .has_val = config->options.data.val.n > 0};
    pr_status status = pr_config_hash(config->config, &out->config_hash);
    if (status == PR_OK) {
        status = list_sets(run, &config->options.data, &out->sets);
    }
    pr_run_config_destroy(&config);
    if (status != PR_OK) {
        pr_text_free(&out->sets);
    }
    return status;
}

static void copy_word(char to[static WORD_BYTES], const json_t *line, const char *key)
{
    const char *const text = json_string_value(json_object_get(line, key));
    (void)snprintf(to, WORD_BYTES, "%s", text != NULL ? text : "");
}

static int64_t int_of(const json_t *line, const char *key, int64_t without)
{
    const json_t *const value = json_object_get(line, key);
    return json_is_integer(value) ? json_integer_value(value) : without;
}

static void read_line(history *h, const json_t *line)
{
    char type[WORD_BYTES];
    copy_word(type, line, "type");
    h->step = int_of(line, "step", h->step);
    h->is_ended = false;
    if (strcmp(type, "start") == 0) {
        h->is_begun = true;
        copy_word(h->version, line, "version");
        copy_word(h->hash, line, "config_hash");
        copy_word(h->stage, line, "stage");
    } else if (strcmp(type, "eval") == 0 && json_is_true(json_object_get(line, "best"))) {
        h->best_step = h->step;
        copy_word(h->best_stage, line, "stage");
    } else if (strcmp(type, "end") == 0) {
        h->is_ended = true;
        copy_word(h->why, line, "why");
        copy_word(h->end_stage, line, "stage");
        h->end_step = h->step;
        h->end_epoch = int_of(line, "epoch", 0);
    }
}

/* Steps are most of a log, and none but the last one matters. */
static bool is_step(const char *line, size_t n)
{
    static const char step[] = "{\"type\":\"step\"";
    return n >= sizeof(step) - 1 && memcmp(line, step, sizeof(step) - 1) == 0;
}

static void read_lines(history *h, const char *bytes, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes;) {
        const char *const end = memchr(bytes + at, '\n', n_bytes - at);
        if (end == NULL) {
            return; /* it was killed while it wrote */
        }
        const size_t n_line = (size_t)(end - (bytes + at));
        if (!is_step(bytes + at, n_line) || at + n_line + 1 == n_bytes) {
            json_t *const line = json_loadb(bytes + at, n_line, 0, NULL);
            if (line != NULL) {
                read_line(h, line);
            }
            json_decref(line);
        }
        at += n_line + 1;
    }
}

static pr_status read_history(const char *run_dir, history *h)
{
    char path[PR_PATH_BYTES];
    *h = (history){.best_step = -1};
    PR_TRY(pr_fs_join(path, run_dir, "log.jsonl"));
    if (!pr_fs_exists(path)) {
        return PR_OK;
    }
    char *bytes = NULL;
    size_t n_bytes = 0;
    PR_TRY(pr_fs_read(path, &bytes, &n_bytes));
    read_lines(h, bytes, n_bytes);
    pr_free(bytes);
    return PR_OK;
}

static bool is_reached(const history *h, const char *stop_at)
{
    int64_t n = 0;
    if (!h->is_ended) {
        return false;
    }
    if (strcmp(h->why, "done") == 0) {
        return true;
    }
    if (stop_at == NULL || stop_at[0] == '\0') {
        return false;
    }
    const char *const number = strchr(stop_at, ' ');
    if (number == NULL || !pr_text_to_int(number + 1, &n)) {
        return false;
    }
    return (strncmp(stop_at, "epoch ", 6) == 0 ? h->end_epoch : h->end_step) >= n;
}

/* The step of the checkpoint that `eval --checkpoint CHECKPOINT` takes: the best is a stage's own, and
 * a stage that was not validated yet has the last one (trainer/trained.c). */
static int64_t eval_step(const history *h, const char *checkpoint)
{
    const bool is_done = strcmp(h->why, "done") == 0;
    const char *const stage = is_done ? h->stage : h->end_stage;
    const bool has_best = h->best_step >= 0 && strcmp(h->best_stage, stage) == 0;
    return strcmp(checkpoint, "best") == 0 && has_best ? h->best_step : h->end_step;
}

/* Whether PATH is an evaluation of that config and, where STEP >= 0, of that step. */
static pr_status is_evaluation(const char *path, uint64_t config_hash, int64_t step, bool *is)
{
    char hash[WORD_BYTES];
    char wanted[WORD_BYTES];
    char *bytes = NULL;
    size_t n_bytes = 0;
    *is = false;
    if (!pr_fs_exists(path)) {
        return PR_OK;
    }
    PR_TRY(pr_fs_read(path, &bytes, &n_bytes));
    json_t *const root = json_loadb(bytes, n_bytes, 0, NULL);
    pr_free(bytes);
    if (root == NULL) {
        return PR_OK; /* damaged: it is made again */
    }
    copy_word(hash, root, "config_hash");
    (void)snprintf(wanted, sizeof(wanted), "%016" PRIx64, config_hash);
    *is = strcmp(hash, wanted) == 0 && (step < 0 || int_of(root, "step", -1) == step);
    json_decref(root);
    return PR_OK;
}

static pr_status is_evaluated(const pr_jobs_run *run, const pr__wanted *wanted, int64_t step,
                              bool *is)
{
    char folder[PR_PATH_BYTES];
    *is = true;
    PR_TRY(pr_fs_join(folder, run->run_dir, "eval"));
    for (const char *set = pr_text_chars(&wanted->sets); *set != '\0' && *is;) {
        char name[256];
        char path[PR_PATH_BYTES];
        const int n = (int)strcspn(set, "\n");
        (void)snprintf(name, sizeof(name), "%.*s.json", n, set);
        PR_TRY(pr_fs_join(path, folder, name));
        PR_TRY(is_evaluation(path, wanted->config_hash, step, is));
        set += n + (set[n] == '\n');
    }
    return PR_OK;
}

/* The directory is this run's, and this program's. */
static pr_status check_same(const pr_jobs_run *run, const pr__wanted *wanted, const history *h)
{
    char hash[WORD_BYTES];
    if (!h->is_begun) {
        return PR_OK;
    }
    (void)snprintf(hash, sizeof(hash), "%016" PRIx64, wanted->config_hash);
    PR_REQUIRE(strcmp(h->version, PR_VERSION) == 0, PR_ERR_INVALID,
               "%s was begun by pristine %s and this is %s: end it with that one, or take another "
               "folder",
               run->run_dir, h->version, PR_VERSION);
    PR_REQUIRE(strcmp(h->hash, hash) == 0, PR_ERR_INVALID,
               "%s holds the run of another config (hash %s, %s is wanted): take another folder",
               run->run_dir, h->hash, hash);
    return PR_OK;
}

static pr_status read_failure(const char *run_dir, bool *failed,
                              char message[static PR_JOBS_MESSAGE_BYTES])
{
    char path[PR_PATH_BYTES];
    char *bytes = NULL;
    PR_TRY(pr_fs_join(path, run_dir, "FAILED"));
    *failed = pr_fs_exists(path);
    if (!*failed) {
        return PR_OK;
    }
    PR_TRY(pr_fs_read(path, &bytes, NULL));
    (void)snprintf(message, PR_JOBS_MESSAGE_BYTES, "%.*s", (int)strcspn(bytes, "\n"), bytes);
    pr_free(bytes);
    return PR_OK;
}

pr_status pr__held(const char *run_dir, bool *held, char message[static PR_JOBS_MESSAGE_BYTES])
{
    return pr_fs_lock_holder(run_dir, held, message, PR_JOBS_MESSAGE_BYTES);
}

static pr_status find_state(const pr_jobs_run *run, const pr__wanted *wanted, const history *h,
                            pr__seen *seen, char message[static PR_JOBS_MESSAGE_BYTES])
{
    bool is_finished = false;
    bool is_held = false;
    bool failed = false;
    if (run->val_copy != NULL) {
        char path[PR_PATH_BYTES];
        PR_TRY(pr_fs_join(path, run->run_dir, run->val_copy));
        PR_TRY(is_evaluation(path, wanted->config_hash, -1, &is_finished));
    } else if (seen->reached) {
        PR_TRY(is_evaluated(run, wanted, seen->eval_step, &is_finished));
    }
    if (is_finished) {
        seen->state = PR_JOBS_FINISHED;
        return PR_OK;
    }
    PR_TRY(pr__held(run->run_dir, &is_held, message));
    if (!is_held) {
        PR_TRY(read_failure(run->run_dir, &failed, message));
    }
    seen->state = is_held         ? PR_JOBS_HELD
                  : failed        ? PR_JOBS_FAILED
                  : seen->reached ? PR_JOBS_TRAINED
                  : h->is_begun   ? PR_JOBS_BEGUN
                                  : PR_JOBS_NEW;
    return PR_OK;
}

pr_status pr__look(const pr_jobs_run *run, const pr__wanted *wanted, pr__seen *seen,
                   char message[static PR_JOBS_MESSAGE_BYTES])
{
    history h;
    message[0] = '\0';
    *seen = (pr__seen){.state = PR_JOBS_NEW};
    if (!pr_fs_is_folder(run->run_dir)) {
        return PR_OK;
    }
    PR_TRY(read_history(run->run_dir, &h));
    PR_TRY(check_same(run, wanted, &h));
    seen->step = h.step;
    seen->reached = is_reached(&h, run->stop_at);
    seen->eval_step = eval_step(&h, run->checkpoint);
    return find_state(run, wanted, &h, seen, message);
}

pr_status pr_jobs_look(const pr_jobs_run *run, pr_jobs_state *state,
                       char message[static PR_JOBS_MESSAGE_BYTES])
{
    pr__wanted wanted;
    pr__seen seen;
    PR_TRY(pr__wanted_read(run, &wanted));
    const pr_status status = pr__look(run, &wanted, &seen, message);
    pr_text_free(&wanted.sets);
    *state = seen.state;
    return status;
}

const char *pr_jobs_state_word(pr_jobs_state state)
{
    static const char *const words[] = {"new", "begun", "trained", "finished", "failed", "held"};
    return words[state];
}

pr_status pr__prune(const pr_jobs_run *run, int64_t step)
{
    char folder[PR_PATH_BYTES];
    char kept[PR_PATH_BYTES];
    char **names = NULL;
    int64_t n = 0;
    if (run->keep == PR_JOBS_KEEP_ALL) {
        return PR_OK;
    }
    PR_TRY(pr_fs_join(folder, run->run_dir, "checkpoints"));
    PR_TRY(pr_checkpoint_path(kept, run->run_dir, step));
    PR_TRY(pr_fs_list(folder, &names, &n));
    if (n > 0 && run->keep == PR_JOBS_KEEP_NEWEST) {
        /* Names have their step in digits of one width, so the last one is the newest. */
        const pr_status status = pr_fs_join(kept, folder, names[n - 1]);
        if (status != PR_OK) {
            pr_free(names);
            return status;
        }
    }
    pr_status status = PR_OK;
    for (int64_t i = 0; i < n && status == PR_OK && pr_fs_exists(kept); i++) {
        char path[PR_PATH_BYTES];
        status = pr_fs_join(path, folder, names[i]);
        if (status == PR_OK && strcmp(path, kept) != 0) {
            status = pr_fs_remove(path);
        }
    }
    pr_free(names);
    return status;
}
