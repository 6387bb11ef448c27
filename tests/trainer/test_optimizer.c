/*
 * What torch cannot judge (optim_parity.py does the formulas): bits that depend on neither threads
 * nor the layout, groups that rest, refusals by name, the state a checkpoint carries, the EMA.
 */
#include "tests/check.h"
#include "trainer/optimizer.h"
#include "trainer/schedule.h"

#include <math.h>

enum { N_BIG = 20000 };

/* Bit for bit. */
static bool is_same(const void *a, const void *b, size_t n_bytes)
{
    return memcmp(a, b, n_bytes) == 0;
}

/* Two parameters below "a.", one bias below "b.", their likes below "k.", and a buffer. */
static pr_store *make_store(pr_dtype real)
{
    pr_graph *graph = NULL;
    pr_store *store = NULL;
    pr_value value;
    const pr_init normal = {PR_INIT_NORMAL, 0.1};
    CHECK_OK(pr_graph_create("test", real, &graph));
    CHECK_OK(pr_graph_param(graph, "a.big", pr_desc_2(real, 100, N_BIG / 100), normal, &value));
    CHECK_OK(pr_graph_buffer(graph, "a.mean", pr_desc_1(real, 9), normal, &value));
    CHECK_OK(pr_graph_param(graph, "a.b.bias", pr_desc_1(real, 7), normal, &value));
    CHECK_OK(pr_graph_param(graph, "b.weight", pr_desc_2(real, 3, 5), normal, &value));
    CHECK_OK(pr_graph_param(graph, "k.big", pr_desc_2(real, 100, N_BIG / 100), normal, &value));
    CHECK_OK(pr_graph_param(graph, "k.b.bias", pr_desc_1(real, 7), normal, &value));
    CHECK_OK(pr_store_create(real, &store));
    CHECK_OK(pr_store_add(store, graph));
    CHECK_OK(pr_store_allocate(store));
    CHECK_OK(pr_store_init(store, 11));
    pr_graph_destroy(&graph);
    return store;
}

static float *make_grad(const pr_store *store)
{
    float *grad = pr_calloc(pr_store_arena_n(store), sizeof(*grad));
    for (int64_t i = 0; grad != NULL && i < pr_store_arena_n(store); i++) {
        grad[i] = (float)sin(0.37 * (double)i) * 0.01F;
    }
    return grad;
}

static void run_steps(pr_optim_options options, int n_threads, float *out, double norms[3])
{
    pr_store *store = make_store(PR_F32);
    float *grad = make_grad(store);
    pr_team *team = NULL;
    pr_optimizer *optimizer = NULL;
    if (n_threads > 0) {
        CHECK_OK(pr_team_create(n_threads, NULL, NULL, &team));
    }
    CHECK_OK(pr_optimizer_create(store, &options, NULL, 0, &optimizer));
    for (int step = 0; step < 3; step++) {
        CHECK_OK(pr_optimizer_step(optimizer, team, grad, 0.05, &norms[step]));
    }
    memcpy(out, pr_store_find(store, "a.big")->data, N_BIG * sizeof(*out));
    pr_optimizer_destroy(&optimizer);
    pr_team_destroy(&team);
    pr_free(grad);
    pr_store_destroy(&store);
}

static void test_bits_do_not_depend_on_threads(void)
{
    static float alone[N_BIG];
    static float together[N_BIG];
    for (int kind = PR_OPTIM_SGD; kind <= PR_OPTIM_ADAMW; kind++) {
        pr_optim_options options = pr_optim_options_default();
        options.kind = kind;
        options.clip_norm = 0.5;
        double norms[2][3];
        run_steps(options, 0, alone, norms[0]);
        for (int n_threads = 1; n_threads <= 3; n_threads++) {
            run_steps(options, n_threads, together, norms[1]);
            CHECK(is_same(alone, together, sizeof(alone)), "kind %d, %d threads", kind, n_threads);
            CHECK(is_same(norms[0], norms[1], sizeof(norms[0])), "norms differ");
        }
    }
}

