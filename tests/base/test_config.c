/* Values, defaults, the dump, the hash and every message, on a small schema of two modules. */
#include "engine/base/config.h"
#include "tests/check.h"

#include <math.h>

typedef struct toy_stage {
    int64_t epochs;
    double lr;
} toy_stage;

typedef struct toy_selection {
    const char *path;
    pr_config_words split;
    int label;
} toy_selection;

typedef struct toy {
    const char *init;
    int64_t width;
    bool sync_bn;
    double lr;
    pr_config_reals milestones;
    pr_config_words frozen;
    int64_t threads;
    pr_config_array train, test, stages;
} toy;

static const char *const LABELS[] = {"any", "real", "fake", NULL};
static const char *const PARTS[] = {"backbone", "head", NULL};

static const pr_config_row MODEL_ROWS[] = {
    {"model.init", PR_CONFIG_STRING, NULL, 0, 0, NULL, offsetof(toy, init), PR_CONFIG_REQUIRED,
     "weights file, or random"},
    {"model.width", PR_CONFIG_INT, "32", 1, 4096, NULL, offsetof(toy, width), PR_CONFIG_IDENTITY,
     "channels of the first layer"},
    {"model.sync_bn", PR_CONFIG_BOOL, "false", 0, 0, NULL, offsetof(toy, sync_bn),
     PR_CONFIG_IDENTITY, "batch norm over the | global batch"},
    {"model.frozen", PR_CONFIG_WORDS, "", 0, 0, PARTS, offsetof(toy, frozen), PR_CONFIG_IDENTITY,
     "parts that do not step"},
    {"cpu.threads", PR_CONFIG_INT, "0", 0, 1024, NULL, offsetof(toy, threads),
     PR_CONFIG_FREE_ON_RESUME, "threads of a rank"},
};

static const pr_config_row OPTIM_ROWS[] = {
    {"optim.lr", PR_CONFIG_REAL, "0.1", 0, INFINITY, NULL, offsetof(toy, lr), PR_CONFIG_IDENTITY,
     "learning rate"},
    {"optim.milestones", PR_CONFIG_REALS, "0.5, 0.75", 0, 1, NULL, offsetof(toy, milestones),
     PR_CONFIG_IDENTITY, "fractions of the horizon"},
};

static const pr_config_row STAGE_ROWS[] = {
    {"epochs", PR_CONFIG_INT, "10", 1, 1e6, NULL, offsetof(toy_stage, epochs), PR_CONFIG_IDENTITY,
     "epochs of the stage"},
    {"optim.lr", PR_CONFIG_REAL, "0.1", 0, INFINITY, NULL, offsetof(toy_stage, lr),
     PR_CONFIG_IDENTITY, "learning rate of the stage"},
};

static const pr_config_row SELECTION_ROWS[] = {
    {"path", PR_CONFIG_STRING, "", 0, 0, NULL, offsetof(toy_selection, path),
     PR_CONFIG_FREE_ON_RESUME, "a dataset's folder"},
    {"split", PR_CONFIG_WORDS, "", 0, 0, NULL, offsetof(toy_selection, split),
     PR_CONFIG_FREE_ON_RESUME, "words of the split"},
    {"label", PR_CONFIG_CHOICE, "any", 0, 0, LABELS, offsetof(toy_selection, label),
     PR_CONFIG_FREE_ON_RESUME, "the label"},
};

static const pr_config_group GROUPS[] = {
    {"data.train", PR_CONFIG_BY_NUMBER, SELECTION_ROWS, 3, sizeof(toy_selection),
     offsetof(toy, train), NULL, "What is trained on."},
    {"data.test", PR_CONFIG_BY_NAME_NUMBER, SELECTION_ROWS, 3, sizeof(toy_selection),
     offsetof(toy, test), NULL, "Tests by name."},
    {"stage", PR_CONFIG_BY_NAME, STAGE_ROWS, 2, sizeof(toy_stage), offsetof(toy, stages), "",
     "A stage's own values."},
};

