#include "dataset/loader.h"

#include "dataset/loader_private.h"
#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/base/team.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* A submitted batch and what has become of it so far. All of it is under the loader's lock. */
typedef struct slot {
    pr_batch batch;
    int64_t next, n_done; /* views handed out, views finished */

    /* Of all failures and bad crops the one with the lowest view is told, whatever the order in
       which threads come to them. */
    int64_t failed_view;
    pr_status failed_status;
    char failed_text[1024];
    pr_bad_counts bad;
    int64_t bad_view;
} slot;

struct pr_loader {
    pr__loader_plan plan;
    int n_workers; /* threads, or 1 for the caller's own work */
    pr__loader_worker *workers;
    pthread_t *threads;
    int n_started; /* threads that run */
    int n_taken;   /* workers that a thread has made its own */

    pthread_mutex_t lock;
    pthread_cond_t work, done;
    bool stop;
    slot *slots; /* a ring of n_batches_ahead */
    int oldest, n_queued;

    pr_bad_counts bad; /* of the batches that were waited for */
};

static slot *slot_at(pr_loader *loader, int k)
{
    return &loader->slots[(loader->oldest + k) % loader->plan.options.n_batches_ahead];
}

/* The oldest batch with a view that nobody has taken, or NULL. */
static slot *find_work(pr_loader *loader)
{
    for (int k = 0; k < loader->n_queued; k++) {
        slot *s = slot_at(loader, k);
        if (s->next < s->batch.n_views) {
            return s;
        }
    }
    return NULL;
}

static void record(slot *s, int64_t i, pr_status status, const pr__loader_outcome *outcome)
{
    if (status != PR_OK && i < s->failed_view) {
        s->failed_view = i;
        s->failed_status = status;
        (void)snprintf(s->failed_text, sizeof s->failed_text, "%s", pr_error_message());
    }
    if (s->batch.present != NULL) {
        s->batch.present[i] = !outcome->left_out;
    }
    s->bad.n_bad += outcome->n_bad;
    s->bad.n_replaced += outcome->replaced ? 1 : 0;
    s->bad.n_left_out += outcome->left_out ? 1 : 0;
    if (outcome->n_bad > 0 && i < s->bad_view) {
        s->bad_view = i;
        (void)snprintf(s->bad.first, sizeof s->bad.first, "%.*s", (int)sizeof s->bad.first - 1,
                       outcome->first);
    }
}

/* One view of S, with the lock held before and after but not during. */
static void do_one(pr_loader *loader, slot *s, pr__loader_worker *worker)
{
    const int64_t i = s->next++;
    /* A batch that has failed already goes on only below the view that failed. */
    if (i < s->failed_view) {
        pr__loader_outcome outcome;
        (void)pthread_mutex_unlock(&loader->lock);
        const pr_status status = pr__loader_show(&loader->plan, worker, &s->batch, i, &outcome);
        (void)pthread_mutex_lock(&loader->lock);
        record(s, i, status, &outcome);
        pr_error_clear();
    }
    s->n_done++;
    if (s->n_done == s->batch.n_views) {
        (void)pthread_cond_signal(&loader->done);
    }
}

static void *thread_main(void *arg)
{
    pr_loader *loader = arg;
    pr_team_float_mode();
    (void)pthread_mutex_lock(&loader->lock);
    pr__loader_worker *worker = &loader->workers[loader->n_taken++];
    while (!loader->stop) {
        slot *s = find_work(loader);
        if (s != NULL) {
            do_one(loader, s, worker);
        } else {
            (void)pthread_cond_wait(&loader->work, &loader->lock);
        }
    }
    (void)pthread_mutex_unlock(&loader->lock);
    return NULL;
}

static pr_status check(const pr_loader_options *o)
{
    PR_REQUIRE(o->n_threads >= 0 && o->n_threads <= 1024, PR_ERR_INVALID,
               "loader: %d threads, must be 0 to 1024", o->n_threads);
    PR_REQUIRE(o->n_batches_ahead >= 1, PR_ERR_INVALID, "loader: %d batches ahead, must be >= 1",
               o->n_batches_ahead);
    PR_REQUIRE(pr_samples_n(o->samples) > 0, PR_ERR_INVALID, "loader: no samples to show");
    return PR_OK;
}

static pr_status start_threads(pr_loader *loader)
{
    for (int t = 0; t < loader->plan.options.n_threads; t++) {
        const int error = pthread_create(&loader->threads[t], NULL, thread_main, loader);
        PR_REQUIRE(error == 0, PR_ERR_NOMEM, "loader: thread %d of %d did not start: %s", t,
                   loader->plan.options.n_threads, strerror(error));
        loader->n_started++;
    }
    return PR_OK;
}

static pr_status fill(pr_loader *loader, const pr_loader_options *options)
{
    PR_TRY(pr__loader_plan_make(options, &loader->plan));
    loader->n_workers = options->n_threads > 0 ? options->n_threads : 1;
    loader->workers = pr_calloc(loader->n_workers, sizeof *loader->workers);
    loader->threads = pr_calloc(loader->n_workers, sizeof *loader->threads);
    loader->slots = pr_calloc(options->n_batches_ahead, sizeof *loader->slots);
    PR_REQUIRE(loader->workers != NULL && loader->threads != NULL && loader->slots != NULL,
               PR_ERR_NOMEM, "loader: no memory for %d threads and %d batches", loader->n_workers,
               options->n_batches_ahead);
    for (int w = 0; w < loader->n_workers; w++) {
        PR_TRY(pr__loader_worker_make(&loader->plan, &loader->workers[w]));
    }
    return start_threads(loader);
}

