#include "report/compare.h"

#include "engine/base/alloc.h"
#include "engine/base/fs.h"
#include "report/compare_parts.h"

#include <stdio.h>
#include <string.h>

static pr_status read_run(const pr_shown_run *run, pr__compared *c)
{
    char log_path[PR_PATH_BYTES];
    c->run = run;
    PR_TRY(pr_fs_join(log_path, run->dir, "log.jsonl"));
    PR_TRY(pr__log_read(log_path, &c->log));
    PR_TRY(pr__eval_paths_find(run->dir, &c->paths));
    for (int i = 0; i < c->paths.n; i++) {
        PR_TRY(pr__eval_read(c->paths.at[i], &c->evals[i]));
    }
    return PR_OK;
}

/* Every set that some run was evaluated on, in the order of its first run. */
static pr_status list_sets(pr__comparison *c)
{
    for (int r = 0; r < c->n_runs; r++) {
        for (int i = 0; i < c->runs[r].paths.n; i++) {
            const char *const set = pr__json_word(c->runs[r].evals[i], "set");
            int s = 0;
            while (s < c->n_sets && strcmp(c->sets[s], set) != 0) {
                s++;
            }
            PR_REQUIRE(s < PR__MAX_EVALS, PR_ERR_INVALID, "report: more than %d evaluated sets",
                       PR__MAX_EVALS);
            if (s == c->n_sets) {
                c->sets[c->n_sets++] = set;
            }
        }
    }
    return PR_OK;
}

int pr__compared_find(const pr__compared *run, const char *set)
{
    int found = -1;
    for (int i = 0; i < run->paths.n && found < 0; i++) {
        found = strcmp(pr__json_word(run->evals[i], "set"), set) == 0 ? i : -1;
    }
    return found;
}

/* Numbers of one set that were made of different samples do not stand beside each other. */
static pr_status check_set(const pr__comparison *c, const char *set)
{
    const pr__compared *first = NULL;
    int first_eval = -1;
    for (int r = 0; r < c->n_runs; r++) {
        const pr__compared *const run = &c->runs[r];
        const int i = pr__compared_find(run, set);
        if (i >= 0 && first == NULL) {
            first = run;
            first_eval = i;
        } else if (i >= 0) {
            const char *const wanted = pr__json_word(first->evals[first_eval], "data_hash");
            const char *const hash = pr__json_word(run->evals[i], "data_hash");
            PR_REQUIRE(strcmp(wanted, hash) == 0, PR_ERR_INVALID,
                       "%s was made of data %s, %s of data %s: evaluate the runs on the same "
                       "samples",
                       first->paths.at[first_eval], wanted, run->paths.at[i], hash);
        }
    }
    return PR_OK;
}

static pr_status read_all(pr__comparison *c, pr_shown_run *const *runs)
{
    for (int r = 0; r < c->n_runs; r++) {
        PR_TRY(read_run(runs[r], &c->runs[r]));
    }
    PR_TRY(list_sets(c));
    for (int s = 0; s < c->n_sets; s++) {
        PR_TRY(check_set(c, c->sets[s]));
    }
    return PR_OK;
}

static void make_page(const pr__comparison *c, const char *figures, pr_page *page)
{
    pr__html_begin(page, "Runs beside each other");
    pr_page_put(page, "<h1>Runs beside each other</h1>\n<p>");
    for (int r = 0; r < c->n_runs; r++) {
        pr_page_put(page, r > 0 ? ", " : "");
        pr_page_html(page, c->runs[r].run->dir);
    }
    pr_page_put(page, "</p>\n");
    pr__compare_metrics(page, c);
    pr__compare_curves(page, c);
    pr_page_put_bytes(page, figures, strlen(figures));
    pr__compare_facts(page, c);
    pr_page_take(page, pr__compare_configs(page, c));
    pr_page_put(page, "</main>\n</body>\n</html>\n");
}

static pr_status write_page(pr__comparison *c, pr_shown_run *const *runs, const char *figures,
                            const char *path)
{
    pr_text text = {0};
    pr_page page = {&text, read_all(c, runs)};
    if (page.status == PR_OK) {
        make_page(c, figures, &page);
    }
    if (page.status == PR_OK) {
        page.status = pr_fs_write(path, pr_text_chars(&text), text.n_chars);
    }
    pr_text_free(&text);
    return page.status;
}

pr_status pr__compare_write(pr_shown_run *const *runs, int n_runs, const char *figures,
                            const char *path)
{
    pr__comparison *const c = pr_calloc(1, sizeof(*c));
    PR_REQUIRE(c != NULL, PR_ERR_NOMEM, "no memory for a report of %d runs", n_runs);
    c->n_runs = n_runs;
    const pr_status status = write_page(c, runs, figures, path);
    for (int r = 0; r < n_runs; r++) {
        for (int i = 0; i < c->runs[r].paths.n; i++) {
            json_decref(c->runs[r].evals[i]);
        }
        pr__eval_paths_free(&c->runs[r].paths);
        pr__log_destroy(&c->runs[r].log);
    }
    pr_free(c);
    return status;
}
