/* The correlations at one LEVEL and WIDE, under the name NAME(x). See lasso_correlation.c. */

#include "simd.h"
#include "tile.h"

/* FRAMES samples (or 1) with one strip of atoms. */
FN void NAME(correlate)(const struct correlation *job, const REAL *strip, int64_t sample, int64_t atom,
                        const int frames)
{
    VEC x[FRAMES][VECTORS];
    NAME(expand)(x, (const REAL *)job->y + sample * job->features, strip, job->features, frames);
    for (int f = 0; f < frames; f++)
        for (int v = 0; v < VECTORS; v++)
            STORE((REAL *)job->out + (sample + f) * job->out_stride + atom + v * LANES, x[f][v]);
}

TARGET static int NAME(correlations)(const struct correlation *job)
{
    REAL *strip = malloc((size_t)(job->features * STRIP) * sizeof(REAL) + 1);
    if (!strip)
        return 1;
    for (int64_t atom = 0; atom < job->atoms; atom += STRIP) {
        const int64_t width = job->atoms - atom < STRIP ? job->atoms - atom : STRIP;
        int64_t sample = 0;
        NAME(gather)(strip, job->turned, job->atoms, atom, width, job->features);
        for (; sample + FRAMES <= job->samples; sample += FRAMES)
            NAME(correlate)(job, strip, sample, atom, FRAMES);
        for (; sample < job->samples; sample++)
            NAME(correlate)(job, strip, sample, atom, 1);
    }
    free(strip);
    return 0;
}