static void test_groups_rest_and_are_frozen(void)
{
    static const char *const trains[] = {"a.", "b."};
    static const char *const groups[] = {"a.b."};
    static const char *const frozen[] = {"b."};
    static const double rates[] = {0.5};
    pr_store *store = make_store(PR_F32);
    float *grad = make_grad(store);
    pr_optimizer *optimizer = NULL;
    pr_optim_options options = pr_optim_options_default();
    options.kind = PR_OPTIM_ADAM;
    options.group = (pr_config_words){groups, 1};
    options.group_rate = (pr_config_reals){rates, 1};
    options.frozen = (pr_config_words){frozen, 1};
    CHECK_OK(pr_optimizer_create(store, &options, trains, 1, &optimizer));
    CHECK(pr_optimizer_n_groups(optimizer) == 2, "%d", pr_optimizer_n_groups(optimizer));
    CHECK(strcmp(pr_optimizer_group_prefix(optimizer, 0), "a.b.") == 0, "group 0");
    CHECK(pr_optimizer_n_states(optimizer) == 6, "%d", pr_optimizer_n_states(optimizer));
    CHECK(strcmp(pr_optimizer_state_at(optimizer, 0)->name, "steps/a.b.") == 0, "%s",
          pr_optimizer_state_at(optimizer, 0)->name);
    CHECK(strcmp(pr_optimizer_state_at(optimizer, 2)->name, "m/a.big") == 0, "%s",
          pr_optimizer_state_at(optimizer, 2)->name);

    float before[7];
    float bias[7];
    float weight[15];
    float mean[9];
    memcpy(weight, pr_store_find(store, "b.weight")->data, sizeof(weight));
    memcpy(mean, pr_store_find(store, "a.mean")->data, sizeof(mean));
    memcpy(before, pr_store_find(store, "a.b.bias")->data, sizeof(before));
    double norm = 0.0;
    double whole = 0.0;
    CHECK_OK(pr_optimizer_step(optimizer, NULL, grad, 0.05, &whole));
    CHECK(!is_same(before, pr_store_find(store, "a.b.bias")->data, sizeof(before)), "steps");
    memcpy(bias, pr_store_find(store, "a.b.bias")->data, sizeof(bias));
    pr_optimizer_set_active(optimizer, 0, false);
    CHECK_OK(pr_optimizer_step(optimizer, NULL, grad, 0.05, &norm));
    CHECK(norm < whole, "a resting group is no part of the norm: %g %g", norm, whole);
    CHECK(is_same(bias, pr_store_find(store, "a.b.bias")->data, sizeof(bias)), "it rests");
    CHECK(*(int64_t *)pr_optimizer_state_at(optimizer, 0)->data == 1, "steps of the group");
    CHECK(*(int64_t *)pr_optimizer_state_at(optimizer, 1)->data == 2, "steps of the rest");
    CHECK(is_same(weight, pr_store_find(store, "b.weight")->data, sizeof(weight)), "frozen");
    CHECK(is_same(mean, pr_store_find(store, "a.mean")->data, sizeof(mean)), "a buffer");

    const pr_store_entry *big = pr_store_find(store, "a.big");
    grad[big->offset + 5000] = NAN;
    float first = *(float *)big->data;
    CHECK_FAILS(pr_optimizer_step(optimizer, NULL, grad, 0.05, &norm), PR_ERR_NUMERIC,
                "'a.big' is not finite (elements 4096 to 8191");
    CHECK(*(float *)big->data == first, "a refused step changes nothing");
    grad[big->offset + 5000] = 0.0F;
    CHECK_FAILS(pr_optimizer_step(optimizer, NULL, grad, NAN, &norm), PR_ERR_INVALID, "rate");
    pr_optimizer_destroy(&optimizer);
    pr_free(grad);
    pr_store_destroy(&store);
}

/* A parameter steps in its own phases only, and its moments and count rest in the others. */
static void test_phases_step_their_own(void)
{
    static const char *const head[] = {"b."};
    static const char *const all[] = {"a.", "b."};
    const pr_optim_phase phases[] = {{head, 1}, {all, 2}};
    pr_store *store = make_store(PR_F32);
    float *grad = make_grad(store);
    pr_optimizer *optimizer = NULL;
    pr_optim_options options = pr_optim_options_default();
    options.kind = PR_OPTIM_ADAM;
    CHECK_OK(pr_optimizer_create_phases(store, &options, phases, 2, &optimizer));
    CHECK(pr_optimizer_n_groups(optimizer) == 2, "%d", pr_optimizer_n_groups(optimizer));
    CHECK(strcmp(pr_optimizer_group_prefix(optimizer, 0), "@2") == 0, "%s",
          pr_optimizer_group_prefix(optimizer, 0));
    CHECK(strcmp(pr_optimizer_group_prefix(optimizer, 1), "") == 0, "in all phases");

    static float big[N_BIG];
    float weight[15];
    double norm = 0.0;
    double whole = 0.0;
    memcpy(big, pr_store_find(store, "a.big")->data, sizeof(big));
    memcpy(weight, pr_store_find(store, "b.weight")->data, sizeof(weight));
    CHECK_OK(pr_optimizer_step(optimizer, NULL, grad, 0.05, &norm));
    CHECK(is_same(big, pr_store_find(store, "a.big")->data, sizeof(big)), "phase 0 is first");
    CHECK(!is_same(weight, pr_store_find(store, "b.weight")->data, sizeof(weight)), "phase 0");
    pr_optimizer_set_phase(optimizer, 1);
    CHECK_OK(pr_optimizer_step(optimizer, NULL, grad, 0.05, &whole));
    CHECK(!is_same(big, pr_store_find(store, "a.big")->data, sizeof(big)), "phase 1");
    CHECK(norm < whole, "%g %g", norm, whole);
    CHECK(*(int64_t *)pr_optimizer_state_at(optimizer, 0)->data == 1, "steps of '@2'");
    CHECK(*(int64_t *)pr_optimizer_state_at(optimizer, 1)->data == 2, "steps of ''");
    pr_optimizer_destroy(&optimizer);
    pr_free(grad);
    pr_store_destroy(&store);
}

