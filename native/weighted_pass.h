/* The weighted pass for one LEVEL, one type of data (RAW, read by RAW_LOAD) and one RANK, as PASS(x). See weighted.c. */

#define PAIRS (RANK * (RANK + 1) / 2)
#define PADDED ((PAIRS + FRAMES - 1) / FRAMES * FRAMES)
#define AT(i, j) ((i) * RANK - (i) * ((i) - 1) / 2 + (j) - (i)) /* of an upper triangle, i ≤ j */

/* slope ← (gram + tau_background)⁻¹ slope, by L D Lᵀ in every lane. */
FN void PASS(solve)(VEC gram[PAIRS], VEC slope[RANK], VEC ridge)
{
    for (int j = 0; j < RANK; j++) {
        VEC pivot = gram[AT(j, j)] + ridge;
        for (int k = 0; k < j; k++)
            pivot = pivot - gram[AT(k, j)] * gram[AT(k, j)] * gram[AT(k, k)];
        gram[AT(j, j)] = pivot;
        for (int i = j + 1; i < RANK; i++) {
            VEC sum = gram[AT(j, i)];
            for (int k = 0; k < j; k++)
                sum = sum - gram[AT(k, i)] * gram[AT(k, j)] * gram[AT(k, k)];
            gram[AT(j, i)] = sum / pivot;
        }
    }
    for (int i = 1; i < RANK; i++)
        for (int k = 0; k < i; k++)
            slope[i] = slope[i] - gram[AT(k, i)] * slope[k];
    for (int i = 0; i < RANK; i++)
        slope[i] = slope[i] / gram[AT(i, i)];
    for (int i = RANK - 2; i >= 0; i--)
        for (int k = i + 1; k < RANK; k++)
            slope[i] = slope[i] - gram[AT(i, k)] * slope[k];
}

/* A vector of columns: their weights and weighted data into the tile, and their new factor and its products. */
FN void PASS(columns)(const struct weighted *job, const struct weighted_strip *s, const int masked)
{
    const VEC tau = SPLAT((REAL)job->tau), ridge = SPLAT((REAL)job->tau_background);
    VEC gram[PAIRS], pull[RANK], c[RANK], slope = SPLAT(0), square = SPLAT(0), inner = SPLAT(0);
    for (int i = 0; i < PAIRS; i++)
        gram[i] = SPLAT(0);
    for (int k = 0; k < RANK; k++)
        pull[k] = SPLAT(0), c[k] = LOAD((const REAL *)s->right + k * s->right_stride);
    for (int64_t t = 0; t < job->n; t++) {
        const RAW *raw = (const RAW *)s->raw + t * s->raw_stride;
        const REAL *left = (const REAL *)job->left + t * RANK, *pairs = (const REAL *)job->pairs + t * PAIRS;
        VEC x = SPLAT(left[0]) * c[0];
        for (int k = 1; k < RANK; k++)
            x = FMA(SPLAT(left[k]), c[k], x);
        VEC value = FMA(RAW_LOAD(raw), SPLAT(((const REAL *)job->scale)[t]), SPLAT(((const REAL *)job->offset)[t]));
        VEC weight;
        if (masked) {
            const MASK known = MASK_LOAD(s->known + t * s->known_stride);
            value = KEEP(known, value);
            weight = KEEP(known, tau / MAX(ABS(value - x), tau));
        } else
            weight = tau / MAX(ABS(value - x), tau);
        const VEC d = value - x, y = weight * d;
        slope = FMA(y, d, slope);
        square = FMA(y, y, square);
        STORE((REAL *)s->weights + t * s->stride, weight);
        STORE((REAL *)s->values + t * s->stride, weight * value);
        for (int k = 0; k < RANK; k++)
            pull[k] = FMA(SPLAT(left[k]), y, pull[k]);
        for (int i = 0; i < PAIRS; i++)
            gram[i] = FMA(SPLAT(pairs[i]), weight, gram[i]);
    }
    for (int k = 0; k < RANK; k++) {
        inner = FMA(pull[k], c[k], inner);
        pull[k] = pull[k] - ridge * c[k];
    }
    job->sums[0] += NAME(total)(slope) - 0.5 * NAME(total)(square);
    job->sums[1] += NAME(total)(inner);
    PASS(solve)(gram, pull, ridge);
    for (int k = 0; k < RANK; k++) {
        c[k] = FMA(SPLAT((REAL)job->relaxed), pull[k], c[k]);
        STORE((REAL *)s->fresh + k * s->stride, c[k]);
    }
    for (int i = 0; i < RANK; i++)
        for (int j = i; j < RANK; j++)
            STORE((REAL *)s->fresh + (RANK + AT(i, j)) * s->stride, c[i] * c[j]);
}

