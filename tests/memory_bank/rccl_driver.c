/*
 * Replays batches through a loss graph on emulated ranks and writes down everything that it makes,
 * for rccl_reference.py to compare with its own transcription of the paper.
 *
 *     rccl_driver IN OUT ref|cpu N_RANKS N_MICRO rccl|supcon [key=value ...]
 *
 * IN   i64: n_steps, n_rows, n_cols; then for each step, all 8 bytes an element: label, id, pair
 *      [n_rows] i64, step, begins_epoch, place i64, z [n_rows, n_cols] f64
 * OUT  for each step and each tensor: its name (32 bytes), i64 1 for i64 or 0 for f64, i64 count,
 *      the elements
 */
#include "tests/check.h"
#include "tests/memory_bank/ranks.h"

typedef struct reader {
    FILE *in, *out;
} reader;

static pr_status read_all(FILE *in, void *data, int64_t n)
{
    const size_t n_read = fread(data, 8, (size_t)n, in);
    PR_REQUIRE((int64_t)n_read == n, PR_ERR_IO, "%zu of %lld elements are there", n_read,
               (long long)n);
    return PR_OK;
}

static pr_status write_one(FILE *out, const char *name, bool integers, int64_t n, const void *data)
{
    char text[32] = {0};
    const int64_t head[2] = {integers, n};

    (void)snprintf(text, sizeof(text), "%s", name);
    PR_REQUIRE(fwrite(text, sizeof(text), 1, out) == 1 && fwrite(head, 8, 2, out) == 2 &&
                   fwrite(data, 8, (size_t)n, out) == (size_t)n,
               PR_ERR_IO, "cannot write '%s'", name);
    return PR_OK;
}

/* A tensor of any type as f64 or i64. */
static pr_status write_tensor(FILE *out, const char *name, const pr_tensor *tensor)
{
    const int64_t n = pr_shape_n(&tensor->shape);
    const bool integers = tensor->dtype == PR_I32 || tensor->dtype == PR_I64;
    double *const reals = pr_calloc(n, sizeof(*reals));
    int64_t *const whole = pr_calloc(n, sizeof(*whole));

    pr_status status = PR_OK;
    if (reals == NULL || whole == NULL) {
        status = PR_FAIL(PR_ERR_NOMEM, "no memory for '%s'", name);
        goto done;
    }
    for (int64_t i = 0; i < n; i++) {
        switch (tensor->dtype) {
        case PR_F32:
            reals[i] = (double)((const float *)tensor->data)[i];
            break;
        case PR_F64:
            reals[i] = ((const double *)tensor->data)[i];
            break;
        case PR_I32:
            whole[i] = ((const int32_t *)tensor->data)[i];
            break;
        default:
            whole[i] = ((const int64_t *)tensor->data)[i];
        }
    }
    status = write_one(out, name, integers, n, integers ? (const void *)whole : reals);
done:
    pr_free(reals);
    pr_free(whole);
    return status;
}

static pr_status write_synthetic(const ranks *r, FILE *out)
{
    static const char *const names[] = {"tp",       "tp_label", "tp_valid", "mn",
                                        "mn_valid", "tp_index", "mn_index"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        pr_tensor tensor;
        PR_TRY(pr_exec_value(r->exec[0], names[i], &tensor));
        PR_TRY(write_tensor(out, names[i], &tensor));
    }
    for (int i = 0; i < pr_store_n(r->store[0]); i++) {
        const pr_store_entry *const entry = pr_store_at(r->store[0], i);
        const pr_tensor tensor = {entry->desc.dtype, entry->desc.shape, entry->data};
        PR_TRY(write_tensor(out, entry->name, &tensor));
    }
    return PR_OK;
}

typedef struct replay {
    ranks emulated;
    const pr_rccl_options *rccl; /* NULL for SupCon */
    int64_t n_lambda;
    int32_t *label;
    int64_t *wide_label, *id, *pair;
    double *z, *lambda, *loss, *dz;
} replay;

