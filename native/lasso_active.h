/* The active atoms of a sample, as they come and go, and the inverse of their part of G; for lasso_level.h. */

#include "lasso_algebra.h"

struct NAME(room) {
    const REAL *gram;
    int64_t gram_stride, atoms, padded;
    REAL positive, negative;
    double square;
    REAL *c, *q;           /* of all atoms: Dy, and the gradient D(y − xD) */
    REAL low, high;        /* least and largest of q, and 0 */
    unsigned char *member; /* which atoms are active */
    int64_t active;
    int32_t *atom;         /* the active ones */
    REAL *x, *g;           /* theirs: code and gradient */
    REAL *own;             /* their part of G, rows `stride` apart */
    int64_t stride;
    int64_t solved;        /* the first of them, for which */
    REAL *inverse;         /* is the inverse of own */
    REAL *step, *moved;    /* a step of the active ones, and own · step */
    double length;         /* how many steps it was to the minimum in that direction */
};

/* Active atoms i and k change places, but not in the inverse. */
FN void NAME(swap)(struct NAME(room) *r, int64_t i, int64_t k)
{
    if (i == k)
        return;
    const int32_t atom = r->atom[i];
    const REAL x = r->x[i], g = r->g[i];
    r->atom[i] = r->atom[k], r->x[i] = r->x[k], r->g[i] = r->g[k];
    r->atom[k] = atom, r->x[k] = x, r->g[k] = g;
    NAME(exchange)(r->own, r->stride, r->active, i, k);
}

FN void NAME(admit)(struct NAME(room) *r, int32_t j, REAL x)
{
    const int64_t n = r->active++;
    const REAL *row = r->gram + j * r->gram_stride;
    r->member[j] = 1;
    r->atom[n] = j;
    r->x[n] = x;
    r->g[n] = r->q[j];
    for (int64_t i = 0; i <= n; i++)
        r->own[n * r->stride + i] = r->own[i * r->stride + n] = row[r->atom[i]];
}

FN void NAME(drop)(struct NAME(room) *r, int64_t i)
{
    if (i < r->solved) {
        const int64_t last = --r->solved;
        const REAL *v = r->inverse + last * r->stride;
        if (i != last)
            NAME(exchange)(r->inverse, r->stride, last + 1, i, last);
        NAME(update)(r->inverse, r->stride, last, v, -1 / v[last]);
        NAME(swap)(r, i, last);
        i = last;
    }
    NAME(swap)(r, i, r->active - 1);
    r->member[r->atom[--r->active]] = 0;
}

/* How far the gradient of coordinate i is from the weight of its sign. */
FN REAL NAME(wanted)(const struct NAME(room) *r, int64_t i)
{
    return r->x[i] > 0 ? r->g[i] - r->positive : r->g[i] + r->negative;
}

/* The direction, of the two in which atom `solved` takes the place of u of those before or gives way to it, that goes
   down. */
FN void NAME(replace)(struct NAME(room) *r, const REAL *u)
{
    const int64_t n = r->solved;
    REAL slope = NAME(wanted)(r, n);
    for (int64_t k = 0; k < n; k++)
        slope -= u[k] * NAME(wanted)(r, k);
    const REAL sign = slope > 0 ? 1 : -1;
    for (int64_t k = 0; k < n; k++)
        r->step[k] = -sign * u[k];
    r->step[n] = sign;
    for (int64_t k = n + 1; k < r->active; k++)
        r->step[k] = 0;
}

/* The inverse for one atom more, unless that depends on those before; then `step` is how they take its place. */
FN int NAME(grow)(struct NAME(room) *r)
{
    const int64_t n = r->solved;
    const REAL *a = r->own + n * r->stride;
    REAL *row = r->inverse + n * r->stride, *u = r->moved, left = a[n];
    NAME(times)(r->inverse, r->stride, n, a, u);
    for (int64_t k = 0; k < n; k++)
        left -= u[k] * a[k];
    if (!(left > DEPENDENT * a[n])) {
        NAME(replace)(r, u);
        return 0;
    }
    NAME(update)(r->inverse, r->stride, n, u, 1 / left);
    for (int64_t k = 0; k < n; k++)
        row[k] = r->inverse[k * r->stride + n] = -u[k] / left;
    row[n] = 1 / left;
    r->solved++;
    return 1;
}
