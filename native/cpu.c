/* Which instructions this processor has. Every other file here takes that number as its `level`. */

#include "kizu.h"

/* 0: neither, 1: AVX2 and FMA, 2: AVX-512 as well. */
KIZU_EXPORT int kizu_level(void)
{
#if KIZU_X86
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return 0;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") ? 2 : 1;
#else
    return 0;
#endif
}
