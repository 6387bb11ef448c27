#include "report/run_report.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "engine/base/log.h"
#include "engine/base/text.h"
#include "report/report.h"
#include "trainer/data.h"
#include "trainer/trained.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_EVALS = 64, MAX_FACTS = 12, FACT_BYTES = 128, MAX_SHOWN = 32 };

/* The crops of one hard set, hardest first. */
typedef struct hard_set {
    const pr_samples *samples;
    int64_t n, ids[MAX_SHOWN];
    double scores[MAX_SHOWN];
    uint8_t *bytes;
    char caption[320];
} hard_set;

typedef struct page {
    const pr_train_options *options;
    const char *run_dir;
    pr_trained trained;
    pr_samples *samples; /* NULL where the training data are gone */
    hard_set hard[2];
    pr_report_gallery galleries[2];
    int n_galleries;
    char values[MAX_FACTS][FACT_BYTES];
    pr_report_fact facts[MAX_FACTS];
    int n_facts;
    char **eval_names;
    char (*eval_paths)[PR_PATH_BYTES];
    const char *evals[MAX_EVALS];
    int n_evals;
    pr_text config;
    char bad[1][320];
} page;

static pr_status hard_image(void *ctx, int64_t i, pr_report_image *out)
{
    hard_set *const set = ctx;
    const int64_t id = set->ids[i];
    const size_t n_bytes = pr_samples_payload_bytes(set->samples, id);
    char name[256];
    pr_free(set->bytes);
    set->bytes = pr_calloc((int64_t)n_bytes, 1);
    PR_REQUIRE(set->bytes != NULL, PR_ERR_NOMEM, "no memory for a crop of %zu bytes", n_bytes);
    PR_TRY(pr_samples_read(set->samples, id, set->bytes));
    (void)snprintf(set->caption, sizeof(set->caption), "%s, similarity %.3f",
                   pr_samples_name(set->samples, id, name, sizeof(name)), set->scores[i]);
    static const uint8_t png[] = {0x89, 'P', 'N', 'G'};
    const bool is_png = n_bytes > sizeof(png) && memcmp(set->bytes, png, sizeof(png)) == 0;
    *out =
        (pr_report_image){set->bytes, n_bytes, is_png ? "image/png" : "image/jpeg", set->caption};
    return PR_OK;
}

