/* CRC-32C on both paths, and the streamed hash against the whole one. */
#include "engine/base/hash.h"
#include "tests/check.h"

enum { N = 5000 };

static uint32_t bit_by_bit(uint32_t crc, const uint8_t *bytes, size_t n)
{
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1U) != 0 ? (crc >> 1) ^ 0x82f63b78U : crc >> 1;
        }
    }
    return ~crc;
}

int main(void)
{
    static uint8_t bytes[N];
    for (size_t i = 0; i < N; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 7);
    }
    CHECK(pr_crc32c("123456789", 9) == 0xe3069283U, "%08x", pr_crc32c("123456789", 9));
    CHECK(pr_crc32c("", 0) == 0U, "of nothing");
    /* RFC 3720, B.4: 32 zero bytes, 32 bytes of ones. */
    static uint8_t block[32];
    CHECK(pr_crc32c(block, 32) == 0x8a9136aaU, "zeros");
    memset(block, 0xff, sizeof(block));
    CHECK(pr_crc32c(block, 32) == 0x62a8ab43U, "ones");
    for (size_t offset = 0; offset < 9; offset++) {
        for (size_t n = 0; n < 200; n++) {
            const uint32_t wanted = bit_by_bit(7, bytes + offset, n);
            CHECK(pr_crc32c_continue(7, bytes + offset, n) == wanted, "%zu bytes at %zu", n,
                  offset);
            CHECK(pr_crc32c_plain(7, bytes + offset, n) == wanted, "plain, %zu bytes", n);
        }
    }
    CHECK(pr_crc32c_continue(pr_crc32c(bytes, 100), bytes + 100, N - 100) == pr_crc32c(bytes, N),
          "in two parts");

    CHECK(pr_hash64("", 0, 0) == 0x2d06800538d394c2U, "XXH3 of nothing");
    for (size_t step = 1; step < 700; step += 97) {
        pr_hash *hash = NULL;
        CHECK_OK(pr_hash_create(42, &hash));
        for (size_t at = 0; at < N; at += step) {
            pr_hash_add(hash, bytes + at, at + step < N ? step : N - at);
        }
        CHECK(pr_hash_value(hash) == pr_hash64(bytes, N, 42), "pieces of %zu", step);
        pr_hash_destroy(&hash);
    }
    pr_hash *none = NULL;
    pr_hash_destroy(&none);
    pr_alloc_fail_on(0);
    CHECK_FAILS(pr_hash_create(0, &none), PR_ERR_NOMEM, "no memory");
    pr_alloc_fail_on(-1);
    return check_exit_code();
}
