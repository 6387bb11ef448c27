/*
 * The contrastive losses and the bank on emulated ranks: gradients against finite differences, the
 * same bytes on any number of ranks, ties, classes that are missing or confined, resume.
 * rccl_reference.py compares the numbers with the paper's equations.
 */
#include "engine/base/draw.h"
#include "tests/check.h"
#include "tests/memory_bank/ranks.h"

#include <math.h>

enum { N_ROWS = 32, N_COLS = 12, N_MICRO = 8, N = N_ROWS * N_COLS, MAX_LAMBDA = 256 };

typedef struct made_batch {
    double z[N], lambda[MAX_LAMBDA];
    int32_t label[N_ROWS];
    int64_t id[N_ROWS], pair[N_ROWS];
    ranks_batch batch;
} made_batch;

/* Random unit vectors, the reals drawn together; labels alternate by pair. */
static void make_batch(made_batch *made, const pr_rccl_options *rccl, int64_t step)
{
    const pr_draw_key key = {.seed = 3, .place = (uint32_t)step, .purpose = PR_FOR_SHAPE};

    for (int i = 0; i < N_ROWS; i++) {
        double square = 0.0;
        made->label[i] = i / 2 % 2;
        made->pair[i] = i / 2;
        made->id[i] = i / 2 * 7 % 11;
        for (int d = 0; d < N_COLS; d++) {
            double *const z = &made->z[i * N_COLS + d];
            *z = pr_draw_normal(&key, (uint32_t)(i * N_COLS + d)) + 0.7 * (1 - made->label[i]);
            square += *z * *z;
        }
        for (int d = 0; d < N_COLS; d++) {
            made->z[i * N_COLS + d] /= sqrt(square);
        }
    }
    if (rccl != NULL) {
        pr_rccl_draw(rccl, 9, 0, (uint32_t)step, made->lambda);
    }
    made->batch =
        (ranks_batch){made->z, made->label, made->id, made->pair, step, step == 0, made->lambda};
}

static ranks_setup setup_of(const pr_rccl_options *rccl, pr_backend_id backend, int n_ranks)
{
    return (ranks_setup){.rccl = rccl,
                         .backend = backend,
                         .n_rows = N_ROWS,
                         .n_cols = N_COLS,
                         .n_micro = N_MICRO,
                         .n_ranks = n_ranks};
}

/* Bytes, not values: this is about bits. */
static bool same_bytes(const void *a, const void *b, size_t n_bytes)
{
    return memcmp(a, b, n_bytes) == 0;
}

static double sum(const double *x, int n)
{
    double total = 0.0;
    for (int i = 0; i < n; i++) {
        total += x[i];
    }
    return total;
}

/* Central differences with the bank held fixed: what is stored takes no gradient (R11). */
static void check_gradient(const char *const *words)
{
    pr_rccl_options rccl;
    ranks r;
    made_batch made;
    double loss[N_ROWS];
    double dz[N];
    double worst = 0.0;
    double largest = 0.0;

    CHECK_OK(ranks_rccl_options(words, &rccl));
    const ranks_setup setup = setup_of(&rccl, PR_BACKEND_REF, 2);
    CHECK_OK(ranks_create(&setup, &r));
    for (int64_t step = 0; step < 3; step++) {
        make_batch(&made, &rccl, step);
        CHECK_OK(ranks_forward(&r, &made.batch, PR_MODE_TRAIN, loss));
    }
    CHECK_OK(ranks_backward(&r, dz));
    for (int i = 0; i < N; i++) {
        const double kept = made.z[i];
        const double h = 1e-5;
        double slope = 0.0;
        for (int side = -1; side <= 1; side += 2) {
            made.z[i] = kept + side * h;
            CHECK_OK(ranks_forward(&r, &made.batch, PR_MODE_EVAL, loss));
            slope += side * sum(loss, N_ROWS) / (2.0 * h);
        }
        made.z[i] = kept;
        worst = fmax(worst, fabs(slope - dz[i]));
        largest = fmax(largest, fabs(dz[i]));
    }
    CHECK(worst <= 1e-7 * fmax(largest, 1.0) && largest > 1e-3, "%s: gradient off by %g of %g",
          words[0] != NULL ? words[0] : "defaults", worst, largest);
    ranks_destroy(&r);
}

static void test_gradients(void)
{
    check_gradient((const char *const[]){NULL});
    check_gradient((const char *const[]){"rccl.tau=0.5", "rccl.u=3", "rccl.reduce=sum", NULL});
    check_gradient((const char *const[]){"rccl.fuse=linear", "rccl.u=4", "rccl.mix=mean", NULL});
    check_gradient((const char *const[]){"rccl.fuse=linear_smooth", "rccl.u=4",
                                         "rccl.margin_anchor=real", NULL});
    check_gradient((const char *const[]){"rccl.margin_set=A", "rccl.norm=P_prime", NULL});
    check_gradient((const char *const[]){"rccl.mixed_as=fake", "rccl.pos=pair", NULL});
}

enum { N_STEPS = 6 };

typedef struct trail {
    double loss[N_STEPS][N_ROWS], dz[N_STEPS][N];
} trail;

