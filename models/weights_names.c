#include "models/weights_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 192, MOST_STAGES = 16 };

static const char *const wrappers[] = {
    "module.",   "model.",        "net.",      "encoder.",
    "backbone.", "efficientnet.", "xception.", "feature_extractor."};
static const char *const heads[] = {"fc.",  "last_linear.", "classifier.", "head.",
                                    "fc2.", "last_layer.",  "_fc."};

/* How lukemelas's EfficientNet, which DeepfakeBench takes, calls what timm calls otherwise. */
typedef struct other_name {
    const char *theirs, *timms;
} other_name;

static const other_name outside_names[] = {
    {"_conv_stem.", "conv_stem."},
    {"_bn0.", "bn1."},
    {"_conv_head.", "conv_head."},
    {"_bn1.", "bn2."},
};
static const other_name expanding_names[] = {
    {"_expand_conv.", "conv_pw."},      {"_bn0.", "bn1."},
    {"_depthwise_conv.", "conv_dw."},   {"_bn1.", "bn2."},
    {"_se_reduce.", "se.conv_reduce."}, {"_se_expand.", "se.conv_expand."},
    {"_project_conv.", "conv_pwl."},    {"_bn2.", "bn3."},
};
static const other_name plain_names[] = {
    {"_depthwise_conv.", "conv_dw."},   {"_bn1.", "bn1."},
    {"_se_reduce.", "se.conv_reduce."}, {"_se_expand.", "se.conv_expand."},
    {"_project_conv.", "conv_pw."},     {"_bn2.", "bn2."},
};

static bool begins_with(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool ends_with(const char *name, const char *end)
{
    const size_t n_name = strlen(name);
    const size_t n_end = strlen(end);
    return n_name >= n_end && strcmp(name + n_name - n_end, end) == 0;
}

const char *pr_weights_head_name(const char *model)
{
    if (begins_with(model, "efficientnet") || begins_with(model, "tf_efficientnet")) {
        return "classifier.";
    }
    return begins_with(model, "meso") ? "fc2." : "fc.";
}

static const char *without_wrappers(const char *name)
{
    for (bool stripped = true; stripped;) {
        stripped = false;
        for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
            if (begins_with(name, wrappers[i])) {
                name += strlen(wrappers[i]);
                stripped = true;
            }
        }
    }
    return name;
}

/* What follows the head's name in NAME, or NULL where it is none: "weight" of "last_linear.weight",
 * "1.weight" of "last_linear.1.weight". */
static const char *rest_of_head(const char *name)
{
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        if (begins_with(name, heads[i])) {
            return name + strlen(heads[i]);
        }
    }
    return NULL;
}

static int find_joined(const pr_store *store, const char *prefix, const char *rest)
{
    const size_t n_prefix = strlen(prefix);
    for (int i = 0; i < pr_store_n(store); i++) {
        const pr_store_entry *entry = pr_store_at(store, i);
        if ((entry->kind == PR_VALUE_PARAM || entry->kind == PR_VALUE_BUFFER) &&
            begins_with(entry->name, prefix) && strcmp(entry->name + n_prefix, rest) == 0) {
            return i;
        }
    }
    return -1;
}

static bool has_block_part(const pr_store *store, const char *prefix, int stage, int block,
                           const char *part)
{
    char name[NAME_BYTES];
    (void)snprintf(name, sizeof(name), "blocks.%d.%d.%s", stage, block, part);
    return find_joined(store, prefix, name) >= 0;
}

/* Which block of which stage is block NUMBER of the whole network; false where it has fewer. */
static bool find_block(const pr_store *store, const char *prefix, long number, int *stage,
                       int *block)
{
    for (*stage = 0; *stage < MOST_STAGES; ++*stage) {
        for (*block = 0; has_block_part(store, prefix, *stage, *block, "conv_dw.weight");
             ++*block) {
            if (number-- == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool translate(const other_name *names, size_t n, const char *name, const char *before,
                      char out[static NAME_BYTES])
{
    for (size_t i = 0; i < n; i++) {
        if (begins_with(name, names[i].theirs)) {
            const int length = snprintf(out, NAME_BYTES, "%s%s%s", before, names[i].timms,
                                        name + strlen(names[i].theirs));
            return length > 0 && length < NAME_BYTES;
        }
    }
    return false;
}

/* NAME of lukemelas's EfficientNet as timm has it; false where it is none. */
static bool timm_name(const pr_store *store, const char *prefix, const char *name,
                      char out[static NAME_BYTES])
{
    static const char blocks[] = "_blocks.";
    char before[NAME_BYTES / 4];
    char *end = NULL;
    int stage = 0;
    int block = 0;
    if (!begins_with(name, blocks)) {
        return translate(outside_names, sizeof(outside_names) / sizeof(*outside_names), name, "",
                         out);
    }
    const long number = strtol(name + strlen(blocks), &end, 10);
    if (*end != '.' || number < 0 || !find_block(store, prefix, number, &stage, &block)) {
        return false;
    }
    (void)snprintf(before, sizeof(before), "blocks.%d.%d.", stage, block);
    const bool expands = has_block_part(store, prefix, stage, block, "conv_pwl.weight");
    const size_t n = expands ? sizeof(expanding_names) / sizeof(*expanding_names)
                             : sizeof(plain_names) / sizeof(*plain_names);
    return translate(expands ? expanding_names : plain_names, n, end + 1, before, out);
}

static int resolve_foreign(const pr_store *store, const pr_weights_options *options, bool with_head,
                           const char *name, const char **skip)
{
    const char *rest = without_wrappers(name);
    char timms[NAME_BYTES];
    if (begins_with(rest, "adjust_channel.")) {
        *skip = "DeepfakeBench's adapter, not part of the backbone";
        return -1;
    }
    const char *head = rest_of_head(rest);
    if (head != NULL) {
        *skip = with_head ? "" : "a head for other classes";
        return with_head ? find_joined(store, "fc.", without_wrappers(head)) : -1;
    }
    const int found = find_joined(store, options->prefix, rest);
    if (found < 0 && timm_name(store, options->prefix, rest, timms)) {
        return find_joined(store, options->prefix, timms);
    }
    return found;
}

int pr__weights_resolve(const pr_store *store, const pr_weights_options *options, bool is_ours,
                        const char *name, const char **skip)
{
    *skip = "";
    if (ends_with(name, "num_batches_tracked")) {
        *skip = "batch norm counts nothing here";
        return -1;
    }
    if (!is_ours) {
        return resolve_foreign(store, options, options->with_head, name, skip);
    }
    const int exact = find_joined(store, "", name);
    const int found = exact >= 0 ? exact : find_joined(store, options->prefix, name);
    if (found >= 0) {
        return found;
    }
    const int head =
        rest_of_head(name) != NULL ? resolve_foreign(store, options, true, name, skip) : -1;
    if (head < 0 && !begins_with(name, options->prefix)) {
        *skip = "a head that this model has not";
    }
    return head;
}
