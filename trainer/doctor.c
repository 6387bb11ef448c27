#include "trainer/doctor_private.h"

#include "engine/comm/same.h"
#include "trainer/canned.h"
#include "trainer/data.h"

#include <inttypes.h>

/* The same micro-batch on every rank: every training run begins with it. */
static pr_status check_arithmetic(pr__visit *v, pr_trainer *trainer)
{
    uint64_t hash = 0;
    PR_TRY(pr_text_add(v->text, "arithmetic\n"));
    if (pr_canned_check(trainer, &hash) != PR_OK) {
        v->n_bad++;
        const pr_status added = pr_text_add(v->text, "  !! %s\n", pr_error_message());
        pr_error_clear();
        return added;
    }
    return pr_text_add(v->text, "  all %d ranks compute the canned micro-batch to %016" PRIx64 "\n",
                       pr_comm_n_ranks(v->request->comm), hash);
}

/* One list of selections, as every rank reads it. */
static pr_status add_data(pr__visit *v, const char *key, const pr_selection_options *selections,
                          int64_t n)
{
    pr_comm *const comm = v->request->comm;
    pr_samples *samples = NULL;
    PR_TRY(pr_comm_agree(
        comm, "data", pr_data_open(v->request->options, key, selections, n, NULL, NULL, &samples)));
    const uint64_t hash = pr_data_hash(samples);
    const int64_t n_samples = pr_samples_n(samples);
    pr_samples_close(&samples);
    PR_TRY(pr_comm_same(comm, "data set", hash));
    return pr_text_add(v->text, "  all %d ranks see %s: %" PRId64 " crops, hash %016" PRIx64 "\n",
                       pr_comm_n_ranks(comm), key, n_samples, hash);
}

static pr_status check_data(pr__visit *v)
{
    const pr_data_options *const data = &v->request->options->data;
    PR_TRY(pr_text_add(v->text, "data\n"));
    PR_TRY(add_data(v, "data.train", data->train.at, data->train.n));
    return data->val.n == 0 ? PR_OK : add_data(v, "data.val", data->val.at, data->val.n);
}

static pr_status visit(pr__visit *v, pr_trainer *trainer)
{
    PR_TRY(pr__doctor_machine(v));
    PR_TRY(pr_text_add(v->text, "  all %d ranks run the build %016" PRIx64 "\n",
                       pr_comm_n_ranks(v->request->comm), v->request->build_hash));
    PR_TRY(check_arithmetic(v, trainer));
    PR_TRY(pr__doctor_folder(v));
    PR_TRY(v->request->looks_at_data ? check_data(v) : PR_OK);
    return v->request->times_collectives ? pr__doctor_collectives(v) : PR_OK;
}

pr_status pr_doctor(const pr_doctor_request *request, pr_text *text, int *n_bad)
{
    pr__visit v = {.request = request, .text = text};
    pr_trainer *trainer = NULL;
    /* First, since making it chooses the instructions that the rest tells of. */
    PR_TRY(pr_comm_agree(request->comm, "canned model",
                         pr_trainer_create(request->options, NULL, request->comm, &trainer)));
    const pr_status status = visit(&v, trainer);
    pr_trainer_destroy(&trainer);
    PR_TRY(status);
    *n_bad = v.n_bad;
    return PR_OK;
}
