#include "trainer/predict.h"

#include "dataset/render.h"
#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/log.h"
#include "trainer/assess.h"
#include "trainer/predict_files.h"
#include "trainer/trained.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One prediction over all that was asked for. */
typedef struct predict {
    const pr_predict_request *request;
    pr_train_options options; /* the request's, but bad crops are left out */
    pr_trained trained;
    pr__paths files; /* images that wait for their batch */
    pr_augment_options augment;
    pr_text lines;
    float *rows; /* [n_rows, n_cols] embeddings of what the lines say */
    int64_t n_rows, n_cols;
    pr_predict_counts counts;
} predict;

static bool leads(const predict *p)
{
    return pr_comm_rank(p->request->comm) == 0;
}

static const char *path_of(const predict *p, int64_t i)
{
    return p->files.chars + p->files.at[i];
}

/* A file's view as evaluation makes a crop's. Only content can be bad: a disk's error ends it all. */
static pr_status make_view(const predict *p, int64_t i, int px, float *image)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    PR_TRY(pr_fs_read(path_of(p, i), &bytes, &n_bytes));
    const pr_status status =
        pr_view_from_bytes(&p->augment, (const uint8_t *)bytes, n_bytes, px, image);
    pr_free(bytes);
    return status;
}

static pr_status make_image(void *ctx, int64_t i, int px, float *image, bool *present)
{
    const pr_status status = make_view(ctx, i, px, image);
    if (status != PR_ERR_FORMAT) {
        return status;
    }
    pr_error_clear();
    memset(image, 0, (size_t)px * (size_t)px * 3 * sizeof(*image));
    *present = false;
    return PR_OK;
}

/* Says why image I was left out, from a second look at it: no reason travels between ranks. */
static pr_status explain(const predict *p, int64_t i)
{
    const int px = (int)p->options.model.px;
    float *const image = pr_calloc((int64_t)px * px * 3, sizeof(*image));
    PR_REQUIRE(image != NULL, PR_ERR_NOMEM, "no memory for an image of %d pixels", px);
    const pr_status status = make_view(p, i, px, image);
    pr_free(image);
    if (status != PR_ERR_FORMAT) {
        return status;
    }
    pr_log_warn("%s is left out: %s", path_of(p, i), pr_error_message());
    pr_error_clear();
    return PR_OK;
}

/* Appends the embeddings of SCORES that are present. */
static pr_status keep_rows(predict *p, const pr_eval_scores *scores)
{
    if (p->request->embeddings == NULL) {
        return PR_OK;
    }
    const int64_t n_cols = scores->n_cols;
    float *const rows = pr_calloc((p->n_rows + scores->n) * n_cols, sizeof(*rows));
    PR_REQUIRE(rows != NULL, PR_ERR_NOMEM, "no memory for embeddings of %" PRId64 " images",
               p->n_rows + scores->n);
    const size_t row_bytes = (size_t)n_cols * sizeof(*rows);
    if (p->n_rows > 0) {
        memcpy(rows, p->rows, (size_t)p->n_rows * row_bytes);
    }
    pr_free(p->rows);
    p->rows = rows;
    p->n_cols = n_cols;
    for (int64_t i = 0; i < scores->n; i++) {
        if (scores->present[i]) {
            memcpy(rows + p->n_rows * n_cols, scores->embedding + i * n_cols, row_bytes);
            p->n_rows++;
        }
    }
    return PR_OK;
}

/* Lines for SCORES of files, or of SAMPLES. */
static pr_status add_lines(predict *p, const pr_samples *samples, const pr_eval_scores *scores)
{
    for (int64_t i = 0; i < scores->n; i++) {
        char name[512];
        if (!scores->present[i]) {
            if (samples != NULL) {
                pr_log_warn("%s is left out: it does not decode",
                            pr_samples_name(samples, i, name, sizeof(name)));
            } else {
                PR_TRY(leads(p) ? explain(p, i) : PR_OK);
            }
            p->counts.n_left_out++;
            continue;
        }
        p->counts.n_scored++;
        if (samples == NULL) {
            PR_TRY(pr_text_add(&p->lines, "%s\t%.17g\n", path_of(p, i), scores->score[i]));
        } else {
            PR_TRY(pr_text_add(&p->lines, "%s\t%.17g\t%s\n",
                               pr_samples_name(samples, i, name, sizeof(name)), scores->score[i],
                               pr_samples_at(samples, i)->label == PR_FAKE ? "fake" : "real"));
        }
    }
    return keep_rows(p, scores);
}

/* Rank 0's paths to every rank, so that all score the same. */
static pr_status share_paths(predict *p)
{
    pr_comm *const comm = p->request->comm;
    int64_t sizes[2] = {p->files.n, p->files.n_bytes};
    pr_status status = PR_OK;
    PR_TRY(pr_comm_broadcast(comm, "number of paths", sizes, sizeof(sizes), 0));
    if (!leads(p)) {
        pr__paths_free(&p->files);
        p->files.chars = pr_calloc(sizes[1], 1);
        p->files.n_bytes = sizes[1];
        status = p->files.chars == NULL ? PR_FAIL(PR_ERR_NOMEM, "no memory for paths") : PR_OK;
    }
    PR_TRY(pr_comm_agree(comm, "memory for paths", status));
    PR_TRY(pr_comm_broadcast(comm, "paths", p->files.chars, (size_t)sizes[1], 0));
    return pr_comm_agree(comm, "paths", pr__paths_index(&p->files, sizes[0]));
}

