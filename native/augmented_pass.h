/* The augmented-Lagrangian passes for one LEVEL and WIDE, under the name NAME(x). See augmented.c. */

struct NAME(numbers) {
    VEC high, low, unit_before, unit, mu, unit_after, relax, rest; /* unit: 1/mu */
};

FN struct NAME(numbers) NAME(spread)(const struct augmented *job)
{
    const struct NAME(numbers) numbers = {
        SPLAT((REAL)job->lam), SPLAT((REAL)-job->lam), SPLAT((REAL)(1 / job->mu_before)), SPLAT((REAL)(1 / job->mu)),
        SPLAT((REAL)job->mu), SPLAT((REAL)(1 / job->mu_after)), SPLAT((REAL)job->relax), SPLAT((REAL)(1 - job->relax))};
    return numbers;
}

/* z = M − S + Y/mu, or L where unknown. */
FN VEC NAME(aim)(VEC m, VEC w, const unsigned char *known, const struct NAME(numbers) *a, const int masked)
{
    const VEC y = MAX(MIN(w, a->high), a->low);
    const VEC z = FMA(y, a->unit, m - (w - y) * a->unit_before);
    return masked ? SELECT(MASK_LOAD(known), z, w) : z;
}

/* W ← Y + mu·(relax·(M − L) + (1 − relax)·S), and the next z; the sums are those of the new S and Y. */
FN VEC NAME(move)(VEC m, VEC *w, VEC l, const unsigned char *known, const struct NAME(numbers) *a, VEC sums[SUMS],
                  const int masked)
{
    const VEC y = MAX(MIN(*w, a->high), a->low);
    VEC s = (*w - y) * a->unit_before, rest = m - l;
    VEC fresh = FMA(a->mu, FMA(a->relax, rest, a->rest * s), y);
    VEC y_new = MAX(MIN(fresh, a->high), a->low), s_new = (fresh - y_new) * a->unit;
    VEC z = FMA(y_new, a->unit_after, m - s_new);
    if (masked) {
        const MASK here = MASK_LOAD(known);
        fresh = SELECT(here, fresh, l), z = SELECT(here, z, l);
        m = KEEP(here, m), s = KEEP(here, s), rest = KEEP(here, rest), y_new = KEEP(here, y_new);
        s_new = KEEP(here, s_new);
    }
    const VEC open = rest - s_new, moved = s_new - s;
    sums[0] = FMA(open, open, sums[0]);
    sums[1] += ABS(rest);
    sums[2] += ABS(s_new);
    sums[3] = FMA(moved, moved, sums[3]);
    sums[4] = FMA(m, y_new, sums[4]);
    sums[5] = FMA(y_new, y_new, sums[5]);
    *w = fresh;
    return z;
}

/* FRAMES rows (or 1) of one strip: their part of c = uᵀz. */
FN void NAME(gauge)(const struct augmented *job, const struct augmented_strip *s, int64_t t, REAL *c,
                    const struct NAME(numbers) *a, const int frames, const int masked)
{
    VEC z[FRAMES][VECTORS];
    for (int f = 0; f < frames; f++) {
        const REAL *m = (const REAL *)s->m + (t + f) * s->m_stride, *w = (REAL *)s->w + (t + f) * s->w_stride;
        const unsigned char *known = s->known + (t + f) * s->known_stride;
        for (int line = 0; s->ahead && line < (int)(STRIP * sizeof(REAL)); line += LINE)
            PREFETCH((const char *)(m + s->ahead) + line);
        for (int v = 0; v < VECTORS; v++)
            z[f][v] = NAME(aim)(LOAD(m + v * LANES), LOAD(w + v * LANES), known + v * LANES, a, masked);
    }
    NAME(project)(c, STRIP, z, (const REAL *)job->u + t * job->r, job->r, frames);
}

