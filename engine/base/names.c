#include "engine/base/names.h"

#include <string.h>

bool pr_name_is_plain(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    return name[0] != '\0' && name[strspn(name, allowed)] == '\0';
}

pr_status pr_names_unknown(pr_text *text, const char *word, const char *const *names, int64_t n)
{
    const char *const near = pr_text_nearest(word, names, n);
    PR_TRY(pr_text_add(text, "'%s'", word));
    if (near != NULL) {
        PR_TRY(pr_text_add(text, " (did you mean '%s'?)", near));
    }
    for (int64_t i = 0; i < n; i++) {
        const char *const before = i == 0 ? "; there are " : (i + 1 < n ? ", " : " and ");
        PR_TRY(pr_text_add(text, "%s%s", before, names[i]));
    }
    return PR_OK;
}
