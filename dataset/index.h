/**
 * dataset.h5 in memory: all crops of a directory in key order, and what its shards must be.
 */
#ifndef PR_DATASET_INDEX_H
#define PR_DATASET_INDEX_H

#include "dataset/rows.h"

typedef enum pr_index_table {
    PR_INDEX_CROPS,
    PR_INDEX_WORDS,
    PR_INDEX_SHARDS,
    PR_INDEX_PROVENANCE,
    PR_INDEX_LANDMARKS, /* not under the checksum: each crop's have a CRC in its row */
    PR_INDEX_N_TABLES
} pr_index_table;

/** Names and types of the index's tables, no rows. */
void pr__index_tables(pr_h5_table tables[static PR_INDEX_N_TABLES]);

typedef struct pr_index {
    char *dir, *path;
    int fd;
    pr_h5_table tables[PR_INDEX_N_TABLES];
    void *memory[PR_INDEX_LANDMARKS]; /* owned: the rows of the tables */
    uint64_t checksum;

    int64_t n_crops, n_landmarks;
    int n_shards;
    pr_words *words;            /* numbered as the rows say, in bytewise order */
    const pr_index_row *crops;  /* in key order */
    const pr_shard_row *shards; /* [n_shards] */
    const char *provenance;     /* NUL-terminated */
} pr_index;

/**
 * Reads DIR/dataset.h5; its tables are whole and agree with each other afterwards. Shards are not
 * looked at, landmarks are not read.
 *
 * Errors: PR_ERR_IO, PR_ERR_FORMAT naming file and row, PR_ERR_NOMEM.
 */
pr_status pr__index_open(const char *dir, pr_index **out);
void pr__index_close(pr_index **index);

/**
 * Opens shard SHARD (*FD is the caller's to close) and compares size and checksum with what the
 * index wants.
 *
 * Errors: PR_ERR_IO where it is missing, PR_ERR_FORMAT where it is cut or another shard.
 */
pr_status pr__index_open_shard(const pr_index *index, int shard, int *fd);

/** The same without opening: present, and as long as it should be. */
pr_status pr__index_stat_shard(const pr_index *index, int shard);

#endif
