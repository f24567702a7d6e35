/* Linear interpolation of a function that is given at sorted places, many times over. Most places lie close together at
   the beginning, where buckets of one width say between which two a number falls; beyond them it is looked for by
   bisection. Plain C: what it waits for are the tables, not the arithmetic. */

#include "kizu.h"

#include <stdint.h>

#define BUCKETS 2048

/* best[i] = max(best[i], f(x[i])), f(x) being 0 below levels[0] and the last score from the last level on. `levels`
   (count ≥ 2) increase; `slopes` are those between two. */
KIZU_EXPORT void kizu_score(int64_t n, const float *x, const double *levels, const double *scores,
                            const double *slopes, int64_t count, float *best)
{
    const int64_t dense = count < 8 ? 1 : count / 4; /* the places up to this one lie close together */
    const double first = levels[0], last = levels[count - 1], middle = levels[dense];
    const double per = (BUCKETS - 1) / (middle - first);
    int32_t place[BUCKETS]; /* the last level in an earlier bucket: no number of this bucket is below it */
    for (int64_t b = 0, i = 0; b < BUCKETS; b++) {
        while (i < count - 2 && (int64_t)((levels[i + 1] - first) * per) < b)
            i++;
        place[b] = (int32_t)i;
    }
    for (int64_t k = 0; k < n; k++) {
        const double value = x[k];
        if (!(value >= first))
            continue;
        int64_t i = dense, end = count - 1;
        if (value < middle) {
            i = place[(int64_t)((value - first) * per)];
            while (levels[i + 1] <= value)
                i++;
        } else
            while (end - i > 1) {
                const int64_t half = (i + end) / 2;
                if (levels[half] <= value)
                    i = half;
                else
                    end = half;
            }
        const float score = (float)(value < last ? scores[i] + slopes[i] * (value - levels[i]) : scores[count - 1]);
        best[k] = score > best[k] ? score : best[k];
    }
}
