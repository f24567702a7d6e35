/* The statistics of columns at one LEVEL, under the name NAME(x). See temporal.c. */

#if LEVEL == 2
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define INT __m512i
#define REAL __m512
#define LANES 16
#define LOAD(p) _mm512_loadu_si512((const void *)(p))
#define STORE(p, v) _mm512_storeu_si512((void *)(p), v)
#define SPLAT(x) _mm512_set1_epi32(x)
#define ADD(a, b) _mm512_add_epi32(a, b)
#define SUB(a, b) _mm512_sub_epi32(a, b)
#define AND(a, b) _mm512_and_si512(a, b)
#define XOR(a, b) _mm512_xor_si512(a, b)
#define HALF(v) _mm512_srli_epi32(v, 1) /* of unsigned numbers */
#define SIGN(v) _mm512_srai_epi32(v, 31)
#define LEAST(a, b) _mm512_min_epi32(a, b)
#define MOST(a, b) _mm512_max_epi32(a, b)
#define MASK __mmask16
#define GREATER(a, b) _mm512_cmpgt_epi32_mask(a, b)
#define PICK(m, a, b) _mm512_mask_blend_epi32(m, b, a)
#define ANY(m) (m)
#define AS_REAL(v) _mm512_castsi512_ps(v)
#define AS_INT(v) _mm512_castps_si512(v)
#define SPLAT_REAL(x) _mm512_set1_ps(x)
#define MIN(a, b) _mm512_min_ps(a, b)
#define MAX(a, b) _mm512_max_ps(a, b)
#define COUNTED(v) _mm512_cvtepi32_ps(v)
#define KNOWN(p) _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)(p)))
#else
#define TARGET __attribute__((target("avx2,fma")))
#define INT __m256i
#define REAL __m256
#define LANES 8
#define LOAD(p) _mm256_loadu_si256((const void *)(p))
#define STORE(p, v) _mm256_storeu_si256((void *)(p), v)
#define SPLAT(x) _mm256_set1_epi32(x)
#define ADD(a, b) _mm256_add_epi32(a, b)
#define SUB(a, b) _mm256_sub_epi32(a, b)
#define AND(a, b) _mm256_and_si256(a, b)
#define XOR(a, b) _mm256_xor_si256(a, b)
#define HALF(v) _mm256_srli_epi32(v, 1)
#define SIGN(v) _mm256_srai_epi32(v, 31)
#define LEAST(a, b) _mm256_min_epi32(a, b)
#define MOST(a, b) _mm256_max_epi32(a, b)
#define MASK __m256i
#define GREATER(a, b) _mm256_cmpgt_epi32(a, b)
#define PICK(m, a, b) _mm256_blendv_epi8(b, a, m)
#define ANY(m) _mm256_movemask_epi8(m)
#define AS_REAL(v) _mm256_castsi256_ps(v)
#define AS_INT(v) _mm256_castps_si256(v)
#define SPLAT_REAL(x) _mm256_set1_ps(x)
#define MIN(a, b) _mm256_min_ps(a, b)
#define MAX(a, b) _mm256_max_ps(a, b)
#define COUNTED(v) _mm256_cvtepi32_ps(v)
#define KNOWN(p) _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(p)))
#endif
#define FN static inline __attribute__((always_inline)) TARGET

/* A float's pattern as an integer that orders like it, and back: the two are one another's inverse. */
FN INT NAME(turned)(INT v)
{
    return XOR(v, AND(SIGN(v), SPLAT(POSITIVE)));
}

/* How many of each lane's `n` keys are no larger than `level`. */
FN INT NAME(up_to)(const int32_t *keys, int64_t n, INT level)
{
    INT larger = SPLAT(0), more = SPLAT(0);
    int64_t t = 0;
    for (; t + 1 < n; t += 2) {
        larger = PICK(GREATER(LOAD(keys + t * LANES), level), ADD(larger, SPLAT(1)), larger);
        more = PICK(GREATER(LOAD(keys + (t + 1) * LANES), level), ADD(more, SPLAT(1)), more);
    }
    if (t < n)
        larger = PICK(GREATER(LOAD(keys + t * LANES), level), ADD(larger, SPLAT(1)), larger);
    return SUB(SPLAT((int)n), ADD(larger, more));
}

/* The mean of the middle two of each lane's `count` smallest keys, or the middle one; `keys` are turned patterns. */
FN REAL NAME(middle)(const int32_t *keys, int64_t n, INT count)
{
    const INT one = SPLAT(1), rank = HALF(SUB(MOST(count, one), one));
    INT low = SPLAT(POSITIVE), high = SPLAT(SMALLEST), before = SPLAT(0), until = count;
    for (int64_t t = 0; t < n; t++) {
        const INT key = LOAD(keys + t * LANES);
        low = LEAST(low, key);
        high = PICK(GREATER(SPLAT(INFINITE), key), MOST(high, key), high); /* unknown keys are infinite */
    }
    high = MOST(low, high);
    /* The key of that rank is in low … high, with until − before keys; it is found where there is one, or one value. */
    for (;;) {
        const MASK open = GREATER(high, low), many = GREATER(SUB(until, before), one);
        if (!ANY(open & many))
            break;
        const INT level = ADD(low, HALF(SUB(high, low))), found = NAME(up_to)(keys, n, level);
        const MASK below = GREATER(found, rank);
        high = PICK(below, level, high), until = PICK(below, found, until);
        low = PICK(below, low, ADD(level, one)), before = PICK(below, before, found);
    }
    INT first = SPLAT(SMALLEST), next = SPLAT(POSITIVE);
    for (int64_t t = 0; t < n; t++) {
        const INT key = LOAD(keys + t * LANES);
        const MASK above = GREATER(key, high);
        first = PICK(above, first, MOST(first, key));
        next = PICK(above, LEAST(next, key), next);
    }
    next = PICK(GREATER(until, ADD(rank, one)), first, next);
    const INT second = PICK(GREATER(HALF(count), rank), next, first); /* an even number: rank + 1 = count / 2 */
    return SPLAT_REAL(0.5f) * (AS_REAL(NAME(turned)(first)) + AS_REAL(NAME(turned)(second)));
}

