/* The Huber pass for one LEVEL and one type of data (RAW, read by RAW_LOAD), under the name PASS(x). See huber.c. */

/* FRAMES rows (or 1) of one strip: z into its place, its projection added to `fresh`, three sums to `sums`. */
FN void PASS(rows)(const struct huber *job, const struct huber_strip *s, int64_t t, VEC sums[3], const int frames,
                   const int masked)
{
    VEC x[FRAMES][VECTORS], slope = SPLAT(0), inner = SPLAT(0), square = SPLAT(0);
    const VEC high = SPLAT((REAL)job->tau), low = SPLAT((REAL)-job->tau), step = SPLAT((REAL)job->step);
    NAME(expand)(x, (const REAL *)job->left + t * job->r, s->right, job->r, frames);
    for (int f = 0; f < frames; f++) {
        const RAW *raw = (const RAW *)s->raw + (t + f) * s->raw_stride;
        const unsigned char *known = s->known + (t + f) * s->known_stride;
        const VEC scale = SPLAT(((const REAL *)job->scale)[t + f]), offset = SPLAT(((const REAL *)job->offset)[t + f]);
        REAL *z = (REAL *)s->z + (t + f) * s->stride;
        for (int line = 0; line < (int)(STRIP * sizeof(RAW)); line += LINE)
            if (s->ahead)
                PREFETCH((const char *)(raw + s->ahead) + line);
        for (int v = 0; v < VECTORS; v++) {
            VEC value = FMA(RAW_LOAD(raw + v * LANES), scale, offset);
            if (masked)
                value = KEEP(MASK_LOAD(known + v * LANES), value);
            VEC d = value - x[f][v];
            VEC y = MAX(MIN(d, high), low);
            if (masked)
                y = KEEP(MASK_LOAD(known + v * LANES), y);
            slope = FMA(y, d, slope);
            inner = FMA(value, y, inner);
            square = FMA(y, y, square);
            x[f][v] = FMA(y, step, x[f][v]);
            STORE(z + v * LANES, x[f][v]);
        }
    }
    sums[0] += slope, sums[1] += inner, sums[2] += square; /* sums of short sums: they lose less */
    NAME(project)(s->fresh, s->stride, x, (const REAL *)job->basis + t * job->q, job->q, frames);
}

FN void PASS(strip)(const struct huber *job, const struct huber_strip *s, const int masked)
{
    for (int64_t start = 0; start < job->n; start += ROWS) {
        const int64_t stop = start + ROWS < job->n ? start + ROWS : job->n;
        VEC sums[3] = {SPLAT(0), SPLAT(0), SPLAT(0)};
        int64_t t = start;
        for (; t + FRAMES <= stop; t += FRAMES)
            PASS(rows)(job, s, t, sums, FRAMES, masked);
        for (; t < stop; t++)
            PASS(rows)(job, s, t, sums, 1, masked);
        for (int i = 0; i < 3; i++)
            job->sums[i] += NAME(total)(sums[i]);
    }
}

/* The last columns, fewer than a strip: copied to where whole vectors can be read, and unknown beyond them. */
FN void PASS(remainder)(const struct huber *job, struct huber_strip *s, int64_t width, RAW *raw, unsigned char *known)
{
    memset(raw, 0, (size_t)(job->n * STRIP) * sizeof(RAW));
    memset(known, 0, (size_t)(job->n * STRIP));
    for (int64_t t = 0; t < job->n; t++) {
        memcpy(raw + t * STRIP, (const RAW *)s->raw + t * s->raw_stride, (size_t)width * sizeof(RAW));
        if (job->known)
            memcpy(known + t * STRIP, s->known + t * s->known_stride, (size_t)width);
        else
            memset(known + t * STRIP, 1, (size_t)width);
    }
    s->raw = raw, s->raw_stride = STRIP, s->known = known, s->known_stride = STRIP, s->ahead = 0;
}

static TARGET int PASS(pass)(const struct huber *job)
{
    const int64_t n = job->n, q = job->q, w = job->w;
    const int64_t rows = (n + FRAMES - 1) / FRAMES * FRAMES;
    const int64_t tile = tile_width(rows, sizeof(REAL), STRIP), stride = tile + LANES;
    const int64_t reals = rows * stride + q * stride + rows * q * LANES + job->r * STRIP;
    char *memory = malloc((size_t)reals * sizeof(REAL) + (size_t)(n * STRIP) * (sizeof(RAW) + 1) + LINE);
    if (!memory)
        return 1;
    REAL *z = (REAL *)(((uintptr_t)memory + LINE - 1) / LINE * LINE);
    REAL *lanes = z + rows * stride, *fresh = lanes + rows * q * LANES, *right = fresh + q * stride;
    RAW *raw = (RAW *)(right + job->r * STRIP);
    unsigned char *known = (unsigned char *)(raw + n * STRIP);
    int64_t pending = 0;
    memset(z + n * stride, 0, (size_t)((rows - n) * stride + rows * q * LANES) * sizeof(REAL)); /* spare rows, lanes */

    for (int64_t start = 0; start < w; start += tile) {
        const int64_t stop = start + tile < w ? start + tile : w;
        memset(fresh, 0, (size_t)(q * stride) * sizeof(REAL));
        for (int64_t p = start; p < stop; p += STRIP) {
            const int64_t width = stop - p < STRIP ? stop - p : STRIP;
            struct huber_strip s = {
                .raw = (const RAW *)job->raw + p, .raw_stride = job->raw_stride, .ahead = tile,
                .known = job->known ? job->known + p : known, .known_stride = job->known ? job->known_stride : 0,
                .right = right, .z = z + (p - start), .fresh = fresh + (p - start), .stride = stride};
            NAME(gather)(right, job->right, job->right_stride, p, width, job->r);
            if (width < STRIP)
                PASS(remainder)(job, &s, width, raw, known);
            if (width < STRIP || job->known)
                PASS(strip)(job, &s, 1);
            else
                PASS(strip)(job, &s, 0);
        }
        NAME(outer)(lanes, z, fresh, stride, rows, q, (stop - start + LANES - 1) / LANES * LANES);
        for (int64_t k = 0; k < job->q_out; k++)
            memcpy((REAL *)job->out + k * job->out_stride + start, fresh + k * stride,
                   (size_t)(stop - start) * sizeof(REAL));
        pending += tile;
        if (pending >= FLUSH || stop == w) {
            NAME(flush)(job->power, lanes, n * q);
            pending = 0;
        }
    }
    free(memory);
    return 0;
}

#undef KIND
#undef RAW
#undef RAW_LOAD
