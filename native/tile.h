/* Pieces of matrix products that the passes over blocks share, for the LEVEL and WIDE of simd.h and under the name
   NAME(x): a strip is VECTORS vectors of neighbouring columns, worked on for FRAMES rows at a time; a tile is a few
   strips, for which all rows stay in the cache. */

#undef VECTORS
#undef COLUMNS
#undef STRIP
#if LEVEL == 2
#define VECTORS 4 /* of the 32 registers 16 hold FRAMES rows of a strip */
#define COLUMNS 4
#else
#define VECTORS 2 /* of 16 registers 8 do */
#define COLUMNS 2
#endif
#define STRIP (VECTORS * LANES)

/* x[f][v] = Σ_k left[f, k] · strip[k, v] for `frames` rows of left (r to a row). */
FN void NAME(expand)(VEC x[FRAMES][VECTORS], const REAL *left, const REAL *strip, int64_t r, const int frames)
{
    for (int f = 0; f < frames; f++)
        for (int v = 0; v < VECTORS; v++)
            x[f][v] = SPLAT(0);
    for (int64_t k = 0; k < r; k++) {
        VEC right[VECTORS];
        for (int v = 0; v < VECTORS; v++)
            right[v] = LOAD(strip + k * STRIP + v * LANES);
        for (int f = 0; f < frames; f++) {
            VEC weight = SPLAT(left[f * r + k]);
            for (int v = 0; v < VECTORS; v++)
                x[f][v] = FMA(weight, right[v], x[f][v]);
        }
    }
}

/* sums[k, v] += Σ_f basis[f, k] · z[f][v]; a row of sums has `stride` numbers. */
FN void NAME(project)(REAL *sums, int64_t stride, VEC z[FRAMES][VECTORS], const REAL *basis, int64_t q,
                      const int frames)
{
    for (int64_t k = 0; k < q; k++) {
        VEC sum[VECTORS];
        for (int v = 0; v < VECTORS; v++)
            sum[v] = LOAD(sums + k * stride + v * LANES);
        for (int f = 0; f < frames; f++) {
            VEC weight = SPLAT(basis[f * q + k]);
            for (int v = 0; v < VECTORS; v++)
                sum[v] = FMA(weight, z[f][v], sum[v]);
        }
        for (int v = 0; v < VECTORS; v++)
            STORE(sums + k * stride + v * LANES, sum[v]);
    }
}

/* lanes[t, k] += Σ_p z[t, p] · d[k, p], a vector of partial sums each; n is a multiple of FRAMES, q of COLUMNS. */
FN void NAME(outer)(REAL *lanes, const REAL *z, const REAL *d, int64_t stride, int64_t n, int64_t q, int64_t width)
{
    for (int64_t t = 0; t < n; t += FRAMES)
        for (int64_t k = 0; k < q; k += COLUMNS) {
            VEC sum[FRAMES][COLUMNS];
            for (int f = 0; f < FRAMES; f++)
                for (int c = 0; c < COLUMNS; c++)
                    sum[f][c] = LOAD(lanes + ((t + f) * q + k + c) * LANES);
            for (int64_t p = 0; p < width; p += LANES)
                for (int f = 0; f < FRAMES; f++) {
                    VEC row = LOAD(z + (t + f) * stride + p);
                    for (int c = 0; c < COLUMNS; c++)
                        sum[f][c] = FMA(row, LOAD(d + (k + c) * stride + p), sum[f][c]);
                }
            for (int f = 0; f < FRAMES; f++)
                for (int c = 0; c < COLUMNS; c++)
                    STORE(lanes + ((t + f) * q + k + c) * LANES, sum[f][c]);
        }
}

/* power += the partial sums, in double; they start again from zero. */
FN void NAME(flush)(double *power, REAL *lanes, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        double sum = 0.0;
        for (int j = 0; j < LANES; j++)
            sum += lanes[i * LANES + j];
        power[i] += sum;
    }
    memset(lanes, 0, (size_t)(count * LANES) * sizeof(REAL));
}

FN double NAME(total)(VEC v)
{
    REAL lane[LANES];
    double sum = 0.0;
    STORE(lane, v);
    for (int j = 0; j < LANES; j++)
        sum += lane[j];
    return sum;
}

/* Columns start … start + width of `rows` rows side by side, zeros up to a whole strip. */
FN void NAME(gather)(REAL *strip, const REAL *from, int64_t stride, int64_t start, int64_t width, int64_t rows)
{
    for (int64_t k = 0; k < rows; k++) {
        memcpy(strip + k * STRIP, from + k * stride + start, (size_t)width * sizeof(REAL));
        memset(strip + k * STRIP + width, 0, (size_t)(STRIP - width) * sizeof(REAL));
    }
}
