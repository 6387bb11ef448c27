/*
 * Runs a backbone with a classifier and a projector on given tensors, for parity.py: reads
 * image, labels, the projector's seed and every parameter and buffer, trains some steps of SGD, and
 * writes outputs and gradients of the first step, statistics and parameters after the last, and
 * then logits in evaluation.
 *
 * A file of tensors is records of (int32 bytes of name, name, int64 elements, that many doubles).
 *
 * Usage: model_driver MODEL ref|cpu PX IMAGES WIDTH DEPTH STEPS LR IN OUT
 */
#include "engine/cpu/thread.h"
#include "models/backbone.h"
#include "models/heads.h"
#include "tests/check.h"

#include "engine/core/exec.h"

#include <math.h>

enum { NAME_BYTES = 160, N_CLASSES = 2, N_Z = 16 };

static const double MOMENTUM = 0.9;
static const double WEIGHT_DECAY = 1e-4;
static const double BN_MOMENTUM = 0.1;

typedef struct tensors {
    int n;
    char names[1024][NAME_BYTES];
    int64_t sizes[1024];
    double *data[1024];
} tensors;

static tensors given;

static pr_status tensors_read(const char *path)
{
    FILE *const file = fopen(path, "rb");
    int32_t n_name = 0;

    PR_REQUIRE(file != NULL, PR_ERR_IO, "%s: cannot be opened", path);
    while (given.n < 1024 && fread(&n_name, sizeof(n_name), 1, file) == 1) {
        const int i = given.n++;
        size_t n_read = 0;
        if (n_name > 0 && n_name < NAME_BYTES) {
            n_read = fread(given.names[i], 1, (size_t)n_name, file);
        }
        if (n_read != (size_t)n_name || fread(&given.sizes[i], sizeof(int64_t), 1, file) != 1) {
            (void)fclose(file);
            return PR_FAIL(PR_ERR_FORMAT, "%s: record %d is cut short", path, i);
        }
        given.data[i] = pr_calloc(given.sizes[i], sizeof(double));
        if (given.data[i] == NULL || fread(given.data[i], sizeof(double), (size_t)given.sizes[i],
                                           file) != (size_t)given.sizes[i]) {
            (void)fclose(file);
            return PR_FAIL(PR_ERR_FORMAT, "%s: record %d, '%s', is cut short", path, i,
                           given.names[i]);
        }
    }
    (void)fclose(file);
    return PR_OK;
}

static pr_status tensor_take(const char *name, const pr_tensor *t)
{
    for (int i = 0; i < given.n; i++) {
        if (strcmp(given.names[i], name) != 0) {
            continue;
        }
        PR_REQUIRE(given.sizes[i] == pr_shape_n(&t->shape), PR_ERR_SHAPE,
                   "'%s' has %lld elements, must have %lld", name, (long long)given.sizes[i],
                   (long long)pr_shape_n(&t->shape));
        for (int64_t k = 0; k < given.sizes[i]; k++) {
            if (t->dtype == PR_I32) {
                ((int32_t *)t->data)[k] = (int32_t)given.data[i][k];
            } else {
                pr_tensor_set(t, k, given.data[i][k]);
            }
        }
        given.names[i][0] = '\0';
        return PR_OK;
    }
    return PR_FAIL(PR_ERR_INVALID, "no tensor '%s' was given", name);
}

static pr_status tensor_write(FILE *file, const char *prefix, const char *name, const pr_tensor *t)
{
    char whole[NAME_BYTES];
    const int32_t n_name = (int32_t)snprintf(whole, sizeof(whole), "%s%s", prefix, name);
    const int64_t n = pr_shape_n(&t->shape);
    bool fine = fwrite(&n_name, sizeof(n_name), 1, file) == 1 &&
                fwrite(whole, 1, (size_t)n_name, file) == (size_t)n_name &&
                fwrite(&n, sizeof(n), 1, file) == 1;
    for (int64_t i = 0; fine && i < n; i++) {
        const double value = pr_tensor_get(t, i);
        fine = fwrite(&value, sizeof(value), 1, file) == 1;
    }
    PR_REQUIRE(fine, PR_ERR_IO, "'%s' cannot be written", whole);
    return PR_OK;
}

typedef struct model {
    pr_graph *graph;
    pr_store *store;
    pr_plan *plan;
    pr_exec *exec;
    void *leaf, *momentum;
} model;

