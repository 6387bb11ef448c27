/*
 * Training steps of a backbone on the CPU: forward, cross-entropy, backward of each micro-batch on a
 * thread of its own, sum of the gradients, SGD with momentum. Prints images a second, and beside it
 * the floor: the same dense convolutions alone, with buffers that stay in cache, on as many threads.
 *
 * Usage: bench_step [--model xception] [--size 299] [--batch 16] [--micro 2] [--threads 2] [--width 1]
 *                   [--depth 1] [--seconds 20] [--profile] [--floor]
 */
#include "bench/common/profile.h"
#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/base/team.h"
#include "engine/core/exec.h"
#include "engine/cpu/thread.h"
#include "models/backbone.h"
#include "models/heads.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_MICRO = 64, MAX_THREADS = 64 };

typedef struct options {
    const char *model;
    int64_t size, batch;
    int n_micro, n_threads;
    double width, depth, seconds;
    bool profile, floor;
} options;

typedef struct bench {
    options o;
    pr_graph *graph;
    pr_store *store;
    pr_plan *plan;
    pr_exec *execs[MAX_MICRO];
    float *leaves[MAX_MICRO];
    float *momentum;
    pr_team *team;
    double floor_s[MAX_THREADS];
} bench;

static pr_status build_graph(bench *b)
{
    const options *const o = &b->o;
    const int64_t n = o->batch / o->n_micro;
    const pr_backbone_options model = {.width = o->width, .depth = o->depth, .dropout = -1.0};
    pr_value image;
    pr_value label;
    pr_value weight;
    pr_backbone_out body;
    pr_value logits;
    PR_TRY(pr_graph_create("bench", PR_F32, &b->graph));
    PR_TRY(pr_graph_input(b->graph, "image", pr_desc_4(PR_F32, n, o->size, o->size, 3), false,
                          &image));
    PR_TRY(pr_graph_input(b->graph, "label", pr_desc_1(PR_I32, n), false, &label));
    PR_TRY(pr_graph_input(b->graph, "weight", pr_desc_1(PR_F32, n), false, &weight));
    PR_TRY(pr_backbone_build(b->graph, o->model, &model, "backbone.", image, &body));
    PR_TRY(pr_classifier_build(b->graph, "fc.", 2, body.features, &logits));
    const pr_value in[] = {logits, label, weight};
    pr_value out[2];
    PR_TRY(pr_graph_op(b->graph, PR_OP_softmax_ce, "loss", NULL, in, 3, out, 2));
    return pr_graph_output(b->graph, "loss", out[0], true);
}

static pr_status fill_inputs(const bench *b, int micro)
{
    pr_tensor image;
    pr_tensor label;
    pr_tensor weight;
    pr_tensor seed;
    PR_TRY(pr_exec_value(b->execs[micro], "image", &image));
    PR_TRY(pr_exec_value(b->execs[micro], "label", &label));
    PR_TRY(pr_exec_value(b->execs[micro], "weight", &weight));
    PR_TRY(pr_exec_grad(b->execs[micro], "loss", &seed));
    for (int64_t i = 0; i < pr_shape_n(&image.shape); i++) {
        ((float *)image.data)[i] = (float)((i * 7919 + micro) % 1013) / 506.0F - 1.0F;
    }
    for (int64_t i = 0; i < pr_shape_n(&label.shape); i++) {
        ((int32_t *)label.data)[i] = (int32_t)(i % 2);
        ((float *)weight.data)[i] = 1.0F / (float)b->o.batch;
        ((float *)seed.data)[i] = 1.0F;
    }
    return PR_OK;
}

static pr_status create_exec(bench *b, int micro)
{
    bench_profile_note(micro == 0);
    PR_TRY(pr_exec_create(b->plan, &b->execs[micro]));
    bench_profile_note(false);
    return fill_inputs(b, micro);
}

static pr_status run_micro(void *ctx, int64_t micro)
{
    const bench *const b = ctx;
    pr_tensor seed;
    PR_TRY(pr_exec_grad(b->execs[micro], "loss", &seed));
    for (int64_t i = 0; i < pr_shape_n(&seed.shape); i++) {
        ((float *)seed.data)[i] = 1.0F;
    }
    PR_TRY(
        pr_exec_run_all(b->execs[micro], PR_PASS_FORWARD, PR_MODE_TRAIN, NULL, b->leaves[micro]));
    return pr_exec_run_all(b->execs[micro], PR_PASS_BACKWARD, PR_MODE_TRAIN, NULL,
                           b->leaves[micro]);
}

