/*
 * MC-LCR's shapes: those of the paper's Table 1 at 256 pixels, its switches, the config's rows, and
 * what is refused. tests/models/parity_mc_lcr.py compares its numbers.
 */
#include "engine/base/config.h"
#include "models/mc_lcr.h"
#include "tests/check.h"

#include <string.h>

enum { VIEWS = 2, PX = 256, N_Z = 128, MOST_WORDS = 4 };

/* The options that the rows give, with WORDS (key=value, NULL past the last) set. */
static pr_status options_of(const char *const *words, pr_mc_lcr_options *options,
                            pr_config **config)
{
    static pr_config_schema schema;
    pr_settings *settings = NULL;
    const pr_config_module module = pr_mc_lcr_config(options);
    schema.n_modules = 0;
    PR_TRY(pr_config_register(&schema, &module));
    PR_TRY(pr_settings_create(&settings));
    pr_status status = PR_OK;
    for (int i = 0; i < MOST_WORDS && words[i] != NULL && status == PR_OK; i++) {
        status = pr_settings_add_word(settings, words[i]);
    }
    if (status == PR_OK) {
        status = pr_config_apply(&schema, settings, config);
    }
    pr_settings_destroy(&settings);
    return status;
}

static pr_status build(const char *const *words, int64_t px, pr_graph **graph, pr_mc_lcr_out *out)
{
    pr_mc_lcr_options options;
    pr_config *config = NULL;
    const pr_mc_lcr_net net = {.options = &options,
                               .backbone_name = "xception",
                               .backbone = {.width = 1.0, .depth = 0.125},
                               .n_z = N_Z,
                               .mean = {0.5, 0.5, 0.5},
                               .std = {0.5, 0.5, 0.5}};
    pr_value image;
    pr_status status = options_of(words, &options, &config);
    if (status == PR_OK) {
        status = pr_graph_create("mc_lcr", PR_F32, graph);
    }
    if (status == PR_OK) {
        status =
            pr_graph_input(*graph, "image", pr_desc_4(PR_F32, VIEWS, px, px, 3), false, &image);
    }
    if (status == PR_OK) {
        status = pr_mc_lcr_build(*graph, &net, image, out);
    }
    pr_config_destroy(&config);
    return status;
}

static void check_shape(const pr_graph *graph, const char *name, pr_value value, pr_shape want)
{
    char text[96];
    char want_text[96];
    const pr_shape *const shape = &pr_graph_desc(graph, value)->shape;
    CHECK(pr_shape_equal(shape, &want), "%s is %s, must be %s", name, pr_shape_text(shape, text),
          pr_shape_text(&want, want_text));
}

#define ROWS(d) ((pr_shape){2, {VIEWS, (d)}})
#define TOKENS  ((pr_shape){3, {VIEWS, 256, 256}})

/* Table 1, with the 2048 of reading M1. */
static void test_table_1(void)
{
    const char *const none[] = {NULL};
    pr_graph *graph = NULL;
    pr_mc_lcr_out out = {.fused = {-1}};
    CHECK_OK(build(none, PX, &graph, &out));
    check_shape(graph, "SSF_b1", out.style[0], ROWS(64));
    check_shape(graph, "SSF_b2", out.style[1], ROWS(128));
    check_shape(graph, "SSF_b3", out.style[2], ROWS(256));
    check_shape(graph, "GF", out.global, ROWS(2048));
    check_shape(graph, "E_as", out.amp_embed, TOKENS);
    check_shape(graph, "E_ps", out.phase_embed, TOKENS);
    check_shape(graph, "AT", out.amp_token, TOKENS);
    check_shape(graph, "PT", out.phase_token, TOKENS);
    check_shape(graph, "AF", out.amp, ROWS(256));
    check_shape(graph, "PF", out.phase, ROWS(256));
    check_shape(graph, "F_MM", out.fused, ROWS(3008));
    check_shape(graph, "F_E", out.features, ROWS(1024));
    check_shape(graph, "z", out.z, ROWS(N_Z));
    check_shape(graph, "logits", out.logits, ROWS(2));
    pr_graph_destroy(&graph);
}

/* What each switch does to F_MM. */
static void test_switches(void)
{
    const struct {
        const char *words[MOST_WORDS];
        int64_t n_fused;
    } cases[] = {
        {{"mc_lcr.gf=b13", NULL}, 1984},
        {{"mc_lcr.gf=b14_proj1024", NULL}, 1984},
        {{"mc_lcr.ssrb=false", NULL}, 2560},
        {{"mc_lcr.papda=false", NULL}, 2496},
        {{"mc_lcr.papda=false", "mc_lcr.ssrb=false", NULL}, 2048},
        {{"mc_lcr.patch_px=32", "mc_lcr.pos_embed=true", NULL}, 4544},
        {{"mc_lcr.layers=0", "mc_lcr.dropout_sites=[]", "mc_lcr.ssrb_tap=relu", NULL}, 3008},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pr_graph *graph = NULL;
        pr_mc_lcr_out out = {.fused = {-1}};
        CHECK_OK(build(cases[i].words, PX, &graph, &out));
        check_shape(graph, cases[i].words[0], out.fused, ROWS(cases[i].n_fused));
        check_shape(graph, cases[i].words[0], out.features, ROWS(1024));
        pr_graph_destroy(&graph);
    }
}

static void test_refusals(void)
{
    const char *const heads[] = {"mc_lcr.heads=5", NULL};
    const char *const site[] = {"mc_lcr.dropout_sites=[mixer, stem]", NULL};
    const char *const none[] = {NULL};
    pr_graph *graph = NULL;
    pr_mc_lcr_out out = {.fused = {-1}};
    CHECK_FAILS(build(heads, PX, &graph, &out), PR_ERR_INVALID, "mc_lcr.heads = 5");
    pr_graph_destroy(&graph);
    CHECK_FAILS(build(site, PX, &graph, &out), PR_ERR_INVALID, "stem");
    pr_graph_destroy(&graph);
    CHECK_FAILS(build(none, PX + 8, &graph, &out), PR_ERR_SHAPE, "multiples of 16");
    pr_graph_destroy(&graph);
}

int main(void)
{
    test_table_1();
    test_switches();
    test_refusals();
    return check_exit_code();
}
