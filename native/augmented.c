/* Passes of the augmented-Lagrangian (IALM, ADMM) form of principal component pursuit over a block of n rows and w
   columns. The state is one matrix W = Y + mu_before·S: since |Y| ≤ lam where S is not 0, Y = clip(W, ±lam) and
   S = (W − Y)/mu_before give both back. Where an entry is unknown W holds L, and Y = S = 0.

       z = M − S + Y/mu,  L = left·(uᵀz),  W ← Y + mu·(relax·(M − L) + (1 − relax)·S)

   and, with the new S and Y, the next z at mu_after. M and W are read once and W is written once. */

#include "kizu.h"

#if KIZU_X86
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "passes.h"

/* Over known entries: Σ(M−L−S)², Σ|M−L|, Σ|S|, Σ(S − S before)², ΣM·Y, ΣY². */
#define SUMS 6

struct augmented {
    int64_t n, w, r, q; /* q is a multiple of 4 */
    const void *m;
    int64_t m_stride;
    const unsigned char *known; /* or NULL */
    int64_t known_stride;
    void *state; /* W */
    int64_t state_stride;
    const void *left; /* (n, r), or L itself */
    int64_t left_stride;
    const void *u, *basis;
    void *factor; /* uᵀz or NULL, or z */
    int64_t factor_stride;
    double mu_before, mu, mu_after, lam, relax;
    double *power, *sums;
};

struct augmented_strip {
    const void *m;
    void *w, *z, *fresh;
    const unsigned char *known;
    int64_t m_stride, w_stride, known_stride, stride, ahead; /* `ahead`: columns to the next tile, 0 for none */
};

#define LEVEL 1
#include "augmented_level.h"
#define LEVEL 2
#include "augmented_level.h"

/* 0, or 1 where there is no memory for the tile. `wide`: 0 float, 1 double. `power` (n, q) and `sums` are added to. */
KIZU_EXPORT int kizu_augmented(int level, int wide, int64_t n, int64_t w, int64_t r, int64_t q, const void *m,
                               int64_t m_stride, const unsigned char *known, int64_t known_stride, void *state,
                               int64_t state_stride, const void *left, const void *u, const void *basis, void *factor,
                               int64_t factor_stride, double mu_before, double mu, double mu_after, double lam,
                               double relax, double *power, double *sums)
{
    static int (*const passes[2][2])(const struct augmented *) = {{pass_1_0, pass_1_1}, {pass_2_0, pass_2_1}};
    const struct augmented job = {.n = n, .w = w, .r = r, .q = q, .m = m, .m_stride = m_stride, .known = known,
                                  .known_stride = known_stride, .state = state, .state_stride = state_stride,
                                  .left = left, .u = u, .basis = basis, .factor = factor,
                                  .factor_stride = factor_stride, .mu_before = mu_before, .mu = mu,
                                  .mu_after = mu_after, .lam = lam, .relax = relax, .power = power, .sums = sums};
    return passes[level - 1][wide](&job);
}

/* Entry by entry, for an L that was made elsewhere: z alone (`moving` 0), or W, the next z and the sums (1). z may
   take the place of L. */
KIZU_EXPORT void kizu_augmented_each(int level, int wide, int moving, int64_t n, int64_t w, const void *m,
                                     int64_t m_stride, const unsigned char *known, int64_t known_stride, void *state,
                                     int64_t state_stride, const void *background, int64_t background_stride, void *z,
                                     int64_t z_stride, double mu_before, double mu, double mu_after, double lam,
                                     double relax, double *sums)
{
    static void (*const passes[2][2][2])(const struct augmented *) = {
        {{target_1_0, update_1_0}, {target_1_1, update_1_1}}, {{target_2_0, update_2_0}, {target_2_1, update_2_1}}};
    const struct augmented job = {.n = n, .w = w, .m = m, .m_stride = m_stride, .known = known,
                                  .known_stride = known_stride, .state = state, .state_stride = state_stride,
                                  .left = background, .left_stride = background_stride, .factor = z,
                                  .factor_stride = z_stride, .mu_before = mu_before, .mu = mu, .mu_after = mu_after,
                                  .lam = lam, .relax = relax, .sums = sums};
    passes[level - 1][wide][moving](&job);
}

#endif