/* One slice of the arena: the sum over micro-batches and the update. Running statistics move with
 * it as if they were parameters, which costs the same and means nothing. */
static pr_status update_slice(void *ctx, int64_t slice)
{
    const bench *const b = ctx;
    const int64_t n = pr_store_arena_n(b->store);
    const int64_t first = n * slice / b->o.n_threads;
    const int64_t last = n * (slice + 1) / b->o.n_threads;
    float *const param = pr_store_arena(b->store);
    for (int64_t i = first; i < last; i++) {
        float sum = b->leaves[0][i];
        for (int m = 1; m < b->o.n_micro; m++) {
            sum += b->leaves[m][i];
        }
        b->momentum[i] = 0.9F * b->momentum[i] + sum;
        param[i] -= 1e-6F * b->momentum[i];
    }
    return PR_OK;
}

static pr_status step(bench *b)
{
    PR_TRY(pr_team_run(b->team, run_micro, b, b->o.n_micro));
    return pr_team_run(b->team, update_slice, b, b->o.n_threads);
}

static pr_status measure_floor(void *ctx, int64_t thread)
{
    bench *const b = ctx;
    return bench_profile_floor(3, &b->floor_s[thread]);
}

static pr_status create_plan(bench *b)
{
    const pr_plan_options plan = {.backend = PR_BACKEND_CPU, .backward = true};
    PR_TRY(pr_store_create(PR_F32, &b->store));
    PR_TRY(pr_store_add(b->store, b->graph));
    PR_TRY(pr_store_allocate(b->store));
    PR_TRY(pr_store_init(b->store, 1));
    return pr_plan_create(b->graph, b->store, &plan, &b->plan);
}

static pr_status create_execs(bench *b)
{
    b->momentum = pr_calloc(pr_store_arena_n(b->store), sizeof(float));
    PR_REQUIRE(b->momentum != NULL, PR_ERR_NOMEM, "no memory for the momentum");
    for (int m = 0; m < b->o.n_micro; m++) {
        b->leaves[m] = pr_calloc(pr_store_arena_n(b->store), sizeof(float));
        PR_REQUIRE(b->leaves[m] != NULL, PR_ERR_NOMEM, "no memory for leaf %d", m);
        PR_TRY(create_exec(b, m));
    }
    return PR_OK;
}

static pr_status begin_thread(void *ctx, int thread)
{
    (void)ctx;
    (void)thread;
    return pr_cpu_thread_begin();
}

static pr_status create(bench *b)
{
    PR_TRY(pr_cpu_thread_begin());
    PR_TRY(build_graph(b));
    PR_TRY(create_plan(b));
    PR_TRY(create_execs(b));
    return pr_team_create(b->o.n_threads, begin_thread, NULL, &b->team);
}

static void destroy(bench *b)
{
    pr_team_destroy(&b->team);
    for (int m = 0; m < b->o.n_micro; m++) {
        pr_exec_destroy(&b->execs[m]);
        pr_free(b->leaves[m]);
    }
    pr_free(b->momentum);
    pr_plan_destroy(&b->plan);
    pr_store_destroy(&b->store);
    pr_graph_destroy(&b->graph);
}

static pr_status report_floor(bench *b)
{
    const options *const o = &b->o;
    PR_TRY(pr_team_run(b->team, measure_floor, b, o->n_threads));
    double slowest = 0.0;
    for (int t = 0; t < o->n_threads; t++) {
        slowest = b->floor_s[t] > slowest ? b->floor_s[t] : slowest;
    }
    const int64_t n_images = o->batch / o->n_micro * o->n_threads;
    (void)printf("floor_img_per_s %.3f\n", (double)n_images / slowest);
    return PR_OK;
}

