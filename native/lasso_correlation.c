/* Correlations of many samples with all atoms, Y Dᵀ. BLAS makes a product of the same row differently when it stands at
   another place; here a sample has the same bits in any company. */

#include "kizu.h"

#if KIZU_X86
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "passes.h"

struct correlation {
    int64_t samples, features, atoms;
    const void *y;
    const void *turned;
    void *out;
    int64_t out_stride;
};

#define REALS "lasso_correlation_level.h"
#include "reals.h"

/* 0, or 1 where there is no memory. y (samples, features), turned (features, atoms) = Dᵀ and out are float, or double
   where `wide`; out has room for whole strips, a multiple of 64 numbers in a row. */
KIZU_EXPORT int kizu_lasso_correlation(int level, int wide, int64_t samples, int64_t features, int64_t atoms,
                                       const void *y, const void *turned, void *out, int64_t out_stride)
{
    static int (*const make[2][2])(const struct correlation *) = {{correlations_1_0, correlations_1_1},
                                                                  {correlations_2_0, correlations_2_1}};
    const struct correlation job = {.samples = samples, .features = features, .atoms = atoms, .y = y, .turned = turned,
                                    .out = out, .out_stride = out_stride};
    return make[level - 1][wide != 0](&job);
}

#endif