static pr_status graph_build(pr_graph *g, const char *name, int64_t px, int64_t n, double width,
                             double depth)
{
    const pr_dtype real = pr_graph_real(g);
    const pr_backbone_options options = {.width = width, .depth = depth};
    const pr_projector_options projector = {.n_out = N_Z};
    pr_backbone_out body;
    pr_value x;
    pr_value z;
    pr_value in[3];
    pr_value out[2];

    PR_TRY(pr_graph_input(g, "image", pr_desc_4(real, n, px, px, 3), true, &x));
    PR_TRY(pr_graph_input(g, "label", pr_desc_1(PR_I32, n), false, &in[1]));
    PR_TRY(pr_graph_input(g, "weight", pr_desc_1(real, n), false, &in[2]));
    PR_TRY(pr_backbone_build(g, name, &options, "", x, &body));
    PR_TRY(pr_classifier_build(g, "fc.", N_CLASSES, body.features, &in[0]));
    PR_TRY(pr_graph_output(g, "logits", in[0], false));
    PR_TRY(pr_graph_op(g, PR_OP_softmax_ce, "ce", NULL, in, 3, out, 2));
    PR_TRY(pr_graph_output(g, "loss", out[0], true));
    PR_TRY(pr_projector_build(g, &projector, "projector.", body.features, &z));
    return pr_graph_output(g, "z", z, true);
}

static pr_status model_create(const char *name, pr_backend_id backend, int64_t px, int64_t n,
                              double width, double depth, model *m)
{
    const pr_dtype real = backend == PR_BACKEND_REF ? PR_F64 : PR_F32;
    const pr_plan_options options = {.backend = backend, .backward = true};

    PR_TRY(pr_graph_create(name, real, &m->graph));
    PR_TRY(graph_build(m->graph, name, px, n, width, depth));
    PR_TRY(pr_store_create(real, &m->store));
    PR_TRY(pr_store_add(m->store, m->graph));
    PR_TRY(pr_store_allocate(m->store));
    PR_TRY(pr_plan_create(m->graph, m->store, &options, &m->plan));
    PR_TRY(pr_exec_create(m->plan, &m->exec));
    const pr_plan_memory *const memory = pr_plan_memory_get(m->plan);
    (void)fprintf(stderr, "memory: %.1f MB activations, %.1f MB workspace, %.1f MB leaf\n",
                  (double)memory->activation_bytes / 1e6, (double)memory->workspace_bytes / 1e6,
                  (double)memory->leaf_bytes / 1e6);
    m->leaf = pr_calloc((int64_t)memory->leaf_bytes, 1);
    m->momentum = pr_calloc((int64_t)memory->leaf_bytes, 1);
    PR_REQUIRE(m->leaf != NULL && m->momentum != NULL, PR_ERR_NOMEM, "leaves");
    for (int i = 0; i < pr_store_n(m->store); i++) {
        const pr_store_entry *const e = pr_store_at(m->store, i);
        PR_TRY(tensor_take(e->name, &(pr_tensor){e->desc.dtype, e->desc.shape, e->data}));
    }
    return PR_OK;
}

static pr_tensor part_of(const model *m, const pr_store_entry *e, void *arena)
{
    const size_t at = (size_t)e->offset * pr_dtype_bytes(pr_store_real(m->store));
    return (pr_tensor){e->desc.dtype, e->desc.shape, (char *)arena + at};
}

/* PyTorch's SGD, and the running statistics. */
static void update(const model *m, int step, double lr)
{
    for (int i = 0; i < pr_store_n(m->store); i++) {
        const pr_store_entry *const e = pr_store_at(m->store, i);
        const pr_tensor w = part_of(m, e, pr_store_arena(m->store));
        const pr_tensor leaf = part_of(m, e, m->leaf);
        const pr_tensor v = part_of(m, e, m->momentum);
        for (int64_t k = 0; k < pr_shape_n(&w.shape); k++) {
            const double old = pr_tensor_get(&w, k);
            const double g = pr_tensor_get(&leaf, k);
            if (e->kind == PR_VALUE_BUFFER) {
                pr_tensor_set(&w, k, (1.0 - BN_MOMENTUM) * old + BN_MOMENTUM * g);
                continue;
            }
            const double decayed = g + WEIGHT_DECAY * old;
            const double kept = step == 0 ? 0.0 : MOMENTUM * pr_tensor_get(&v, k);
            pr_tensor_set(&v, k, kept + decayed);
            pr_tensor_set(&w, k, old - lr * (kept + decayed));
        }
    }
}

