#include "report/run_page.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/log.h"
#include "engine/base/text.h"
#include "report/crop.h"
#include "report/eval_paths.h"
#include "report/report.h"
#include "trainer/data.h"
#include "trainer/hard_sets.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_FACTS = 12, FACT_BYTES = 128, MAX_SHOWN = 32 };

/* The crops of one hard set, hardest first. */
typedef struct hard_set {
    const pr_samples *samples;
    int64_t n, ids[MAX_SHOWN];
    double scores[MAX_SHOWN];
    uint8_t *bytes;
    char caption[320];
} hard_set;

typedef struct page {
    const pr_shown_run *run;
    pr_samples *samples; /* NULL where the training data are gone */
    hard_set hard[2];
    pr_report_gallery galleries[2];
    int n_galleries;
    char values[MAX_FACTS][FACT_BYTES];
    pr_report_fact facts[MAX_FACTS];
    int n_facts;
    pr__eval_paths evals;
    pr_text config;
    char bad[1][320];
} page;

static pr_status hard_image(void *ctx, int64_t i, pr_report_image *out)
{
    hard_set *const set = ctx;
    char name[256];
    (void)snprintf(set->caption, sizeof(set->caption), "%s, similarity %.3f",
                   pr_samples_name(set->samples, set->ids[i], name, sizeof(name)), set->scores[i]);
    pr_free(set->bytes);
    set->bytes = NULL;
    PR_TRY(pr__crop_read(set->samples, set->ids[i], &set->bytes, out));
    out->caption = set->caption;
    return PR_OK;
}

static void find_hard(page *p)
{
    static const char *const titles[] = {"Hard reals", "Hard fakes"};
    static const char *const texts[] = {
        "The natural faces least similar to the real centre in the last contrastive epoch.",
        "The forged faces most similar to the real centre in the last contrastive epoch."};
    for (int label = 0; label < 2 && p->samples != NULL; label++) {
        hard_set *const set = &p->hard[label];
        set->samples = p->samples;
        set->n = pr_hard_set_list(p->run->trained.trainer->store, p->samples, label, MAX_SHOWN,
                                  set->ids, set->scores);
        if (set->n > 0) {
            p->galleries[p->n_galleries++] =
                (pr_report_gallery){titles[label], texts[label], set->n, hard_image, set};
        }
    }
}

static void add_fact(page *p, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void add_fact(page *p, const char *name, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(p->values[p->n_facts], FACT_BYTES, fmt, args);
    va_end(args);
    p->facts[p->n_facts] = (pr_report_fact){name, p->values[p->n_facts]};
    p->n_facts++;
}

static void add_facts(page *p, uint64_t config_hash)
{
    add_fact(p, "objective", "%s", p->run->options->objective);
    add_fact(p, "weights began", "%s", p->run->options->model.init);
    add_fact(p, "checkpoint", "%s", p->run->trained.selection);
    add_fact(p, "epoch", "%" PRId64, p->run->trained.epoch);
    add_fact(p, "step", "%" PRId64, p->run->trained.step);
    add_fact(p, "config hash", "%016" PRIx64, config_hash);
    if (p->samples != NULL) {
        add_fact(p, "training crops", "%" PRId64, pr_samples_n(p->samples));
        add_fact(p, "data hash", "%016" PRIx64, pr_samples_hash(p->samples));
    }
    add_fact(p, "program", "pristine %s", PR_VERSION);
}

static void open_samples(page *p)
{
    const pr_config_array *const train = &p->run->options->data.train;
    if (pr_data_open(p->run->options, "data.train", train->at, train->n, NULL, NULL, &p->samples) !=
        PR_OK) {
        pr_log_warn("the report has no crops: %s", pr_error_message());
        (void)snprintf(p->bad[0], sizeof(p->bad[0]), "training data could not be opened: %.200s",
                       pr_error_message());
        pr_error_clear();
        p->samples = NULL;
    }
}

static pr_status write_page(page *p, const char *figures, const char *path)
{
    char log_path[PR_PATH_BYTES];
    uint64_t config_hash = 0;
    PR_TRY(pr_fs_join(log_path, p->run->dir, "log.jsonl"));
    PR_TRY(pr_config_hash(p->run->config, &config_hash));
    PR_TRY(pr_config_dump(p->run->config, &p->config));
    PR_TRY(pr__eval_paths_find(p->run->dir, &p->evals));
    open_samples(p);
    find_hard(p);
    add_facts(p, config_hash);
    const char *bad[1] = {p->bad[0]};
    const pr_report_data data = {.title = p->run->dir,
                                 .summary = p->run->options->data.shuffle_labels
                                                ? "Control experiment: training labels shuffled."
                                                : NULL,
                                 .facts = p->facts,
                                 .n_facts = p->n_facts,
                                 .log_path = log_path,
                                 .eval_paths = p->evals.at,
                                 .n_evals = p->evals.n,
                                 .galleries = p->galleries,
                                 .n_galleries = p->n_galleries,
                                 .figures = figures,
                                 .config = pr_text_chars(&p->config),
                                 .bad_samples = bad,
                                 .n_bad_samples = p->bad[0][0] != '\0' ? 1 : 0};
    return pr_report_write(path, &data);
}

pr_status pr__run_page_write(const pr_shown_run *run, const char *figures, const char *path)
{
    page *const p = pr_calloc(1, sizeof(*p));
    PR_REQUIRE(p != NULL, PR_ERR_NOMEM, "no memory for a report");
    p->run = run;
    const pr_status status = write_page(p, figures, path);
    for (int label = 0; label < 2; label++) {
        pr_free(p->hard[label].bytes);
    }
    pr_samples_close(&p->samples);
    pr_text_free(&p->config);
    pr__eval_paths_free(&p->evals);
    pr_free(p);
    return status;
}
