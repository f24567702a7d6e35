/* The medians at one LEVEL, under the name NAME(x). See median.c. */

#if LEVEL == 2
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")))
#define VEC __m512i
#define LANES 32
#define LOAD(p) _mm512_loadu_si512((const void *)(p))
#define STORE(p, v) _mm512_storeu_si512((void *)(p), v)
#define SPLAT(x) _mm512_set1_epi16(x)
#define ADD(a, b) _mm512_add_epi16(a, b)
#define HALF(v) _mm512_srli_epi16(v, 1)
#define LESS(sum, a, b) _mm512_mask_add_epi16(sum, _mm512_cmplt_epi16_mask(a, b), sum, _mm512_set1_epi16(1))
/* a where x > y, else b */
#define WHERE_GREATER(x, y, a, b) _mm512_mask_mov_epi16(b, _mm512_cmpgt_epi16_mask(x, y), a)
#else
#define TARGET __attribute__((target("avx2,fma,f16c")))
#define VEC __m256i
#define LANES 16
#define LOAD(p) _mm256_loadu_si256((const void *)(p))
#define STORE(p, v) _mm256_storeu_si256((void *)(p), v)
#define SPLAT(x) _mm256_set1_epi16(x)
#define ADD(a, b) _mm256_add_epi16(a, b)
#define HALF(v) _mm256_srli_epi16(v, 1)
#define LESS(sum, a, b) _mm256_sub_epi16(sum, _mm256_cmpgt_epi16(b, a))
#define WHERE_GREATER(x, y, a, b) _mm256_blendv_epi8(b, a, _mm256_cmpgt_epi16(x, y))
#endif
#define FN static inline __attribute__((always_inline)) TARGET

/* How many entries of each lane's window are less than `limit`; `corner` is the first lane's first entry. */
FN VEC NAME(below)(const uint16_t *corner, int64_t stride, VEC limit, const int64_t size)
{
    VEC even = SPLAT(0), odd = SPLAT(0);
    for (int64_t y = 0; y < size; y++) {
        const uint16_t *row = corner + y * stride;
        for (int64_t x = 0; x + 1 < size; x += 2) {
            even = LESS(even, LOAD(row + x), limit);
            odd = LESS(odd, LOAD(row + x + 1), limit);
        }
        even = LESS(even, LOAD(row + size - 1), limit);
    }
    return ADD(even, odd);
}

/* The entry of rank (known entries) / 2 in each lane's window: the largest pattern that no more than so many are below. */
FN VEC NAME(middle)(const uint16_t *corner, int64_t stride, const int64_t size)
{
    const VEC rank = HALF(NAME(below)(corner, stride, SPLAT(UNKNOWN), size));
    VEC found = SPLAT(0);
    for (int bit = 1 << (BITS - 1); bit; bit >>= 1) {
        const VEC next = ADD(found, SPLAT((short)bit));
        found = WHERE_GREATER(NAME(below)(corner, stride, next, size), rank, found, next);
    }
    return found;
}

FN void NAME(walk)(const struct median *job, const uint16_t *padded, int64_t stride, const int64_t size)
{
    const uint16_t *centre = padded + (size / 2) * stride + size / 2;
    for (int64_t y = 0; y < job->height; y++)
        for (int64_t x = 0; x < job->width; x += LANES) {
            const VEC own = LOAD(centre + y * stride + x), found = NAME(middle)(padded + y * stride + x, stride, size);
            uint16_t *out = job->out + y * job->out_stride + x;
            const VEC kept = job->known ? WHERE_GREATER(SPLAT(UNKNOWN), own, found, own) : found;
            if (job->width - x >= LANES)
                STORE(out, kept);
            else {
                uint16_t lane[LANES];
                STORE(lane, kept);
                for (int64_t i = 0; i < job->width - x; i++)
                    out[i] = lane[i];
            }
        }
}

/* Eight numbers ≥ 0 or NaN as patterns; −0 becomes 0. */
FN void NAME(eight)(uint16_t *to, const float *from, float largest)
{
    const __m256 value = _mm256_min_ps(_mm256_set1_ps(largest), _mm256_loadu_ps(from)); /* the second where it is NaN */
    const __m128i pattern = _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    _mm_storeu_si128((void *)to, _mm_min_epu16(_mm_and_si128(pattern, _mm_set1_epi16(0x7fff)), _mm_set1_epi16(UNKNOWN)));
}

/* The picture as patterns, UNKNOWN around it and wherever it is not known. */
FN void NAME(patterns)(const struct median *job, uint16_t *padded, int64_t stride, int64_t rows)
{
    const int64_t half = job->size / 2, whole = job->width / 8 * 8;
    for (int64_t i = 0; i < rows * stride; i++)
        padded[i] = UNKNOWN;
    for (int64_t y = 0; y < job->height; y++) {
        const float *from = job->picture + y * job->picture_stride;
        const unsigned char *known = job->known + y * job->known_stride;
        uint16_t *to = padded + (y + half) * stride + half, last[8];
        float rest[8] = {0};
        for (int64_t x = 0; x < whole; x += 8)
            NAME(eight)(to + x, from + x, job->largest);
        memcpy(rest, from + whole, (size_t)(job->width - whole) * sizeof(float));
        NAME(eight)(last, rest, job->largest);
        memcpy(to + whole, last, (size_t)(job->width - whole) * sizeof(uint16_t));
        for (int64_t x = 0; job->known && x < job->width; x++)
            to[x] = known[x] ? to[x] : UNKNOWN;
    }
}

static TARGET int NAME(medians)(const struct median *job)
{
    const int64_t rows = job->height + job->size - 1, stride = job->width + job->size - 1 + SLACK;
    uint16_t *padded = malloc((size_t)(rows * stride) * sizeof(uint16_t));
    if (!padded)
        return 1;
    NAME(patterns)(job, padded, stride, rows);
    switch (job->size) {
    case 3: NAME(walk)(job, padded, stride, 3); break;
    case 7: NAME(walk)(job, padded, stride, 7); break;
    default: NAME(walk)(job, padded, stride, job->size);
    }
    free(padded);
    return 0;
}

#undef LEVEL
#undef TARGET
#undef VEC
#undef LANES
#undef LOAD
#undef STORE
#undef SPLAT
#undef ADD
#undef HALF
#undef LESS
#undef WHERE_GREATER
#undef FN