pr_status pr_loader_create(const pr_loader_options *options, pr_loader **out)
{
    PR_TRY(check(options));
    pr_loader *loader = pr_calloc(1, sizeof *loader);
    PR_REQUIRE(loader != NULL, PR_ERR_NOMEM, "loader: no memory");
    (void)pthread_mutex_init(&loader->lock, NULL);
    (void)pthread_cond_init(&loader->work, NULL);
    (void)pthread_cond_init(&loader->done, NULL);
    const pr_status status = fill(loader, options);
    if (status != PR_OK) {
        pr_loader_destroy(&loader);
        return status;
    }
    *out = loader;
    return PR_OK;
}

void pr_loader_destroy(pr_loader **loader)
{
    pr_loader *l = *loader;
    if (l == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    l->stop = true;
    (void)pthread_cond_broadcast(&l->work);
    (void)pthread_mutex_unlock(&l->lock);
    for (int t = 0; t < l->n_started; t++) {
        (void)pthread_join(l->threads[t], NULL);
    }
    for (int w = 0; l->workers != NULL && w < l->n_workers; w++) {
        pr__loader_worker_free(&l->workers[w]);
    }
    pr__loader_plan_free(&l->plan);
    pr_free(l->workers);
    pr_free(l->threads);
    pr_free(l->slots);
    (void)pthread_cond_destroy(&l->work);
    (void)pthread_cond_destroy(&l->done);
    (void)pthread_mutex_destroy(&l->lock);
    pr_free(l);
    *loader = NULL;
}

static pr_status check_batch(const pr_loader *loader, const pr_batch *batch)
{
    const int64_t n_samples = pr_samples_n(loader->plan.options.samples);
    PR_REQUIRE(batch->n_views >= 0, PR_ERR_INVALID, "loader: a batch of %lld views",
               (long long)batch->n_views);
    for (int64_t i = 0; i < batch->n_views; i++) {
        const pr_view *view = &batch->views[i];
        PR_REQUIRE(view->sample >= 0 && view->sample < n_samples, PR_ERR_INVALID,
                   "loader: view %lld is of sample %lld, there are %lld", (long long)i,
                   (long long)view->sample, (long long)n_samples);
        PR_REQUIRE(!view->want_mask || batch->mask != NULL, PR_ERR_INVALID,
                   "loader: view %lld wants a mask and the batch has no place for it",
                   (long long)i);
    }
    return PR_OK;
}

pr_status pr_loader_submit(pr_loader *loader, const pr_batch *batch)
{
    PR_TRY(check_batch(loader, batch));
    const int room = loader->plan.options.n_batches_ahead;
    (void)pthread_mutex_lock(&loader->lock);
    const int n_queued = loader->n_queued;
    if (n_queued < room) {
        slot *s = slot_at(loader, n_queued);
        *s = (slot){.batch = *batch, .failed_view = INT64_MAX, .bad_view = INT64_MAX};
        loader->n_queued++;
        (void)pthread_cond_broadcast(&loader->work);
    }
    (void)pthread_mutex_unlock(&loader->lock);
    PR_REQUIRE(n_queued < room, PR_ERR_INVALID,
               "loader: %d batches wait already, the loader has room for %d", n_queued, room);
    return PR_OK;
}

static void add_bad(pr_bad_counts *total, const pr_bad_counts *more)
{
    if (total->n_bad == 0 && more->n_bad > 0) {
        memcpy(total->first, more->first, sizeof total->first);
    }
    total->n_bad += more->n_bad;
    total->n_replaced += more->n_replaced;
    total->n_left_out += more->n_left_out;
}

pr_status pr_loader_wait(pr_loader *loader, double *wait_s)
{
    const double begin_s = pr_clock_s();
    pr_status status = PR_OK;
    (void)pthread_mutex_lock(&loader->lock);
    slot *s = slot_at(loader, 0);
    const bool has_batch = loader->n_queued > 0;
    while (has_batch && s->n_done < s->batch.n_views) {
        if (loader->plan.options.n_threads == 0) {
            do_one(loader, s, &loader->workers[0]);
        } else {
            (void)pthread_cond_wait(&loader->done, &loader->lock);
        }
    }
    if (has_batch) {
        status = s->failed_status;
        if (status != PR_OK) {
            pr_error_adopt(s->failed_text);
        }
        add_bad(&loader->bad, &s->bad);
        loader->oldest = (loader->oldest + 1) % loader->plan.options.n_batches_ahead;
        loader->n_queued--;
    }
    (void)pthread_mutex_unlock(&loader->lock);
    PR_REQUIRE(has_batch, PR_ERR_INVALID, "loader: nothing was submitted to wait for");
    if (wait_s != NULL) {
        *wait_s = pr_clock_s() - begin_s;
    }
    return status;
}

void pr_loader_bad_counts(const pr_loader *loader, pr_bad_counts *out)
{
    *out = loader->bad;
}
