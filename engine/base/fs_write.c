#include "engine/base/alloc.h"
#include "engine/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct pr_fs_writer {
    int fd; /* -1: not open */
    pthread_mutex_t mutex;
    uint64_t end; /* after the last byte written */
    bool is_reserved;
    char path[PR_PATH_BYTES];
    char temporary[PR_PATH_BYTES]; /* "": not made */
};

/* Takes the disk's blocks now. A file system that cannot reserve (EOPNOTSUPP, EINVAL) meets a full
 * disk while writing, with the same error and the same clean-up. */
static pr_status reserve(pr_fs_writer *writer, uint64_t n_bytes)
{
    if (n_bytes == 0) {
        return PR_OK;
    }
    int error = EINTR;
    while (error == EINTR) {
        error = posix_fallocate(writer->fd, 0, (off_t)n_bytes);
    }
    PR_REQUIRE(error == 0 || error == EOPNOTSUPP || error == EINVAL, PR_ERR_IO,
               "%s: %llu bytes cannot be reserved: %s", writer->path, (unsigned long long)n_bytes,
               strerror(error));
    writer->is_reserved = error == 0;
    return PR_OK;
}

static pr_status open_temporary(pr_fs_writer *writer, uint64_t reserve_bytes)
{
    /* In the same folder, since a rename does not cross file systems; with host and process in its
     * name, since two ranks may write the same path in turn and clean up after themselves. */
    char host[64] = "";
    (void)gethostname(host, sizeof(host) - 1);
    const int n = snprintf(writer->temporary, sizeof(writer->temporary), "%s.tmp-%s-%ld",
                           writer->path, host, (long)getpid());
    if (n < 0 || n >= (int)sizeof(writer->temporary)) {
        writer->temporary[0] = '\0';
        return PR_FAIL(PR_ERR_INVALID, "%s: the path is too long", writer->path);
    }
    writer->fd = open(writer->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (writer->fd < 0) {
        writer->temporary[0] = '\0';
        return PR_FAIL(PR_ERR_IO, "%s: %s", writer->path, strerror(errno));
    }
    return reserve(writer, reserve_bytes);
}

pr_status pr_fs_writer_create(const char *path, uint64_t reserve_bytes, pr_fs_writer **out)
{
    PR_REQUIRE(strlen(path) < PR_PATH_BYTES, PR_ERR_INVALID,
               "a path of %zu bytes, may have %d: '%s'", strlen(path), PR_PATH_BYTES - 1, path);
    pr_fs_writer *writer = pr_calloc(1, sizeof(*writer));
    PR_REQUIRE(writer != NULL, PR_ERR_NOMEM, "no memory to write %s", path);
    writer->fd = -1;
    (void)pthread_mutex_init(&writer->mutex, NULL);
    (void)snprintf(writer->path, sizeof(writer->path), "%s", path);
    const pr_status status = open_temporary(writer, reserve_bytes);
    if (status != PR_OK) {
        pr_fs_writer_destroy(&writer);
        return status;
    }
    *out = writer;
    return PR_OK;
}

pr_status pr_fs_writer_put(pr_fs_writer *writer, const void *bytes, size_t n_bytes, uint64_t offset)
{
    const char *from = bytes;
    const uint64_t end = offset + n_bytes;
    while (offset < end) {
        const ssize_t n = pwrite(writer->fd, from, (size_t)(end - offset), (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        PR_REQUIRE(n > 0, PR_ERR_IO, "%s: writing %zu bytes at %llu: %s", writer->path, n_bytes,
                   (unsigned long long)offset, strerror(n < 0 ? errno : ENOSPC));
        from += n;
        offset += (uint64_t)n;
    }
    (void)pthread_mutex_lock(&writer->mutex);
    if (end > writer->end) {
        writer->end = end;
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    return PR_OK;
}

static pr_status make_appear(pr_fs_writer *writer)
{
    if (writer->is_reserved) {
        PR_REQUIRE(ftruncate(writer->fd, (off_t)writer->end) == 0, PR_ERR_IO,
                   "%s: cutting it at %llu bytes: %s", writer->path,
                   (unsigned long long)writer->end, strerror(errno));
    }
    PR_REQUIRE(fsync(writer->fd) == 0, PR_ERR_IO, "%s: fsync: %s", writer->path, strerror(errno));
    const int error = close(writer->fd) == 0 ? 0 : errno;
    writer->fd = -1;
    PR_REQUIRE(error == 0, PR_ERR_IO, "%s: close: %s", writer->path, strerror(error));
    PR_REQUIRE(rename(writer->temporary, writer->path) == 0, PR_ERR_IO, "%s: rename: %s",
               writer->path, strerror(errno));
    writer->temporary[0] = '\0';
    char folder[PR_PATH_BYTES];
    pr_fs_folder_of(folder, writer->path);
    return pr_fs_sync_folder(folder);
}

pr_status pr_fs_writer_commit(pr_fs_writer **writer)
{
    const pr_status status = make_appear(*writer);
    pr_fs_writer_destroy(writer);
    return status;
}

void pr_fs_writer_destroy(pr_fs_writer **writer)
{
    pr_fs_writer *const old = *writer;
    if (old == NULL) {
        return;
    }
    if (old->fd >= 0) {
        (void)close(old->fd);
    }
    if (old->temporary[0] != '\0') {
        (void)unlink(old->temporary);
    }
    (void)pthread_mutex_destroy(&old->mutex);
    pr_free(old);
    *writer = NULL;
}

pr_status pr_fs_write(const char *path, const void *bytes, size_t n_bytes)
{
    pr_fs_writer *writer = NULL;
    PR_TRY(pr_fs_writer_create(path, n_bytes, &writer));
    const pr_status status = pr_fs_writer_put(writer, bytes, n_bytes, 0);
    if (status != PR_OK) {
        pr_fs_writer_destroy(&writer);
        return status;
    }
    return pr_fs_writer_commit(&writer);
}

struct pr_fs_lock {
    int fd;
};

enum { HOLDER_BYTES = 256 };

static void read_holder(int fd, char *words, size_t n_words)
{
    const ssize_t n = pread(fd, words, n_words - 1, 0);
    words[n > 0 ? n : 0] = '\0';
    words[strcspn(words, "\n")] = '\0';
}

static pr_status take(int fd, const char *path)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &whole) == 0) {
        return PR_OK;
    }
    const int error = errno;
    PR_REQUIRE(error == EACCES || error == EAGAIN, PR_ERR_IO, "%s: locking it: %s", path,
               strerror(error));
    char holder[HOLDER_BYTES];
    read_holder(fd, holder, sizeof(holder));
    return PR_FAIL(PR_ERR_INVALID, "%s: in use by %s; end that one first, or choose another folder",
                   path, holder[0] != '\0' ? holder : "another process");
}

static pr_status write_holder(int fd, const char *path)
{
    char host[64] = "?";
    (void)gethostname(host, sizeof(host) - 1);
    char holder[HOLDER_BYTES];
    const int n = snprintf(holder, sizeof(holder), "%s, process %ld\n", host, (long)getpid());
    PR_REQUIRE(ftruncate(fd, 0) == 0 && pwrite(fd, holder, (size_t)n, 0) == n, PR_ERR_IO, "%s: %s",
               path, strerror(errno));
    return PR_OK;
}

pr_status pr_fs_lock_take(const char *folder, pr_fs_lock **out)
{
    char path[PR_PATH_BYTES];
    PR_TRY(pr_fs_join(path, folder, "lock"));
    pr_fs_lock *lock = pr_calloc(1, sizeof(*lock));
    PR_REQUIRE(lock != NULL, PR_ERR_NOMEM, "no memory for the lock of %s", folder);
    lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    pr_status status = lock->fd >= 0 ? PR_OK : PR_FAIL(PR_ERR_IO, "%s: %s", path, strerror(errno));
    if (status == PR_OK) {
        status = take(lock->fd, path);
    }
    if (status == PR_OK) {
        status = write_holder(lock->fd, path);
    }
    if (status != PR_OK) {
        pr_fs_lock_destroy(&lock);
        return status;
    }
    *out = lock;
    return PR_OK;
}

void pr_fs_lock_destroy(pr_fs_lock **lock)
{
    if (*lock == NULL) {
        return;
    }
    /* Closing lets go. The file stays: removing it would race with the next one who takes it. */
    if ((*lock)->fd >= 0) {
        (void)close((*lock)->fd);
    }
    pr_free(*lock);
    *lock = NULL;
}

pr_status pr_fs_lock_holder(const char *folder, bool *is_held, char *words, size_t n_words)
{
    char path[PR_PATH_BYTES];
    PR_TRY(pr_fs_join(path, folder, "lock"));
    *is_held = false;
    words[0] = '\0';
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return PR_OK;
    }
    PR_REQUIRE(fd >= 0, PR_ERR_IO, "%s: %s", path, strerror(errno));
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    const int result = fcntl(fd, F_GETLK, &whole);
    const int error = errno;
    *is_held = result == 0 && whole.l_type != F_UNLCK;
    if (*is_held) {
        read_holder(fd, words, n_words);
    }
    (void)close(fd);
    PR_REQUIRE(result == 0, PR_ERR_IO, "%s: asking for its lock: %s", path, strerror(error));
    return PR_OK;
}
