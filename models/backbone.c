#include "models/backbone.h"

#include "engine/base/names.h"
#include "models/efficientnet.h"
#include "models/mesonet.h"
#include "models/xception.h"

#include <string.h>

typedef struct backbone {
    const char *name;
    pr_backbone_fn build;
} backbone;

static const backbone built_in[] = {
#define PR_BACKBONE(name) {#name, pr_##name##_build},
#include "models/model_list.h"
#undef PR_BACKBONE
};

enum { N_BUILT_IN = sizeof(built_in) / sizeof(*built_in), MOST_REGISTERED = 16 };

/* Filled before any graph is built, by one thread. */
static backbone registered[MOST_REGISTERED];
static int n_registered;

static const backbone *at(int i)
{
    return i < N_BUILT_IN ? &built_in[i] : &registered[i - N_BUILT_IN];
}

const char *pr_backbone_name(int i)
{
    return i >= 0 && i < N_BUILT_IN + n_registered ? at(i)->name : NULL;
}

static const backbone *find(const char *name)
{
    for (int i = 0; i < N_BUILT_IN + n_registered; i++) {
        if (strcmp(at(i)->name, name) == 0) {
            return at(i);
        }
    }
    return NULL;
}

pr_status pr_backbone_register(const char *name, pr_backbone_fn build)
{
    PR_REQUIRE(name != NULL && build != NULL && pr_name_is_plain(name), PR_ERR_INVALID,
               "a backbone '%s' is registered: it needs a name of a-z, 0-9 and _, and a function",
               name == NULL ? "" : name);
    PR_REQUIRE(find(name) == NULL, PR_ERR_INVALID, "a backbone '%s' is registered: there is one",
               name);
    PR_REQUIRE(n_registered < MOST_REGISTERED, PR_ERR_INVALID,
               "backbone '%s' is number %d to be registered, at most %d", name, n_registered + 1,
               MOST_REGISTERED);
    registered[n_registered++] = (backbone){name, build};
    return PR_OK;
}

static pr_status unknown(const char *name)
{
    const char *names[N_BUILT_IN + MOST_REGISTERED + 1] = {NULL};
    pr_text known = {0};
    const int n = N_BUILT_IN + n_registered;
    for (int i = 0; i < n; i++) {
        names[i] = at(i)->name;
    }
    pr_status status = pr_names_unknown(&known, name, names, n);
    if (status == PR_OK) {
        status =
            PR_FAIL(PR_ERR_INVALID, "model.name: no backbone is called %s", pr_text_chars(&known));
    }
    pr_text_free(&known);
    return status;
}

pr_status pr_backbone_build(pr_graph *graph, const char *name, const pr_backbone_options *options,
                            const char *prefix, pr_value image, pr_backbone_out *out)
{
    const backbone *const found = find(name);
    return found == NULL ? unknown(name) : found->build(graph, options, prefix, image, out);
}
