/* One pass of the factored stable principal component pursuit over a block of n rows (frames) and w columns:

       d = value − left·right,  y = clip(d, ±tau) or 0 where unknown,  z = left·right + step·y,
       out = basisᵀ z,  power = Σ z outᵀ,  sums = Σ y·d, Σ value·y, Σ y²

   with value = raw·scale + offset. What is read and written once is the data and the two long factors; z lives in a
   tile of a few hundred columns that stays in the cache. Sums of floats end after FLUSH columns and go on in double. */

#include "kizu.h"

#if KIZU_X86
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "passes.h"

struct huber {
    int64_t n, w, r, q, q_out; /* q is q_out rounded up to a multiple of 4 */
    const void *raw;
    int64_t raw_stride;
    const unsigned char *known; /* or NULL */
    int64_t known_stride;
    const void *scale, *offset, *left, *right;
    int64_t right_stride;
    const void *basis;
    double tau, step;
    void *out;
    int64_t out_stride;
    double *power, *sums;
};

struct huber_strip {
    const void *raw;
    const unsigned char *known;
    const void *right;
    void *z, *fresh;
    int64_t raw_stride, known_stride, stride, ahead; /* `ahead`: columns to the next tile, 0 for none */
};

#define KINDS "huber_pass.h"
#define LEVEL 1
#include "kinds_level.h"
#define LEVEL 2
#include "kinds_level.h"

/* 0, or 1 where there is no memory for the tile. `kind`: 0 uint8, 1 uint16, 2 float, 3 double; the factors, scale and
   offset are float for the first three. `power` (n, q) and `sums` (3) are added to. `out` may be `right`. */
KIZU_EXPORT int kizu_huber(int level, int kind, int64_t n, int64_t w, int64_t r, int64_t q, int64_t q_out,
                           const void *raw, int64_t raw_stride, const unsigned char *known, int64_t known_stride,
                           const void *scale, const void *offset, const void *left, const void *right,
                           int64_t right_stride, const void *basis, double tau, double step, void *out,
                           int64_t out_stride, double *power, double *sums)
{
    static int (*const passes[2][4])(const struct huber *) = {
        {pass_1_u1, pass_1_u2, pass_1_f4, pass_1_f8}, {pass_2_u1, pass_2_u2, pass_2_f4, pass_2_f8}};
    const struct huber job = {.n = n, .w = w, .r = r, .q = q, .q_out = q_out, .raw = raw, .raw_stride = raw_stride,
                              .known = known, .known_stride = known_stride, .scale = scale, .offset = offset,
                              .left = left, .right = right, .right_stride = right_stride, .basis = basis, .tau = tau,
                              .step = step, .out = out, .out_stride = out_stride, .power = power, .sums = sums};
    return passes[level - 1][kind](&job);
}

#endif
