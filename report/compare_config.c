#include "engine/base/alloc.h"
#include "engine/base/text.h"
#include "report/compare_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { N_FACTS = 6, FACT_BYTES = 256, KEY_BYTES = 256 };

static pr_status list_facts(const pr_shown_run *run, char facts[N_FACTS][FACT_BYTES])
{
    uint64_t hash = 0;
    PR_TRY(pr_config_hash(run->config, &hash));
    (void)snprintf(facts[0], FACT_BYTES, "%s", run->options->objective);
    (void)snprintf(facts[1], FACT_BYTES, "%s", run->options->model.init);
    (void)snprintf(facts[2], FACT_BYTES, "%s", run->trained.selection);
    (void)snprintf(facts[3], FACT_BYTES, "%" PRId64, run->trained.epoch);
    (void)snprintf(facts[4], FACT_BYTES, "%" PRId64, run->trained.step);
    (void)snprintf(facts[5], FACT_BYTES, "%016" PRIx64, hash);
    return PR_OK;
}

static void add_head(pr_page *page, const pr__comparison *c, const char *corner)
{
    pr_page_put(page, "<div class=\"card scroll\"><table>\n<thead><tr><th>%s</th>", corner);
    for (int r = 0; r < c->n_runs; r++) {
        pr_page_put(page, "<th>");
        pr_page_html(page, c->runs[r].run->name);
        pr_page_put(page, "</th>");
    }
    pr_page_put(page, "</tr></thead>\n<tbody>\n");
}

void pr__compare_facts(pr_page *page, const pr__comparison *c)
{
    static const char *const names[N_FACTS] = {
        "objective", "weights began", "checkpoint of figures",
        "its epoch", "its step",      "config hash"};
    char facts[PR_SHOWN_MAX_RUNS][N_FACTS][FACT_BYTES];
    for (int r = 0; r < c->n_runs; r++) {
        pr_page_take(page, list_facts(c->runs[r].run, facts[r]));
    }
    if (page->status != PR_OK) {
        return;
    }
    pr_page_put(page, "<h2>The runs</h2>\n");
    add_head(page, c, "");
    for (int f = 0; f < N_FACTS; f++) {
        pr_page_put(page, "<tr><td>%s</td>", names[f]);
        for (int r = 0; r < c->n_runs; r++) {
            pr_page_put(page, "<td>");
            pr_page_html(page, facts[r][f]);
            pr_page_put(page, "</td>");
        }
        pr_page_put(page, "</tr>\n");
    }
    pr_page_put(page, "</tbody></table></div>\n");
}

static const char *value_of(const pr__comparison *c, int r, const char *key)
{
    return pr_config_value(c->runs[r].run->config, key);
}

/* Whether R is the first run that has KEY, and another has another value. */
static bool differs(const pr__comparison *c, int r, const char *key)
{
    bool is_new = true;
    bool is_equal = true;
    const char *const mine = value_of(c, r, key);
    for (int other = 0; other < c->n_runs; other++) {
        const char *const value = value_of(c, other, key);
        is_new = is_new && (other >= r || value == NULL);
        is_equal = is_equal && (value == NULL || mine == NULL || strcmp(value, mine) == 0);
    }
    return is_new && !is_equal;
}

static void add_key(pr_page *page, const pr__comparison *c, const char *key)
{
    pr_page_put(page, "<tr><td><code>");
    pr_page_html(page, key);
    pr_page_put(page, "</code></td>");
    for (int r = 0; r < c->n_runs; r++) {
        const char *const value = value_of(c, r, key);
        pr_page_put(page, "<td>");
        if (value == NULL) {
            pr_page_put(page, "<i>none</i>");
        }
        pr_page_html(page, value);
        pr_page_put(page, "</td>");
    }
    pr_page_put(page, "</tr>\n");
}

/* The keys of run R's config that differ, from the lines of its dump: "key: value". */
static pr_status add_keys(pr_page *page, const pr__comparison *c, int r)
{
    pr_text dump = {0};
    PR_TRY(pr_config_dump(c->runs[r].run->config, &dump));
    const char *line = pr_text_chars(&dump);
    while (*line != '\0') {
        const size_t n_line = strcspn(line, "\n");
        const size_t n_key = strcspn(line, ":\n");
        char key[KEY_BYTES];
        if (n_key < n_line && n_key < sizeof(key)) {
            memcpy(key, line, n_key);
            key[n_key] = '\0';
            if (differs(c, r, key)) {
                add_key(page, c, key);
            }
        }
        line += n_line + (line[n_line] == '\n' ? 1 : 0);
    }
    pr_text_free(&dump);
    return PR_OK;
}

pr_status pr__compare_configs(pr_page *page, const pr__comparison *c)
{
    pr_page_put(page, "<h2>Configuration</h2>\n<p>Keys whose values differ between runs that "
                      "have them.</p>\n");
    add_head(page, c, "key");
    for (int r = 0; r < c->n_runs; r++) {
        PR_TRY(add_keys(page, c, r));
    }
    pr_page_put(page, "</tbody></table></div>\n");
    return PR_OK;
}