/* State taken out and put into a new optimizer goes on to the same bits. */
static void test_state_resumes(void)
{
    pr_store *stores[2] = {make_store(PR_F32), make_store(PR_F32)};
    float *grad = make_grad(stores[0]);
    pr_optimizer *optimizers[2] = {NULL, NULL};
    pr_optim_options options = pr_optim_options_default();
    options.kind = PR_OPTIM_ADAMW;
    double norm = 0.0;
    CHECK_OK(pr_optimizer_create(stores[0], &options, NULL, 0, &optimizers[0]));
    CHECK_OK(pr_optimizer_step(optimizers[0], NULL, grad, 0.1, &norm));
    CHECK_OK(pr_optimizer_create(stores[1], &options, NULL, 0, &optimizers[1]));
    const size_t n_bytes = (size_t)pr_store_arena_n(stores[0]) * sizeof(float);
    memcpy(pr_store_arena(stores[1]), pr_store_arena(stores[0]), n_bytes);
    for (int i = 0; i < pr_optimizer_n_states(optimizers[0]); i++) {
        const pr_optimizer_state *from = pr_optimizer_state_at(optimizers[0], i);
        memcpy(pr_optimizer_state_at(optimizers[1], i)->data, from->data,
               pr_desc_bytes(&from->desc));
    }
    for (int k = 0; k < 2; k++) {
        CHECK_OK(pr_optimizer_step(optimizers[k], NULL, grad, 0.1, &norm));
    }
    CHECK(is_same(pr_store_arena(stores[0]), pr_store_arena(stores[1]), n_bytes), "resumed");
    for (int k = 0; k < 2; k++) {
        pr_optimizer_destroy(&optimizers[k]);
        pr_store_destroy(&stores[k]);
    }
    pr_free(grad);
}

static void test_what_is_refused(void)
{
    static const char *const nobody[] = {"c."};
    static const char *const twice[] = {"a.", "a."};
    static const double rates[] = {1.0, 1.0};
    pr_store *store = make_store(PR_F64);
    pr_optimizer *optimizer = NULL;
    pr_optim_options options = pr_optim_options_default();
    CHECK_FAILS(pr_optimizer_create(store, &options, nobody, 1, &optimizer), PR_ERR_INVALID,
                "begins with 'c.'");
    options.group = (pr_config_words){twice, 2};
    CHECK_FAILS(pr_optimizer_create(store, &options, NULL, 0, &optimizer), PR_ERR_INVALID,
                "0 group_rate for 2 groups");
    options.group_rate = (pr_config_reals){rates, 2};
    CHECK_FAILS(pr_optimizer_create(store, &options, NULL, 0, &optimizer), PR_ERR_INVALID,
                "two groups have the prefix 'a.'");
    options = pr_optim_options_default();
    options.momentum = 1.0;
    CHECK_FAILS(pr_optimizer_create(store, &options, NULL, 0, &optimizer), PR_ERR_INVALID,
                "momentum = 1");
    pr_store_destroy(&store);
    double factor = 0.0;
    const pr_schedule_options schedule = {.kind = PR_SCHEDULE_COSINE, .warmup_steps = 10};
    CHECK_FAILS(pr_schedule_factor(&schedule, 0, 10, &factor), PR_ERR_INVALID, "10 warm-up steps");
    CHECK_FAILS(pr_schedule_factor(&schedule, -1, 20, &factor), PR_ERR_INVALID, "step -1");
}