/* The same rows again, now that c is whole: L = left·c, W and z, and their part of d = basisᵀz. */
FN void NAME(advance)(const struct augmented *job, const struct augmented_strip *s, int64_t t, const REAL *c,
                      const struct NAME(numbers) *a, VEC sums[SUMS], const int frames, const int masked)
{
    VEC x[FRAMES][VECTORS], part[SUMS];
    for (int i = 0; i < SUMS; i++)
        part[i] = SPLAT(0);
    NAME(expand)(x, (const REAL *)job->left + t * job->r, c, job->r, frames);
    for (int f = 0; f < frames; f++) {
        const REAL *m = (const REAL *)s->m + (t + f) * s->m_stride;
        const unsigned char *known = s->known + (t + f) * s->known_stride;
        REAL *w = (REAL *)s->w + (t + f) * s->w_stride, *z = (REAL *)s->z + (t + f) * s->stride;
        for (int line = 0; s->ahead && line < (int)(STRIP * sizeof(REAL)); line += LINE)
            PREFETCH((const char *)(w + s->ahead) + line);
        for (int v = 0; v < VECTORS; v++) {
            VEC now = LOAD(w + v * LANES);
            x[f][v] = NAME(move)(LOAD(m + v * LANES), &now, x[f][v], known + v * LANES, a, part, masked);
            STORE(w + v * LANES, now);
            STORE(z + v * LANES, x[f][v]);
        }
    }
    for (int i = 0; i < SUMS; i++)
        sums[i] += part[i]; /* sums of short sums: they lose less */
    NAME(project)(s->fresh, s->stride, x, (const REAL *)job->basis + t * job->q, job->q, frames);
}

FN void NAME(both)(const struct augmented *job, const struct augmented_strip *s, REAL *c, const int masked)
{
    const struct NAME(numbers) a = NAME(spread)(job);
    int64_t t = 0;
    memset(c, 0, (size_t)(job->r * STRIP) * sizeof(REAL));
    for (; t + FRAMES <= job->n; t += FRAMES)
        NAME(gauge)(job, s, t, c, &a, FRAMES, masked);
    for (; t < job->n; t++)
        NAME(gauge)(job, s, t, c, &a, 1, masked);
    for (int64_t start = 0; start < job->n; start += ROWS) {
        const int64_t stop = start + ROWS < job->n ? start + ROWS : job->n;
        VEC sums[SUMS];
        for (int i = 0; i < SUMS; i++)
            sums[i] = SPLAT(0);
        for (t = start; t + FRAMES <= stop; t += FRAMES)
            NAME(advance)(job, s, t, c, &a, sums, FRAMES, masked);
        for (; t < stop; t++)
            NAME(advance)(job, s, t, c, &a, sums, 1, masked);
        for (int i = 0; i < SUMS; i++)
            job->sums[i] += NAME(total)(sums[i]);
    }
}

/* The last columns, fewer than a strip, are worked on in a copy and are unknown beyond their end. */
FN void NAME(rest)(const struct augmented *job, const struct augmented_strip *s, int64_t width, REAL *c, REAL *copies,
                   unsigned char *known)
{
    struct augmented_strip copy = *s;
    REAL *m = copies, *w = copies + job->n * STRIP;
    NAME(gather)(m, s->m, s->m_stride, 0, width, job->n);
    NAME(gather)(w, s->w, s->w_stride, 0, width, job->n);
    memset(known, 0, (size_t)(job->n * STRIP));
    for (int64_t t = 0; t < job->n; t++)
        if (job->known)
            memcpy(known + t * STRIP, s->known + t * s->known_stride, (size_t)width);
        else
            memset(known + t * STRIP, 1, (size_t)width);
    copy.m = m, copy.w = w, copy.known = known, copy.ahead = 0;
    copy.m_stride = copy.w_stride = copy.known_stride = STRIP;
    NAME(both)(job, &copy, c, 1);
    for (int64_t t = 0; t < job->n; t++)
        memcpy((REAL *)s->w + t * s->w_stride, w + t * STRIP, (size_t)width * sizeof(REAL));
}

