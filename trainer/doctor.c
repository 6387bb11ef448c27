#include "trainer/doctor_private.h"

#include "trainer/canned.h"

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

static pr_status visit(pr__visit *v, pr_trainer *trainer)
{
    PR_TRY(pr__doctor_machine(v));
    PR_TRY(check_arithmetic(v, trainer));
    PR_TRY(pr__doctor_folder(v));
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