static pr_config_schema schema_of(toy *target)
{
    pr_config_schema schema = {0};
    CHECK_OK(pr_config_register(&schema,
                                &(pr_config_module){"Model", MODEL_ROWS, 5, GROUPS, 3, target}));
    CHECK_OK(pr_config_register(&schema,
                                &(pr_config_module){"Optimizer", OPTIM_ROWS, 2, NULL, 0, target}));
    return schema;
}

static const pr_config_schema *text_schema(void)
{
    static pr_config_schema schema;
    if (schema.n_modules == 0) {
        schema = schema_of(NULL);
    }
    return &schema;
}

/* YAML (and one word of --set, or NULL) to an applied config. */
static pr_status load(const pr_config_schema *schema, const char *yaml, const char *word,
                      pr_config **out)
{
    pr_settings *settings = NULL;
    PR_TRY(pr_settings_create(&settings));
    pr_status status = pr_settings_add_yaml(settings, "exp.yaml", yaml, strlen(yaml));
    if (status == PR_OK && word != NULL) {
        status = pr_settings_add_word(settings, word);
    }
    pr_settings *copy = NULL;
    pr_text packed = {0};
    if (status == PR_OK) {
        status = pr_settings_pack(settings, &packed);
    }
    if (status == PR_OK) {
        status = pr_settings_unpack(pr_text_chars(&packed), packed.n_chars, &copy);
    }
    if (status == PR_OK) {
        status = pr_config_apply(schema, copy, out);
    }
    pr_text_free(&packed);
    pr_settings_destroy(&copy);
    pr_settings_destroy(&settings);
    return status;
}

static const char *const WHOLE = "model: {init: random, width: 64, frozen: [head]}\n"
                                 "optim:\n"
                                 "  lr: 2.5e-3\n"
                                 "  milestones: [0.25]\n"
                                 "data:\n"
                                 "  train:\n"
                                 "    - {path: a, split: train}\n"
                                 "    - {path: b, split: [train, extra], label: fake}\n"
                                 "  test:\n"
                                 "    ff: [{path: c}, {path: d}]\n"
                                 "    celeb: [{path: e}]\n"
                                 "stage.contrastive.epochs: 3\n"
                                 "stage: {classifier: {optim: {lr: 1}}}\n";

static void test_values(void)
{
    toy t = {0};
    const pr_config_schema schema = schema_of(&t);
    pr_config *config = NULL;
    CHECK_OK(load(&schema, WHOLE, "model.sync_bn=true", &config));
    if (config == NULL) {
        return;
    }
    CHECK(strcmp(t.init, "random") == 0 && t.width == 64 && t.sync_bn && t.threads == 0,
          "plain rows: %s %lld", t.init, (long long)t.width);
    CHECK(t.lr == 2.5e-3 && t.milestones.n == 1 && t.milestones.at[0] == 0.25, "reals %g", t.lr);
    CHECK(t.frozen.n == 1 && strcmp(t.frozen.at[0], "head") == 0 && t.frozen.at[1] == NULL,
          "words");
    const toy_selection *const train = t.train.at;
    CHECK(t.train.n == 2 && strcmp(train[1].path, "b") == 0 && train[1].split.n == 2 &&
              strcmp(train[1].split.at[1], "extra") == 0 && train[1].label == 2,
          "data.train");
    CHECK(train[0].split.n == 1 && train[0].label == 0, "one word is a list of one");
    const toy_selection *const test = t.test.at;
    CHECK(t.test.n == 3 && strcmp(t.test.names[0], "ff") == 0 &&
              strcmp(t.test.names[1], "ff") == 0 && strcmp(t.test.names[2], "celeb") == 0 &&
              strcmp(test[1].path, "d") == 0 && strcmp(test[2].path, "e") == 0,
          "data.test");
    const toy_stage *const stages = t.stages.at;
    CHECK(t.stages.n == 2 && stages[0].epochs == 3 && stages[0].lr == 2.5e-3,
          "a stage falls back to optim.lr: %g", stages[0].lr);
    CHECK(stages[1].epochs == 10 && stages[1].lr == 1.0, "its own lr");
    CHECK(pr_config_is_set(config, "model.width") && !pr_config_is_set(config, "cpu.threads"),
          "is_set");
    CHECK(strcmp(pr_config_value(config, "optim.lr"), "0.0025") == 0, "canonical text");
    pr_config_destroy(&config);
}