/* Processor time of all threads: what other programs take of the machine does not count. */
static double process_s(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0) {
        return 0.0;
    }
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static pr_status measure(bench *b)
{
    const options *const o = &b->o;
    PR_TRY(step(b));
    bench_profile_reset();
    double best = 1e30;
    int n_steps = 0;
    const double start = pr_clock_s();
    const double cpu_start = process_s();
    while (pr_clock_s() - start < o->seconds || n_steps < 2) {
        const double began = pr_clock_s();
        PR_TRY(step(b));
        const double took = pr_clock_s() - began;
        best = took < best ? took : best;
        n_steps++;
    }
    const double mean = (pr_clock_s() - start) / n_steps;
    const double cpu_mean = (process_s() - cpu_start) / n_steps;
    const pr_plan_memory *const memory = pr_plan_memory_get(b->plan);
    (void)printf("size %lld batch %lld micro %d threads %d: %d steps, best %.1f ms, mean %.1f ms, "
                 "activations %.0f MB, workspace %.0f MB a micro-batch\n",
                 (long long)o->size, (long long)o->batch, o->n_micro, o->n_threads, n_steps,
                 best * 1e3, mean * 1e3, (double)memory->activation_bytes * 1e-6,
                 (double)memory->workspace_bytes * 1e-6);
    (void)printf("img_per_s %.3f\nmean_img_per_s %.3f\nimg_per_cpu_s %.3f\n",
                 (double)o->batch / best, (double)o->batch / mean, (double)o->batch / cpu_mean);
    if (o->profile) {
        bench_profile_print(stdout, n_steps);
    }
    return o->floor ? report_floor(b) : PR_OK;
}

/* Takes NAME's VALUE; false for a name that there is not. */
static bool set_number(options *o, const char *name, double value)
{
    const struct {
        const char *name;
        double *real;
        int *count;
        int64_t *size;
    } rows[] = {
        {"--size", NULL, NULL, &o->size},       {"--batch", NULL, NULL, &o->batch},
        {"--micro", NULL, &o->n_micro, NULL},   {"--threads", NULL, &o->n_threads, NULL},
        {"--width", &o->width, NULL, NULL},     {"--depth", &o->depth, NULL, NULL},
        {"--seconds", &o->seconds, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(name, rows[i].name) != 0) {
            continue;
        }
        if (rows[i].real != NULL) {
            *rows[i].real = value;
        } else if (rows[i].count != NULL) {
            *rows[i].count = (int)value;
        } else {
            *rows[i].size = (int64_t)value;
        }
        return true;
    }
    return false;
}

static pr_status parse(int argc, char **argv, options *o)
{
    *o = (options){.model = "xception",
                   .size = 299,
                   .batch = 16,
                   .n_micro = 2,
                   .n_threads = 2,
                   .width = 1.0,
                   .depth = 1.0,
                   .seconds = 20.0};
    for (int i = 1; i < argc; i++) {
        const bool is_profile = strcmp(argv[i], "--profile") == 0;
        const bool is_floor = strcmp(argv[i], "--floor") == 0;
        o->profile = o->profile || is_profile;
        o->floor = o->floor || is_floor;
        if (is_profile || is_floor) {
            continue;
        }
        if (strcmp(argv[i], "--model") == 0 && i + 1 < argc) {
            o->model = argv[++i];
            continue;
        }
        const double number = i + 1 < argc ? strtod(argv[i + 1], NULL) : 0.0;
        PR_REQUIRE(number > 0.0 && set_number(o, argv[i], number), PR_ERR_INVALID,
                   "%s: not an option, or without a number > 0", argv[i]);
        i++;
    }
    PR_REQUIRE(o->n_micro <= MAX_MICRO && o->batch % o->n_micro == 0, PR_ERR_INVALID,
               "%d micro-batches, must divide the batch of %lld and be at most %d", o->n_micro,
               (long long)o->batch, (int)MAX_MICRO);
    PR_REQUIRE(o->n_threads <= MAX_THREADS, PR_ERR_INVALID, "%d threads, at most %d", o->n_threads,
               (int)MAX_THREADS);
    return PR_OK;
}

int main(int argc, char **argv)
{
    static bench b;
    pr_status status = parse(argc, argv, &b.o);
    if (status == PR_OK && b.o.profile) {
        bench_profile_enable();
    }
    if (status == PR_OK) {
        status = create(&b);
    }
    if (status == PR_OK) {
        status = measure(&b);
    }
    if (status != PR_OK) {
        (void)fprintf(stderr, "bench_step: %s\n", pr_error_message());
    }
    destroy(&b);
    return status == PR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
