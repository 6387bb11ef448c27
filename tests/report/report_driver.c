/*
 * Writes evaluations of made-up scores into FOLDER/eval, prints their table, and writes
 * FOLDER/report.html from them, FOLDER/log.jsonl, FOLDER/config.yaml and the pictures named on the
 * command line. report_page.py judges. Usage: report_driver FOLDER PICTURE...
 */
#include "engine/base/alloc.h"
#include "engine/base/draw.h"
#include "engine/base/fs.h"
#include "report/report.h"
#include "trainer/eval_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 1200, N_PER_VIDEO = 6 };

typedef struct pictures {
    char **paths;
    int n;
    char *bytes;
    char caption[128];
} pictures;

static const char *method_name(void *ctx, int32_t method)
{
    (void)ctx;
    static const char *const names[] = {"", "blend<soft>", "warp.thin", "swap"};
    return names[method];
}

static const char *sample_name(void *ctx, int64_t i)
{
    (void)ctx;
    static char name[32];
    (void)snprintf(name, sizeof(name), "sample %lld", (long long)i);
    return name;
}

static pr_status picture(void *ctx, int64_t i, pr_report_image *out)
{
    pictures *p = ctx;
    size_t n_bytes = 0;
    pr_free(p->bytes);
    p->bytes = NULL;
    PR_TRY(pr_fs_read(p->paths[i % p->n], &p->bytes, &n_bytes));
    (void)snprintf(p->caption, sizeof(p->caption), "0%lld_1%lld, frame %lld\n%.4f", (long long)i,
                   (long long)i, 7 * (long long)i, 0.93 - 0.011 * (double)i);
    *out = (pr_report_image){p->bytes, n_bytes, "image/jpeg", p->caption};
    return PR_OK;
}

/* Scores of frames: those of one class lie together, those of one video closer still. */
static void make_scores(uint64_t seed, bool with_fakes, double distance, double *score,
                        int8_t *label, int32_t *video, int32_t *method)
{
    for (uint32_t i = 0; i < N; i++) {
        const pr_draw_key frame = {seed, 0, i, 0, PR_FOR_SHAPE};
        const pr_draw_key whole = {seed, 0, i / N_PER_VIDEO, 1, PR_FOR_SHAPE};
        label[i] = with_fakes && i / N_PER_VIDEO % 2 == 1 ? 1 : 0;
        video[i] = (int32_t)(i / N_PER_VIDEO);
        method[i] = label[i] ? 1 + video[i] / 2 % 3 : 0;
        const double centre = label[i] ? distance * (0.7 + 0.2 * method[i]) : -distance;
        const double logit = centre + pr_draw_normal(&whole, 0) + pr_draw_normal(&frame, 0);
        score[i] = 1.0 / (1.0 + exp(-logit));
    }
}

static pr_status write_eval(const char *folder, const char *set, int number, pr_text *table)
{
    static double score[N];
    static int8_t label[N];
    static int32_t video[N];
    static int32_t method[N];
    make_scores(5 + (uint64_t)number, number != 2, 1.7 - 0.6 * number, score, label, video, method);
    const pr_scores scores = {N, score, label, video, method, video};
    const pr_metrics_options options = pr_metrics_options_default();
    static const char *const notes[] = {"The metric was chosen on test data & that is <said>."};
    const pr_eval_left_out left_out = {"corrupt crop", 3};
    const pr_eval_info info = {.set = set,
                               .run = "rccl-small",
                               .stage = "classify",
                               .epoch = 12,
                               .step = 840,
                               .checkpoint = "step-000840 (9c1d22f0)",
                               .selection = "best val.video.auc of 12 epochs",
                               .init = "began at random weights",
                               .score = "P(fake)",
                               .threshold = "fixed",
                               .config_hash = 0x7bb1f0c2a9934e11U,
                               .data_hash = 0x01e240aa5510ff09U + (uint64_t)number,
                               .left_out = &left_out,
                               .n_left_out = number == 1,
                               .notes = notes,
                               .n_notes = number == 1,
                               .method_name = method_name,
                               .sample_name = sample_name};
    char path[PR_PATH_BYTES];
    pr_metrics *metrics = NULL;
    (void)snprintf(path, sizeof(path), "%s/eval/%s.json", folder, set);
    PR_TRY(pr_metrics_compute(&scores, &options, &metrics));
    const pr_eval_row row = {&info, metrics};
    pr_status status = pr_eval_write(path, &info, metrics, &scores);
    if (status == PR_OK) {
        (void)snprintf(path, sizeof(path), "%s/eval/%s.tsv", folder, set);
        status = pr_eval_scores_write(path, &info, &scores);
    }
    if (status == PR_OK) {
        status = pr_eval_table_text(&row, 1, table);
    }
    pr_metrics_destroy(&metrics);
    return status;
}

static pr_status write_report(const char *folder, pictures *p)
{
    static const char *const sets[] = {"val", "test.ff", "test.reals"};
    char paths[6][PR_PATH_BYTES];
    const char *evals[3] = {paths[0], paths[1], paths[2]};
    pr_text table = {0};
    pr_status status = PR_OK;
    for (int i = 0; status == PR_OK && i < 3; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/eval/%s.json", folder, sets[i]);
        status = write_eval(folder, sets[i], i, &table);
    }
    (void)fputs(pr_text_chars(&table), stdout);
    pr_text_free(&table);
    (void)snprintf(paths[3], sizeof(paths[3]), "%s/log.jsonl", folder);
    (void)snprintf(paths[4], sizeof(paths[4]), "%s/report.html", folder);
    (void)snprintf(paths[5], sizeof(paths[5]), "%s/config.yaml", folder);
    char *config = NULL;
    if (status == PR_OK) {
        status = pr_fs_read(paths[5], &config, NULL);
    }
    const pr_report_fact facts[] = {{"started", "2024-05-21 10:02:11"},
                                    {"ranks, threads", "4 ranks of 2 threads"},
                                    {"config hash", "7bb1f0c2a9934e11"},
                                    {"odd <bytes>", "\xff & \x01 \xc3\xa9"}};
    const pr_report_gallery galleries[] = {
        {"Hard reals", "The real crops that lie farthest from the real centre.", p->n > 0 ? 10 : 0,
         picture, p},
        {"Hard fakes", "The fakes nearest to the centre of reals.", p->n > 0 ? 10 : 0, picture, p}};
    static const char *const bad[] = {"raw/000_003/frame 12 (part-00002.h5, record 7): bad CRC"};
    const pr_report_data data = {
        .title = "rccl-small & <friends>",
        .summary = "RCCL, Xception, 12 epochs on 1200 crops; stage classify, step 840.",
        .facts = facts,
        .n_facts = 4,
        .log_path = paths[3],
        .eval_paths = evals,
        .n_evals = 3,
        .galleries = galleries,
        .n_galleries = 2,
        .config = config,
        .bad_samples = bad,
        .n_bad_samples = 1};
    if (status == PR_OK) {
        status = pr_report_write(paths[4], &data);
    }
    pr_free(config);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return EXIT_FAILURE;
    }
    pictures p = {.paths = argv + 2, .n = argc - 2};
    const pr_status status = write_report(argv[1], &p);
    pr_free(p.bytes);
    if (status != PR_OK) {
        (void)fprintf(stderr, "%s\n", pr_error_message());
    }
    return status == PR_OK && pr_alloc_n_live() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
