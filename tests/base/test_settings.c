/* Files that inherit, and rows of a table: what stands in the flat list of settings. */
#include "engine/base/config.h"
#include "engine/base/fs.h"
#include "tests/check.h"

#include <unistd.h>

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[PR_PATH_BYTES];
    CHECK_OK(pr_fs_join(path, folder, name));
    CHECK_OK(pr_fs_write(path, text, strlen(text)));
}

static const char *value_of(const pr_settings *settings, const char *key)
{
    const pr_setting *const setting = pr_settings_find(settings, key);
    return setting != NULL ? setting->value : "(none)";
}

static void test_inherit(void)
{
    char folder[] = "/tmp/pr_config_XXXXXX";
    CHECK(mkdtemp(folder) != NULL, "mkdtemp");
    char sub[PR_PATH_BYTES];
    char path[PR_PATH_BYTES];
    CHECK_OK(pr_fs_join(sub, folder, "sub"));
    CHECK_OK(pr_fs_mkdirs(sub));
    write_file(folder, "base.yaml",
               "optim: {lr: 1, milestones: [0.1, 0.2]}\n"
               "data: {train: [{path: a}, {path: b, split: x}]}\n"
               "model.width: 8\n");
    write_file(folder, "middle.yaml", "inherit: base.yaml\noptim.lr: 2\nmodel.width: 9\n");
    write_file(sub, "top.yaml",
               "inherit: ../middle.yaml\noptim.lr: 3\n"
               "optim.milestones: [0.9]\ndata: {train: [{path: c}]}\n");
    write_file(sub, "x.yaml", "inherit: ../sub/y.yaml\n");
    write_file(sub, "y.yaml", "inherit: x.yaml\n");
    write_file(sub, "lost.yaml", "\ninherit: gone.yaml\n");

    pr_settings *s = NULL;
    CHECK_OK(pr_settings_create(&s));
    CHECK_OK(pr_fs_join(path, sub, "top.yaml"));
    CHECK_OK(pr_settings_add_file(s, path));
    CHECK_OK(pr_settings_add_word(s, "data.train.0.label=real"));
    CHECK(strcmp(value_of(s, "optim.lr"), "3") == 0, "the inheriting file wins");
    CHECK(strcmp(value_of(s, "model.width"), "9") == 0, "chains");
    CHECK(strcmp(value_of(s, "optim.milestones"), "0.9\n") == 0, "a list is replaced whole");
    CHECK(strcmp(value_of(s, "data.train.0.path"), "c") == 0, "a list of maps too");
    CHECK(pr_settings_find(s, "data.train.1.path") == NULL &&
              pr_settings_find(s, "data.train.1.split") == NULL,
          "nothing of the longer list is left");
    CHECK(strcmp(value_of(s, "data.train.0.label"), "real") == 0, "--set reaches an element");
    CHECK(pr_settings_find(s, "inherit") == NULL, "inherit is no setting");
    CHECK_OK(pr_fs_join(path, sub, "x.yaml"));
    CHECK_FAILS(pr_settings_add_file(s, path), PR_ERR_INVALID, "a circle");
    CHECK_OK(pr_fs_join(path, sub, "lost.yaml"));
    CHECK_FAILS(pr_settings_add_file(s, path), PR_ERR_IO, "lost.yaml:2: inherit: ");
    pr_settings_destroy(&s);

    char command[PR_PATH_BYTES + 16];
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    CHECK(system(command) == 0, "clean up"); // NOLINT(cert-env33-c)
}

static const char *const TABLE = "model.init: random\n"
                                 "data: {train: [{path: a}, {path: b}]}\n"
                                 "varies: [optim.lr, data.train, model.width]\n"
                                 "rows:\n"
                                 "  slow: {optim.lr: 0.01}\n"
                                 "  wide: {model: {width: 99}, data: {train: [{path: z}]}}\n";

static void choose(const char *yaml, const char *row, pr_status wanted, const char *message)
{
    pr_settings *s = NULL;
    CHECK_OK(pr_settings_create(&s));
    CHECK_OK(pr_settings_add_yaml(s, "table.yaml", yaml, strlen(yaml)));
    if (wanted == PR_OK) {
        CHECK_OK(pr_settings_choose_row(s, row));
        CHECK(strcmp(value_of(s, "model.width"), "99") == 0, "the row's value");
        CHECK(strcmp(value_of(s, "data.train.0.path"), "z") == 0, "the row's list");
        CHECK(pr_settings_find(s, "data.train.1.path") == NULL, "replaces the other whole");
        CHECK(pr_settings_find(s, "varies") == NULL && pr_settings_n(s) == 3,
              "nothing else is left");
    } else {
        CHECK_FAILS(pr_settings_choose_row(s, row), wanted, message);
    }
    pr_settings_destroy(&s);
}

/* `name: {}` is the table as it is. */
static void test_empty_row(void)
{
    static const char yaml[] = "a: 1\nvaries: [a]\nrows:\n  two: {a: 2}\n  plain: {}\n";
    pr_settings *s = NULL;
    char **names = NULL;
    int64_t n_names = 0;
    CHECK_OK(pr_settings_create(&s));
    CHECK_OK(pr_settings_add_yaml(s, "t", yaml, sizeof(yaml) - 1));
    CHECK_OK(pr_settings_rows(s, &names, &n_names));
    CHECK(n_names == 2 && strcmp(names[1], "plain") == 0, "%d rows", (int)n_names);
    CHECK_OK(pr_settings_choose_row(s, "plain"));
    CHECK(strcmp(value_of(s, "a"), "1") == 0 && pr_settings_n(s) == 1, "a row of nothing");
    pr_free(names);
    pr_settings_destroy(&s);
}

static void test_rows(void)
{
    choose(TABLE, "wide", PR_OK, "");
    choose(TABLE, NULL, PR_ERR_INVALID, "choose one with --row: slow, wide");
    choose(TABLE, "wid", PR_ERR_INVALID, "no such row, did you mean 'wide'; it has slow, wide");
    choose("a: 1\n", "wide", PR_ERR_INVALID, "has no `rows`");
    choose("varies: [b]\nrows:\n  x: {a: 1}\n", "x", PR_ERR_INVALID,
           "table.yaml:3: row 'x' sets a, which `varies` does not list");
    pr_settings *s = NULL;
    CHECK_OK(pr_settings_create(&s));
    CHECK_FAILS(pr_settings_add_yaml(s, "t", "rows: {a.b: {c: 1}}", 19), PR_ERR_INVALID,
                "the row's name 'a.b' has a dot");
    CHECK_FAILS(pr_settings_unpack("ab", 2, &s), PR_ERR_FORMAT, "ends within entry 0");
    pr_settings_destroy(&s);
}

int main(void)
{
    test_inherit();
    test_rows();
    test_empty_row();
    return check_exit_code();
}
