#include "report/report_internal.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"

#include <string.h>

/* What the page is made from, once read. */
typedef struct sources {
    pr__log *log;   /* owned, or NULL */
    json_t **evals; /* [n_evals] owned */
    int n_evals;
} sources;

pr_status pr__eval_read(const char *path, json_t **out)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    json_error_t error = {.line = 0};
    PR_TRY(pr_fs_read(path, &bytes, &n_bytes));
    json_t *root = json_loadb(bytes, n_bytes, JSON_REJECT_DUPLICATES, &error);
    pr_free(bytes);
    PR_REQUIRE(root != NULL, PR_ERR_FORMAT, "%s:%d: %s", path, error.line, error.text);
    if (!json_is_object(json_object_get(root, "frame"))) {
        json_decref(root);
        return PR_FAIL(PR_ERR_FORMAT, "%s: not the result of an evaluation: no 'frame'", path);
    }
    *out = root;
    return PR_OK;
}

static pr_status read_sources(const pr_report_data *data, sources *s)
{
    if (data->log_path != NULL) {
        PR_TRY(pr__log_read(data->log_path, &s->log));
    }
    s->evals = pr_calloc(data->n_evals, sizeof(json_t *));
    PR_REQUIRE(s->evals != NULL, PR_ERR_NOMEM, "report: out of memory");
    for (int i = 0; i < data->n_evals; i++) {
        PR_TRY(pr__eval_read(data->eval_paths[i], &s->evals[i]));
        s->n_evals++;
    }
    return PR_OK;
}

static void free_sources(sources *s)
{
    for (int i = 0; i < s->n_evals; i++) {
        json_decref(s->evals[i]);
    }
    pr_free(s->evals);
    pr__log_destroy(&s->log);
}

static void add_facts(pr_page *page, const pr_report_data *data)
{
    if (data->n_facts == 0) {
        return;
    }
    pr_page_put(page, "<h2>The run</h2>\n<div class=\"card\"><dl>\n");
    for (int i = 0; i < data->n_facts; i++) {
        pr_page_put(page, "<dt>");
        pr_page_html(page, data->facts[i].name);
        pr_page_put(page, "</dt><dd>");
        pr_page_html(page, data->facts[i].value);
        pr_page_put(page, "</dd>\n");
    }
    pr_page_put(page, "</dl></div>\n");
}

static void add_gallery(pr_page *page, const pr_report_gallery *gallery)
{
    pr_page_put(page, "<h2>");
    pr_page_html(page, gallery->title);
    pr_page_put(page, "</h2>\n<p>");
    pr_page_html(page, gallery->text);
    pr_page_put(page, "</p>\n<div class=\"card faces\">\n");
    for (int64_t i = 0; page->status == PR_OK && i < gallery->n; i++) {
        pr_report_image image = {0};
        pr_page_take(page, gallery->image(gallery->ctx, i, &image));
        if (page->status == PR_OK) {
            pr_page_put(page, "<figure>");
            pr__html_image(page, &image);
            pr_page_put(page, "<figcaption>");
            pr_page_html(page, image.caption);
            pr_page_put(page, "</figcaption></figure>\n");
        }
    }
    pr_page_put(page, "</div>\n");
}

static void add_bad_samples(pr_page *page, const pr_report_data *data, const pr__log *log)
{
    const bool in_log = log != NULL && log->n_bad > 0;
    if (data->n_bad_samples == 0 && !in_log) {
        return;
    }
    pr_page_put(page, "<h2>Bad samples</h2>\n<div class=\"card\">\n");
    if (in_log) {
        pr_page_put(page,
                    "<p>Training met %lld bad crops and showed another in place of %lld. "
                    "First: <code>",
                    (long long)log->n_bad, (long long)log->n_replaced);
        pr_page_html(page, log->first_bad);
        pr_page_put(page, "</code></p>\n");
    }
    if (data->n_bad_samples > 0) {
        pr_page_put(page, "<ul>\n");
        for (int i = 0; i < data->n_bad_samples; i++) {
            pr_page_put(page, "<li>");
            pr_page_html(page, data->bad_samples[i]);
            pr_page_put(page, "</li>\n");
        }
        pr_page_put(page, "</ul>\n");
    }
    pr_page_put(page, "</div>\n");
}

static void add_config(pr_page *page, const pr_report_data *data)
{
    if (data->config == NULL) {
        return;
    }
    pr_page_put(page, "<h2>Configuration</h2>\n<div class=\"card\"><details><summary>"
                      "config.yaml</summary><pre>");
    pr_page_html(page, data->config);
    pr_page_put(page, "</pre></details></div>\n");
}

static void make_page(const pr_report_data *data, const sources *s, pr_page *page)
{
    const char *title = data->title != NULL ? data->title : "A run";
    pr__html_begin(page, title);
    pr_page_put(page, "<h1>");
    pr_page_html(page, title);
    pr_page_put(page, "</h1>\n<p>");
    pr_page_html(page, data->summary);
    pr_page_put(page, "</p>\n");
    pr__report_headline(page, s->evals, s->n_evals);
    pr__report_evals(page, s->evals, data->eval_paths, s->n_evals);
    if (s->log != NULL) {
        pr__report_curves(page, s->log);
    }
    for (int i = 0; i < data->n_galleries; i++) {
        add_gallery(page, &data->galleries[i]);
    }
    if (data->figures != NULL) {
        pr_page_put_bytes(page, data->figures, strlen(data->figures));
    }
    add_facts(page, data);
    add_bad_samples(page, data, s->log);
    add_config(page, data);
    pr_page_put(page, "</main>\n</body>\n</html>\n");
}

pr_status pr_report_write(const char *path, const pr_report_data *data)
{
    sources s = {0};
    pr_text text = {0};
    pr_page page = {&text, read_sources(data, &s)};
    if (page.status == PR_OK) {
        make_page(data, &s, &page);
    }
    if (page.status == PR_OK) {
        page.status = pr_fs_write(path, pr_text_chars(&text), text.n_chars);
    }
    pr_text_free(&text);
    free_sources(&s);
    return page.status;
}
