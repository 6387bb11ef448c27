#include "engine/base/version.h"

#include <xxhash.h>
#include <yaml.h>

#include <stdio.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

#if defined(__OPTIMIZE__)
#define KIND "optimised"
#else
#define KIND "not optimised"
#endif

const char *pr_build_version(void)
{
    return "pristine " PR_VERSION ", compiled by " COMPILER ", " KIND;
}

const char *pr_base_versions(void)
{
    static char text[64]; /* written with the same bytes by whoever comes first */
    const unsigned xxh = XXH_versionNumber();
    (void)snprintf(text, sizeof(text), "libyaml %s, xxHash %u.%u.%u", yaml_get_version_string(),
                   xxh / 10000, xxh / 100 % 100, xxh % 100);
    return text;
}
