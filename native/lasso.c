/* Sparse codes of many samples over one dictionary. For each, with G = D Dᵀ and c = D y given:

       minimise over x   ½xᵀGx − cᵀx + ½‖y‖² + positive·Σ max(x, 0) + negative·Σ max(−x, 0)

   Coordinate descent on an active set (Friedman, Hastie & Tibshirani 2010): a round admits zeros that violate
   optimality, but only those that do so by more than half as much as the worst one, because all at once are several
   times as many as stay. The active part of G is copied together and worked on there. One sweep of coordinate descent
   finds the signs. With signs kept the minimum is a linear system, so that the rest of the way is made of lines, each
   of which ends where the first coordinate turns 0 and leaves (Lee, Battle, Raina & Ng 2007); the system's inverse is
   kept up to date as coordinates come and go. All gradients are then renewed at once. A sample is finished when its
   relative duality gap is small enough. */

#include "kizu.h"

#if KIZU_X86
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct lasso {
    int64_t samples, atoms;
    const void *gram;
    int64_t gram_stride;
    const void *correlation;
    int64_t correlation_stride;
    const double *square;
    void *codes;
    int64_t codes_stride;
    double positive, negative, tol;
    int64_t max_rounds;
    double *primal, *dual;
    int64_t *rounds;
};

struct proof {
    double primal, dual, gap;
};

#define WORN 0.1
#define IDLE 3  /* rounds without a better primal value or gap: rounding is all that is left */
#define STRIP 4 /* vectors of a sum that are made together: one alone waits for itself */

#define JOIN_(a, b, c) a##_##b##_##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#define NAME(x) JOIN(x, LEVEL, REAL)

#define REALS "lasso_level.h"
#include "reals.h"

/* 0, or 1 where there is no memory. gram, correlation and codes are float, or double where `wide`; rows of gram go on
   with zeros after their `atoms` numbers, to a multiple of 16. `codes` (samples, atoms) hold the start and take the
   result. A weight of infinity forbids its sign; the start's numbers of that sign become 0. `primal`, `dual` and
   `rounds` are the samples'; the result of a sample that is not finite is NaN. No round increases the objective. */
KIZU_EXPORT int kizu_lasso(int level, int wide, int64_t samples, int64_t atoms, const void *gram, int64_t gram_stride,
                           const void *correlation, int64_t correlation_stride, const double *square, void *codes,
                           int64_t codes_stride, double positive, double negative, double tol, int64_t max_rounds,
                           double *primal, double *dual, int64_t *rounds)
{
    static int (*const solve[2][2])(const struct lasso *) = {{codes_1_float, codes_1_double},
                                                             {codes_2_float, codes_2_double}};
    const struct lasso job = {.samples = samples, .atoms = atoms, .gram = gram, .gram_stride = gram_stride,
                              .correlation = correlation, .correlation_stride = correlation_stride, .square = square,
                              .codes = codes, .codes_stride = codes_stride, .positive = positive, .negative = negative,
                              .tol = tol, .max_rounds = max_rounds, .primal = primal, .dual = dual, .rounds = rounds};
    return solve[level - 1][wide != 0](&job);
}

#endif