/* What the dump says reads back as the same config; keys free on resume do not enter the hash. */
static void test_dump_and_hash(void)
{
    toy t = {0};
    const pr_config_schema schema = schema_of(&t);
    pr_config *config = NULL;
    pr_config *again = NULL;
    pr_config *other = NULL;
    pr_text dump = {0};
    pr_text dump_again = {0};
    uint64_t hash = 0;
    uint64_t hash_again = 0;
    CHECK_OK(load(&schema, WHOLE, "model.init=a b: \"c\" #d", &config));
    CHECK_OK(pr_config_dump(config, &dump));
    CHECK_OK(load(text_schema(), pr_text_chars(&dump), NULL, &again));
    CHECK_OK(pr_config_dump(again, &dump_again));
    CHECK(strcmp(pr_text_chars(&dump), pr_text_chars(&dump_again)) == 0, "%s", dump.chars);
    CHECK(strstr(dump.chars, "data.train.1.split: [train, extra]\n") != NULL, "%s", dump.chars);
    CHECK_OK(pr_config_hash(config, &hash));
    CHECK_OK(pr_config_hash(again, &hash_again));
    CHECK(hash == hash_again && hash != 0, "hash %llx", (unsigned long long)hash);

    pr_config_change change;
    pr_config_compare(config, again, &change);
    CHECK(change.key == NULL, "%s", change.key);
    CHECK_OK(load(text_schema(), pr_text_chars(&dump), "cpu.threads=7", &other));
    CHECK_OK(pr_config_hash(other, &hash_again));
    CHECK(hash == hash_again, "threads do not enter the hash");
    pr_config_compare(config, other, &change);
    CHECK(change.key == NULL, "%s", change.key);
    pr_config_destroy(&other);

    CHECK_OK(load(text_schema(), pr_text_chars(&dump), "stage.contrastive.epochs=4", &other));
    CHECK_OK(pr_config_hash(other, &hash_again));
    CHECK(hash != hash_again, "epochs enter the hash");
    pr_config_compare(config, other, &change);
    CHECK(change.key != NULL && strcmp(change.key, "stage.contrastive.epochs") == 0 &&
              strcmp(change.before, "3") == 0 && strcmp(change.now, "4") == 0,
          "%s", change.key);
    pr_config_compare(other, config, &change);
    CHECK(change.key != NULL && strcmp(change.before, "4") == 0, "the other way");
    pr_config_destroy(&other);
    pr_config_destroy(&again);
    pr_config_destroy(&config);
    pr_text_free(&dump);
    pr_text_free(&dump_again);
}

/* A default, a default written out in other digits, and another value. */
static void test_hash_of_defaults(void)
{
    pr_config *config = NULL;
    uint64_t hash[3] = {1, 2, 3};
    const char *const words[] = {"cpu.threads=0", "optim.lr=1e-1", "optim.lr=0.2"};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(load(text_schema(), "model.init: random", words[i], &config));
        CHECK_OK(pr_config_hash(config, &hash[i]));
        pr_config_destroy(&config);
    }
    CHECK(hash[0] == hash[1] && hash[0] != hash[2], "only what differs from its default");
}

typedef struct bad_case {
    const char *yaml, *word, *message;
    pr_status status;
} bad_case;

