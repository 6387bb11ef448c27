/**
 * SGD, Adam and AdamW over the store's flat arena, and the exponential moving average of one set of
 * parameters by another.
 *
 * Work is cut into chunks of at most 4096 elements of one tensor. Chunks are independent of each
 * other, so a team of any size runs them and no bit changes; sums of squares are doubles and are
 * added in the tree of engine/base/tree.h over the chunks. A step is:
 *
 *     for (i < pr_optimizer_n_chunks)  pr_optimizer_norm_chunk(optimizer, grad, i);   -- any threads
 *     pr_optimizer_begin(optimizer, rate, &grad_norm);
 *     for (i < pr_optimizer_n_chunks)  pr_optimizer_step_chunk(optimizer, grad, i);   -- any threads
 *
 * Formulas are PyTorch's (torch.optim), whose results in double this agrees with to 1e-12
 * (tests/trainer/optim_parity.py). Nothing is allocated after creation.
 */
#ifndef PR_TRAINER_OPTIMIZER_H
#define PR_TRAINER_OPTIMIZER_H

#include "engine/base/config.h"
#include "engine/base/team.h"
#include "engine/core/store.h"

typedef enum pr_optim_kind { PR_OPTIM_SGD, PR_OPTIM_ADAM, PR_OPTIM_ADAMW } pr_optim_kind;

/** The rows optim.* (PR_OPTIM_ROWS). Lists are borrowed during creation only. */
typedef struct pr_optim_options {
    int kind;        /* pr_optim_kind */
    double lr;       /* what schedules start from; the optimizer itself is given each step's rate */
    double momentum; /* SGD; dampening is 0 */
    bool nesterov;   /* SGD */
    double beta1;    /* Adam, AdamW */
    double beta2;
    double eps;
    double weight_decay;    /* SGD and Adam: added to the gradient; AdamW: decoupled */
    bool decay_norm_bias;   /* false: tensors of one dimension (biases, batch norm) do not decay */
    double clip_norm;       /* a longer gradient is scaled to this norm; 0: never */
    pr_config_words frozen; /* name prefixes that never step */
    pr_config_words group;  /* name prefixes; a parameter is of the longest that it has */
    pr_config_reals group_rate;  /* [group.n]: times the rate of the step */
    pr_config_reals group_decay; /* [group.n], or empty: weight_decay for all */
} pr_optim_options;

extern const char *const pr_optim_words[]; /* "sgd", "adam", "adamw" */

/* clang-format off */
// NOLINTBEGIN(bugprone-macro-parentheses): a type and a member have no parentheses
/** The rows of a pr_optim_options that is MEMBER of the struct TYPE. */
#define PR_OPTIM_ROWS(type, member)                                                                \
    {"optim.name", PR_CONFIG_CHOICE, "sgd", 0, 0, pr_optim_words, offsetof(type, member.kind),     \
     PR_CONFIG_IDENTITY, "sgd, adam (weight decay in the gradient) or adamw (decoupled)"},         \
    {"optim.lr", PR_CONFIG_REAL, "0.01", 0.0, 1e6, NULL, offsetof(type, member.lr),                \
     PR_CONFIG_IDENTITY, "learning rate that the schedule scales, per step"},                      \
    {"optim.momentum", PR_CONFIG_REAL, "0.9", 0.0, 0.999999, NULL, offsetof(type, member.momentum),\
     PR_CONFIG_IDENTITY, "momentum of sgd"},                                                       \
    {"optim.nesterov", PR_CONFIG_BOOL, "false", 0, 0, NULL, offsetof(type, member.nesterov),       \
     PR_CONFIG_IDENTITY, "Nesterov's form of sgd's momentum"},                                     \
    {"optim.beta1", PR_CONFIG_REAL, "0.9", 0.0, 0.999999, NULL, offsetof(type, member.beta1),      \
     PR_CONFIG_IDENTITY, "Adam's decay of the mean of gradients, per step"},                       \
    {"optim.beta2", PR_CONFIG_REAL, "0.999", 0.0, 0.99999999, NULL, offsetof(type, member.beta2),  \
     PR_CONFIG_IDENTITY, "Adam's decay of the mean of squared gradients, per step"},               \
    {"optim.eps", PR_CONFIG_REAL, "1e-8", 1e-30, 1.0, NULL, offsetof(type, member.eps),            \
     PR_CONFIG_IDENTITY, "added to the root in Adam's divisor"},                                   \
    {"optim.weight_decay", PR_CONFIG_REAL, "1e-4", 0.0, 1e6, NULL,                                 \
     offsetof(type, member.weight_decay), PR_CONFIG_IDENTITY, "weight decay"},                     \
    {"optim.decay_norm_bias", PR_CONFIG_BOOL, "true", 0, 0, NULL,                                  \
     offsetof(type, member.decay_norm_bias), PR_CONFIG_IDENTITY,                                   \
     "whether biases and batch norm's tensors decay too, as in PyTorch"},                          \
    {"optim.clip_norm", PR_CONFIG_REAL, "0", 0.0, 1e30, NULL, offsetof(type, member.clip_norm),    \
     PR_CONFIG_IDENTITY, "largest norm of the gradient, which is scaled to it; 0: no limit"},      \
    {"optim.frozen", PR_CONFIG_WORDS, "", 0, 0, NULL, offsetof(type, member.frozen),               \
     PR_CONFIG_IDENTITY, "name prefixes of parameters that never step"},                           \
    {"optim.group", PR_CONFIG_WORDS, "", 0, 0, NULL, offsetof(type, member.group),                 \
     PR_CONFIG_IDENTITY, "name prefixes of parameters with a rate or decay of their own"},         \
    {"optim.group_rate", PR_CONFIG_REALS, "", 0.0, 1e6, NULL, offsetof(type, member.group_rate),   \
     PR_CONFIG_IDENTITY, "for each optim.group: factor on the learning rate"},                     \
    {"optim.group_decay", PR_CONFIG_REALS, "", 0.0, 1e6, NULL, offsetof(type, member.group_decay), \
     PR_CONFIG_IDENTITY, "for each optim.group: weight decay; empty: optim.weight_decay for all"}
