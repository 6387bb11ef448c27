#include "trainer/report_internal.h"

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

static const char *word(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* The file's value as a percentage, with all its digits beside it. */
static pr_status add_cell(pr_text *text, const json_t *set, const char *key)
{
    const double value = number(set, key);
    return isfinite(value)
               ? pr_text_add(text, "<td data-v=\"%.17g\">%.2f</td>", value, 100.0 * value)
               : pr_text_add(text, "<td class=\"na\">n/a</td>");
}

static pr_status add_row(pr_text *text, const char *name, const char *level, const json_t *set,
                         bool is_part)
{
    PR_TRY(pr_text_add(text, is_part ? "<tr class=\"part\"><td>" : "<tr><td>"));
    PR_TRY(pr__html_add(text, name));
    PR_TRY(pr_text_add(text, "</td><td>%s</td><td>%lld</td><td>%lld</td>", level,
                       (long long)json_integer_value(json_object_get(set, "n_real")),
                       (long long)json_integer_value(json_object_get(set, "n_fake"))));
    for (int c = 0; c < N_COLUMNS; c++) {
        PR_TRY(add_cell(text, set, columns[c].key));
    }
    return pr_text_add(text, "</tr>\n");
}

static pr_status add_levels(pr_text *text, const char *name, const json_t *both, bool is_part)
{
    PR_TRY(add_row(text, name, "frame", json_object_get(both, "frame"), is_part));
    return add_row(text, name, "video", json_object_get(both, "video"), is_part);
}

static pr_status add_table(pr_text *text, const json_t *eval)
{
    PR_TRY(pr_text_add(text,
                       "<div class=\"scroll\"><table>\n<thead><tr><th>%s</th><th>level</th>"
                       "<th>reals</th><th>fakes</th>",
                       "set"));
    for (int c = 0; c < N_COLUMNS; c++) {
        PR_TRY(pr_text_add(text, "<th>%s</th>", columns[c].head));
    }
    PR_TRY(pr_text_add(text, "</tr></thead>\n<tbody>\n"));
    PR_TRY(add_levels(text, word(eval, "set"), eval, false));
    json_t *methods = json_object_get(eval, "methods");
    const char *name = NULL;
    json_t *method = NULL;
    if (json_object_size(methods) > 1) {
        json_object_foreach(methods, name, method)
        {
            PR_TRY(add_levels(text, name, method, true));
        }
        PR_TRY(add_levels(text, "mean over methods", json_object_get(eval, "methods_mean"), true));
    }
    return pr_text_add(text, "</tbody></table></div>\n");
}

static pr_status add_fact(pr_text *text, const char *name, const char *value)
{
    if (value[0] == '\0') {
        return PR_OK;
    }
    PR_TRY(pr_text_add(text, "<dt>%s</dt><dd>", name));
    PR_TRY(pr__html_add(text, value));
    return pr_text_add(text, "</dd>\n");
}

static pr_status add_rates(pr_text *text, const json_t *eval)
{
    const json_t *rccl = json_object_get(eval, "rccl");
    const double tpr = number(rccl, "TPR");
    const double fpr = number(rccl, "FPR");
    PR_TRY(pr_text_add(text, "<dt>rccl.TPR, rccl.FPR</dt><dd>"));
    PR_TRY(isfinite(tpr)
               ? pr_text_add(text, "<span data-v=\"%.17g\">%.2f</span> %%, ", tpr, 100.0 * tpr)
               : pr_text_add(text, "n/a, "));
    PR_TRY(isfinite(fpr)
               ? pr_text_add(text, "<span data-v=\"%.17g\">%.2f</span> %%", fpr, 100.0 * fpr)
               : pr_text_add(text, "n/a"));
    return pr_text_add(text, " (real is RCCL's positive class: its \"FPR\" is the accuracy on "
                             "fakes)</dd>\n");
}

static pr_status add_facts(pr_text *text, const json_t *eval)
{
    PR_TRY(pr_text_add(text, "<dl>\n"));
    PR_TRY(add_rates(text, eval));
    const json_t *threshold = json_object_get(eval, "threshold");
    PR_TRY(add_fact(text, "score", word(eval, "score")));
    const double t = number(threshold, "value");
    PR_TRY(pr_text_add(text, "<dt>threshold</dt><dd><span data-t=\"%.17g\">%.6g</span> (", t, t));
    PR_TRY(pr__html_add(text, word(threshold, "from")));
    PR_TRY(pr_text_add(text, ")</dd>\n"));
    PR_TRY(add_fact(text, "checkpoint", word(eval, "checkpoint")));
    PR_TRY(add_fact(text, "chosen as", word(eval, "selection")));
    PR_TRY(add_fact(text, "start", word(eval, "init")));
    PR_TRY(add_fact(text, "config hash", word(eval, "config_hash")));
    PR_TRY(add_fact(text, "data hash", word(eval, "data_hash")));
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(json_object_get(eval, "left_out"), i, item)
    {
        PR_TRY(pr_text_add(text, "<dt>left out</dt><dd>%lld (",
                           (long long)json_integer_value(json_object_get(item, "n"))));
        PR_TRY(pr__html_add(text, word(item, "why")));
        PR_TRY(pr_text_add(text, ")</dd>\n"));
    }
    PR_TRY(pr_text_add(text, "</dl>\n"));
    json_array_foreach(json_object_get(eval, "notes"), i, item)
    {
        PR_TRY(pr_text_add(text, "<p class=\"note\">"));
        PR_TRY(pr__html_add(text, json_string_value(item)));
        PR_TRY(pr_text_add(text, "</p>\n"));
    }
    return PR_OK;
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

static pr_status add_histogram(pr_text *text, const json_t *eval, const char *path)
{
    const json_t *histogram = json_object_get(eval, "histogram");
    double *real = NULL;
    double *fake = NULL;
    int64_t n_real = 0;
    int64_t n_fake = 0;
    char title[160];
    (void)snprintf(title, sizeof(title), "Scores, %s", word(eval, "set"));
    pr_status status = to_doubles(json_object_get(histogram, "real"), &real, &n_real);
    if (status == PR_OK) {
        status = to_doubles(json_object_get(histogram, "fake"), &fake, &n_fake);
    }
    if (status == PR_OK && (n_real != n_fake || n_real > 10000)) {
        status = PR_FAIL(PR_ERR_FORMAT, "%s: a histogram of %lld and %lld bins, must be equal",
                         path, (long long)n_real, (long long)n_fake);
    }
    if (status == PR_OK) {
        status = pr__svg_histogram(text, title, real, fake, (int)n_real, number(histogram, "low"),
                                   number(histogram, "high"),
                                   number(json_object_get(eval, "threshold"), "value"));
    }
    pr_free(fake);
    pr_free(real);
    return status;
}

/* All sets' curves in one drawing: six at most, which is what colours can tell apart. */
static pr_status add_roc(pr_text *text, json_t *const *evals, const char *const *paths, int n)
{
    double *x[PR__N_COLORS] = {NULL};
    double *y[PR__N_COLORS] = {NULL};
    pr__curve curves[PR__N_COLORS];
    int n_curves = 0;
    pr_status status = PR_OK;
    for (int i = 0; status == PR_OK && i < n && n_curves < PR__N_COLORS; i++) {
        const json_t *roc = json_object_get(evals[i], "roc");
        int64_t n_x = 0;
        int64_t n_y = 0;
        const int c = n_curves++;
        status = to_doubles(json_object_get(roc, "fpr"), &x[c], &n_x);
        if (status == PR_OK) {
            status = to_doubles(json_object_get(roc, "tpr"), &y[c], &n_y);
        }
        if (status == PR_OK && n_x != n_y) {
            status = PR_FAIL(PR_ERR_FORMAT, "%s: %lld FPRs and %lld TPRs, must be equal", paths[i],
                             (long long)n_x, (long long)n_y);
        }
        curves[c] = (pr__curve){word(evals[i], "set"), x[c], y[c], n_x, false};
        if (n_x == 0) { /* one class: there is no curve, and the colour is the next set's */
            pr_free(x[c]);
            pr_free(y[c]);
            x[c] = y[c] = NULL;
            n_curves--;
        }
    }
    if (status == PR_OK) {
        const pr__chart chart = {"ROC of frames: TPR (fakes called fake) over FPR",
                                 "FPR (reals called fake)",
                                 curves,
                                 n_curves,
                                 false,
                                 true,
                                 true};
        status = pr__svg_chart(text, &chart);
    }
    for (int c = 0; c < PR__N_COLORS; c++) {
        pr_free(x[c]);
        pr_free(y[c]);
    }
    return status;
}

pr_status pr__report_headline(pr_text *text, json_t *const *evals, int n)
{
    static const struct {
        const char *level, *key, *name;
    } tiles[] = {{"video", "auc", "video AUC"},
                 {"frame", "auc", "frame AUC"},
                 {"frame", "eer", "frame EER"},
                 {"frame", "acc", "frame accuracy"}};
    if (n == 0) {
        return PR_OK;
    }
    for (int i = 0; i < n && i < 2; i++) {
        PR_TRY(pr_text_add(text, "<div class=\"tiles\">\n"));
        for (size_t k = 0; k < sizeof(tiles) / sizeof(tiles[0]); k++) {
            const double value = number(json_object_get(evals[i], tiles[k].level), tiles[k].key);
            PR_TRY(pr_text_add(text, "<div class=\"card\"><b>"));
            PR_TRY(isfinite(value) ? pr_text_add(text,
                                                 "<span class=\"big\" data-v=\"%.17g\">%.2f</span>"
                                                 "<small> %%</small>",
                                                 value, 100.0 * value)
                                   : pr_text_add(text, "n/a"));
            PR_TRY(pr_text_add(text, "</b><span>"));
            PR_TRY(pr__html_add(text, word(evals[i], "set")));
            PR_TRY(pr_text_add(text, ", %s</span></div>\n", tiles[k].name));
        }
        PR_TRY(pr_text_add(text, "</div>\n"));
    }
    return PR_OK;
}

pr_status pr__report_evals(pr_text *text, json_t *const *evals, const char *const *paths, int n)
{
    if (n == 0) {
        return PR_OK;
    }
    PR_TRY(pr_text_add(text, "<h2>Evaluation</h2>\n<p>Percent, except counts. Fake is the positive "
                             "class; a crop is called fake where its score is at least the "
                             "threshold. n/a: not defined without both classes.</p>\n"));
    for (int i = 0; i < n; i++) {
        PR_TRY(pr_text_add(text, "<div class=\"card\">\n"));
        PR_TRY(add_table(text, evals[i]));
        PR_TRY(pr_text_add(text, "<details style=\"margin-top:10px\"><summary>What these numbers "
                                 "stand on</summary>\n"
                                 "<div style=\"margin-top:12px\">"));
        PR_TRY(add_facts(text, evals[i]));
        PR_TRY(pr_text_add(text, "</div></details>\n</div>\n"));
    }
    PR_TRY(pr_text_add(text, "<div class=\"grid\">\n"));
    PR_TRY(add_roc(text, evals, paths, n));
    for (int i = 0; i < n; i++) {
        PR_TRY(add_histogram(text, evals[i], paths[i]));
    }
    return pr_text_add(text, "</div>\n");
}