/* Scores the image files that were gathered, in batches over all of them. */
static pr_status flush_files(predict *p, bool waiting)
{
    if (!waiting) {
        return PR_OK;
    }
    pr_eval_scores scores;
    PR_TRY(share_paths(p));
    PR_TRY(pr_assess_images(p->trained.trainer, p->trained.stage, p->files.n, make_image, p,
                            p->request->embeddings != NULL, &scores));
    const pr_status status = add_lines(p, NULL, &scores);
    pr_eval_scores_free(&scores);
    pr__paths_free(&p->files);
    return pr_comm_agree(p->request->comm, "scores", status);
}

static pr_status score_dataset(predict *p, const char *path)
{
    const pr_selection selection = {.path = path};
    pr_samples *samples = NULL;
    pr_eval_scores scores;
    PR_TRY(pr_comm_agree(p->request->comm, "data", pr_samples_open(&selection, 1, &samples)));
    pr_status status =
        pr_assess_scores(p->trained.trainer, p->trained.stage, samples, PR_PERTURB_NONE, 0.0,
                         p->request->embeddings != NULL, &scores);
    if (status == PR_OK) {
        status = add_lines(p, samples, &scores);
        pr_eval_scores_free(&scores);
    }
    pr_samples_close(&samples);
    return status;
}

static bool is_dataset(const char *path)
{
    char index[PR_PATH_BYTES];
    return pr_fs_join(index, path, "dataset.h5") == PR_OK && pr_fs_exists(index);
}

/* Collective: whether rank 0 sees a dataset at PATH; where not, it takes the images there. */
static pr_status look_at(predict *p, const char *path, bool *dataset)
{
    pr_status status = PR_OK;
    *dataset = leads(p) && is_dataset(path);
    if (leads(p) && !*dataset) {
        status = pr__paths_add(&p->files, path);
    }
    PR_TRY(pr_comm_agree(p->request->comm, "paths", status));
    return pr_comm_broadcast(p->request->comm, "dataset or images", dataset, sizeof(*dataset), 0);
}

static pr_status score_all(predict *p)
{
    bool waiting = false;
    for (int i = 0; i < p->request->n_paths; i++) {
        bool dataset = false;
        PR_TRY(look_at(p, p->request->paths[i], &dataset));
        if (dataset) {
            PR_TRY(flush_files(p, waiting));
            PR_TRY(score_dataset(p, p->request->paths[i]));
        }
        waiting = !dataset;
    }
    return flush_files(p, waiting);
}

/* Rank 0. */
static pr_status write_results(const predict *p)
{
    const char *const text = pr_text_chars(&p->lines);
    if (p->request->out != NULL) {
        PR_TRY(pr_fs_write(p->request->out, text, p->lines.n_chars));
    } else {
        pr_log_print("%s", text);
    }
    if (p->request->embeddings == NULL) {
        return PR_OK;
    }
    char names[PR_PATH_BYTES];
    const int n = snprintf(names, sizeof(names), "%s.tsv", p->request->embeddings);
    PR_REQUIRE(n > 0 && (size_t)n < sizeof(names), PR_ERR_INVALID,
               "--embeddings: a path of %d bytes", n);
    PR_TRY(pr__npy_write(p->request->embeddings, p->rows, p->n_rows, p->n_cols));
    return pr_fs_write(names, text, p->lines.n_chars);
}

static pr_status run(predict *p)
{
    const pr_predict_request *const request = p->request;
    p->options = *request->options;
    p->options.data.on_bad_sample = PR_BAD_LEAVE_OUT;
    p->augment = p->options.augment;
    p->augment.enabled = false;
    p->augment.perturb = PR_PERTURB_NONE;
    PR_TRY(pr_trained_open(&p->options, request->comm, request->run_dir, request->checkpoint,
                           &p->trained));
    pr_log_info("scored by %s, stage '%s', step %" PRId64, p->trained.path, p->trained.stage->name,
                p->trained.step);
    PR_TRY(score_all(p));
    return pr_comm_agree(request->comm, "results", leads(p) ? write_results(p) : PR_OK);
}

pr_status pr_predict(const pr_predict_request *request, pr_predict_counts *counts)
{
    predict *const p = pr_calloc(1, sizeof(*p));
    PR_REQUIRE(p != NULL, PR_ERR_NOMEM, "no memory for a prediction");
    p->request = request;
    const pr_status status = run(p);
    if (status == PR_OK) {
        *counts = p->counts;
    }
    pr_trained_close(&p->trained);
    pr__paths_free(&p->files);
    pr_text_free(&p->lines);
    pr_free(p->rows);
    pr_free(p);
    return status;
}
