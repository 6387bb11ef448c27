/*
 * The strictness that models/safetensors.h promises: every way in which a header can lie about its
 * bytes is refused with the tensor's name, and every half, bfloat16 and double is read exactly.
 */
#include "models/safetensors.h"
#include "tests/check.h"

#include <math.h>
#include <unistd.h>

static unsigned char file_bytes[1 << 18];

/* HEADER with its length in front and N_DATA bytes behind; returns the size of the whole. */
static size_t make_file(const char *header, const void *data, size_t n_data)
{
    const size_t n_header = strlen(header);
    memset(file_bytes, 0, 8);
    for (int i = 0; i < 4; i++) {
        file_bytes[i] = (unsigned char)(n_header >> (8 * i));
    }
    memcpy(file_bytes + 8, header, n_header); /* NOLINT(bugprone-not-null-terminated-result) */
    if (n_data > 0) {
        memcpy(file_bytes + 8 + n_header, data, n_data);
    }
    return 8 + n_header + n_data;
}

static void check_refused(const char *header, size_t n_data, const char *text)
{
    static const unsigned char zeros[256];
    pr_safetensors *file = NULL;
    const size_t n = make_file(header, zeros, n_data);
    CHECK_FAILS(pr_safetensors_parse("w.st", file_bytes, n, &file), PR_ERR_FORMAT, text);
    CHECK_FAILS(pr_safetensors_parse("w.st", file_bytes, n, &file), PR_ERR_FORMAT, "w.st");
    CHECK(file == NULL, "a failed parse must not write its output");
}

