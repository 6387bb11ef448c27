/* Shared by the files of MC-LCR only. */
#ifndef PR_MODELS_MC_LCR_PRIVATE_H
#define PR_MODELS_MC_LCR_PRIVATE_H

#include "models/layers.h"
#include "models/mc_lcr.h"

/** Where dropout may stand. */
typedef enum pr__mc_lcr_site {
    PR__SITE_ATTENTION,
    PR__SITE_MIXER,
    PR__SITE_CLASSIFIER,
    PR__SITES
} pr__mc_lcr_site;

typedef struct pr__mc_lcr {
    const pr_mc_lcr_net *net;
    pr_builder builder;
    bool drops[PR__SITES];
    int n_dropouts; /* so far: each draws by its number */
} pr__mc_lcr;

/** *X dropped out where SITE is in use. */
pr_status pr__mc_lcr_dropout(pr__mc_lcr *m, pr__mc_lcr_site site, pr_value *x);

/** From IMAGE to OUT's amplitude and phase features. */
pr_status pr__mc_lcr_spectral(pr__mc_lcr *m, pr_value image, pr_mc_lcr_out *out);

#endif
