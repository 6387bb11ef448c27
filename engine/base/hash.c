#include "engine/base/hash.h"

#include "engine/base/alloc.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* the state's size, so that its memory is counted like all other */
#include <xxhash.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

struct pr_hash {
    XXH3_state_t state;
};

uint64_t pr_hash64(const void *bytes, size_t n_bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, n_bytes, seed);
}

pr_status pr_hash_create(uint64_t seed, pr_hash **out)
{
    pr_hash *hash = pr_calloc(1, sizeof(*hash));
    PR_REQUIRE(hash != NULL, PR_ERR_NOMEM, "no memory for a hash");
    if (XXH3_64bits_reset_withSeed(&hash->state, seed) != XXH_OK) {
        pr_free(hash);
        return PR_FAIL(PR_ERR_INVALID, "XXH3 does not take the seed %llu",
                       (unsigned long long)seed);
    }
    *out = hash;
    return PR_OK;
}

void pr_hash_destroy(pr_hash **hash)
{
    pr_free(*hash);
    *hash = NULL;
}

void pr_hash_add(pr_hash *hash, const void *bytes, size_t n_bytes)
{
    /* It fails only for a NULL state or NULL bytes. */
    if (n_bytes > 0) {
        (void)XXH3_64bits_update(&hash->state, bytes, n_bytes);
    }
}

uint64_t pr_hash_value(const pr_hash *hash)
{
    return XXH3_64bits_digest(&hash->state);
}

enum { N_SLICES = 8, N_BYTE_VALUES = 256 };
static const uint32_t CASTAGNOLI = 0x82f63b78U; /* the polynomial, bits reversed */

static uint32_t slices[N_SLICES][N_BYTE_VALUES];
static bool has_instruction;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void prepare(void)
{
    for (uint32_t byte = 0; byte < N_BYTE_VALUES; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1U) != 0 ? (crc >> 1) ^ CASTAGNOLI : crc >> 1;
        }
        slices[0][byte] = crc;
    }
    for (int slice = 1; slice < N_SLICES; slice++) {
        for (int byte = 0; byte < N_BYTE_VALUES; byte++) {
            const uint32_t crc = slices[slice - 1][byte];
            slices[slice][byte] = (crc >> 8) ^ slices[0][crc & 0xffU];
        }
    }
#if defined(__x86_64__)
    has_instruction = __builtin_cpu_supports("sse4.2") != 0;
#endif
}

/* Slicing by 8, Kounavis and Berry 2005: eight table look-ups that do not wait for each other. */
static uint32_t plain(uint32_t crc, const uint8_t *bytes, size_t n_bytes)
{
    for (; n_bytes >= N_SLICES; n_bytes -= N_SLICES, bytes += N_SLICES) {
        const uint32_t low = crc ^ ((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
                                    (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24);
        crc = slices[7][low & 0xffU] ^ slices[6][low >> 8 & 0xffU] ^ slices[5][low >> 16 & 0xffU] ^
              slices[4][low >> 24] ^ slices[3][bytes[4]] ^ slices[2][bytes[5]] ^
              slices[1][bytes[6]] ^ slices[0][bytes[7]];
    }
    for (; n_bytes > 0; n_bytes--, bytes++) {
        crc = (crc >> 8) ^ slices[0][(crc ^ *bytes) & 0xffU];
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *bytes,
                                                                 size_t n_bytes)
{
    uint64_t wide = crc;
    for (; n_bytes >= sizeof(uint64_t); n_bytes -= sizeof(uint64_t), bytes += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, bytes, sizeof(word));
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; n_bytes > 0; n_bytes--, bytes++) {
        crc = _mm_crc32_u8(crc, *bytes);
    }
    return crc;
}
#endif

uint32_t pr_crc32c_plain(uint32_t crc, const void *bytes, size_t n_bytes)
{
    (void)pthread_once(&once, prepare);
    return ~plain(~crc, bytes, n_bytes);
}

uint32_t pr_crc32c_continue(uint32_t crc, const void *bytes, size_t n_bytes)
{
    (void)pthread_once(&once, prepare);
#if defined(__x86_64__)
    if (has_instruction) {
        return ~by_instruction(~crc, bytes, n_bytes);
    }
#endif
    return ~plain(~crc, bytes, n_bytes);
}

uint32_t pr_crc32c(const void *bytes, size_t n_bytes)
{
    return pr_crc32c_continue(0, bytes, n_bytes);
}