static void test_headers_that_lie_are_refused(void)
{
#define ONE(dtype, shape, ends)                                                                    \
    "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" ends "}}"
    check_refused("[1, 2]", 0, "no JSON object");
    check_refused("{\"a\":", 0, "header");
    check_refused("{} x", 0, "end of file expected");
    check_refused("{\"a\":3}", 0, "'a' is described by no object");
    check_refused("{\"__metadata__\":3}", 0, "__metadata__");
    check_refused(ONE("F33", "[1]", "[0,4]"), 4, "'a' has the unknown dtype 'F33'");
    check_refused("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'a' has the unknown dtype");
    check_refused("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "'a' has no shape");
    check_refused(ONE("F32", "[-1]", "[0,4]"), 4, "dimension 0");
    check_refused(ONE("F32", "[1,2.5]", "[0,4]"), 4, "dimension 1");
    check_refused(ONE("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "9 dimensions");
    check_refused(ONE("F32", "[4294967296,4294967296]", "[0,0]"), 0, "multiply");
    check_refused(ONE("F32", "[3037000500,3037000500]", "[0,4]"), 4, "multiply");
    check_refused(ONE("F32", "[2]", "[0,4]"), 4, "has 4 bytes, its shape and dtype F32 want 8");
    check_refused(ONE("F32", "[1]", "[4,0]"), 4, "data_offsets");
    check_refused(ONE("F32", "[1]", "[0]"), 4, "data_offsets");
    check_refused(ONE("F32", "[1]", "[-4,0]"), 4, "data_offsets");
    check_refused(ONE("F32", "[1]", "3"), 4, "data_offsets");
    check_refused(ONE("F32", "[1]", "[0,4]"), 3, "truncated: tensor 'a'");
    check_refused(ONE("F32", "[1]", "[9223372036854775803,9223372036854775807]"), 4, "truncated");
    check_refused(ONE("F32", "[1]", "[0,4]"), 5, "1 bytes behind the last tensor");
    check_refused(ONE("F32", "[1]", "[4,8]"), 8, "no tensor owns bytes 0 to 4");
    check_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                  "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                  8, "'a' and 'b' overlap at byte 4");
    check_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                  "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                  8, "duplicate");
#undef ONE
}

static void check_start(const char *start, size_t n, const char *text)
{
    pr_safetensors *file = NULL;
    CHECK_FAILS(pr_safetensors_parse("w.st", start, n, &file), PR_ERR_FORMAT, text);
}

static void test_other_files_are_refused(void)
{
    check_start("PK\003\004\024\0\0\010", 8, "tools/pth2safetensors.py");
    check_start("\200\002\212\nl\374\234F", 8, "PyTorch file (pickle)");
    check_start("\211HDF\r\n\032\n", 8, "an HDF5 file");
    check_start("\b\006\022\apytorch\032", 11, "an ONNX model");
    check_start("\034\0\0\0TFL3\024\0", 10, "a TensorFlow Lite model");
    check_start("[{\"weights\":[", 13, "TensorFlow.js");
    check_start("\037\025\163\071\260\376\261\273", 8, "no safetensors file, nor another");
    check_start("\001\0\0", 3, "3 bytes");
    check_start("\377\0\0\0\0\0\0\0{}", 10, "truncated: a header of 255 bytes in a file of 10");
    pr_safetensors *file = NULL;
    CHECK_FAILS(pr_safetensors_open("/nowhere/w.st", &file), PR_ERR_IO, "/nowhere/w.st");
    CHECK_FAILS(pr_safetensors_open("/tmp", &file), PR_ERR_IO, "not a file");
}

static void test_every_half_and_bfloat(void)
{
    enum { N = 65536 };
    static uint16_t bits[N];
    static float values[N];
    int n_halves = 0;
    for (int i = 0; i < N; i++) { /* the finite halves; the others are refused below */
        if ((i >> 10 & 31) != 31) {
            bits[n_halves++] = (uint16_t)i;
        }
    }
    char header[128];
    for (int brain = 0; brain < 2; brain++) {
        int n = n_halves;
        if (brain == 1) {
            n = 0;
            for (int i = 0; i < N; i++) {
                if ((i >> 7 & 255) != 255) {
                    bits[n++] = (uint16_t)i;
                }
            }
        }
        (void)snprintf(header, sizeof(header),
                       "{\"a\":{\"dtype\":\"%s\",\"shape\":[%d],\"data_offsets\":[0,%d]}}",
                       brain ? "BF16" : "F16", n, 2 * n);
        pr_safetensors *file = NULL;
        CHECK_OK(pr_safetensors_parse("w.st", file_bytes, make_file(header, bits, (size_t)(2 * n)),
                                      &file));
        CHECK_OK(pr_safetensors_read(file, 0, PR_F32, values));
        const int n_fraction = brain ? 7 : 10;
        const int bias = brain ? 127 : 15;
        int n_wrong = 0;
        for (int i = 0; i < n; i++) {
            const int fraction = bits[i] & ((1 << n_fraction) - 1);
            const int exponent = bits[i] >> n_fraction & (brain ? 255 : 31);
            const double unit = exponent == 0 ? 0.0 : 1.0;
            double want = ldexp(unit + (double)fraction / (1 << n_fraction),
                                (exponent == 0 ? 1 : exponent) - bias);
            want = bits[i] & 0x8000 ? -want : want;
            n_wrong += (double)values[i] != want || !signbit(values[i]) != !signbit(want);
        }
        CHECK(n_wrong == 0, "%d of %d values differ", n_wrong, n);
        pr_safetensors_close(&file);
    }
}

static void test_values_that_are_no_weights_are_refused(void)
{
    static const uint16_t infinite[3] = {0, 0, 0x7c00};
    static const double large[2] = {1.0, 1e300};
    float values[4];
    double wide[4];
    pr_safetensors *file = NULL;
    size_t n = make_file("{\"a\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[0,6]}}",
                         infinite, sizeof(infinite));
    CHECK_OK(pr_safetensors_parse("w.st", file_bytes, n, &file));
    CHECK_FAILS(pr_safetensors_read(file, 0, PR_F32, values), PR_ERR_NUMERIC,
                "'a': element 2 is inf");
    pr_safetensors_close(&file);

    n = make_file("{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}", large,
                  sizeof(large));
    CHECK_OK(pr_safetensors_parse("w.st", file_bytes, n, &file));
    CHECK_FAILS(pr_safetensors_read(file, 0, PR_F32, values), PR_ERR_NUMERIC, "element 1");
    CHECK_OK(pr_safetensors_read(file, 0, PR_F64, wide));
    CHECK(wide[1] == 1e300, "%g", wide[1]);
    CHECK_FAILS(pr_safetensors_read(file, 0, PR_I32, wide), PR_ERR_SHAPE, "i32");
    pr_safetensors_close(&file);

    n = make_file("{\"a\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}}", large, 8);
    CHECK_OK(pr_safetensors_parse("w.st", file_bytes, n, &file));
    CHECK_FAILS(pr_safetensors_read(file, 0, PR_F32, values), PR_ERR_FORMAT, "'a' is I64");
    pr_safetensors_close(&file);
}

static void test_written_is_read(const char *path)
{
    enum { N = 70000 }; /* more than the reader's and the writer's buffers */
    static double wide[N];
    static float single[N];
    static float back[N];
    for (int i = 0; i < N; i++) {
        wide[i] = sin(i) * 1e-3;
        single[i] = (float)cos(i);
    }
    const pr_safetensor_source sources[] = {{"z.wide", pr_desc_2(PR_F64, 7, 10000), wide},
                                            {"a \"quoted\"\n", pr_desc_1(PR_F32, N), single},
                                            {"scalar", {PR_F32, {0, {0}}}, single}};
    const pr_safetensor_note note = {"format", "pt"};
    pr_safetensors *file = NULL;
    CHECK_OK(pr_safetensors_write(path, sources, 3, &note, 1));
    CHECK_OK(pr_safetensors_open(path, &file));
    CHECK(pr_safetensors_n(file) == 3, "%d tensors", pr_safetensors_n(file));
    CHECK(strcmp(pr_safetensors_note(file, "format"), "pt") == 0, "note");
    CHECK(pr_safetensors_note(file, "x") == NULL, "there is no note x");
    CHECK(strcmp(pr_safetensors_at(file, 1)->name, sources[1].name) == 0, "name");
    CHECK(pr_safetensors_at(file, 0)->dims[1] == 10000, "shape");
    CHECK_OK(pr_safetensors_read(file, 0, PR_F32, back));
    for (int i = 0; i < N; i++) {
        CHECK(back[i] == (float)wide[i], "element %d", i);
    }
    CHECK_OK(pr_safetensors_read(file, 1, PR_F32, back));
    CHECK(memcmp((const void *)back, (const void *)single, sizeof(single)) == 0,
          "f32 is as it was");
    pr_safetensors_close(&file);

    single[5] = INFINITY;
    CHECK_FAILS(pr_safetensors_write(path, sources, 2, &note, 1), PR_ERR_NUMERIC, "element 5");
    CHECK_OK(pr_safetensors_open(path, &file)); /* the failed write left the old file alone */
    pr_safetensors_close(&file);
    const pr_safetensor_source twice[] = {sources[0], sources[0]};
    CHECK_FAILS(pr_safetensors_write(path, twice, 2, NULL, 0), PR_ERR_INVALID, "'z.wide'");
}

static void test_any_truncation_is_refused(void)
{
    static const double data[3] = {1.0, 2.0, 3.0};
    const size_t n = make_file("{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]},"
                               "\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[16,24]}}",
                               data, sizeof(data));
    for (size_t k = 0; k < n; k++) {
        pr_safetensors *file = NULL;
        pr_error_clear();
        CHECK(pr_safetensors_parse("w.st", file_bytes, k, &file) == PR_ERR_FORMAT, "%zu of %zu", k,
              n);
    }
    pr_safetensors *file = NULL;
    pr_error_clear();
    CHECK_OK(pr_safetensors_parse("w.st", file_bytes, n, &file));
    pr_safetensors_close(&file);
}

static void test_every_allocation_may_fail(const char *path)
{
    const float value = 1.0F;
    const pr_safetensor_source source = {"a", pr_desc_1(PR_F32, 1), &value};
    pr_status status = PR_ERR_NOMEM;
    for (long n = 0; status == PR_ERR_NOMEM; n++) {
        pr_safetensors *file = NULL;
        pr_error_clear();
        pr_alloc_fail_on(n);
        status = pr_safetensors_write(path, &source, 1, NULL, 0);
        if (status == PR_OK) {
            status = pr_safetensors_open(path, &file);
        }
        pr_alloc_fail_on(-1);
        pr_safetensors_close(&file);
    }
    CHECK(status == PR_OK, "%s", pr_error_message());
}

int main(void)
{
    char path[] = "/tmp/pr_safetensors_XXXXXX";
    const int fd = mkstemp(path);
    CHECK(fd >= 0, "mkstemp");
    (void)close(fd);
    test_headers_that_lie_are_refused();
    test_other_files_are_refused();
    test_every_half_and_bfloat();
    test_values_that_are_no_weights_are_refused();
    test_written_is_read(path);
    test_any_truncation_is_refused();
    test_every_allocation_may_fail(path);
    (void)unlink(path);
    return check_exit_code();
}
