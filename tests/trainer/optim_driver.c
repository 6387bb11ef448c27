/*
 * Runs an optimizer on parameters and gradients from standard input and prints the parameters after
 * each step; optim_parity.py judges them. Also prints schedules and the plateau's factors.
 *
 *   optim KIND lr momentum nesterov beta1 beta2 eps decay decay_norm_bias clip n_steps
 *         n_tensors, then for each: rows cols (cols 0: one dimension) rate decay, values
 *         then for each step: rate, gradients of all tensors
 *   schedule kind floor warmup gamma horizon n milestones…
 *   plateau patience cooldown threshold gamma more n results…
 */
#include "engine/base/alloc.h"
#include "trainer/optimizer.h"
#include "trainer/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TENSORS = 8 };

static double next(void)
{
    char word[64];
    return scanf("%63s", word) == 1 ? strtod(word, NULL) : -1.0;
}

static pr_status make_store(const double (*sizes)[4], int n, pr_store **out)
{
    pr_graph *graph = NULL;
    PR_TRY(pr_graph_create("optim", PR_F64, &graph));
    pr_store *store = NULL;
    pr_status status = pr_store_create(PR_F64, &store);
    for (int i = 0; status == PR_OK && i < n; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "p%d.x", i);
        const int64_t rows = (int64_t)sizes[i][0];
        const int64_t cols = (int64_t)sizes[i][1];
        pr_value value;
        status = pr_graph_param(graph, name,
                                cols > 0 ? pr_desc_2(PR_F64, rows, cols) : pr_desc_1(PR_F64, rows),
                                (pr_init){PR_INIT_ZERO, 0.0}, &value);
    }
    status = status == PR_OK ? pr_store_add(store, graph) : status;
    status = status == PR_OK ? pr_store_allocate(store) : status;
    pr_graph_destroy(&graph);
    *out = store;
    return status;
}

static void read_values(pr_store *store, double *arena)
{
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *entry = pr_store_at(store, i);
        for (int64_t k = 0; k < pr_shape_n(&entry->desc.shape); k++) {
            arena[entry->offset + k] = next();
        }
    }
}

static void print_values(pr_store *store)
{
    const double *arena = pr_store_arena(store);
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *entry = pr_store_at(store, i);
        for (int64_t k = 0; k < pr_shape_n(&entry->desc.shape); k++) {
            (void)printf(" %.17g", arena[entry->offset + k]);
        }
    }
    (void)printf("\n");
}

static pr_status run_steps(pr_store *store, pr_optimizer *optimizer, double *grad, int n_steps)
{
    read_values(store, pr_store_arena(store));
    for (int step = 0; step < n_steps; step++) {
        const double rate = next();
        double norm = 0.0;
        read_values(store, grad);
        PR_TRY(pr_optimizer_step(optimizer, NULL, grad, rate, &norm));
        (void)printf("%.17g", norm);
        print_values(store);
    }
    return PR_OK;
}

static pr_status run_optim(void)
{
    pr_optim_options o = pr_optim_options_default();
    o.kind = (int)next();
    o.lr = next();
    o.momentum = next();
    o.nesterov = next() > 0.0;
    o.beta1 = next();
    o.beta2 = next();
    o.eps = next();
    o.weight_decay = next();
    o.decay_norm_bias = next() > 0.0;
    o.clip_norm = next();
    const int n_steps = (int)next();
    const int n = (int)next();
    double sizes[MAX_TENSORS][4];
    double rates[MAX_TENSORS];
    double decays[MAX_TENSORS];
    const char *const names[MAX_TENSORS] = {"p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"};
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 4; k++) {
            sizes[i][k] = next();
        }
        rates[i] = sizes[i][2];
        decays[i] = sizes[i][3];
    }
    /* The last tensor is of no group. */
    o.group = (pr_config_words){names, n - 1};
    o.group_rate = (pr_config_reals){rates, n - 1};
    o.group_decay = (pr_config_reals){decays, n - 1};
    pr_store *store = NULL;
    pr_optimizer *optimizer = NULL;
    double *grad = NULL;
    pr_status status = make_store((const double(*)[4])sizes, n, &store);
    if (status == PR_OK) {
        grad = pr_calloc(pr_store_arena_n(store), sizeof(*grad));
        status = pr_optimizer_create(store, &o, NULL, 0, &optimizer);
    }
    if (status == PR_OK && grad != NULL) {
        status = run_steps(store, optimizer, grad, n_steps);
    }
    pr_free(grad);
    pr_optimizer_destroy(&optimizer);
    pr_store_destroy(&store);
    return status;
}

static pr_status run_schedule(void)
{
    pr_schedule_options o = {.kind = PR_SCHEDULE_CONSTANT};
    o.kind = (int)next();
    o.floor = next();
    double milestones[8];
    o.warmup_steps = (int64_t)next();
    o.gamma = next();
    const int64_t horizon = (int64_t)next();
    const int n = (int)next();
    for (int i = 0; i < n; i++) {
        milestones[i] = next();
    }
    o.milestones = (pr_config_reals){milestones, n};
    for (int64_t step = 0; step <= horizon; step++) {
        double factor = 0.0;
        PR_TRY(pr_schedule_factor(&o, step, horizon, &factor));
        (void)printf(" %.17g", factor);
    }
    (void)printf("\n");
    return PR_OK;
}

static pr_status run_plateau(void)
{
    pr_schedule_options o = {.kind = PR_SCHEDULE_PLATEAU};
    o.patience = (int64_t)next();
    o.cooldown = (int64_t)next();
    o.threshold = next();
    o.gamma = next();
    const bool more = next() > 0.0;
    const int n = (int)next();
    pr_plateau plateau = pr_plateau_start();
    for (int i = 0; i < n; i++) {
        bool fell = false;
        PR_TRY(pr_plateau_update(&plateau, &o, next(), more, &fell));
        (void)printf(" %.17g", plateau.factor);
    }
    (void)printf("\n");
    return PR_OK;
}

int main(void)
{
    char word[16];
    pr_status status = PR_OK;
    while (status == PR_OK && scanf("%15s", word) == 1) {
        status = strcmp(word, "optim") == 0      ? run_optim()
                 : strcmp(word, "schedule") == 0 ? run_schedule()
                                                 : run_plateau();
    }
    if (status != PR_OK) {
        (void)fprintf(stderr, "%s\n", pr_error_message());
    }
    return status != PR_OK || pr_alloc_n_live() != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