static pr_status replay_step(replay *p, const reader *files)
{
    const int64_t n_rows = p->emulated.setup.n_rows;
    const int64_t n = n_rows * p->emulated.setup.n_cols;
    int64_t head[3];

    PR_TRY(read_all(files->in, p->wide_label, n_rows));
    PR_TRY(read_all(files->in, p->id, n_rows));
    PR_TRY(read_all(files->in, p->pair, n_rows));
    PR_TRY(read_all(files->in, head, 3));
    PR_TRY(read_all(files->in, p->z, n));
    for (int64_t i = 0; i < n_rows; i++) {
        p->label[i] = (int32_t)p->wide_label[i];
    }
    if (p->rccl != NULL) {
        pr_rccl_draw(p->rccl, 5, 0, (uint32_t)head[2], p->lambda);
    }
    const ranks_batch batch = {p->z, p->label, p->id, p->pair, head[0], head[1] != 0, p->lambda};
    PR_TRY(ranks_forward(&p->emulated, &batch, PR_MODE_TRAIN, p->loss));
    PR_TRY(ranks_backward(&p->emulated, p->dz));
    PR_REQUIRE(ranks_n_unequal(&p->emulated) == 0, PR_ERR_COMM, "%d ranks differ from rank 0",
               ranks_n_unequal(&p->emulated));
    PR_TRY(write_one(files->out, "loss", false, n_rows, p->loss));
    PR_TRY(write_one(files->out, "dz", false, n, p->dz));
    if (p->rccl != NULL) {
        PR_TRY(write_one(files->out, "lambda", false, p->n_lambda, p->lambda));
        PR_TRY(write_synthetic(&p->emulated, files->out));
    }
    return PR_OK;
}

static void replay_free(replay *p)
{
    ranks_destroy(&p->emulated);
    pr_free(p->label);
    pr_free(p->wide_label);
    pr_free(p->id);
    pr_free(p->pair);
    pr_free(p->z);
    pr_free(p->lambda);
    pr_free(p->loss);
    pr_free(p->dz);
}

static pr_status replay_all(const ranks_setup *setup, int64_t n_steps, const reader *files)
{
    const int64_t n_rows = setup->n_rows;
    replay p = {.rccl = setup->rccl};

    p.n_lambda = setup->rccl != NULL ? pr_rccl_n_lambda(setup->rccl) : 0;
    p.label = pr_calloc(n_rows, sizeof(*p.label));
    p.wide_label = pr_calloc(n_rows, sizeof(*p.wide_label));
    p.id = pr_calloc(n_rows, sizeof(*p.id));
    p.pair = pr_calloc(n_rows, sizeof(*p.pair));
    p.z = pr_calloc(n_rows * setup->n_cols, sizeof(*p.z));
    p.dz = pr_calloc(n_rows * setup->n_cols, sizeof(*p.dz));
    p.loss = pr_calloc(n_rows, sizeof(*p.loss));
    p.lambda = pr_calloc(p.n_lambda, sizeof(*p.lambda));

    pr_status status = ranks_create(setup, &p.emulated);
    for (int64_t step = 0; status == PR_OK && step < n_steps; step++) {
        status = replay_step(&p, files);
    }
    replay_free(&p);
    return status;
}

int main(int argc, char **argv)
{
    pr_rccl_options rccl;
    pr_supcon_options supcon;
    int64_t head[3] = {0};

    CHECK(argc >= 7, "rccl_driver IN OUT ref|cpu N_RANKS N_MICRO rccl|supcon [key=value ...]");
    if (argc < 7) {
        return check_exit_code();
    }
    const bool plain = strcmp(argv[6], "supcon") == 0;
    const char *const *const words = (const char *const *)argv + 7;
    const reader files = {fopen(argv[1], "rb"), fopen(argv[2], "wb")};

    CHECK(files.in != NULL && files.out != NULL, "cannot open '%s' and '%s'", argv[1], argv[2]);
    if (files.in != NULL && files.out != NULL) {
        CHECK_OK(read_all(files.in, head, 3));
        CHECK_OK(plain ? ranks_supcon_options(words, &supcon) : ranks_rccl_options(words, &rccl));
        const ranks_setup setup = {.rccl = plain ? NULL : &rccl,
                                   .supcon = plain ? &supcon : NULL,
                                   .backend = strcmp(argv[3], "ref") == 0 ? PR_BACKEND_REF
                                                                          : PR_BACKEND_CPU,
                                   .n_rows = head[1],
                                   .n_cols = head[2],
                                   .n_ranks = (int)strtol(argv[4], NULL, 10),
                                   .n_micro = (int)strtol(argv[5], NULL, 10)};
        CHECK_OK(replay_all(&setup, head[0], &files));
    }
    if (files.in != NULL) {
        (void)fclose(files.in);
    }
    if (files.out != NULL) {
        CHECK(fclose(files.out) == 0, "cannot write '%s'", argv[2]);
    }
    return check_exit_code();
}
