/* Medians over square windows of a picture, as half-precision numbers: their patterns order like integers, so sixteen
   bits a pixel are compared, and fifteen steps of bisection find the entry of the wanted rank in every window. */

#include "kizu.h"

#if KIZU_X86
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct median {
    int64_t height, width, size;
    const float *picture; /* ≥ 0 or NaN */
    int64_t picture_stride;
    const unsigned char *known; /* or NULL */
    int64_t known_stride;
    float largest;
    uint16_t *out;
    int64_t out_stride;
};

#define UNKNOWN 0x7e00 /* the pattern of NaN, above that of every number */
#define BITS 15
#define SLACK 32 /* entries that may be read beyond the end of a row: a vector */

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(x) JOIN(x, LEVEL)

#define LEVEL 1
#include "median_level.h"
#define LEVEL 2
#include "median_level.h"

/* 0, or 1 where there is no memory. `size` is odd and at most 15; out (height, width) takes patterns of halves. An
   unknown pixel has no vote and gets NaN; where the known ones are even in number, the upper of the middle two. */
KIZU_EXPORT int kizu_median(int level, int64_t height, int64_t width, int64_t size, const float *picture,
                            int64_t picture_stride, const unsigned char *known, int64_t known_stride, float largest,
                            uint16_t *out, int64_t out_stride)
{
    const struct median job = {.height = height, .width = width, .size = size, .picture = picture,
                               .picture_stride = picture_stride, .known = known, .known_stride = known_stride,
                               .largest = largest, .out = out, .out_stride = out_stride};
    return level == 2 ? medians_2(&job) : medians_1(&job);
}

#endif