static TARGET int NAME(pass)(const struct augmented *job)
{
    const int64_t n = job->n, q = job->q, w = job->w, rows = (n + FRAMES - 1) / FRAMES * FRAMES;
    const int64_t tile = tile_width(rows, sizeof(REAL), STRIP), stride = tile + LANES;
    const int64_t reals = rows * stride + q * stride + rows * q * LANES + job->r * STRIP + 2 * n * STRIP;
    char *memory = malloc((size_t)reals * sizeof(REAL) + (size_t)(n * STRIP) + LINE);
    if (!memory)
        return 1;
    REAL *z = (REAL *)(((uintptr_t)memory + LINE - 1) / LINE * LINE);
    REAL *lanes = z + rows * stride, *fresh = lanes + rows * q * LANES, *c = fresh + q * stride;
    REAL *copies = c + job->r * STRIP;
    unsigned char *known = (unsigned char *)(copies + 2 * n * STRIP);
    int64_t pending = 0;
    memset(z + n * stride, 0, (size_t)((rows - n) * stride + rows * q * LANES) * sizeof(REAL)); /* spare rows, lanes */

    for (int64_t start = 0; start < w; start += tile) {
        const int64_t stop = start + tile < w ? start + tile : w;
        memset(fresh, 0, (size_t)(q * stride) * sizeof(REAL));
        for (int64_t p = start; p < stop; p += STRIP) {
            const int64_t width = stop - p < STRIP ? stop - p : STRIP;
            const struct augmented_strip s = {
                .m = (const REAL *)job->m + p, .m_stride = job->m_stride, .w = (REAL *)job->state + p,
                .w_stride = job->state_stride, .known = job->known ? job->known + p : known,
                .known_stride = job->known ? job->known_stride : 0, .z = z + (p - start), .fresh = fresh + (p - start),
                .stride = stride, .ahead = tile};
            if (width < STRIP)
                NAME(rest)(job, &s, width, c, copies, known);
            else if (job->known)
                NAME(both)(job, &s, c, 1);
            else
                NAME(both)(job, &s, c, 0);
            for (int64_t k = 0; job->factor && k < job->r; k++)
                memcpy((REAL *)job->factor + k * job->factor_stride + p, c + k * STRIP, (size_t)width * sizeof(REAL));
        }
        NAME(outer)(lanes, z, fresh, stride, rows, q, (stop - start + LANES - 1) / LANES * LANES);
        pending += tile;
        if (pending >= FLUSH || stop == w) {
            NAME(flush)(job->power, lanes, n * q);
            pending = 0;
        }
    }
    free(memory);
    return 0;
}

/* One vector of a row, or the `width` first numbers of one: read from and written to copies then. */
FN VEC NAME(take)(const REAL *from, int64_t width)
{
    REAL copy[LANES] = {0};
    if (width >= LANES)
        return LOAD(from);
    memcpy(copy, from, (size_t)width * sizeof(REAL));
    return LOAD(copy);
}

FN void NAME(put)(REAL *to, VEC v, int64_t width)
{
    REAL copy[LANES];
    if (width >= LANES) {
        STORE(to, v);
        return;
    }
    STORE(copy, v);
    memcpy(to, copy, (size_t)width * sizeof(REAL));
}

/* z (`moving` 0) or W, the next z and the sums (1) for all entries, L given as a whole. */
FN void NAME(each)(const struct augmented *job, const int moving, const int masked)
{
    const struct NAME(numbers) a = NAME(spread)(job);
    unsigned char all[LANES];
    for (int64_t t = 0; t < job->n; t++) {
        const REAL *m = (const REAL *)job->m + t * job->m_stride, *l = (const REAL *)job->left + t * job->left_stride;
        REAL *w = (REAL *)job->state + t * job->state_stride, *z = (REAL *)job->factor + t * job->factor_stride;
        for (int64_t start = 0; start < job->w; start += ROWS * LANES) {
            const int64_t stop = start + ROWS * LANES < job->w ? start + ROWS * LANES : job->w;
            VEC sums[SUMS];
            for (int i = 0; i < SUMS; i++)
                sums[i] = SPLAT(0);
            for (int64_t p = start; p < stop; p += LANES) {
                const int64_t width = stop - p < LANES ? stop - p : LANES;
                const unsigned char *known = masked ? job->known + t * job->known_stride + p : all;
                if (masked && width < LANES) {
                    memset(all, 0, sizeof all);
                    memcpy(all, known, (size_t)width);
                    known = all;
                }
                VEC now = NAME(take)(w + p, width), data = NAME(take)(m + p, width);
                if (moving) {
                    VEC next = NAME(move)(data, &now, NAME(take)(l + p, width), known, &a, sums, masked);
                    NAME(put)(w + p, now, width);
                    NAME(put)(z + p, next, width);
                } else
                    NAME(put)(z + p, NAME(aim)(data, now, known, &a, masked), width);
            }
            for (int i = 0; moving && i < SUMS; i++)
                job->sums[i] += NAME(total)(sums[i]);
        }
    }
}

static TARGET void NAME(target)(const struct augmented *job)
{
    if (job->known)
        NAME(each)(job, 0, 1);
    else
        NAME(each)(job, 0, 0);
}

static TARGET void NAME(update)(const struct augmented *job)
{
    if (job->known)
        NAME(each)(job, 1, 1);
    else
        NAME(each)(job, 1, 0);
}
