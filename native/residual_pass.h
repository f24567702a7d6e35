/* The residual for one LEVEL and one type of data (RAW, read by RAW_LOAD), under the name PASS(x). See residual.c. */

/* The louder of two vectors' numbers; of two as loud, the positive one. */
FN VEC PASS(louder)(VEC a, VEC b)
{
    const VEC high = MAX(a, b), low = MIN(a, b);
    return SELECT(BELOW(high, SPLAT(0) - low), low, high);
}

/* FRAMES rows (or 1) of one strip. */
FN void PASS(rows)(const struct residual *job, const struct residual_strip *s, int64_t t, const int frames,
                   const int masked, const int louder)
{
    VEC x[FRAMES][VECTORS];
    const VEC high = SPLAT((REAL)job->limit), low = SPLAT((REAL)-job->limit);
    NAME(expand)(x, (const REAL *)job->left + t * job->r, s->right, job->r, frames);
    for (int f = 0; f < frames; f++) {
        const RAW *raw = (const RAW *)s->raw + (t + f) * s->raw_stride;
        const unsigned char *known = s->known + (t + f) * s->known_stride;
        const VEC scale = SPLAT(((const REAL *)job->scale)[t + f]), offset = SPLAT(((const REAL *)job->offset)[t + f]);
        REAL *out = (REAL *)s->out + (t + f) * s->stride;
        for (int v = 0; v < VECTORS; v++) {
            VEC d = FMA(RAW_LOAD(raw + v * LANES), scale, offset) - x[f][v];
            d = MAX(MIN(d * LOAD((const REAL *)s->weight + v * LANES), high), low);
            d = masked ? KEEP(MASK_LOAD(known + v * LANES), d) : d;
            STORE(out + v * LANES, louder ? PASS(louder)(d, LOAD(out + v * LANES)) : d);
        }
    }
}

FN void PASS(strip)(const struct residual *job, const struct residual_strip *s, const int masked, const int louder)
{
    int64_t t = 0;
    for (; t + FRAMES <= job->n; t += FRAMES)
        PASS(rows)(job, s, t, FRAMES, masked, louder);
    for (; t < job->n; t++)
        PASS(rows)(job, s, t, 1, masked, louder);
}

FN void PASS(any_strip)(const struct residual *job, const struct residual_strip *s)
{
    if (job->known && job->louder)
        PASS(strip)(job, s, 1, 1);
    else if (job->known)
        PASS(strip)(job, s, 1, 0);
    else if (job->louder)
        PASS(strip)(job, s, 0, 1);
    else
        PASS(strip)(job, s, 0, 0);
}

/* The last columns, fewer than a strip, by way of `spare`, where whole vectors can be read and written. */
FN void PASS(remainder)(const struct residual *job, struct residual_strip s, int64_t width, REAL *spare)
{
    const struct residual_strip given = s;
    REAL *out = spare;
    RAW *raw = (RAW *)(out + job->n * STRIP);
    unsigned char *known = (unsigned char *)(raw + job->n * STRIP);
    memset(spare, 0, (size_t)(job->n * STRIP) * (sizeof(REAL) + sizeof(RAW) + 1));
    for (int64_t t = 0; t < job->n; t++) {
        memcpy(raw + t * STRIP, (const RAW *)s.raw + t * s.raw_stride, (size_t)width * sizeof(RAW));
        if (job->known)
            memcpy(known + t * STRIP, s.known + t * s.known_stride, (size_t)width);
        if (job->louder)
            memcpy(out + t * STRIP, (REAL *)s.out + t * s.stride, (size_t)width * sizeof(REAL));
    }
    s.raw = raw, s.known = known, s.out = out, s.raw_stride = s.known_stride = s.stride = STRIP;
    PASS(any_strip)(job, &s);
    for (int64_t t = 0; t < job->n; t++)
        memcpy((REAL *)given.out + t * given.stride, out + t * STRIP, (size_t)width * sizeof(REAL));
}

static TARGET int PASS(pass)(const struct residual *job)
{
    const int64_t r = job->r, spare = job->w % STRIP ? job->n * STRIP : 0;
    REAL *right = malloc((size_t)((r + 1) * STRIP) * sizeof(REAL) + (size_t)spare * (sizeof(REAL) + sizeof(RAW) + 1));
    if (!right)
        return 1;
    REAL *weight = right + r * STRIP;
    for (int i = 0; i < STRIP; i++)
        weight[i] = 1;
    for (int64_t p = 0; p < job->w; p += STRIP) {
        const int64_t width = job->w - p < STRIP ? job->w - p : STRIP;
        const struct residual_strip s = {
            .raw = (const RAW *)job->raw + p, .raw_stride = job->raw_stride, .right = right, .weight = weight,
            .known = job->known ? job->known + p : NULL, .known_stride = job->known ? job->known_stride : 0,
            .out = (REAL *)job->out + p, .stride = job->out_stride};
        NAME(gather)(right, job->right, job->right_stride, p, width, r);
        if (job->weight)
            memcpy(weight, (const REAL *)job->weight + p, (size_t)width * sizeof(REAL));
        if (width < STRIP)
            PASS(remainder)(job, s, width, weight + STRIP);
        else
            PASS(any_strip)(job, &s);
    }
    free(right);
    return 0;
}

#undef KIND
#undef RAW
#undef RAW_LOAD
