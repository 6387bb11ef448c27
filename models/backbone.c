#include "models/backbone.h"

#include "models/efficientnet.h"
#include "models/mesonet.h"
#include "models/xception.h"

#include <string.h>

typedef pr_status (*build_fn)(pr_graph *graph, const pr_backbone_options *options,
                              const char *prefix, pr_value image, pr_backbone_out *out);

static const struct {
    const char *name;
    build_fn build;
} backbones[] = {
#define PR_BACKBONE(name) {#name, pr_##name##_build},
#include "models/model_list.h"
#undef PR_BACKBONE
};

enum { N_BACKBONES = sizeof(backbones) / sizeof(*backbones) };

const char *pr_backbone_name(int i)
{
    return i >= 0 && i < N_BACKBONES ? backbones[i].name : NULL;
}

pr_status pr_backbone_build(pr_graph *graph, const char *name, const pr_backbone_options *options,
                            const char *prefix, pr_value image, pr_backbone_out *out)
{
    for (int i = 0; i < N_BACKBONES; i++) {
        if (strcmp(backbones[i].name, name) == 0) {
            return backbones[i].build(graph, options, prefix, image, out);
        }
    }
    return PR_FAIL(PR_ERR_INVALID, "no backbone is called '%s'; the first of %d is '%s'", name,
                   N_BACKBONES, backbones[0].name);
}