static pr_status write_first(const model *m, FILE *file)
{
    pr_tensor t;
    PR_TRY(pr_exec_value(m->exec, "logits", &t));
    PR_TRY(tensor_write(file, "", "logits", &t));
    PR_TRY(pr_exec_value(m->exec, "z", &t));
    PR_TRY(tensor_write(file, "", "z", &t));
    PR_TRY(pr_exec_grad(m->exec, "image", &t));
    PR_TRY(tensor_write(file, "grad/", "image", &t));
    for (int i = 0; i < pr_store_n(m->store); i++) {
        const pr_store_entry *const e = pr_store_at(m->store, i);
        t = part_of(m, e, m->leaf);
        PR_TRY(tensor_write(file, e->kind == PR_VALUE_PARAM ? "grad/" : "stat/", e->name, &t));
    }
    return PR_OK;
}

static pr_status train(const model *m, int n_steps, double lr, const char *path)
{
    FILE *const file = fopen(path, "wb");
    pr_tensor image;
    pr_tensor label;
    pr_tensor weight;
    pr_tensor seed;
    pr_tensor d_loss;
    PR_REQUIRE(file != NULL, PR_ERR_IO, "%s: cannot be opened", path);
    PR_TRY(pr_exec_value(m->exec, "image", &image));
    PR_TRY(pr_exec_value(m->exec, "label", &label));
    PR_TRY(pr_exec_value(m->exec, "weight", &weight));
    PR_TRY(pr_exec_grad(m->exec, "z", &seed));
    PR_TRY(pr_exec_grad(m->exec, "loss", &d_loss));
    PR_TRY(tensor_take("image", &image));
    PR_TRY(tensor_take("label", &label));
    PR_TRY(tensor_take("seed", &seed));
    for (int i = 0; i < given.n; i++) {
        PR_REQUIRE(given.names[i][0] == '\0', PR_ERR_INVALID, "'%s' was given, nothing took it",
                   given.names[i]);
    }
    for (int64_t k = 0; k < pr_shape_n(&weight.shape); k++) {
        pr_tensor_set(&weight, k, 1.0);
        pr_tensor_set(&d_loss, k, 1.0 / (double)pr_shape_n(&weight.shape));
    }
    for (int step = 0; step < n_steps; step++) {
        PR_TRY(pr_exec_run_all(m->exec, PR_PASS_FORWARD, PR_MODE_TRAIN, NULL, m->leaf));
        PR_TRY(pr_exec_run_all(m->exec, PR_PASS_BACKWARD, PR_MODE_TRAIN, NULL, m->leaf));
        if (step == 0) {
            PR_TRY(write_first(m, file));
        }
        update(m, step, lr);
    }
    for (int i = 0; i < pr_store_n(m->store); i++) {
        const pr_store_entry *const e = pr_store_at(m->store, i);
        const pr_tensor t = part_of(m, e, pr_store_arena(m->store));
        PR_TRY(tensor_write(file, "after/", e->name, &t));
    }
    PR_TRY(pr_exec_run_all(m->exec, PR_PASS_FORWARD, PR_MODE_EVAL, NULL, NULL));
    pr_tensor logits;
    PR_TRY(pr_exec_value(m->exec, "logits", &logits));
    PR_TRY(tensor_write(file, "eval/", "logits", &logits));
    PR_REQUIRE(fclose(file) == 0, PR_ERR_IO, "%s: cannot be written", path);
    return PR_OK;
}

static void model_destroy(model *m)
{
    pr_exec_destroy(&m->exec);
    pr_plan_destroy(&m->plan);
    pr_store_destroy(&m->store);
    pr_graph_destroy(&m->graph);
    pr_free(m->leaf);
    pr_free(m->momentum);
    for (int i = 0; i < given.n; i++) {
        pr_free(given.data[i]);
    }
}

int main(int argc, char **argv)
{
    model m = {.graph = NULL};
    CHECK(argc == 11, "usage: MODEL ref|cpu PX IMAGES WIDTH DEPTH STEPS LR IN OUT");
    if (argc != 11) {
        return check_exit_code();
    }
    const pr_backend_id backend = strcmp(argv[2], "ref") == 0 ? PR_BACKEND_REF : PR_BACKEND_CPU;
    CHECK_OK(pr_cpu_thread_begin());
    pr_status status = tensors_read(argv[9]);
    if (status == PR_OK) {
        status =
            model_create(argv[1], backend, strtol(argv[3], NULL, 10), strtol(argv[4], NULL, 10),
                         strtod(argv[5], NULL), strtod(argv[6], NULL), &m);
    }
    if (status == PR_OK) {
        status = train(&m, (int)strtol(argv[7], NULL, 10), strtod(argv[8], NULL), argv[10]);
    }
    CHECK(status == PR_OK, "%s", pr_error_message());
    model_destroy(&m);
    return check_exit_code();
}