/* The bank's hard features as samples; slots of reals come first, then those of fakes. */
static void find_hard(page *p)
{
    static const char *const titles[] = {"Hard reals", "Hard fakes"};
    static const char *const texts[] = {
        "The natural faces least similar to the real centre in the last contrastive epoch.",
        "The forged faces most similar to the real centre in the last contrastive epoch."};
    const pr_store *const store = p->trained.trainer->store;
    const pr_store_entry *const key = pr_store_find(store, "bank.hard_key");
    const pr_store_entry *const score = pr_store_find(store, "bank.hard_score");
    const pr_store_entry *const count = pr_store_find(store, "bank.hard_count");
    if (key == NULL || score == NULL || count == NULL || p->samples == NULL) {
        return;
    }
    const int64_t n_kept = key->desc.shape.dims[0] / 2;
    for (int label = 0; label < 2; label++) {
        hard_set *const set = &p->hard[label];
        const int64_t n = ((const int64_t *)count->data)[label];
        set->samples = p->samples;
        for (int64_t i = 0; i < n && i < MAX_SHOWN; i++) {
            const int64_t slot = label * n_kept + i;
            const int64_t id = ((const int64_t *)key->data)[slot * 3];
            if (id >= 0 && id < pr_samples_n(p->samples)) {
                set->ids[set->n] = id;
                set->scores[set->n++] = ((const double *)score->data)[slot];
            }
        }
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
    add_fact(p, "objective", "%s", p->options->objective);
    add_fact(p, "weights began", "%s", p->options->model.init);
    add_fact(p, "checkpoint", "%s", p->trained.selection);
    add_fact(p, "epoch", "%" PRId64, p->trained.epoch);
    add_fact(p, "step", "%" PRId64, p->trained.step);
    add_fact(p, "config hash", "%016" PRIx64, config_hash);
    if (p->samples != NULL) {
        add_fact(p, "training crops", "%" PRId64, pr_samples_n(p->samples));
        add_fact(p, "data hash", "%016" PRIx64, pr_samples_hash(p->samples));
    }
    add_fact(p, "program", "pristine %s", PR_VERSION);
}

static pr_status find_evals(page *p)
{
    char folder[PR_PATH_BYTES];
    int64_t n_names = 0;
    PR_TRY(pr_fs_join(folder, p->run_dir, "eval"));
    if (!pr_fs_is_folder(folder)) {
        return PR_OK;
    }
    PR_TRY(pr_fs_list(folder, &p->eval_names, &n_names));
    p->eval_paths = pr_calloc(MAX_EVALS, sizeof(*p->eval_paths));
    PR_REQUIRE(p->eval_paths != NULL, PR_ERR_NOMEM, "no memory for %d evaluations", MAX_EVALS);
    for (int64_t i = 0; i < n_names && p->n_evals < MAX_EVALS; i++) {
        const size_t n = strlen(p->eval_names[i]);
        if (n > 5 && strcmp(p->eval_names[i] + n - 5, ".json") == 0) {
            PR_TRY(pr_fs_join(p->eval_paths[p->n_evals], folder, p->eval_names[i]));
            p->evals[p->n_evals] = p->eval_paths[p->n_evals];
            p->n_evals++;
        }
    }
    return PR_OK;
}

static pr_status write_page(page *p, const pr_config *config)
{
    char path[PR_PATH_BYTES];
    char log_path[PR_PATH_BYTES];
    uint64_t config_hash = 0;
    PR_TRY(pr_fs_join(path, p->run_dir, "report.html"));
    PR_TRY(pr_fs_join(log_path, p->run_dir, "log.jsonl"));
    PR_TRY(pr_config_hash(config, &config_hash));
    PR_TRY(pr_config_dump(config, &p->config));
    PR_TRY(find_evals(p));
    find_hard(p);
    add_facts(p, config_hash);
    const char *bad[1] = {p->bad[0]};
    const pr_report_data data = {.title = p->run_dir,
                                 .summary = p->options->data.shuffle_labels
                                                ? "Control experiment: training labels shuffled."
                                                : NULL,
                                 .facts = p->facts,
                                 .n_facts = p->n_facts,
                                 .log_path = log_path,
                                 .eval_paths = p->evals,
                                 .n_evals = p->n_evals,
                                 .galleries = p->galleries,
                                 .n_galleries = p->n_galleries,
                                 .config = pr_text_chars(&p->config),
                                 .bad_samples = bad,
                                 .n_bad_samples = p->bad[0][0] != '\0' ? 1 : 0};
    PR_TRY(pr_report_write(path, &data));
    pr_log_print("%s\n", path);
    return PR_OK;
}

static void open_samples(page *p)
{
    const pr_config_array *const train = &p->options->data.train;
    if (pr_data_open(p->options, "data.train", train->at, train->n, NULL, NULL, &p->samples) !=
        PR_OK) {
        pr_log_warn("the report has no crops: %s", pr_error_message());
        (void)snprintf(p->bad[0], sizeof(p->bad[0]), "training data could not be opened: %.200s",
                       pr_error_message());
        pr_error_clear();
        p->samples = NULL;
    }
}

pr_status pr_run_report(const pr_train_options *options, const pr_config *config, pr_comm *comm,
                        const char *run_dir)
{
    page *const p = pr_calloc(1, sizeof(*p));
    PR_REQUIRE(p != NULL, PR_ERR_NOMEM, "no memory for a report");
    p->options = options;
    p->run_dir = run_dir;
    pr_status status = pr_trained_open(options, comm, run_dir, "last", &p->trained);
    if (status == PR_OK && pr_comm_rank(comm) == 0) {
        open_samples(p);
        status = write_page(p, config);
    }
    for (int label = 0; label < 2; label++) {
        pr_free(p->hard[label].bytes);
    }
    pr_samples_close(&p->samples);
    pr_trained_close(&p->trained);
    pr_text_free(&p->config);
    pr_free(p->eval_names);
    pr_free(p->eval_paths);
    pr_free(p);
    return pr_comm_agree(comm, "report", status);
}
