/* One round of iteratively reweighted least squares for a factored background, over a block of n rows (frames) and w
   columns. For every column

       d = value − left·c,  weight = min(1, tau / |d|) or 0 where unknown,  y = weight·d,
       c ← c + relaxed·(Σ weight·left leftᵀ + tau_background)⁻¹ (leftᵀy − tau_background·c),

   and for every row Σ weight·value·c and Σ weight·c cᵀ (upper triangles) with the new c: what its own system needs.
   value = raw·scale + offset. Data are read once; weights and weighted data live in a tile that stays in the cache. */

#include "kizu.h"

#if KIZU_X86
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "passes.h"

struct weighted {
    int64_t n, w;
    const void *raw;
    int64_t raw_stride;
    const unsigned char *known; /* or NULL */
    int64_t known_stride;
    const void *scale, *offset, *left, *pairs, *right;
    int64_t right_stride;
    double tau, tau_background, relaxed;
    void *out;
    int64_t out_stride;
    double *target, *gram, *sums;
};

struct weighted_strip {
    const void *raw;
    const unsigned char *known;
    const void *right;
    void *weights, *values, *fresh;
    int64_t raw_stride, known_stride, right_stride, stride;
};

#define LEVEL 1
#include "weighted_level.h"
#define LEVEL 2
#include "weighted_level.h"

/* 0, or 1 where there is no memory for the tile. `kind`: 0 uint8, 1 uint16, 2 float; everything else is float. `left`
   (n, rank) and `right` (rank, w) have rank 4, or 8 if `eight`; `pairs` (n, rank·(rank + 1)/2) are the products of left.
   `target` (n, rank), `gram` (n, pairs up to a multiple of 4) and `sums` (Σ huber, ⟨left·c, y⟩) are added to. */
KIZU_EXPORT int kizu_weighted(int level, int kind, int eight, int64_t n, int64_t w, const void *raw, int64_t raw_stride,
                              const unsigned char *known, int64_t known_stride, const void *scale, const void *offset,
                              const void *left, const void *pairs, const void *right, int64_t right_stride, double tau,
                              double tau_background, double relaxed, void *out, int64_t out_stride, double *target,
                              double *gram, double *sums)
{
    static int (*const passes[2][3][2])(const struct weighted *) = {
        {{pass_1_u1_4, pass_1_u1_8}, {pass_1_u2_4, pass_1_u2_8}, {pass_1_f4_4, pass_1_f4_8}},
        {{pass_2_u1_4, pass_2_u1_8}, {pass_2_u2_4, pass_2_u2_8}, {pass_2_f4_4, pass_2_f4_8}}};
    const struct weighted job = {.n = n, .w = w, .raw = raw, .raw_stride = raw_stride, .known = known,
                                 .known_stride = known_stride, .scale = scale, .offset = offset, .left = left,
                                 .pairs = pairs, .right = right, .right_stride = right_stride, .tau = tau,
                                 .tau_background = tau_background, .relaxed = relaxed, .out = out,
                                 .out_stride = out_stride, .target = target, .gram = gram, .sums = sums};
    return passes[level - 1][kind][eight](&job);
}

#endif
