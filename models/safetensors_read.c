#include "models/safetensors_internal.h"

#include <string.h>

static float float_of_bits(uint32_t bits)
{
    float value = 0.0F;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* IEEE half: 5 bits of exponent, 10 of fraction. Every half is a float. */
static float half_to_float(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
    const uint32_t exponent = half >> 10 & 0x1fU;
    const uint32_t fraction = half & 0x3ffU;
    if (exponent == 0x1f) {
        return float_of_bits(sign | 0x7f800000U | fraction << 13);
    }
    if (exponent == 0) {
        const float magnitude = (float)fraction * 0x1p-24F;
        return sign != 0 ? -magnitude : magnitude;
    }
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* Element I of BYTES, which need not be aligned. */
static double element(const char *dtype, const unsigned char *bytes, size_t i)
{
    uint16_t narrow = 0;
    float single = 0.0F;
    double wide = 0.0;
    switch (dtype[0] == 'B' ? 'B' : dtype[1]) {
    case '6':
        memcpy(&wide, bytes + 8 * i, sizeof(wide));
        return wide;
    case '3':
        memcpy(&single, bytes + 4 * i, sizeof(single));
        return (double)single;
    case 'B':
        memcpy(&narrow, bytes + 2 * i, sizeof(narrow));
        return (double)float_of_bits((uint32_t)narrow << 16);
    default:
        memcpy(&narrow, bytes + 2 * i, sizeof(narrow));
        return (double)half_to_float(narrow);
    }
}

static bool is_finite_as(double value, pr_dtype real)
{
    const double as_read = real == PR_F64 ? value : (double)(float)value;
    return as_read - as_read == 0.0; /* inf - inf and NaN - NaN are NaN */
}

/* N elements of ROOM become elements FIRST and on of OUT. */
static pr_status convert(const pr_safetensors *file, const pr_safetensor *t,
                         const unsigned char *room, size_t n, size_t first, pr_dtype real,
                         void *out)
{
    for (size_t k = 0; k < n; k++) {
        const double value = element(t->dtype, room, k);
        PR_REQUIRE(is_finite_as(value, real), PR_ERR_NUMERIC,
                   "%s: tensor '%s': element %zu is %g, must be finite as %s", file->path, t->name,
                   first + k, value, pr_dtype_name(real));
        if (real == PR_F64) {
            ((double *)out)[first + k] = value;
        } else {
            ((float *)out)[first + k] = (float)value;
        }
    }
    return PR_OK;
}

static bool is_real(const char *dtype)
{
    return strcmp(dtype, "F32") == 0 || strcmp(dtype, "F64") == 0 || strcmp(dtype, "F16") == 0 ||
           strcmp(dtype, "BF16") == 0;
}

pr_status pr_safetensors_read(const pr_safetensors *file, int i, pr_dtype real, void *out)
{
    enum { ROOM_BYTES = 65536 };
    const pr_safetensor *t = &file->tensors[i];
    PR_REQUIRE(is_real(t->dtype), PR_ERR_FORMAT,
               "%s: tensor '%s' is %s, weights are F32, F16, BF16 or F64", file->path, t->name,
               t->dtype);
    PR_REQUIRE(real == PR_F32 || real == PR_F64, PR_ERR_SHAPE,
               "safetensors: weights are read as f32 or f64, not %s", pr_dtype_name(real));
    unsigned char room[ROOM_BYTES];
    const size_t n_element_bytes = t->n == 0 ? 1 : (size_t)(t->n_bytes / (uint64_t)t->n);
    for (uint64_t done = 0; done < t->n_bytes; done += ROOM_BYTES) {
        const uint64_t left = t->n_bytes - done;
        const size_t n_here = left < ROOM_BYTES ? (size_t)left : ROOM_BYTES;
        PR_TRY(pr__safetensors_read_at(file, 8 + file->n_header_bytes + t->first_byte + done, room,
                                       n_here));
        PR_TRY(convert(file, t, room, n_here / n_element_bytes, (size_t)done / n_element_bytes,
                       real, out));
    }
    return PR_OK;
}
