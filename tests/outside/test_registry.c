/* What a program may register, and what is refused: objectives, their config rows, backbones. */
#include "models/backbone.h"
#include "tests/check.h"
#include "trainer/objective.h"
#include "trainer/trainer.h"

#include <string.h>

typedef struct own_options {
    double share;
    int64_t n;
} own_options;

static const pr_config_row rows[] = {
    {"own.share", PR_CONFIG_REAL, "0.25", 0, 1, NULL, offsetof(own_options, share), 0, "a share"},
    {"own.n", PR_CONFIG_INT, "3", 0, 9, NULL, offsetof(own_options, n), 0, "a number"},
};

static const pr_phase phases[] = {
    {.name = "own", .views_per_item = 1, .build_model = pr_build_classifier, .has_local = true}};
static const pr_stage stages[] = {{.name = "own",
                                   .trains = {"backbone."},
                                   .n_trains = 1,
                                   .classifies = true,
                                   .phases = phases,
                                   .n_phases = 1}};
static const pr_objective good = {.name = "own",
                                  .doc = "A test",
                                  .stages = stages,
                                  .n_stages = 1,
                                  .rows = rows,
                                  .n_rows = 2,
                                  .own_bytes = sizeof(own_options)};

static pr_status add(const char *name, const char *doc, int n_stages)
{
    pr_objective o = good;
    o.name = name;
    o.doc = doc;
    o.n_stages = n_stages;
    return pr_objective_register(&o);
}

static pr_status add_phase(pr_phase phase)
{
    pr_stage stage = stages[0];
    pr_objective o = good;
    stage.phases = &phase;
    o.stages = &stage;
    return pr_objective_register(&o);
}

static pr_status add_rows(const char *first, const char *second, size_t n_bytes)
{
    pr_config_row changed[2] = {rows[0], rows[1]};
    pr_objective o = good;
    changed[0].key = first;
    changed[1].key = second;
    o.rows = changed;
    o.own_bytes = n_bytes;
    return pr_objective_register(&o);
}

static void test_refused_tables(void)
{
    pr_phase phase = phases[0];
    CHECK_FAILS(add("rccl", "doc", 1), PR_ERR_INVALID, "'rccl' is registered: there is one");
    CHECK_FAILS(add("My-own", "doc", 1), PR_ERR_INVALID, "a name of a-z, 0-9 and _");
    CHECK_FAILS(add("", "doc", 1), PR_ERR_INVALID, "a name of a-z");
    CHECK_FAILS(add("own", NULL, 1), PR_ERR_INVALID, "and a doc");
    CHECK_FAILS(add("own", "doc", 0), PR_ERR_INVALID, "n_stages = 0, must be 1 to 4");
    CHECK_FAILS(add("own", "doc", PR_MAX_STAGES + 1), PR_ERR_INVALID, "n_stages = 5");
    phase.build_model = NULL;
    CHECK_FAILS(add_phase(phase), PR_ERR_INVALID, "without a name or build_model");
    phase = phases[0];
    phase.has_local = false;
    CHECK_FAILS(add_phase(phase), PR_ERR_INVALID, "nothing is trained");
    phase = phases[0];
    phase.views_per_item = 3;
    CHECK_FAILS(add_phase(phase), PR_ERR_INVALID, "views_per_item = 3, must be 1 or 2");
    phase = phases[0];
    phase.n_terms = PR_MAX_TERMS + 1;
    CHECK_FAILS(add_phase(phase), PR_ERR_INVALID, "n_terms = 7, must be 0 to 6");
}

