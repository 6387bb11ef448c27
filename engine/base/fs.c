#include "engine/base/fs.h"

#include "engine/base/alloc.h"
#include "engine/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pr_status read_from(int fd, const char *path, char **bytes, size_t *n_bytes)
{
    struct stat info;
    PR_REQUIRE(fstat(fd, &info) == 0, PR_ERR_IO, "%s: %s", path, strerror(errno));
    PR_REQUIRE(!S_ISDIR(info.st_mode), PR_ERR_IO, "%s: is a folder, wanted a file", path);
    /* Pipes and /proc say 0 bytes: the text grows as it comes. */
    pr_text text = {0};
    char *const piece = pr_calloc(1 << 16, 1);
    pr_status status = piece != NULL ? PR_OK : PR_FAIL(PR_ERR_NOMEM, "no memory to read %s", path);
    while (status == PR_OK) {
        const ssize_t n = read(fd, piece, 1 << 16);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            status = PR_FAIL(PR_ERR_IO, "%s: %s", path, strerror(errno));
        } else {
            status = pr_text_add_bytes(&text, piece, (size_t)n);
            if (n == 0) {
                break;
            }
        }
    }
    pr_free(piece);
    if (status != PR_OK) {
        pr_text_free(&text);
        return status;
    }
    *bytes = text.chars;
    if (n_bytes != NULL) {
        *n_bytes = text.n_chars;
    }
    return PR_OK;
}

pr_status pr_fs_read(const char *path, char **bytes, size_t *n_bytes)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    PR_REQUIRE(fd >= 0, PR_ERR_IO, "%s: %s", path, strerror(errno));
    const pr_status status = read_from(fd, path, bytes, n_bytes);
    (void)close(fd);
    return status;
}

pr_status pr_fs_mkdirs(const char *path)
{
    char part[PR_PATH_BYTES];
    const size_t n_chars = strlen(path);
    PR_REQUIRE(n_chars > 0 && n_chars < sizeof(part), PR_ERR_INVALID,
               "a path of %zu bytes, must be 1 to %d: '%s'", n_chars, PR_PATH_BYTES - 1, path);
    memcpy(part, path, n_chars + 1);
    for (size_t i = 1; i <= n_chars; i++) {
        if (part[i] != '/' && part[i] != '\0') {
            continue;
        }
        const char kept = part[i];
        part[i] = '\0';
        /* Another rank may make it at the same moment. */
        PR_REQUIRE(mkdir(part, 0777) == 0 || errno == EEXIST, PR_ERR_IO, "%s: %s", part,
                   strerror(errno));
        part[i] = kept;
    }
    PR_REQUIRE(pr_fs_is_folder(path), PR_ERR_IO, "%s: is a file, wanted a folder", path);
    return PR_OK;
}

pr_status pr_fs_join(char out[static PR_PATH_BYTES], const char *folder, const char *name)
{
    const size_t n_folder = strlen(folder);
    const bool is_whole = name[0] == '/' || n_folder == 0;
    const char *const slash = n_folder > 0 && folder[n_folder - 1] == '/' ? "" : "/";
    const int n = is_whole ? snprintf(out, PR_PATH_BYTES, "%s", name)
                           : snprintf(out, PR_PATH_BYTES, "%s%s%s", folder, slash, name);
    PR_REQUIRE(n >= 0 && n < PR_PATH_BYTES, PR_ERR_INVALID,
               "a path has %d bytes, may have %d: '%.80s...' in '%.80s'", n, PR_PATH_BYTES - 1,
               name, folder);
    return PR_OK;
}

void pr_fs_folder_of(char out[static PR_PATH_BYTES], const char *path)
{
    const char *const slash = strrchr(path, '/');
    if (slash == NULL) {
        (void)snprintf(out, PR_PATH_BYTES, ".");
    } else if (slash == path) {
        (void)snprintf(out, PR_PATH_BYTES, "/");
    } else {
        (void)snprintf(out, PR_PATH_BYTES, "%.*s", (int)(slash - path), path);
    }
}

bool pr_fs_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool pr_fs_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

pr_status pr_fs_remove(const char *path)
{
    PR_REQUIRE(unlink(path) == 0 || errno == ENOENT, PR_ERR_IO, "%s: %s", path, strerror(errno));
    return PR_OK;
}

pr_status pr_fs_sync_folder(const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    PR_REQUIRE(fd >= 0, PR_ERR_IO, "%s: %s", folder, strerror(errno));
    /* Some network file systems have no fsync of folders and say EINVAL: the rename is theirs. */
    const bool is_synced = fsync(fd) == 0 || errno == EINVAL;
    const int error = errno;
    (void)close(fd);
    PR_REQUIRE(is_synced, PR_ERR_IO, "%s: fsync: %s", folder, strerror(error));
    return PR_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One name a line: a file's name may have blanks, and those with line feeds are refused. */
static pr_status names_in(DIR *dir, const char *folder, pr_text *text)
{
    for (;;) {
        errno = 0;
        const struct dirent *const entry = readdir(dir); // NOLINT(concurrency-mt-unsafe)
        PR_REQUIRE(entry != NULL || errno == 0, PR_ERR_IO, "%s: %s", folder, strerror(errno));
        if (entry == NULL) {
            return PR_OK;
        }
        const char *const name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
            continue;
        }
        PR_REQUIRE(strchr(name, '\n') == NULL, PR_ERR_FORMAT,
                   "%s: a name with a line feed in it: '%s'", folder, name);
        PR_TRY(pr_text_add(text, "%s%s", text->n_chars > 0 ? "\n" : "", name));
    }
}

static pr_status table_of(const pr_text *text, char ***names, int64_t *n_names)
{
    int64_t n = text->n_chars > 0 ? 1 : 0;
    for (size_t i = 0; i < text->n_chars; i++) {
        n += text->chars[i] == '\n';
    }
    const size_t n_table_bytes = (size_t)(n + 1) * sizeof(char *);
    char *const block = pr_calloc((int64_t)(n_table_bytes + text->n_chars + 1), 1);
    PR_REQUIRE(block != NULL, PR_ERR_NOMEM, "no memory for %lld names", (long long)n);
    char **const table = (char **)(void *)block;
    char *chars = block + n_table_bytes;
    memcpy(chars, pr_text_chars(text), text->n_chars);
    for (int64_t i = 0; i < n; i++) {
        table[i] = chars;
        chars += strcspn(chars, "\n");
        *chars++ = '\0';
    }
    qsort(table, (size_t)n, sizeof(*table), by_name);
    *names = table;
    *n_names = n;
    return PR_OK;
}

pr_status pr_fs_list(const char *folder, char ***names, int64_t *n_names)
{
    DIR *const dir = opendir(folder);
    PR_REQUIRE(dir != NULL, PR_ERR_IO, "%s: %s", folder, strerror(errno));
    pr_text text = {0};
    pr_status status = names_in(dir, folder, &text);
    (void)closedir(dir);
    if (status == PR_OK) {
        status = table_of(&text, names, n_names);
    }
    pr_text_free(&text);
    return status;
}