/* `center` moved by the mean of the distances within ±quantum. */
FN REAL NAME(between)(const struct temporal *job, const float *values, const unsigned char *known, REAL center,
                      INT count)
{
    const REAL high = SPLAT_REAL(job->quantum), low = SPLAT_REAL(-job->quantum);
    REAL total = SPLAT_REAL(0.0f);
    for (int64_t start = 0; start < job->n; start += ROWS) {
        const int64_t stop = start + ROWS < job->n ? start + ROWS : job->n;
        REAL sum = SPLAT_REAL(0.0f);
        for (int64_t t = start; t < stop; t++) {
            const REAL d = MAX(MIN(AS_REAL(LOAD(values + t * LANES)) - center, high), low);
            sum += known ? AS_REAL(AND(AS_INT(d), SUB(SPLAT(0), KNOWN(known + t * LANES)))) : d;
        }
        total += sum;
    }
    return center + total / COUNTED(MOST(count, SPLAT(1)));
}

/* One vector of columns, whose values and known entries lie together; `keys` is room for as many. */
FN void NAME(columns)(const struct temporal *job, const float *values, const unsigned char *known, int32_t *keys,
                      float *center, float *scale, int32_t *entries)
{
    const INT infinite = SPLAT(INFINITE), none = SPLAT(0);
    INT count = known ? none : SPLAT((int)job->n);
    for (int64_t t = 0; t < job->n; t++) {
        INT key = NAME(turned)(LOAD(values + t * LANES));
        if (known) {
            const INT seen = KNOWN(known + t * LANES);
            count = ADD(count, seen);
            key = PICK(GREATER(seen, none), key, infinite);
        }
        STORE(keys + t * LANES, key);
    }
    REAL middle = NAME(middle)(keys, job->n, count);
    for (int64_t t = 0; t < job->n; t++) {
        INT key = AND(AS_INT(AS_REAL(LOAD(values + t * LANES)) - middle), SPLAT(POSITIVE));
        if (known)
            key = PICK(GREATER(KNOWN(known + t * LANES), none), key, infinite);
        STORE(keys + t * LANES, key);
    }
    const REAL spread = SPLAT_REAL(job->factor) * NAME(middle)(keys, job->n, count);
    float lane[LANES];
    STORE(lane, AS_INT(spread));
    for (int i = 0; i < LANES; i++)
        if (lane[i] < job->quantum) {
            const INT coarse = AS_INT(NAME(between)(job, values, known, middle, count));
            /* spreads are ≥ 0: their patterns order like integers */
            middle = AS_REAL(PICK(GREATER(AS_INT(SPLAT_REAL(job->quantum)), AS_INT(spread)), coarse, AS_INT(middle)));
            break;
        }
    const MASK seen = GREATER(count, none);
    STORE(center, PICK(seen, AS_INT(middle), SPLAT(-1)));
    STORE(scale, PICK(seen, AS_INT(spread), SPLAT(-1)));
    STORE(entries, count);
}

static TARGET int NAME(statistics)(const struct temporal *job)
{
    const size_t room = (size_t)(job->n * LANES);
    char *memory = malloc(room * (2 * sizeof(float) + 1) + LINE);
    if (!memory)
        return 1;
    float *values = (float *)(((uintptr_t)memory + LINE - 1) / LINE * LINE);
    int32_t *keys = (int32_t *)(values + room), entries[LANES];
    unsigned char *known = (unsigned char *)(keys + room);
    float center[LANES], scale[LANES];
    memset(values, 0, room * sizeof(float));
    memset(known, 0, room);
    for (int64_t p = 0; p < job->w; p += LANES) {
        const size_t width = (size_t)(job->w - p < LANES ? job->w - p : LANES);
        for (int64_t t = 0; t < job->n; t++)
            memcpy(values + t * LANES, job->values + t * job->stride + p, width * sizeof(float));
        for (int64_t t = 0; job->known && t < job->n; t++)
            memcpy(known + t * LANES, job->known + t * job->known_stride + p, width);
        NAME(columns)(job, values, job->known ? known : NULL, keys, center, scale, entries);
        memcpy(job->center + p, center, width * sizeof(float));
        memcpy(job->scale + p, scale, width * sizeof(float));
        memcpy(job->entries + p, entries, width * sizeof(int32_t));
    }
    free(memory);
    return 0;
}

#undef LEVEL
#undef TARGET
#undef INT
#undef REAL
#undef LANES
#undef LOAD
#undef STORE
#undef SPLAT
#undef ADD
#undef SUB
#undef AND
#undef XOR
#undef HALF
#undef SIGN
#undef LEAST
#undef MOST
#undef MASK
#undef GREATER
#undef PICK
#undef ANY
#undef AS_REAL
#undef AS_INT
#undef SPLAT_REAL
#undef MIN
#undef MAX
#undef COUNTED
#undef KNOWN
#undef FN
