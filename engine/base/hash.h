/**
 * Two hashes: XXH3 (64 bits) tells contents apart and compares replicas; CRC-32C guards payloads in
 * shards. Both give the same value on every machine.
 */
#ifndef PR_ENGINE_BASE_HASH_H
#define PR_ENGINE_BASE_HASH_H

#include "engine/base/status.h"

#include <stddef.h>
#include <stdint.h>

/** XXH3, 64 bits, of N_BYTES at BYTES. */
uint64_t pr_hash64(const void *bytes, size_t n_bytes, uint64_t seed);

/** The same hash of bytes that come in pieces: its value depends on the bytes, not on the cuts. */
typedef struct pr_hash pr_hash;

pr_status pr_hash_create(uint64_t seed, pr_hash **out);
void pr_hash_destroy(pr_hash **hash);
void pr_hash_add(pr_hash *hash, const void *bytes, size_t n_bytes);
/** Of what was added so far; more may be added after. */
uint64_t pr_hash_value(const pr_hash *hash);

/** CRC-32C (Castagnoli, as in iSCSI, RFC 3720): of "123456789" it is 0xe3069283. */
uint32_t pr_crc32c(const void *bytes, size_t n_bytes);
/** CRC is that of the bytes before; 0 where there are none. */
uint32_t pr_crc32c_continue(uint32_t crc, const void *bytes, size_t n_bytes);
/** The portable path, which processors without the instruction take: for tests. */
uint32_t pr_crc32c_plain(uint32_t crc, const void *bytes, size_t n_bytes);

#endif