static const bad_case BAD[] = {
    {"model.init: r\nmodle.width: 3\n", NULL,
     "exp.yaml:2: unknown key modle.width; did you mean model.width?", PR_ERR_INVALID},
    {"model.init: r\nzzzzzzzzzzzz: 3\n", NULL, "exp.yaml:2: unknown key zzzzzzzzzzzz", 1},
    {"model.init: r\nmodel: {width: 0}\n", NULL,
     "exp.yaml:2: model.width = 0, must be between 1 and 4096", 1},
    {"model.init: r\n", "optim.lr=-1", "--set optim.lr = -1, must be at least 0", 1},
    {"model.init: r\n", "optim.lr=abc", "--set optim.lr = abc is not a number", 1},
    {"model.init: r\n", "optim.lr=1e999", "is not a number", 1},
    {"model.init: r\n", "optim.lr=nan", "is not a number", 1},
    {"model.init: r\n", "model.width=1.5", "model.width = 1.5 is not a whole number", 1},
    {"model.init: r\n", "model.width=99999999999999999999", "is not a whole number", 1},
    {"model.init: r\n", "model.width=[1]", "model.width is a list; one value was wanted", 1},
    {"model.init: r\n", "model.sync_bn=yes", "= yes, must be true or false", 1},
    {"model.init: r\n", "model.frozen=[backbon]",
     "= backbon, must be one of backbone, head; did you mean 'backbone'?", 1},
    {"model.init: r\n", "optim.milestones=[0.5, 2]", "= 2, must be between 0 and 1", 1},
    {"model.init: r\n", "optim=3", "--set optim is no key but a section (optim.lr)", 1},
    {"model.init: r\n", "nonsense", "wanted key=value", 1},
    {"model.init: r\n", "data.train.0.pth=x",
     "unknown key data.train.0.pth; did you mean data.train.0.path?", 1},
    {"model.init: r\n", "data.trian.0.path=x", "did you mean data.train.0.path?", 1},
    {"model.init: r\n", "data.train.1.path=x",
     "data.train has 1 elements, and none with the number 0", 1},
    {"model.init: r\n", "data.test.ff.2.path=x",
     "data.test.ff has 1 elements, and none with the number 0", 1},
    {"model.init: r\n", "data.train.0.label=fak", "did you mean 'fake'?", 1},
    {"model.width: 3\n", NULL, "model.init must be given: weights file, or random", 1},
    {"model.init: \"\"\n", NULL, "exp.yaml:1: model.init is empty: weights file", 1},
    {"model.init:\n", NULL, "exp.yaml:1: model.init has no value", 1},
    {"model.init: r\noptim.lr: 1\noptim: {lr: 2}\n", NULL,
     "exp.yaml:3: optim.lr is given in line 2 already", 1},
    {"a: &x 1\nb: *x\n", NULL, "exp.yaml:2: an alias (*x)", 1},
    {"a: 1\n---\nb: 2\n", NULL, "exp.yaml:2: a second YAML document", 1},
    {"- a\n", NULL, "exp.yaml:1: a list where `key: value` was wanted", 1},
    {"word\n", NULL, "exp.yaml:1: 'word' where `key: value` was wanted", 1},
    {"a: [[1]]\n", NULL, "a: a list within a list", 1},
    {"a: [b, {c: 1}]\n", NULL, "a is a list of words and of maps", 1},
    {"a: [{c: 1}, b]\n", NULL, "is a list of maps and of words", 1},
    {"[a]: b\n", NULL, "a key must be a word", 1},
    {"a..b: 1\n", NULL, "'a..b' is no key", 1},
    {"a: \"x\\ny\"\n", NULL, "a control character or line feed", 1},
    {"model.init: r\n", "model.init=a\033[1mb", "--set model.init=a\033[1mb: a control character",
     1},
    {"model.init: r\n", "model.init=a\xff", "or it is no UTF-8", 1},
    {"model.init: r\n", "data.test.a b.0.path=x", "--set data.test.a b.0: a name has letters", 1},
    {"a: \"x\\ufeffy\"\n", NULL, "a control character or line feed", 1},
    {"a: \"unfinished\n", NULL, "exp.yaml:2: not YAML", PR_ERR_FORMAT},
    {"a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: {l: {m: {n: {o: {p: {q: 1}}}}}}}}}}}}}}}}\n", NULL,
     "more than 16 levels", 1},
};