// NOLINTEND(bugprone-macro-parentheses)
/* clang-format on */

/** The defaults of the rows: SGD, momentum 0.9, weight decay 1e-4 on everything, no clipping. */
pr_optim_options pr_optim_options_default(void);

typedef struct pr_optimizer pr_optimizer;

/**
 * Steps the parameters whose names begin with one of TRAINS (NULL: all) and are not frozen. STORE is
 * borrowed, must be allocated, and must outlive the optimizer. A group "" is added for the
 * parameters that no group names.
 *
 * Errors: PR_ERR_INVALID for an option out of range, lists of unequal length, two groups of one
 * prefix, a prefix that no parameter has; PR_ERR_NOMEM.
 */
pr_status pr_optimizer_create(pr_store *store, const pr_optim_options *options,
                              const char *const *trains, int n_trains, pr_optimizer **out);
void pr_optimizer_destroy(pr_optimizer **optimizer);

/** What one phase of a cycle steps: name prefixes, borrowed during creation. */
typedef struct pr_optim_phase {
    const char *const *trains;
    int n_trains;
} pr_optim_phase;

enum { PR_OPTIM_MAX_PHASES = 32 };

/**
 * The same for a cycle of phases that step different parameters. Parameters of one option group that
 * step in the same phases are a group of their own, with moments and a step count that rest while
 * another phase runs. At first phase 0's are active.
 */
pr_status pr_optimizer_create_phases(pr_store *store, const pr_optim_options *options,
                                     const pr_optim_phase *phases, int n_phases,
                                     pr_optimizer **out);

/** From now on the groups of PHASE take part in the steps, and no others. */
void pr_optimizer_set_phase(pr_optimizer *optimizer, int phase);

/**
 * The groups: those of the options in their order, then "" if anything is left for it; where phases
 * differ, each of these once for every set of phases that it steps in, "PREFIX@" and the set in hex.
 */
int pr_optimizer_n_groups(const pr_optimizer *optimizer);
const char *pr_optimizer_group_prefix(const pr_optimizer *optimizer, int group);

/**
 * Whether GROUP takes part in the steps from now on (all do at first). One that does not keeps its
 * moments and its own step count, and is no part of the norm.
 */
void pr_optimizer_set_active(pr_optimizer *optimizer, int group, bool active);

int64_t pr_optimizer_n_chunks(const pr_optimizer *optimizer);

/** GRAD is an arena of the store's layout and type. Any thread; chunks may run at once. */
void pr_optimizer_norm_chunk(pr_optimizer *optimizer, const void *grad, int64_t chunk);

/**
 * After all norm chunks: the norm, the clipping factor, the step counts. RATE is the learning rate
 * of this step. *GRAD_NORM is the norm before clipping.
 *
 * Errors: PR_ERR_NUMERIC where the norm is not finite, naming the first tensor with such a gradient;
 * nothing was changed then. PR_ERR_INVALID for a rate that is negative or not finite.
 */
pr_status pr_optimizer_begin(pr_optimizer *optimizer, double rate, double *grad_norm);

/** Updates the parameters and moments of one chunk. Any thread; chunks may run at once. */
void pr_optimizer_step_chunk(pr_optimizer *optimizer, const void *grad, int64_t chunk);

/** The three pieces in order, on TEAM, or on the calling thread where TEAM is NULL. */
pr_status pr_optimizer_step(pr_optimizer *optimizer, pr_team *team, const void *grad, double rate,
                            double *grad_norm);

/** What a checkpoint saves: "momentum/<tensor>", "m/…", "v/…" of the tensor's desc, and
 * "steps/<prefix>" (i64 [1]) of each group, "steps/others" for the one without a prefix. */
typedef struct pr_optimizer_state {
    const char *name; /* owned by the optimizer */
    void *data;       /* to be read or overwritten between steps */
    pr_desc desc;
} pr_optimizer_state;

int pr_optimizer_n_states(const pr_optimizer *optimizer);
const pr_optimizer_state *pr_optimizer_state_at(const pr_optimizer *optimizer, int i);

/* ---- the moving average of parameters (key encoders) ---- */

typedef struct pr_ema pr_ema;

/**
 * The parameters "KEY_PREFIX" + rest follow "ONLINE_PREFIX" + rest: key = m key + (1 - m) online.
 * Running statistics are no part of it (He et al. 2020: the key encoder makes its own).
 *
 * Errors: PR_ERR_INVALID where one side has a parameter that the other has not, or there is none;
 * PR_ERR_SHAPE; PR_ERR_NOMEM.
 */
pr_status pr_ema_create(pr_store *store, const char *online_prefix, const char *key_prefix,
                        pr_ema **out);
void pr_ema_destroy(pr_ema **ema);
int64_t pr_ema_n_chunks(const pr_ema *ema);
/** M in [0, 1]; 0 copies. Any thread; chunks may run at once. */
void pr_ema_chunk(pr_ema *ema, double m, int64_t chunk);
/** All chunks, on TEAM, or on the calling thread where TEAM is NULL. */
pr_status pr_ema_step(pr_ema *ema, pr_team *team, double m);

#endif
