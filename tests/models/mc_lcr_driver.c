/*
 * Runs MC-LCR on given tensors, for parity_mc_lcr.py: reads the image, seeds of logits and z and
 * every parameter and buffer, goes forward and backward once and writes outputs and gradients.
 *
 * A file of tensors is records of (int32 bytes of name, name, int64 elements, that many doubles).
 *
 * Usage: mc_lcr_driver ref|cpu PX IMAGES WIDTH DEPTH IN OUT [key=value...]
 */
#include "engine/base/alloc.h"
#include "engine/core/exec.h"
#include "engine/cpu/thread.h"
#include "models/mc_lcr.h"
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 160, MAX_TENSORS = 1024, N_Z = 16, FIRST_WORD = 8 };

typedef struct tensors {
    int n;
    char names[MAX_TENSORS][NAME_BYTES];
    int64_t sizes[MAX_TENSORS];
    double *data[MAX_TENSORS];
} tensors;

static tensors given;

static pr_status tensors_read(const char *path)
{
    FILE *const file = fopen(path, "rb");
    int32_t n_name = 0;

    PR_REQUIRE(file != NULL, PR_ERR_IO, "%s: cannot be opened", path);
    while (given.n < MAX_TENSORS && fread(&n_name, sizeof(n_name), 1, file) == 1) {
        const int i = given.n++;
        bool fine = n_name > 0 && n_name < NAME_BYTES &&
                    fread(given.names[i], 1, (size_t)n_name, file) == (size_t)n_name &&
                    fread(&given.sizes[i], sizeof(int64_t), 1, file) == 1;
        const size_t n = fine ? (size_t)given.sizes[i] : 0;
        given.data[i] = pr_calloc((int64_t)n, sizeof(double));
        fine = fine && given.data[i] != NULL && fread(given.data[i], sizeof(double), n, file) == n;
        if (!fine) {
            (void)fclose(file);
            return PR_FAIL(PR_ERR_FORMAT, "%s: record %d is cut short", path, i);
        }
    }
    (void)fclose(file);
    return PR_OK;
}