static void test_messages(void)
{
    char long_key[300];
    memset(long_key, 'k', sizeof(long_key));
    (void)snprintf(long_key + 257, sizeof(long_key) - 257, "=1");
    pr_config *none = NULL;
    CHECK_FAILS(load(text_schema(), "model.init: r\n", long_key, &none), PR_ERR_INVALID,
                "a key longer than 256 characters");
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        pr_config *config = NULL;
        CHECK_FAILS(load(text_schema(), BAD[i].yaml, BAD[i].word, &config), BAD[i].status,
                    BAD[i].message);
        pr_config_destroy(&config);
    }
}

static void test_empty_list(void)
{
    toy t = {0};
    const pr_config_schema schema = schema_of(&t);
    pr_config *config = NULL;
    CHECK_OK(
        load(&schema, "model.init: r\ndata: {train: []}\noptim.milestones: []\n", NULL, &config));
    CHECK(t.train.n == 0 && t.milestones.n == 0, "empty lists");
    pr_config_destroy(&config);

    /* A list of the empty word is not an empty list, nor is it in the dump. */
    pr_config *again = NULL;
    pr_text dump = {0};
    CHECK_OK(load(&schema, "model.init: r\ndata: {train: [{split: [\"\"]}, {split: [\"\", b]}]}\n",
                  "optim.milestones=", &config));
    CHECK_OK(pr_config_dump(config, &dump));
    CHECK_OK(load(&schema, pr_text_chars(&dump), NULL, &again));
    const toy_selection *const train = t.train.at;
    CHECK(train[0].split.n == 1 && train[0].split.at[0][0] == '\0', "one empty word");
    CHECK(train[1].split.n == 2 && strcmp(train[1].split.at[1], "b") == 0, "and another");
    CHECK(t.milestones.n == 0, "nothing is no word");
    pr_config_destroy(&again);
    pr_config_destroy(&config);
    pr_text_free(&dump);
}

static void test_document(void)
{
    pr_text page = {0};
    CHECK_OK(pr_config_document(text_schema(), &page));
    CHECK(strstr(pr_text_chars(&page), "| `model.width` | `32` | whole number, 1 to 4096 | "
                                       "channels of the first layer |\n") != NULL,
          "%s", pr_text_chars(&page));
    CHECK(strstr(pr_text_chars(&page), "| `stage.NAME.epochs` | `10` |") != NULL, "groups");
    CHECK(strstr(pr_text_chars(&page), "over the \\| global") != NULL, "escapes");
    pr_text_free(&page);
}

/* Every allocation made to fail in turn: an error each time, and nothing is lost. */
static void test_no_memory(void)
{
    const long n_live = pr_alloc_n_live();
    for (long n = 0;; n++) {
        toy t = {0};
        pr_config *config = NULL;
        const pr_config_schema schema = schema_of(&t);
        pr_error_clear();
        pr_alloc_fail_on(n);
        const pr_status status = load(&schema, WHOLE, "model.frozen=[backbone, head]", &config);
        pr_alloc_fail_on(-1);
        pr_config_destroy(&config);
        CHECK(pr_alloc_n_live() == n_live, "allocation %ld: %ld are left", n, pr_alloc_n_live());
        if (status == PR_OK) {
            CHECK(n > 100, "only %ld allocations", n);
            break;
        }
        CHECK(status == PR_ERR_NOMEM, "allocation %ld: '%s'", n, pr_error_message());
    }
    pr_error_clear();
}

int main(void)
{
    test_values();
    test_dump_and_hash();
    test_hash_of_defaults();
    test_messages();
    test_empty_list();
    test_document();
    test_no_memory();
    return check_exit_code();
}
