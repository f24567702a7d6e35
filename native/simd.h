/* The vectors of one level (LEVEL 1: AVX2, 2: AVX-512) and one type (WIDE 0: float, 1: double), as macros with the
   same names for all four. Included anew for each: no include guard. */

#undef REAL
#undef VEC
#undef LANES
#undef TARGET
#undef LOAD
#undef LOAD_U1
#undef LOAD_U2
#undef STORE
#undef SPLAT
#undef FMA
#undef ABS
#undef FN
#undef MIN
#undef MAX
#undef MASK
#undef MASK_LOAD
#undef FOUR_BYTES
#undef EIGHT_BYTES
#undef KEEP
#undef SELECT
#undef BELOW

#define FN static inline __attribute__((always_inline)) TARGET

#if WIDE
#define REAL double
#else
#define REAL float
#endif

#if LEVEL == 2
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#if WIDE
#define VEC __m512d
#define LANES 8
#define LOAD(p) _mm512_loadu_pd(p)
#define STORE(p, v) _mm512_storeu_pd(p, v)
#define SPLAT(x) _mm512_set1_pd(x)
#define FMA(a, b, c) _mm512_fmadd_pd(a, b, c)
#define MIN(a, b) _mm512_min_pd(a, b)
#define MAX(a, b) _mm512_max_pd(a, b)
#define ABS(v) _mm512_abs_pd(v)
#define MASK __mmask8
#define MASK_LOAD(p) ((__mmask8)_mm_test_epi8_mask(_mm_loadl_epi64((const void *)(p)), _mm_set1_epi8(-1)))
#define KEEP(m, v) _mm512_maskz_mov_pd(m, v)
#define SELECT(m, a, b) _mm512_mask_blend_pd(m, b, a)
#define BELOW(a, b) _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ)
#else
#define VEC __m512
#define LANES 16
#define LOAD(p) _mm512_loadu_ps(p)
#define LOAD_U1(p) _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)(p))))
#define LOAD_U2(p) _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)(p))))
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define SPLAT(x) _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define MIN(a, b) _mm512_min_ps(a, b)
#define MAX(a, b) _mm512_max_ps(a, b)
#define ABS(v) _mm512_abs_ps(v)
#define MASK __mmask16
#define MASK_LOAD(p) _mm_test_epi8_mask(_mm_loadu_si128((const void *)(p)), _mm_set1_epi8(-1))
#define KEEP(m, v) _mm512_maskz_mov_ps(m, v)
#define SELECT(m, a, b) _mm512_mask_blend_ps(m, b, a)
#define BELOW(a, b) _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ)
#endif
#else
#define TARGET __attribute__((target("avx2,fma")))
#if WIDE
#define VEC __m256d
#define LANES 4
#define LOAD(p) _mm256_loadu_pd(p)
#define STORE(p, v) _mm256_storeu_pd(p, v)
#define SPLAT(x) _mm256_set1_pd(x)
#define FMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#define MIN(a, b) _mm256_min_pd(a, b)
#define MAX(a, b) _mm256_max_pd(a, b)
#define ABS(v) _mm256_andnot_pd(SPLAT(-0.0), v)
#define MASK __m256d
#define FOUR_BYTES(p) _mm_castps_si128(_mm_load_ss((const void *)(p)))
#define MASK_LOAD(p) \
    _mm256_castsi256_pd(_mm256_cmpgt_epi64(_mm256_cvtepu8_epi64(FOUR_BYTES(p)), _mm256_setzero_si256()))
#define KEEP(m, v) _mm256_and_pd(m, v)
#define SELECT(m, a, b) _mm256_blendv_pd(b, a, m)
#define BELOW(a, b) _mm256_cmp_pd(a, b, _CMP_LT_OQ)
#else
#define VEC __m256
#define LANES 8
#define LOAD(p) _mm256_loadu_ps(p)
#define LOAD_U1(p) _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(p))))
#define LOAD_U2(p) _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)(p))))
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define SPLAT(x) _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define MIN(a, b) _mm256_min_ps(a, b)
#define MAX(a, b) _mm256_max_ps(a, b)
#define ABS(v) _mm256_andnot_ps(SPLAT(-0.0f), v)
#define MASK __m256
#define EIGHT_BYTES(p) _mm_loadl_epi64((const void *)(p))
#define MASK_LOAD(p) \
    _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_cvtepu8_epi32(EIGHT_BYTES(p)), _mm256_setzero_si256()))
#define KEEP(m, v) _mm256_and_ps(m, v)
#define SELECT(m, a, b) _mm256_blendv_ps(b, a, m)
#define BELOW(a, b) _mm256_cmp_ps(a, b, _CMP_LT_OQ)
#endif
#endif