static pr_status tensor_take(const char *name, const pr_tensor *t)
{
    for (int i = 0; i < given.n; i++) {
        if (strcmp(given.names[i], name) == 0) {
            PR_REQUIRE(given.sizes[i] == pr_shape_n(&t->shape), PR_ERR_SHAPE,
                       "'%s' has %lld elements, must have %lld", name, (long long)given.sizes[i],
                       (long long)pr_shape_n(&t->shape));
            for (int64_t k = 0; k < given.sizes[i]; k++) {
                pr_tensor_set(t, k, given.data[i][k]);
            }
            given.names[i][0] = '\0';
            return PR_OK;
        }
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
    pr_mc_lcr_options options;
    pr_config *config;
    pr_graph *graph;
    pr_store *store;
    pr_plan *plan;
    pr_exec *exec;
    void *leaf;
} model;

static const char *const outputs[] = {"logits", "z", "features", "fused"};
enum { N_OUTPUTS = sizeof(outputs) / sizeof(outputs[0]), N_SEEDED = 2 };

static pr_status read_options(model *m, char **words, int n_words)
{
    static pr_config_schema schema;
    pr_settings *settings = NULL;
    const pr_config_module module = pr_mc_lcr_config(&m->options);
    PR_TRY(pr_config_register(&schema, &module));
    PR_TRY(pr_settings_create(&settings));
    pr_status status = PR_OK;
    for (int i = 0; i < n_words && status == PR_OK; i++) {
        status = pr_settings_add_word(settings, words[i]);
    }
    if (status == PR_OK) {
        status = pr_config_apply(&schema, settings, &m->config);
    }
    pr_settings_destroy(&settings);
    return status;
}

static pr_status model_create(model *m, pr_backend_id backend, char **argv)
{
    const int64_t px = strtol(argv[2], NULL, 10);
    const int64_t n = strtol(argv[3], NULL, 10);
    const pr_dtype real = backend == PR_BACKEND_REF ? PR_F64 : PR_F32;
    const pr_mc_lcr_net net = {
        .options = &m->options,
        .backbone_name = "xception",
        .backbone = {.width = strtod(argv[4], NULL), .depth = strtod(argv[5], NULL)},
        .n_z = N_Z,
        .mean = {0.5, 0.4, 0.6},
        .std = {0.5, 0.4, 0.3}};
    const pr_plan_options plan = {.backend = backend, .backward = true};
    pr_mc_lcr_out out;
    pr_value image;

    PR_TRY(pr_graph_create("mc_lcr", real, &m->graph));
    PR_TRY(pr_graph_input(m->graph, "image", pr_desc_4(real, n, px, px, 3), false, &image));
    PR_TRY(pr_mc_lcr_build(m->graph, &net, image, &out));
    const pr_value values[N_OUTPUTS] = {out.logits, out.z, out.features, out.fused};
    for (int i = 0; i < N_OUTPUTS; i++) {
        PR_TRY(pr_graph_output(m->graph, outputs[i], values[i], i < N_SEEDED));
    }
    PR_TRY(pr_store_create(real, &m->store));
    PR_TRY(pr_store_add(m->store, m->graph));
    PR_TRY(pr_store_allocate(m->store));
    for (int i = 0; i < pr_store_n(m->store); i++) {
        const pr_store_entry *const e = pr_store_at(m->store, i);
        const pr_tensor t = {e->desc.dtype, e->desc.shape, e->data};
        PR_TRY(tensor_take(e->name, &t));
    }
    m->leaf = pr_calloc(pr_store_arena_n(m->store), pr_dtype_bytes(real));
    PR_REQUIRE(m->leaf != NULL, PR_ERR_NOMEM, "no memory for gradients");
    PR_TRY(pr_plan_create(m->graph, m->store, &plan, &m->plan));
    return pr_exec_create(m->plan, &m->exec);
}

static pr_status run(const model *m, FILE *file)
{
    pr_tensor t;
    PR_TRY(pr_exec_value(m->exec, "image", &t));
    PR_TRY(tensor_take("image", &t));
    PR_TRY(pr_exec_run_all(m->exec, PR_PASS_FORWARD, PR_MODE_TRAIN, NULL, m->leaf));
    for (int i = 0; i < N_SEEDED; i++) {
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof(name), "seed/%s", outputs[i]);
        PR_TRY(pr_exec_grad(m->exec, outputs[i], &t));
        PR_TRY(tensor_take(name, &t));
    }
    for (int i = 0; i < N_OUTPUTS; i++) {
        PR_TRY(pr_exec_value(m->exec, outputs[i], &t));
        PR_TRY(tensor_write(file, "", outputs[i], &t));
    }
    PR_TRY(pr_exec_run_all(m->exec, PR_PASS_BACKWARD, PR_MODE_TRAIN, NULL, m->leaf));
    for (int i = 0; i < pr_store_n(m->store); i++) {
        const pr_store_entry *const e = pr_store_at(m->store, i);
        const size_t at = (size_t)e->offset * pr_dtype_bytes(e->desc.dtype);
        t = (pr_tensor){e->desc.dtype, e->desc.shape, (char *)m->leaf + at};
        PR_TRY(tensor_write(file, e->kind == PR_VALUE_PARAM ? "grad/" : "stat/", e->name, &t));
    }
    return PR_OK;
}

int main(int argc, char **argv)
{
    static model m;
    CHECK(argc >= FIRST_WORD, "usage: ref|cpu PX IMAGES WIDTH DEPTH IN OUT [key=value...]");
    if (argc < FIRST_WORD) {
        return check_exit_code();
    }
    const pr_backend_id backend = strcmp(argv[1], "ref") == 0 ? PR_BACKEND_REF : PR_BACKEND_CPU;
    FILE *const file = fopen(argv[7], "wb");
    CHECK(file != NULL, "%s cannot be opened", argv[7]);
    pr_status status = pr_cpu_thread_begin();
    if (status == PR_OK) {
        status = tensors_read(argv[6]);
    }
    if (status == PR_OK) {
        status = read_options(&m, argv + FIRST_WORD, argc - FIRST_WORD);
    }
    if (status == PR_OK) {
        status = model_create(&m, backend, argv);
    }
    if (status == PR_OK && file != NULL) {
        status = run(&m, file);
    }
    CHECK(status == PR_OK, "%s", pr_error_message());
    CHECK(file == NULL || fclose(file) == 0, "%s cannot be written", argv[7]);
    pr_exec_destroy(&m.exec);
    pr_plan_destroy(&m.plan);
    pr_store_destroy(&m.store);
    pr_graph_destroy(&m.graph);
    pr_config_destroy(&m.config);
    pr_free(m.leaf);
    for (int i = 0; i < given.n; i++) {
        pr_free(given.data[i]);
    }
    return check_exit_code();
}
