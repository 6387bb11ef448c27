/**
 * What this program is built of, for reports.
 */
#ifndef PR_ENGINE_BASE_VERSION_H
#define PR_ENGINE_BASE_VERSION_H

/** "pristine 0.1.0, compiled by gcc 12.2.0, optimised": version, compiler, kind of build. */
const char *pr_build_version(void);

/** "libyaml 0.2.5, xxHash 0.8.1": the libraries of engine/base. */
const char *pr_base_versions(void);

#endif
