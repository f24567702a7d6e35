/* Median and median absolute deviation of every column of a block of n rows (frames) and w columns, over known entries.

   The patterns of floats order like integers, so that bisection finds the entry of a rank exactly: at most 32 times
   the column's entries up to a level are counted, a vector of columns at a time, and nothing is sorted. */

#include "kizu.h"

#if KIZU_X86
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct temporal {
    int64_t n, w;
    const float *values;
    int64_t stride;
    const unsigned char *known; /* or NULL */
    int64_t known_stride;
    float factor, quantum;
    float *center, *scale;
    int32_t *entries;
};

#define ROWS 256 /* rows that are summed before their sum is added to the others' */
#define LINE 64
#define INFINITE 0x7f800000
#define POSITIVE 0x7fffffff
#define SMALLEST INT32_MIN

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(x) JOIN(x, LEVEL)

#define LEVEL 1
#include "temporal_level.h"
#define LEVEL 2
#include "temporal_level.h"

/* 0, or 1 where there is no memory for a vector of columns. `values` are finite where known. center, scale =
   factor · MAD and entries take w numbers; NaN where none is known. Where the scale is below `quantum`, the center is
   moved by the mean of the known entries' distances from it, none of them counted as more than `quantum`. */
KIZU_EXPORT int kizu_temporal(int level, int64_t n, int64_t w, const float *values, int64_t stride,
                              const unsigned char *known, int64_t known_stride, float factor, float quantum,
                              float *center, float *scale, int32_t *entries)
{
    const struct temporal job = {.n = n, .w = w, .values = values, .stride = stride, .known = known,
                                 .known_stride = known_stride, .factor = factor, .quantum = quantum,
                                 .center = center, .scale = scale, .entries = entries};
    return level == 2 ? statistics_2(&job) : statistics_1(&job);
}

#endif