/* What changes a batch after it was made; NULL for nothing. */
typedef void (*changer)(made_batch *made);

/* Steps [first, last); the replicas' states must be equal after each. */
static void walk(ranks *r, changer change, int64_t first, int64_t last, trail *out)
{
    made_batch made;

    for (int64_t step = first; step < last; step++) {
        make_batch(&made, r->setup.rccl, step);
        if (change != NULL) {
            change(&made);
        }
        CHECK_OK(ranks_forward(r, &made.batch, PR_MODE_TRAIN, out->loss[step]));
        CHECK_OK(ranks_backward(r, out->dz[step]));
        CHECK(ranks_n_unequal(r) == 0, "step %lld: %d replicas differ", (long long)step,
              ranks_n_unequal(r));
        for (int i = 0; i < N; i++) {
            CHECK(isfinite(out->dz[step][i]), "step %lld: gradient %d is %g", (long long)step, i,
                  out->dz[step][i]);
        }
    }
}

/* The same bytes on 1 to MOST ranks; TRAIL receives them. */
static void check_ranks(const char *const *words, changer change, int most, trail *one)
{
    pr_rccl_options rccl;
    trail many;

    CHECK_OK(ranks_rccl_options(words, &rccl));
    for (int n_ranks = 1; n_ranks <= most; n_ranks++) {
        const ranks_setup setup = setup_of(&rccl, PR_BACKEND_CPU, n_ranks);
        ranks r;
        CHECK_OK(ranks_create(&setup, &r));
        walk(&r, change, 0, N_STEPS, n_ranks == 1 ? one : &many);
        CHECK(n_ranks == 1 || same_bytes(one, &many, sizeof(many)),
              "%d ranks give other bytes than one", n_ranks);
        ranks_destroy(&r);
    }
}

static void all_equal(made_batch *made)
{
    for (int i = 0; i < N; i++) {
        made->z[i] = 1.0 / sqrt(N_COLS);
    }
}

static void reals_in_one_micro_batch(made_batch *made)
{
    for (int i = 0; i < N_ROWS; i++) {
        made->label[i] = i / (N_ROWS / N_MICRO) != 2;
    }
}

static void no_reals(made_batch *made)
{
    for (int i = 0; i < N_ROWS; i++) {
        made->label[i] = 1;
    }
}

static void one_real(made_batch *made)
{
    no_reals(made);
    made->label[5] = 0;
}

static void test_ranks(void)
{
    trail one;
    trail other;

    check_ranks((const char *const[]){"rccl.u=4", NULL}, NULL, 8, &one);
    check_ranks((const char *const[]){NULL}, no_reals, 4, &one);
    check_ranks((const char *const[]){"rccl.norm=P_prime", NULL}, one_real, 4, &one);

    /* The divisor is the global number of anchors: 4 reals and 28 fakes, all with positives. */
    check_ranks((const char *const[]){NULL}, reals_in_one_micro_batch, 8, &one);
    check_ranks((const char *const[]){"rccl.reduce=sum", NULL}, reals_in_one_micro_batch, 1,
                &other);
    for (int step = 0; step < N_STEPS; step++) {
        const double mean = sum(one.loss[step], N_ROWS);
        const double whole = sum(other.loss[step], N_ROWS);
        CHECK(fabs(mean * N_ROWS - whole) <= 1e-12 * whole, "mean %g, sum %g", mean, whole);
    }
}

/* A constant encoder: every score is a tie, and the earliest step and lowest row win it. */
static void test_ties(void)
{
    pr_rccl_options rccl;
    ranks r;
    trail one;

    check_ranks((const char *const[]){"rccl.u=3", NULL}, all_equal, 4, &one);
    CHECK_OK(ranks_rccl_options((const char *const[]){"rccl.u=3", NULL}, &rccl));
    const ranks_setup setup = setup_of(&rccl, PR_BACKEND_CPU, 1);
    CHECK_OK(ranks_create(&setup, &r));
    walk(&r, all_equal, 0, N_STEPS, &one);
    /*
     * Two are offered a step: rows 0 and 1 are reals, 2 and 3 fakes; the third comes a step later.
     */
    static const int64_t want[6][2] = {{0, 0}, {0, 1}, {1, 0}, {0, 2}, {0, 3}, {1, 2}};
    const int64_t *const key = pr_store_find(r.store[0], "bank.hard_key")->data;
    for (int i = 0; i < 6; i++) {
        CHECK(key[i * 3 + 1] == want[i][0] && key[i * 3 + 2] == want[i][1],
              "slot %d: step %lld, row %lld", i, (long long)key[i * 3 + 1],
              (long long)key[i * 3 + 2]);
    }
    ranks_destroy(&r);
}