static void test_refused_rows(void)
{
    const size_t n = sizeof(own_options);
    CHECK_FAILS(add_rows("own.share", "optim.lr", n), PR_ERR_INVALID, "optim.lr: there is such");
    CHECK_FAILS(add_rows("stage.own.x", "own.n", n), PR_ERR_INVALID, "stage.own.x: there is such");
    CHECK_FAILS(add_rows("own.n", "own.n", n), PR_ERR_INVALID, "own.n: there is such a key");
    CHECK_FAILS(add_rows("own.a", "own.b", n - 1), PR_ERR_INVALID, "own.b: its 8 bytes at 8");
    CHECK_FAILS(add_rows("own.a", "own.b", PR_OWN_BYTES + 1), PR_ERR_INVALID, "4096 of 4096");
    CHECK_FAILS(add_rows("own.a", NULL, n), PR_ERR_INVALID, "config row 1 has no key");
}

static void test_registered(void)
{
    static pr_train_options options;
    static pr_config_schema schema;
    const pr_objective *found = NULL;
    pr_settings *settings = NULL;
    pr_config *config = NULL;

    CHECK(pr_own_options(&options, "own") == NULL, "options before there is such an objective");
    CHECK_OK(pr_objective_register(&good));
    CHECK_FAILS(pr_objective_register(&good), PR_ERR_INVALID, "there is one");
    CHECK_OK(pr_objective_find("own", &found));
    CHECK(found == &good, "another objective was found");
    CHECK_FAILS(pr_objective_find("onw", &found), PR_ERR_INVALID,
                "no objective is called 'onw' (did you mean 'own'?); there are cross_entropy, ");

    CHECK_OK(pr_settings_create(&settings));
    CHECK_OK(pr_settings_add_word(settings, "own.n=7"));
    CHECK_OK(pr_settings_add_word(settings, "objective=own"));
    CHECK_OK(pr_settings_add_word(settings, "model.init=random"));
    CHECK_OK(pr_train_options_register(&schema, &options));
    CHECK_OK(pr_config_apply(&schema, settings, &config));
    const own_options *const own = pr_own_options(&options, "own");
    CHECK(own != NULL && own->n == 7 && own->share == 0.25, "the rows did not fill the options");
    CHECK(pr_own_options(&options, "rccl") == NULL, "own options of an objective of the tree");
    pr_config_destroy(&config);
    pr_settings_destroy(&settings);
}

static pr_status build_nothing(pr_graph *graph, const pr_backbone_options *options,
                               const char *prefix, pr_value image, pr_backbone_out *out)
{
    (void)graph;
    (void)options;
    *out = (pr_backbone_out){.features = image};
    return strcmp(prefix, "here.") == 0 ? PR_OK : PR_FAIL(PR_ERR_SHAPE, "prefix %s", prefix);
}

static void test_backbones(void)
{
    const pr_backbone_options options = {.width = 1.0, .depth = 1.0};
    const pr_value image = {5};
    pr_backbone_out out = {.features = {0}};
    char name[17][8];

    CHECK_FAILS(pr_backbone_register("xception", build_nothing), PR_ERR_INVALID, "there is one");
    CHECK_FAILS(pr_backbone_register("a b", build_nothing), PR_ERR_INVALID, "a name of a-z");
    CHECK_FAILS(pr_backbone_register("x", NULL), PR_ERR_INVALID, "and a function");
    for (int i = 0; i < 17; i++) {
        (void)snprintf(name[i], sizeof(name[i]), "net%d", i);
        if (i < 16) {
            CHECK_OK(pr_backbone_register(name[i], build_nothing));
        }
    }
    CHECK_FAILS(pr_backbone_register(name[16], build_nothing), PR_ERR_INVALID,
                "number 17 to be registered, at most 16");
    CHECK_OK(pr_backbone_build(NULL, "net7", &options, "here.", image, &out));
    CHECK(out.features.id == 5, "another function was called");
    CHECK_FAILS(pr_backbone_build(NULL, "nett", &options, "here.", image, &out), PR_ERR_INVALID,
                "meso_inception4_keras, net0, ");
}

int main(void)
{
    test_refused_tables();
    test_refused_rows();
    test_registered();
    test_backbones();
    return check_exit_code();
}