/* The last columns, fewer than a vector: copied to where a whole one can be read, and unknown beyond them. */
FN void PASS(remainder)(const struct weighted *job, struct weighted_strip *s, int64_t width, RAW *raw,
                        unsigned char *known, REAL *right)
{
    memset(raw, 0, (size_t)(job->n * LANES) * sizeof(RAW));
    memset(known, 0, (size_t)(job->n * LANES));
    memset(right, 0, (size_t)(RANK * LANES) * sizeof(REAL));
    for (int64_t t = 0; t < job->n; t++) {
        memcpy(raw + t * LANES, (const RAW *)s->raw + t * s->raw_stride, (size_t)width * sizeof(RAW));
        if (s->known)
            memcpy(known + t * LANES, s->known + t * s->known_stride, (size_t)width);
        else
            memset(known + t * LANES, 1, (size_t)width);
    }
    for (int k = 0; k < RANK; k++)
        memcpy(right + k * LANES, (const REAL *)s->right + k * s->right_stride, (size_t)width * sizeof(REAL));
    s->raw = raw, s->raw_stride = LANES, s->known = known, s->known_stride = LANES;
    s->right = right, s->right_stride = LANES;
}

static TARGET int PASS(pass)(const struct weighted *job)
{
    const int64_t n = job->n, w = job->w, rows = (n + FRAMES - 1) / FRAMES * FRAMES;
    const int64_t tile = tile_width(2 * rows, sizeof(REAL), LANES), stride = tile + LANES, q = RANK + PADDED;
    const int64_t reals = (2 * rows + q) * stride + rows * q * LANES + RANK * LANES;
    char *memory = calloc(1, (size_t)reals * sizeof(REAL) + (size_t)(n * LANES) * (sizeof(RAW) + 1) + LINE);
    if (!memory)
        return 1;
    REAL *weights = (REAL *)(((uintptr_t)memory + LINE - 1) / LINE * LINE);
    REAL *values = weights + rows * stride, *fresh = values + rows * stride;
    REAL *lanes = fresh + q * stride, *right = lanes + rows * q * LANES;
    RAW *raw = (RAW *)(right + RANK * LANES);
    unsigned char *known = (unsigned char *)(raw + n * LANES);
    int64_t pending = 0;

    for (int64_t start = 0; start < w; start += tile) {
        const int64_t stop = start + tile < w ? start + tile : w;
        for (int64_t p = start; p < stop; p += LANES) {
            struct weighted_strip s = {
                .raw = (const RAW *)job->raw + p, .raw_stride = job->raw_stride, .known = job->known ? job->known + p : NULL,
                .known_stride = job->known_stride, .right = (const REAL *)job->right + p,
                .right_stride = job->right_stride, .weights = weights + (p - start), .values = values + (p - start),
                .fresh = fresh + (p - start), .stride = stride};
            if (stop - p < LANES)
                PASS(remainder)(job, &s, stop - p, raw, known, right);
            if (s.known)
                PASS(columns)(job, &s, 1);
            else
                PASS(columns)(job, &s, 0);
        }
        const int64_t width = (stop - start + LANES - 1) / LANES * LANES;
        NAME(outer)(lanes, values, fresh, stride, rows, RANK, width);
        NAME(outer)(lanes + rows * RANK * LANES, weights, fresh + RANK * stride, stride, rows, PADDED, width);
        for (int64_t k = 0; k < RANK; k++)
            memcpy((REAL *)job->out + k * job->out_stride + start, fresh + k * stride,
                   (size_t)(stop - start) * sizeof(REAL));
        pending += tile;
        if (pending >= FLUSH || stop == w) {
            NAME(flush)(job->target, lanes, n * RANK);
            NAME(flush)(job->gram, lanes + rows * RANK * LANES, n * PADDED);
            pending = 0;
        }
    }
    free(memory);
    return 0;
}

#undef PAIRS
#undef PADDED
#undef AT
