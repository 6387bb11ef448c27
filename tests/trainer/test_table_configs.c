/*
 * The configs of the papers' tables: every row loads and makes sense, rows of a table are different
 * runs, and Table 2's Sup. Con of RCCL is the run of Table 3's first row. Usage: RCCL OTHER...
 */
#include "engine/base/fs.h"
#include "engine/base/hash.h"
#include "tests/check.h"
#include "trainer/objective.h"

#include <string.h>

enum { N_TABLES = 6, MAX_ROWS = 16 };

static uint64_t add_words(uint64_t hash, const pr_config_words *words)
{
    for (int64_t i = 0; i < words->n; i++) {
        hash = pr_hash64(words->at[i], strlen(words->at[i]) + 1, hash);
    }
    return hash;
}

/* What is trained on, which a config's hash leaves to the data's own. */
static uint64_t add_data(uint64_t hash, const pr_train_options *options)
{
    const pr_selection_options *const selections = options->data.train.at;
    for (int64_t i = 0; i < options->data.train.n; i++) {
        hash = add_words(hash, &selections[i].method);
        hash = add_words(hash, &selections[i].compression);
    }
    return hash;
}

static pr_status apply_row(const char *path, const char *row, pr_train_options *options,
                           uint64_t *hash)
{
    pr_config_schema schema = {.n_modules = 0};
    pr_settings *settings = NULL;
    pr_config *config = NULL;
    PR_TRY(pr_settings_create(&settings));
    pr_status status = pr_settings_add_file(settings, path);
    if (status == PR_OK) {
        status = pr_settings_choose_row(settings, row);
    }
    if (status == PR_OK) {
        status = pr_settings_add_word(settings, "model.init=random");
    }
    if (status == PR_OK) {
        status = pr_train_options_register(&schema, options);
    }
    if (status == PR_OK) {
        status = pr_config_apply(&schema, settings, &config);
    }
    if (status == PR_OK) {
        status = pr_train_options_check(options);
    }
    if (status == PR_OK) {
        status = pr_config_hash(config, hash);
    }
    if (status == PR_OK) {
        *hash = add_data(*hash, options);
    }
    pr_config_destroy(&config);
    pr_settings_destroy(&settings);
    return status;
}

static uint64_t hash_of(const char *path, const char *row)
{
    pr_train_options options = {0};
    uint64_t hash = 0;
    CHECK(apply_row(path, row, &options, &hash) == PR_OK, "%s, row %s: %s", path, row,
          pr_error_message());
    pr_error_clear();
    return hash;
}

static void check_table(const char *path)
{
    pr_settings *settings = NULL;
    char **names = NULL;
    int64_t n_names = 0;
    uint64_t hashes[MAX_ROWS] = {0};
    CHECK_OK(pr_settings_create(&settings));
    CHECK_OK(pr_settings_add_file(settings, path));
    CHECK_OK(pr_settings_rows(settings, &names, &n_names));
    CHECK(n_names >= 2 && n_names <= MAX_ROWS, "%s has %lld rows", path, (long long)n_names);
    for (int64_t i = 0; i < n_names && i < MAX_ROWS; i++) {
        hashes[i] = hash_of(path, names[i]);
        for (int64_t j = 0; j < i; j++) {
            CHECK(hashes[i] != hashes[j], "%s: rows %s and %s are one run", path, names[j],
                  names[i]);
        }
    }
    pr_free(names);
    pr_settings_destroy(&settings);
}

/* Another system's folder: its tables, as far as they are there, its preset and its demo. */
static void check_folder(const char *folder)
{
    static const char *const plain[] = {"paper", "demo"};
    static const char *const figures[] = {"figure5", "figure7"};
    char path[4096];
    int n_tables = 0;
    for (int table = 1; table <= N_TABLES; table++) {
        (void)snprintf(path, sizeof(path), "%s/table%d.yaml", folder, table);
        if (pr_fs_exists(path)) {
            check_table(path);
            n_tables++;
        }
    }
    for (int i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s.yaml", folder, figures[i]);
        if (pr_fs_exists(path)) {
            check_table(path);
        }
    }
    CHECK(n_tables > 0, "%s has no tables", folder);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s.yaml", folder, plain[i]);
        (void)hash_of(path, NULL);
    }
}

/* DCL's two presets have the paper's and the public code's numbers. */
static void check_dcl(const char *folder)
{
    char path[4096];
    uint64_t hash = 0;
    pr_train_options paper = {0};
    pr_train_options tface = {0};
    (void)snprintf(path, sizeof(path), "%s/paper.yaml", folder);
    CHECK_OK(apply_row(path, NULL, &paper, &hash));
    CHECK(paper.dcl.queue == 30000 && paper.dcl.gate == PR_DCL_GATE_THETA &&
              paper.dcl.theta == 0.5 && paper.dcl.ema == 0.99 && paper.dcl.tau == 0.07 &&
              pr_dcl_phi(&paper.dcl, 4) == 0.1 && pr_dcl_phi(&paper.dcl, 5) == 0.5,
          "%s has not the paper's numbers", path);
    (void)snprintf(path, sizeof(path), "%s/tface.yaml", folder);
    CHECK_OK(apply_row(path, NULL, &tface, &hash));
    CHECK(tface.dcl.gate == PR_DCL_GATE_TOPK && tface.dcl.topk == 5 && tface.dcl.enqueue_first &&
              tface.dcl.w_intra_real == 0.001 && pr_dcl_phi(&tface.dcl, 1) == 0.0 &&
              pr_dcl_phi(&tface.dcl, 2) == 0.5,
          "%s has not the public code's numbers", path);
    const pr_objective *objective = NULL;
    CHECK_OK(pr_objective_find("dcl", &objective));
    paper.n_micro = 1;
    CHECK_FAILS(objective->check(&paper), PR_ERR_INVALID, "train.n_micro is 1");
    paper.dcl.shuffle_bn = false;
    CHECK_OK(objective->check(&paper));
}

static bool ends_with(const char *text, const char *tail)
{
    const size_t n = strlen(text);
    const size_t n_tail = strlen(tail);
    return n >= n_tail && strcmp(text + n - n_tail, tail) == 0;
}

int main(int argc, char **argv)
{
    char path[4096];
    const char *const folder = argc > 1 ? argv[1] : "configs/rccl";
    for (int table = 1; table <= N_TABLES; table++) {
        (void)snprintf(path, sizeof(path), "%s/table%d.yaml", folder, table);
        check_table(path);
    }
    for (int i = 2; i < argc; i++) {
        check_folder(argv[i]);
        if (ends_with(argv[i], "/dcl")) {
            check_dcl(argv[i]);
        }
    }
    char other[4096];
    (void)snprintf(path, sizeof(path), "%s/table2.yaml", folder);
    (void)snprintf(other, sizeof(other), "%s/table3.yaml", folder);
    CHECK(hash_of(path, "sup_con") == hash_of(other, "instance"),
          "Table 2's Sup. Con is not Table 3's instance row");
    CHECK(hash_of(path, "ours") != hash_of(path, "sup_con"), "two rows of Table 2 are one run");

    /* What a table says of a row that it has not, and of a key that it does not vary. */
    uint64_t hash = 0;
    pr_train_options options = {0};
    CHECK_FAILS(apply_row(path, "our", &options, &hash), PR_ERR_INVALID, "ours");
    return check_exit_code();
}
