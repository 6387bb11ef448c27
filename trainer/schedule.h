/**
 * Learning rate schedules: a pure function of (step, horizon), and the plateau, which is a small
 * state machine over validation results. With this project's cosine, since bits depend on it.
 */
#ifndef PR_TRAINER_SCHEDULE_H
#define PR_TRAINER_SCHEDULE_H

#include "engine/base/config.h"

typedef enum pr_schedule_kind {
    PR_SCHEDULE_CONSTANT,
    PR_SCHEDULE_COSINE,  /* from 1 to the floor by half a cosine */
    PR_SCHEDULE_LINEAR,  /* from 1 to the floor in a straight line */
    PR_SCHEDULE_STEP,    /* times gamma at each milestone */
    PR_SCHEDULE_PLATEAU, /* constant here; times the plateau's factor */
} pr_schedule_kind;

/** What the plateau watches. */
typedef enum pr_schedule_watch {
    PR_WATCH_METRIC, /* eval.metric */
    PR_WATCH_LOSS,   /* the loss on fixed batches of data.val (trainer/val_loss.h) */
    PR_WATCH_LOCAL,  /* of that the local terms alone */
} pr_schedule_watch;

/** The rows schedule.* (PR_SCHEDULE_ROWS). */
typedef struct pr_schedule_options {
    int kind;             /* pr_schedule_kind */
    double floor;         /* cosine, linear: what is left at the horizon, of the base rate */
    int64_t warmup_steps; /* the rate climbs in equal steps; step s has (s + 1) / warmup_steps */
    pr_config_reals milestones; /* step: fractions of the horizon, ascending */
    double gamma;               /* step, plateau: the factor at each */
    int64_t patience;           /* plateau: results without improvement that are borne */
    int64_t cooldown;           /* plateau: results after a reduction that are not counted */
    double threshold;           /* plateau: an improvement is more than this part of the best */
    int watch;                  /* plateau: pr_schedule_watch */
} pr_schedule_options;

extern const char *const pr_schedule_words[];
extern const char *const pr_schedule_watch_words[];

/* clang-format off */
// NOLINTBEGIN(bugprone-macro-parentheses): a type and a member have no parentheses
/** The rows of a pr_schedule_options that is MEMBER of the struct TYPE. */
#define PR_SCHEDULE_ROWS(type, member)                                                             \
    {"schedule.name", PR_CONFIG_CHOICE, "cosine", 0, 0, pr_schedule_words,                         \
     offsetof(type, member.kind), PR_CONFIG_IDENTITY,                                              \
     "how the rate changes over a stage's steps, its horizon"},                                    \
    {"schedule.floor", PR_CONFIG_REAL, "0", 0.0, 1.0, NULL, offsetof(type, member.floor),          \
     PR_CONFIG_IDENTITY, "cosine, linear: the last rate, as a part of optim.lr"},                  \
    {"schedule.warmup_steps", PR_CONFIG_INT, "0", 0, 1e12, NULL,                                   \
     offsetof(type, member.warmup_steps), PR_CONFIG_IDENTITY,                                      \
     "steps in which the rate climbs to its start"},                                               \
    {"schedule.milestones", PR_CONFIG_REALS, "0.5, 0.75", 1e-9, 0.999999999, NULL,                 \
     offsetof(type, member.milestones), PR_CONFIG_IDENTITY,                                        \
     "step: where the rate falls, as parts of the horizon"},                                       \
    {"schedule.gamma", PR_CONFIG_REAL, "0.1", 1e-9, 1.0, NULL, offsetof(type, member.gamma),       \
     PR_CONFIG_IDENTITY, "step, plateau: factor on the rate at each fall"},                        \
    {"schedule.patience", PR_CONFIG_INT, "10", 0, 1e9, NULL, offsetof(type, member.patience),      \
     PR_CONFIG_IDENTITY, "plateau: validations without improvement before a fall"},                \
    {"schedule.cooldown", PR_CONFIG_INT, "0", 0, 1e9, NULL, offsetof(type, member.cooldown),       \
     PR_CONFIG_IDENTITY, "plateau: validations after a fall that do not count"},                   \
    {"schedule.threshold", PR_CONFIG_REAL, "1e-4", 0.0, 1.0, NULL,                                 \
     offsetof(type, member.threshold), PR_CONFIG_IDENTITY,                                         \
     "plateau: least improvement, as a part of the best value"},                                   \
    {"schedule.watch", PR_CONFIG_CHOICE, "metric", 0, 0, pr_schedule_watch_words,                  \
     offsetof(type, member.watch), PR_CONFIG_IDENTITY,                                             \
     "plateau: eval.metric, or on fixed balanced batches of data.val the whole loss, or its "      \
     "terms of single images alone (MC-LCR: cross-entropy)"}
// NOLINTEND(bugprone-macro-parentheses)
/* clang-format on */

/**
 * The factor on the base rate at STEP (from 0) of HORIZON steps, both of one stage. At and after the
 * horizon it stays at its last value. Warm-up steps count as part of the horizon: what follows them
 * runs over the rest.
 *
 * Errors: PR_ERR_INVALID for a negative step, a horizon below 1, a warm-up that is not shorter than
 * the horizon, milestones that do not ascend.
 */
pr_status pr_schedule_factor(const pr_schedule_options *options, int64_t step, int64_t horizon,
                             double *factor);

/**
 * The plateau's memory: plain numbers, to be kept in a checkpoint as they are. {0} with factor 1 is
 * its start (pr_plateau_start). PyTorch's ReduceLROnPlateau, threshold relative, but for a best value
 * below 0 (a loss over negatives alone): PyTorch then takes a slightly worse one for better.
 */
typedef struct pr_plateau {
    double factor; /* of the rate, now */
    double best;
    int64_t n_seen, n_bad, n_cooling;
} pr_plateau;

pr_plateau pr_plateau_start(void);

/** Takes in one validation result; *FELL tells whether the rate fell. RESULT must be finite. */
pr_status pr_plateau_update(pr_plateau *plateau, const pr_schedule_options *options, double result,
                            bool more_is_better, bool *fell);

#endif
