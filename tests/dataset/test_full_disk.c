/*
 * Writes a dataset into the folder it is given, for full_disk.sh: exit code 3 for a clean PR_ERR_IO.
 * Without a folder it checks that it succeeds where there is room.
 */
#include "tests/dataset/synthetic.h"

enum { N = 12, CODE_FULL = 3 };

static pr_status write_dataset(const char *dir)
{
    static synthetic crops[N];
    pr_record records[N];
    for (int i = 0; i < N; i++) {
        synthetic_make(i, &crops[i]);
        records[i] = crops[i].record;
    }
    PR_TRY(pr_shard_write(dir, 0, 1, records, N));
    return pr_dataset_finish(dir, 1, "full");
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        const pr_status status = write_dataset(argv[1]);
        (void)fprintf(stderr, "%s\n", pr_error_message());
        const bool full = status == PR_ERR_IO && strstr(pr_error_message(), ".h5") != NULL;
        return full ? CODE_FULL : check_exit_code() + (status != PR_OK);
    }
    char dir[256];
    synthetic_folder(dir);
    CHECK_OK(write_dataset(dir));
    synthetic_remove(dir);
    return check_exit_code();
}
