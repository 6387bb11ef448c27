#include "trainer/report_internal.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"

/* What the page is made from, once read. */
typedef struct sources {
    pr__log *log;   /* owned, or NULL */
    json_t **evals; /* [n_evals] owned */
    int n_evals;
} sources;

static pr_status read_eval(const char *path, json_t **out)
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
    s->evals = pr_calloc(data->n_evals, sizeof(*s->evals));
    PR_REQUIRE(s->evals != NULL, PR_ERR_NOMEM, "report: out of memory");
    for (int i = 0; i < data->n_evals; i++) {
        PR_TRY(read_eval(data->eval_paths[i], &s->evals[i]));
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

static pr_status add_facts(pr_text *text, const pr_report_data *data)
{
    if (data->n_facts == 0) {
        return PR_OK;
    }
    PR_TRY(pr_text_add(text, "<h2>The run</h2>\n<div class=\"card\"><dl>\n"));
    for (int i = 0; i < data->n_facts; i++) {
        PR_TRY(pr_text_add(text, "<dt>"));
        PR_TRY(pr__html_add(text, data->facts[i].name));
        PR_TRY(pr_text_add(text, "</dt><dd>"));
        PR_TRY(pr__html_add(text, data->facts[i].value));
        PR_TRY(pr_text_add(text, "</dd>\n"));
    }
    return pr_text_add(text, "</dl></div>\n");
}

static pr_status add_gallery(pr_text *text, const pr_report_gallery *gallery)
{
    PR_TRY(pr_text_add(text, "<h2>"));
    PR_TRY(pr__html_add(text, gallery->title));
    PR_TRY(pr_text_add(text, "</h2>\n<p>"));
    PR_TRY(pr__html_add(text, gallery->text));
    PR_TRY(pr_text_add(text, "</p>\n<div class=\"card faces\">\n"));
    for (int64_t i = 0; i < gallery->n; i++) {
        pr_report_image image = {0};
        PR_TRY(gallery->image(gallery->ctx, i, &image));
        PR_TRY(pr_text_add(text, "<figure>"));
        PR_TRY(pr__html_image(text, &image));
        PR_TRY(pr_text_add(text, "<figcaption>"));
        PR_TRY(pr__html_add(text, image.caption));
        PR_TRY(pr_text_add(text, "</figcaption></figure>\n"));
    }
    return pr_text_add(text, "</div>\n");
}

static pr_status add_bad_samples(pr_text *text, const pr_report_data *data, const pr__log *log)
{
    const bool in_log = log != NULL && log->n_bad > 0;
    if (data->n_bad_samples == 0 && !in_log) {
        return PR_OK;
    }
    PR_TRY(pr_text_add(text, "<h2>Bad samples</h2>\n<div class=\"card\">\n"));
    if (in_log) {
        PR_TRY(pr_text_add(text,
                           "<p>Training met %lld bad crops and showed another in place of %lld. "
                           "First: <code>",
                           (long long)log->n_bad, (long long)log->n_replaced));
        PR_TRY(pr__html_add(text, log->first_bad));
        PR_TRY(pr_text_add(text, "</code></p>\n"));
    }
    if (data->n_bad_samples > 0) {
        PR_TRY(pr_text_add(text, "<ul>\n"));
        for (int i = 0; i < data->n_bad_samples; i++) {
            PR_TRY(pr_text_add(text, "<li>"));
            PR_TRY(pr__html_add(text, data->bad_samples[i]));
            PR_TRY(pr_text_add(text, "</li>\n"));
        }
        PR_TRY(pr_text_add(text, "</ul>\n"));
    }
    return pr_text_add(text, "</div>\n");
}

static pr_status add_config(pr_text *text, const pr_report_data *data)
{
    if (data->config == NULL) {
        return PR_OK;
    }
    PR_TRY(pr_text_add(text, "<h2>Configuration</h2>\n<div class=\"card\"><details><summary>"
                             "config.yaml</summary><pre>"));
    PR_TRY(pr__html_add(text, data->config));
    return pr_text_add(text, "</pre></details></div>\n");
}

static pr_status make_page(const pr_report_data *data, const sources *s, pr_text *text)
{
    const char *title = data->title != NULL ? data->title : "A run";
    PR_TRY(pr__html_begin(text, title));
    PR_TRY(pr_text_add(text, "<h1>"));
    PR_TRY(pr__html_add(text, title));
    PR_TRY(pr_text_add(text, "</h1>\n<p>"));
    PR_TRY(pr__html_add(text, data->summary));
    PR_TRY(pr_text_add(text, "</p>\n"));
    PR_TRY(pr__report_headline(text, s->evals, s->n_evals));
    PR_TRY(pr__report_evals(text, s->evals, data->eval_paths, s->n_evals));
    if (s->log != NULL) {
        PR_TRY(pr__report_curves(text, s->log));
    }
    for (int i = 0; i < data->n_galleries; i++) {
        PR_TRY(add_gallery(text, &data->galleries[i]));
    }
    PR_TRY(add_facts(text, data));
    PR_TRY(add_bad_samples(text, data, s->log));
    PR_TRY(add_config(text, data));
    return pr_text_add(text, "</main>\n</body>\n</html>\n");
}

pr_status pr_report_write(const char *path, const pr_report_data *data)
{
    sources s = {0};
    pr_text text = {0};
    pr_status status = read_sources(data, &s);
    if (status == PR_OK) {
        status = make_page(data, &s, &text);
    }
    if (status == PR_OK) {
        status = pr_fs_write(path, pr_text_chars(&text), text.n_chars);
    }
    pr_text_free(&text);
    free_sources(&s);
    return status;
}
