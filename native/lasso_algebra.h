/* Sums over vectors and small symmetric matrices at one LEVEL and WIDE, for lasso_level.h. */

#include "simd.h"

#undef WHOLE
#undef DEPENDENT
#undef BITS
#undef LARGEST
#define WHOLE(n) (((n) + LANES - 1) / LANES * LANES)
#if WIDE
#define DEPENDENT 1e-6 /* an atom of which less than this share is left beside others counts as one of them */
#else
#define DEPENDENT 1e-3f
#endif
#if LEVEL == 2
#define BITS(mask) ((unsigned)(mask))
#if WIDE
#define LARGEST(v) _mm512_reduce_max_pd(v)
#else
#define LARGEST(v) _mm512_reduce_max_ps(v)
#endif
#else
#define LARGEST(v) NAME(largest)(v)
#if WIDE
#define BITS(mask) ((unsigned)_mm256_movemask_pd(mask))
#else
#define BITS(mask) ((unsigned)_mm256_movemask_ps(mask))
#endif
FN REAL NAME(largest)(VEC v)
{
    REAL lane[LANES];
    STORE(lane, v);
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] = lane[i] > lane[i + half] ? lane[i] : lane[i + half];
    return lane[0];
}
#endif

/* out = start + Σ weight_k·row_k over `vectors` vectors; the rows are those at `place`, or the first ones. */
FN void NAME(strip)(const REAL *start, const REAL *rows, int64_t stride, const int32_t *place, const REAL *weight,
                    int64_t n, REAL *out, const int vectors)
{
    VEC sum[STRIP];
    for (int v = 0; v < vectors; v++)
        sum[v] = start ? LOAD(start + v * LANES) : SPLAT(0);
    for (int64_t k = 0; k < n; k++) {
        const REAL *row = rows + (place ? place[k] : k) * stride;
        for (int v = 0; v < vectors; v++)
            sum[v] = FMA(SPLAT(weight[k]), LOAD(row + v * LANES), sum[v]);
    }
    for (int v = 0; v < vectors; v++)
        STORE(out + v * LANES, sum[v]);
}

/* out = matrix · v, n × n and symmetric. */
FN void NAME(times)(const REAL *matrix, int64_t stride, int64_t n, const REAL *v, REAL *out)
{
    int64_t b = 0;
    for (; b + (STRIP - 1) * LANES < n; b += STRIP * LANES)
        NAME(strip)(NULL, matrix + b, stride, NULL, v, n, out + b, STRIP);
    for (; b < n; b += LANES)
        NAME(strip)(NULL, matrix + b, stride, NULL, v, n, out + b, 1);
}

/* matrix += weight · v vᵀ, n × n. */
FN void NAME(update)(REAL *matrix, int64_t stride, int64_t n, const REAL *v, REAL weight)
{
    for (int64_t k = 0; k < n; k++) {
        const VEC factor = SPLAT(weight * v[k]);
        for (int64_t b = 0; b < n; b += LANES)
            STORE(matrix + k * stride + b, FMA(factor, LOAD(v + b), LOAD(matrix + k * stride + b)));
    }
}

/* Rows i and k of an n × n matrix change places, and columns i and k. */
FN void NAME(exchange)(REAL *matrix, int64_t stride, int64_t n, int64_t i, int64_t k)
{
    for (int64_t j = 0; j < n; j++) {
        const REAL kept = matrix[i * stride + j];
        matrix[i * stride + j] = matrix[k * stride + j];
        matrix[k * stride + j] = kept;
    }
    for (int64_t j = 0; j < n; j++) {
        const REAL kept = matrix[j * stride + i];
        matrix[j * stride + i] = matrix[j * stride + k];
        matrix[j * stride + k] = kept;
    }
}