/* Stopped after any step with the sets full or not, resumed on another number of ranks. */
static void test_resume(void)
{
    pr_rccl_options rccl;
    trail whole;
    trail parts;

    CHECK_OK(ranks_rccl_options((const char *const[]){"rccl.u=3", NULL}, &rccl));
    const ranks_setup setup = setup_of(&rccl, PR_BACKEND_CPU, 3);
    ranks r;
    CHECK_OK(ranks_create(&setup, &r));
    walk(&r, NULL, 0, N_STEPS, &whole);
    ranks_destroy(&r);
    for (int64_t stop = 1; stop < N_STEPS; stop++) {
        const ranks_setup after = setup_of(&rccl, PR_BACKEND_CPU, (int)stop);
        ranks resumed;
        CHECK_OK(ranks_create(&setup, &r));
        CHECK_OK(ranks_create(&after, &resumed));
        walk(&r, NULL, 0, stop, &parts);
        ranks_copy_states(&r, &resumed);
        walk(&resumed, NULL, stop, N_STEPS, &parts);
        CHECK(same_bytes(&whole, &parts, sizeof(whole)), "resumed after step %lld: other bytes",
              (long long)stop);
        ranks_destroy(&r);
        ranks_destroy(&resumed);
    }
}

/* Evaluation and the second forward of recomputation leave the bank alone. */
static void test_modes(void)
{
    pr_rccl_options rccl;
    made_batch made;
    double loss[N_ROWS];
    double again[N_ROWS];
    ranks r;

    CHECK_OK(ranks_rccl_options((const char *const[]){NULL}, &rccl));
    const ranks_setup setup = setup_of(&rccl, PR_BACKEND_CPU, 1);
    CHECK_OK(ranks_create(&setup, &r));
    make_batch(&made, &rccl, 0);
    CHECK_OK(ranks_forward(&r, &made.batch, PR_MODE_TRAIN, loss));
    for (int mode = PR_MODE_EVAL; mode <= PR_MODE_RECOMPUTE; mode++) {
        CHECK_OK(ranks_forward(&r, &made.batch, (pr_mode)mode, again));
        const int64_t count = *(int64_t *)pr_store_find(r.store[0], "bank.centre_count")->data;
        CHECK(count == N_ROWS / 2, "mode %d: %lld reals in the centre", mode, (long long)count);
        CHECK(same_bytes(loss, again, sizeof(loss)), "mode %d: another loss", mode);
    }
    /* The next epoch forgets: as many reals as in one batch again. */
    made.batch.begins_epoch = true;
    CHECK_OK(ranks_forward(&r, &made.batch, PR_MODE_TRAIN, again));
    const int64_t count = *(int64_t *)pr_store_find(r.store[0], "bank.centre_count")->data;
    CHECK(count == N_ROWS / 2, "%lld reals in the centre of a new epoch", (long long)count);
    CHECK(same_bytes(loss, again, sizeof(loss)), "a new epoch remembers the last");
    ranks_destroy(&r);
}

static void test_draws(void)
{
    pr_rccl_options rccl;
    double a[MAX_LAMBDA];
    double b[MAX_LAMBDA];
    int n_outer = 0;

    CHECK_OK(
        ranks_rccl_options((const char *const[]){"rccl.fuse=linear", "rccl.u=4", NULL}, &rccl));
    CHECK(pr_rccl_n_lambda(&rccl) == 16 + 32, "%lld weights", (long long)pr_rccl_n_lambda(&rccl));
    for (uint32_t place = 0; place < 20; place++) {
        pr_rccl_draw(&rccl, 1, 2, place, a);
        pr_rccl_draw(&rccl, 1, 2, place, b);
        CHECK(same_bytes(a, b, 48 * sizeof(double)), "one key, two draws");
        pr_rccl_draw(&rccl, 1, 2, place + 1, b);
        CHECK(!same_bytes(a, b, 48 * sizeof(double)), "two steps, one draw");
        for (int i = 0; i < 48; i++) {
            CHECK(a[i] >= 0.0 && a[i] <= 1.0, "lambda = %g", a[i]);
            n_outer += fabs(a[i] - 0.5) > 0.25;
        }
    }
    /* Beta(.8, .8) is U-shaped: 0.538 of it lies in the outer quarters, where a uniform has 0.5. */
    CHECK(n_outer > 960 * 0.48 && n_outer < 960 * 0.60, "%d of 960 outside", n_outer);
}

static void test_errors(void)
{
    pr_rccl_options rccl;
    pr_supcon_options supcon;
    ranks r;

    CHECK_FAILS(ranks_rccl_options((const char *const[]){"rccl.k=0", NULL}, &rccl), PR_ERR_INVALID,
                "rccl.k");
    CHECK_FAILS(ranks_rccl_options((const char *const[]){"rccl.centre=mean", NULL}, &rccl),
                PR_ERR_INVALID, "epoch");
    CHECK_FAILS(ranks_supcon_options((const char *const[]){"supcon.tau=0", NULL}, &supcon),
                PR_ERR_INVALID, "supcon.tau");
    CHECK_OK(ranks_rccl_options((const char *const[]){NULL}, &rccl));
    ranks_setup setup = setup_of(&rccl, PR_BACKEND_CPU, 1);
    setup.n_rows = 1;
    CHECK_FAILS(ranks_create(&setup, &r), PR_ERR_INVALID, "1 embeddings of 12 columns");
}

int main(void)
{
    test_gradients();
    test_ranks();
    test_ties();
    test_resume();
    test_modes();
    test_draws();
    test_errors();
    return check_exit_code();
}
