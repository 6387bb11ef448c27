#include "report/report_internal.h"

#include "engine/base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *head, *key;
} columns[] = {{"AUC", "auc"},
               {"AP", "ap"},
               {"EER", "eer"},
               {"accuracy", "acc"},
               {"on reals", "acc_real"},
               {"on fakes", "acc_fake"},
               {"TPR@10%", "tpr_at_10pct"},
               {"TPR@1%", "tpr_at_1pct"}};

enum { N_COLUMNS = (int)(sizeof(columns) / sizeof(columns[0])) };

const char *pr__json_word(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

double pr__json_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

void pr__html_percent(pr_page *page, double value)
{
    if (isfinite(value)) {
        pr_page_put(page, "<span data-v=\"%.17g\">%.2f</span>", value, 100.0 * value);
    } else {
        pr_page_put(page, "<i>n/a</i>");
    }
}

static void add_row(pr_page *page, const char *name, const char *level, const json_t *set,
                    bool is_part)
{
    pr_page_put(page, is_part ? "<tr class=\"part\"><td>" : "<tr><td>");
    pr_page_html(page, name);
    pr_page_put(page, "</td><td>%s</td><td>%lld</td><td>%lld</td>", level,
                (long long)json_integer_value(json_object_get(set, "n_real")),
                (long long)json_integer_value(json_object_get(set, "n_fake")));
    for (int c = 0; c < N_COLUMNS; c++) {
        pr_page_put(page, "<td>");
        pr__html_percent(page, pr__json_number(set, columns[c].key));
        pr_page_put(page, "</td>");
    }
    pr_page_put(page, "</tr>\n");
}

static void add_levels(pr_page *page, const char *name, const json_t *both, bool is_part)
{
    add_row(page, name, "frame", json_object_get(both, "frame"), is_part);
    add_row(page, name, "video", json_object_get(both, "video"), is_part);
}

static void add_table(pr_page *page, const json_t *eval)
{
    pr_page_put(page,
                "<div class=\"scroll\"><table>\n<thead><tr><th>%s</th><th>level</th>"
                "<th>reals</th><th>fakes</th>",
                "set");
    for (int c = 0; c < N_COLUMNS; c++) {
        pr_page_put(page, "<th>%s</th>", columns[c].head);
    }
    pr_page_put(page, "</tr></thead>\n<tbody>\n");
    add_levels(page, pr__json_word(eval, "set"), eval, false);
    json_t *methods = json_object_get(eval, "methods");
    const char *name = NULL;
    json_t *method = NULL;
    if (json_object_size(methods) > 1) {
        json_object_foreach(methods, name, method)
        {
            add_levels(page, name, method, true);
        }
        add_levels(page, "mean over methods", json_object_get(eval, "methods_mean"), true);
    }
    pr_page_put(page, "</tbody></table></div>\n");
}

static void add_fact(pr_page *page, const char *name, const char *value)
{
    if (value[0] == '\0') {
        return;
    }
    pr_page_put(page, "<dt>%s</dt><dd>", name);
    pr_page_html(page, value);
    pr_page_put(page, "</dd>\n");
}

static void add_rates(pr_page *page, const json_t *eval)
{
    const json_t *rccl = json_object_get(eval, "rccl");
    pr_page_put(page, "<dt>rccl.TPR, rccl.FPR</dt><dd>");
    pr__html_percent(page, pr__json_number(rccl, "TPR"));
    pr_page_put(page, ", ");
    pr__html_percent(page, pr__json_number(rccl, "FPR"));
    pr_page_put(page, " %% (real is RCCL's positive class: its \"FPR\" is the accuracy on "
                      "fakes)</dd>\n");
}

static void add_facts(pr_page *page, const json_t *eval)
{
    pr_page_put(page, "<dl>\n");
    add_rates(page, eval);
    const json_t *threshold = json_object_get(eval, "threshold");
    add_fact(page, "score", pr__json_word(eval, "score"));
    const double t = pr__json_number(threshold, "value");
    pr_page_put(page, "<dt>threshold</dt><dd><span data-t=\"%.17g\">%.6g</span> (", t, t);
    pr_page_html(page, pr__json_word(threshold, "from"));
    pr_page_put(page, ")</dd>\n");
    add_fact(page, "checkpoint", pr__json_word(eval, "checkpoint"));
    add_fact(page, "chosen as", pr__json_word(eval, "selection"));
    add_fact(page, "start", pr__json_word(eval, "init"));
    add_fact(page, "config hash", pr__json_word(eval, "config_hash"));
    add_fact(page, "data hash", pr__json_word(eval, "data_hash"));
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(json_object_get(eval, "left_out"), i, item)
    {
        pr_page_put(page, "<dt>left out</dt><dd>%lld (",
                    (long long)json_integer_value(json_object_get(item, "n")));
        pr_page_html(page, pr__json_word(item, "why"));
        pr_page_put(page, ")</dd>\n");
    }
    pr_page_put(page, "</dl>\n");
    json_array_foreach(json_object_get(eval, "notes"), i, item)
    {
        pr_page_put(page, "<p class=\"note\">");
        pr_page_html(page, json_string_value(item));
        pr_page_put(page, "</p>\n");
    }
}

/* An array of numbers as doubles; *OUT is the caller's. */
static pr_status to_doubles(const json_t *array, double **out, int64_t *n)
{
    const int64_t n_here = (int64_t)json_array_size(array);
    double *values = pr_calloc(n_here, sizeof(*values));
    PR_REQUIRE(values != NULL, PR_ERR_NOMEM, "report: out of memory");
    for (int64_t i = 0; i < n_here; i++) {
        values[i] = json_number_value(json_array_get(array, (size_t)i));
    }
    *out = values;
    *n = n_here;
    return PR_OK;
}

static void add_histogram(pr_page *page, const json_t *eval, const char *path)
{
    const json_t *histogram = json_object_get(eval, "histogram");
    double *counts[2] = {NULL, NULL};
    int64_t n[2] = {0, 0};
    char title[160];
    (void)snprintf(title, sizeof(title), "Scores, %s", pr__json_word(eval, "set"));
    pr_page_take(page, to_doubles(json_object_get(histogram, "real"), &counts[0], &n[0]));
    pr_page_take(page, to_doubles(json_object_get(histogram, "fake"), &counts[1], &n[1]));
    if (n[0] != n[1] || n[0] > 10000) {
        pr_page_take(page,
                     PR_FAIL(PR_ERR_FORMAT, "%s: a histogram of %lld and %lld bins, must be equal",
                             path, (long long)n[0], (long long)n[1]));
    }
    if (page->status == PR_OK) {
        const pr__histogram drawn = {
            .title = title,
            .counts = {counts[0], counts[1]},
            .n_bins = (int)n[0],
            .low = pr__json_number(histogram, "low"),
            .high = pr__json_number(histogram, "high"),
            .threshold = pr__json_number(json_object_get(eval, "threshold"), "value")};
        pr__svg_histogram(page, &drawn);
    }
    pr_free(counts[0]);
    pr_free(counts[1]);
}

pr_status pr__roc_read(const json_t *eval, const char *path, const char *name, double **x,
                       double **y, pr__curve *curve)
{
    const json_t *roc = json_object_get(eval, "roc");
    int64_t n_x = 0;
    int64_t n_y = 0;
    PR_TRY(to_doubles(json_object_get(roc, "fpr"), x, &n_x));
    PR_TRY(to_doubles(json_object_get(roc, "tpr"), y, &n_y));
    PR_REQUIRE(n_x == n_y, PR_ERR_FORMAT, "%s: %lld FPRs and %lld TPRs, must be equal", path,
               (long long)n_x, (long long)n_y);
    *curve = (pr__curve){name, *x, *y, n_x, false};
    return PR_OK;
}

bool pr__roc_exists(const json_t *eval)
{
    return json_array_size(json_object_get(json_object_get(eval, "roc"), "fpr")) > 0;
}

/* All sets' curves in one drawing: six at most, which is what colours can tell apart. */
static void add_roc(pr_page *page, json_t *const *evals, const char *const *paths, int n)
{
    double *x[PR__N_COLORS] = {NULL};
    double *y[PR__N_COLORS] = {NULL};
    pr__curve curves[PR__N_COLORS];
    int n_curves = 0;
    for (int i = 0; i < n && n_curves < PR__N_COLORS; i++) {
        if (pr__roc_exists(evals[i])) {
            const int c = n_curves++;
            pr_page_take(page, pr__roc_read(evals[i], paths[i], pr__json_word(evals[i], "set"),
                                            &x[c], &y[c], &curves[c]));
        }
    }
    if (page->status == PR_OK) {
        const pr__chart chart = {.title = "ROC of frames: TPR (fakes called fake) over FPR",
                                 .x_label = "FPR (reals called fake)",
                                 .curves = curves,
                                 .n_curves = n_curves,
                                 .unit = true};
        pr__svg_chart(page, &chart);
    }
    for (int c = 0; c < PR__N_COLORS; c++) {
        pr_free(x[c]);
        pr_free(y[c]);
    }
}

void pr__report_headline(pr_page *page, json_t *const *evals, int n)
{
    static const struct {
        const char *level, *key, *name;
    } tiles[] = {{"video", "auc", "video AUC"},
                 {"frame", "auc", "frame AUC"},
                 {"frame", "eer", "frame EER"},
                 {"frame", "acc", "frame accuracy"}};
    if (n == 0) {
        return;
    }
    for (int i = 0; i < n && i < 2; i++) {
        pr_page_put(page, "<div class=\"tiles\">\n");
        for (size_t k = 0; k < sizeof(tiles) / sizeof(tiles[0]); k++) {
            const double value =
                pr__json_number(json_object_get(evals[i], tiles[k].level), tiles[k].key);
            pr_page_put(page, "<div class=\"card\"><b>");
            pr__html_percent(page, value);
            pr_page_put(page, "<small> %%</small>");
            pr_page_put(page, "</b><span>");
            pr_page_html(page, pr__json_word(evals[i], "set"));
            pr_page_put(page, ", %s</span></div>\n", tiles[k].name);
        }
        pr_page_put(page, "</div>\n");
    }
}

void pr__report_evals(pr_page *page, json_t *const *evals, const char *const *paths, int n)
{
    if (n == 0) {
        return;
    }
    pr_page_put(page, "<h2>Evaluation</h2>\n<p>Percent, except counts. Fake is the positive "
                      "class; a crop is called fake where its score is at least the "
                      "threshold. n/a: not defined without both classes.</p>\n");
    for (int i = 0; i < n; i++) {
        pr_page_put(page, "<div class=\"card\">\n");
        add_table(page, evals[i]);
        pr_page_put(page, "<details style=\"margin-top:10px\"><summary>What these numbers "
                          "stand on</summary>\n"
                          "<div style=\"margin-top:12px\">");
        add_facts(page, evals[i]);
        pr_page_put(page, "</div></details>\n</div>\n");
    }
    pr_page_put(page, "<div class=\"grid\">\n");
    add_roc(page, evals, paths, n);
    for (int i = 0; i < n; i++) {
        add_histogram(page, evals[i], paths[i]);
    }
    pr_page_put(page, "</div>\n");
}
