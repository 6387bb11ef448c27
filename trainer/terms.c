#include "trainer/terms.h"

#include "engine/base/tree.h"
#include "trainer/meet.h"

void pr_terms_find(const pr_phase *phase, const pr_term **terms, int *n)
{
    static const pr_term plain = {.name = "loss"};
    *terms = phase->n_terms > 0 ? phase->terms : &plain;
    *n = phase->n_terms > 0 ? phase->n_terms : (phase->has_local ? 1 : 0);
}

bool pr_terms_count_rows(const pr_phase_run *run)
{
    for (int i = 0; i < run->n_terms; i++) {
        if (run->terms[i].divisor == PR_DIVISOR_VALID) {
            return true;
        }
    }
    return false;
}

static double weight_of(const pr_trainer *t, const pr_term *term)
{
    return term->weight == NULL ? 1.0 : term->weight(t->options, t->position.stage_epoch);
}

double pr_terms_gathered_weight(const pr_trainer *t, const pr_phase_run *run)
{
    return run->phase->gathered_weight == NULL
               ? 1.0
               : run->phase->gathered_weight(t->options, t->position.stage_epoch);
}

void pr_terms_keep(pr_trainer *t, const pr_phase_run *run, int64_t first, int64_t n)
{
    for (int term = 0; term < run->n_terms; term++) {
        for (int64_t i = 0; i < n; i++) {
            const pr_lane *const lane = &run->lanes[i];
            const int64_t first_row = (first + i) * run->n_rows_micro;
            const int32_t *const valid = lane->term_valid[term].data;
            for (int64_t row = 0; row < run->n_rows_micro; row++) {
                const bool counts = valid == NULL || valid[row] != 0;
                t->term_rows[term][first_row + row] =
                    counts ? pr_tensor_get(&lane->term[term], row) : 0.0;
                t->term_valid[term][first_row + row] = counts;
            }
        }
    }
}

pr_status pr_terms_divide(pr_trainer *t, const pr_phase_run *run)
{
    for (int term = 0; term < run->n_terms; term++) {
        t->term_n[term] = run->n_rows;
        if (run->terms[term].divisor == PR_DIVISOR_ALL) {
            continue;
        }
        PR_TRY(pr_gather_rows(t, run, "rows that count", t->term_valid[term], sizeof(int64_t)));
        t->term_n[term] = 0;
        for (int64_t row = 0; row < run->n_rows; row++) {
            t->term_n[term] += t->term_valid[term][row];
        }
    }
    return PR_OK;
}

void pr_terms_seed(const pr_trainer *t, const pr_phase_run *run, int64_t first, int64_t n)
{
    for (int term = 0; term < run->n_terms; term++) {
        const double weight = weight_of(t, &run->terms[term]);
        for (int64_t i = 0; i < n; i++) {
            const int64_t first_row = (first + i) * run->n_rows_micro;
            for (int64_t row = 0; row < run->n_rows_micro; row++) {
                const bool counts = t->term_valid[term][first_row + row] != 0;
                pr_tensor_set(&run->lanes[i].term_seed[term], row,
                              counts ? weight / (double)t->term_n[term] : 0.0);
            }
        }
    }
}

void pr_terms_add(pr_trainer *t, const pr_phase_run *run)
{
    for (int term = 0; term < run->n_terms; term++) {
        const double weight = weight_of(t, &run->terms[term]);
        for (int64_t row = run->first_row; row < run->last_row; row++) {
            if (t->term_valid[term][row] != 0) {
                t->row_loss[row] += weight * (t->term_rows[term][row] / (double)t->term_n[term]);
            }
        }
    }
}

/* The sum of ROWS over the global batch, of which this rank has its own. */
static pr_status sum_rows(pr_trainer *t, const pr_phase_run *run, double *rows, double *sum)
{
    PR_TRY(pr_gather_rows(t, run, "rows of a term", rows, sizeof(double)));
    *sum = pr_tree_sum(rows, run->n_rows);
    return PR_OK;
}

pr_status pr_terms_report(pr_trainer *t, const pr_phase_run *run, pr_step_report *report)
{
    const bool is_named = run->phase->n_terms > 0 || run->phase->gathered_name != NULL;
    for (int i = 0; is_named && i < run->n_terms; i++) {
        pr_term_value *const value = &report->terms[report->n_terms++];
        double sum = 0.0;
        PR_TRY(sum_rows(t, run, t->term_rows[i], &sum));
        *value = (pr_term_value){.name = run->terms[i].name,
                                 .value = t->term_n[i] > 0 ? sum / (double)t->term_n[i] : 0.0,
                                 .weight = weight_of(t, &run->terms[i]),
                                 .n = t->term_n[i]};
    }
    if (run->phase->gathered_name != NULL) {
        pr_term_value *const value = &report->terms[report->n_terms++];
        double sum = 0.0;
        PR_TRY(sum_rows(t, run, t->term_rows[PR_MAX_TERMS], &sum));
        *value = (pr_term_value){.name = run->phase->gathered_name,
                                 .value = sum,
                                 .weight = pr_terms_gathered_weight(t, run),
                                 .n = run->n_rows};
    }
    return PR_OK;
}
