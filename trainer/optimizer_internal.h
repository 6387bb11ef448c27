/* Shared by the optimizer's files only. */
#ifndef PR_TRAINER_OPTIMIZER_INTERNAL_H
#define PR_TRAINER_OPTIMIZER_INTERNAL_H

#include "trainer/optimizer.h"

enum { PR__CHUNK = 4096 };

/** One chunk's update, whatever the type: pointers are to its first element. */
typedef struct pr__update {
    const pr_optim_options *options;
    void *param, *first, *second; /* first: momentum or m; second: v, or NULL */
    const void *grad;
    int64_t n;
    double rate, decay, clip;
    double correction1, correction2_root; /* 1 - beta1^t, sqrt(1 - beta2^t) */
} pr__update;

typedef struct pr__group {
    char *prefix;    /* owned; with the phases behind it where there are several such groups */
    int64_t option;  /* which of the options' groups; their number: none of them */
    uint32_t phases; /* bit p: it steps in phase p */
    double rate_factor, weight_decay;
    int64_t n_steps;
    bool active;
    double correction1, correction2_root; /* of the step begun */
} pr__group;

typedef struct pr__chunk {
    const pr_store_entry *entry;
    int64_t first, n; /* elements of the entry */
    int group;
} pr__chunk;

struct pr_optimizer {
    pr_store *store; /* borrowed */
    pr_dtype real;
    pr_optim_options options; /* its lists are not used after creation */
    pr__group *groups;        /* [n_groups] owned */
    int n_groups;
    pr__chunk *chunks; /* [n_chunks] owned */
    int64_t n_chunks;
    void *first, *second;       /* arenas of the store's layout; second: Adam only; owned */
    double *squares;            /* [n_chunks] of each chunk's gradient; owned */
    double *summed;             /* [n_chunks] scratch: those of active groups; owned */
    double rate, clip;          /* of the step begun */
    pr_optimizer_state *states; /* [n_states] owned, with their names */
    int n_states;
};

void pr__update_run(pr_dtype real, const pr__update *update);
double pr__sum_squares(pr_dtype real, const void *x, int64_t n);
void pr__ema_run(pr_dtype real, void *key, const void *online, double m, int64_t n);

#endif