static void test_ema(void)
{
    pr_store *store = make_store(PR_F64);
    pr_ema *ema = NULL;
    CHECK_FAILS(pr_ema_create(store, "a.", "b.", &ema), PR_ERR_INVALID, "no counterpart");
    CHECK_FAILS(pr_ema_create(store, "x.", "y.", &ema), PR_ERR_INVALID, "begins with");
    CHECK_OK(pr_ema_create(store, "a.", "k.", &ema));
    const double *online = pr_store_find(store, "a.big")->data;
    const double *key = pr_store_find(store, "k.big")->data;
    const double want = 0.9 * key[N_BIG - 1] + (1.0 - 0.9) * online[N_BIG - 1];
    for (int64_t i = 0; i < pr_ema_n_chunks(ema); i++) {
        pr_ema_chunk(ema, 0.9, i);
    }
    CHECK(key[N_BIG - 1] == want, "%.17g, must be %.17g", key[N_BIG - 1], want);
    for (int64_t i = 0; i < pr_ema_n_chunks(ema); i++) {
        pr_ema_chunk(ema, 0.0, i);
    }
    CHECK(is_same(key, online, N_BIG * sizeof(*key)), "0 copies");
    CHECK(is_same(pr_store_find(store, "k.b.bias")->data, pr_store_find(store, "a.b.bias")->data,
                  7 * sizeof(double)),
          "every tensor");
    pr_ema_destroy(&ema);
    pr_store_destroy(&store);
}

static void test_every_allocation_may_fail(void)
{
    pr_store *store = make_store(PR_F32);
    const pr_optim_options options = pr_optim_options_default();
    pr_status status = PR_ERR_NOMEM;
    for (long n = 0; status == PR_ERR_NOMEM; n++) {
        pr_optimizer *optimizer = NULL;
        pr_ema *ema = NULL;
        pr_error_clear();
        pr_alloc_fail_on(n);
        status = pr_optimizer_create(store, &options, NULL, 0, &optimizer);
        if (status == PR_OK) {
            status = pr_ema_create(store, "a.", "k.", &ema);
        }
        pr_alloc_fail_on(-1);
        pr_optimizer_destroy(&optimizer);
        pr_ema_destroy(&ema);
    }
    CHECK(status == PR_OK, "%s", pr_error_message());
    pr_store_destroy(&store);
}

/* The defaults in code and those in the rows are the same numbers. */
static void test_defaults_agree_with_the_rows(void)
{
    typedef struct both {
        pr_optim_options optim;
        pr_schedule_options schedule;
    } both;
    static const pr_config_row rows[] = {PR_OPTIM_ROWS(both, optim),
                                         PR_SCHEDULE_ROWS(both, schedule)};
    both read = {.optim.kind = -1};
    pr_config_schema schema = {.n_modules = 0};
    const pr_config_module module = {"optim", rows, (int64_t)(sizeof(rows) / sizeof(rows[0])),
                                     NULL,    0,    &read};
    pr_settings *settings = NULL;
    pr_config *config = NULL;
    CHECK_OK(pr_config_register(&schema, &module));
    CHECK_OK(pr_settings_create(&settings));
    CHECK_OK(pr_config_apply(&schema, settings, &config));
    const pr_optim_options want = pr_optim_options_default();
    CHECK(read.optim.kind == want.kind && read.optim.lr == want.lr &&
              read.optim.momentum == want.momentum && read.optim.nesterov == want.nesterov &&
              read.optim.beta1 == want.beta1 && read.optim.beta2 == want.beta2 &&
              read.optim.eps == want.eps && read.optim.weight_decay == want.weight_decay &&
              read.optim.decay_norm_bias == want.decay_norm_bias &&
              read.optim.clip_norm == want.clip_norm && read.optim.group.n == 0,
          "the rows of optim have other defaults");
    CHECK(read.schedule.kind == PR_SCHEDULE_COSINE && read.schedule.floor == 0.0 &&
              read.schedule.warmup_steps == 0 && read.schedule.milestones.n == 2,
          "the paper's schedule is cosine to 0 without warm-up");
    pr_config_destroy(&config);
    pr_settings_destroy(&settings);
}

int main(void)
{
    test_bits_do_not_depend_on_threads();
    test_groups_rest_and_are_frozen();
    test_phases_step_their_own();
    test_state_resumes();
    test_what_is_refused();
    test_ema();
    test_every_allocation_may_fail();
    test_defaults_agree_with_the_rows();
    return check_exit_code();
}
