#include "trainer/mark.h"

#include "engine/base/fs.h"
#include "engine/base/text.h"

#include <inttypes.h>
#include <stdlib.h>

static const char name[] = "checkpointed";

pr_status pr_mark_write(const char *run_dir, int64_t step)
{
    char path[PR_PATH_BYTES];
    pr_text text = {0};
    const char *const attempt = getenv("PR_ATTEMPT");
    PR_TRY(pr_fs_join(path, run_dir, name));
    pr_status status = pr_text_add(&text, "step %" PRId64 "\nattempt %s\n", step,
                                   attempt == NULL || attempt[0] == '\0' ? "none" : attempt);
    if (status == PR_OK) {
        status = pr_fs_write(path, pr_text_chars(&text), text.n_chars);
    }
    pr_text_free(&text);
    return status;
}

pr_status pr_mark_remove(const char *run_dir)
{
    char path[PR_PATH_BYTES];
    PR_TRY(pr_fs_join(path, run_dir, name));
    return pr_fs_remove(path);
}
