/* What a low-rank background leaves of a block of n rows (frames) and w columns:

       d = clip(weight·(raw·scale + offset − left·right), ±limit), 0 where unknown

   with a weight per column. d becomes out, or out where it is the louder of the two. The data are read and the result
   is written once. */

#include "kizu.h"

#if KIZU_X86
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "passes.h"

struct residual {
    int64_t n, w, r;
    const void *raw;
    int64_t raw_stride;
    const unsigned char *known; /* or NULL */
    int64_t known_stride;
    const void *scale, *offset, *left, *right;
    int64_t right_stride;
    const void *weight; /* or NULL */
    double limit;
    int louder;
    void *out;
    int64_t out_stride;
};

struct residual_strip {
    const void *raw;
    const unsigned char *known;
    const void *right, *weight;
    void *out;
    int64_t raw_stride, known_stride, stride;
};

#define KINDS "residual_pass.h"
#define LEVEL 1
#include "kinds_level.h"
#define LEVEL 2
#include "kinds_level.h"

/* 0, or 1 where there is no memory for a strip. `kind`: 0 uint8, 1 uint16, 2 float, 3 double; the factors, scale,
   offset, weight and out are float for the first three. With `louder` the numbers in out stay where their size is
   larger than d's, or as large and positive. */
KIZU_EXPORT int kizu_residual(int level, int kind, int64_t n, int64_t w, int64_t r, const void *raw, int64_t raw_stride,
                              const unsigned char *known, int64_t known_stride, const void *scale, const void *offset,
                              const void *left, const void *right, int64_t right_stride, const void *weight, double limit,
                              int louder, void *out, int64_t out_stride)
{
    static int (*const passes[2][4])(const struct residual *) = {
        {pass_1_u1, pass_1_u2, pass_1_f4, pass_1_f8}, {pass_2_u1, pass_2_u2, pass_2_f4, pass_2_f8}};
    const struct residual job = {.n = n, .w = w, .r = r, .raw = raw, .raw_stride = raw_stride, .known = known,
                                 .known_stride = known_stride, .scale = scale, .offset = offset, .left = left,
                                 .right = right, .right_stride = right_stride, .weight = weight, .limit = limit,
                                 .louder = louder, .out = out, .out_stride = out_stride};
    return passes[level - 1][kind](&job);
}

#endif
