/* The codes at one LEVEL and WIDE, under the name NAME(x). See lasso.c. Arrays of active atoms, and rows of matrices
   of them, are read in whole vectors; what they hold beyond the active ones means nothing. */

#include "lasso_active.h"

/* Admit the zeros that violate optimality by more than half as much as the worst one. */
FN void NAME(widen)(struct NAME(room) *r)
{
    const REAL above = r->high - r->positive, below = -r->negative - r->low;
    const REAL half = (above > below ? above : below) / 2;
    if (!(half > 0))
        return;
    const VEC top = SPLAT(r->positive + half), bottom = SPLAT(-r->negative - half);
    for (int64_t b = 0; b < r->padded; b += LANES) {
        const VEC q = LOAD(r->q + b);
        for (unsigned out = BITS(BELOW(top, q)) | BITS(BELOW(q, bottom)); out; out &= out - 1) {
            const int32_t j = (int32_t)(b + __builtin_ctz(out));
            if (!r->member[j])
                NAME(admit)(r, j, 0);
        }
    }
}

/* Each active coordinate to its minimum, once. */
FN void NAME(sweep)(struct NAME(room) *r)
{
    const int64_t n = r->active;
    for (int64_t i = 0; i < n; i++) {
        const REAL *row = r->own + i * r->stride;
        const REAL free = r->g[i] + row[i] * r->x[i];
        REAL inside = free > r->positive ? r->positive : free;
        inside = inside < -r->negative ? -r->negative : inside;
        const REAL x = row[i] > 0 ? (free - inside) / row[i] : 0, step = r->x[i] - x;
        r->x[i] = x;
        for (int64_t b = 0; b < n; b += LANES)
            STORE(r->g + b, FMA(SPLAT(step), LOAD(row + b), LOAD(r->g + b)));
    }
}

/* Go along `step` to the minimum, or until the first coordinate is 0; returns whether it was the latter. */
FN int NAME(move)(struct NAME(room) *r)
{
    const int64_t n = r->active;
    int64_t first = -1;
    REAL part = INFINITY;
    double slope = 0, bend = 0;
    NAME(times)(r->own, r->stride, n, r->step, r->moved);
    for (int64_t i = 0; i < n; i++) {
        slope += (double)r->step[i] * NAME(wanted)(r, i);
        bend += (double)r->step[i] * r->moved[i];
        if (r->step[i] * r->x[i] < 0 && -r->x[i] / r->step[i] < part)
            part = -r->x[i] / r->step[i], first = i;
    }
    r->length = slope / bend;
    if (slope < part * bend)
        part = (REAL)r->length, first = -1;
    if (!(slope > 0 && part < INFINITY))
        return 0;
    for (int64_t i = 0; i < n; i++) {
        const REAL x = r->x[i] + part * r->step[i]; /* another may turn 0 together with the first, but for rounding */
        r->x[i] = i == first || (x > 0) != (r->x[i] > 0) ? 0 : x;
    }
    for (int64_t b = 0; b < n; b += LANES)
        STORE(r->g + b, FMA(SPLAT(-part), LOAD(r->moved + b), LOAD(r->g + b)));
    return first >= 0;
}

/* Go towards the minimum with all signs as they are; returns whether there is more to do. A step to the minimum has
   length 1: where it has not, rounding has worn the inverse out, which is then made anew. */
FN int NAME(leap)(struct NAME(room) *r)
{
    const int fresh = r->solved == 0;
    for (int64_t i = r->active - 1; i >= 0; i--)
        if (r->x[i] == 0)
            NAME(drop)(r, i);
    for (int64_t i = r->solved; i < r->active; i++) {
        NAME(swap)(r, i, r->solved);
        if (!NAME(grow)(r) && NAME(move)(r))
            return 1;
    }
    for (int64_t i = 0; i < r->active; i++)
        r->moved[i] = NAME(wanted)(r, i);
    NAME(times)(r->inverse, r->stride, r->solved, r->moved, r->step);
    for (int64_t i = r->solved; i < r->active; i++)
        r->step[i] = 0;
    const int turned = NAME(move)(r), worn = !fresh && !(fabs(r->length - 1) < WORN);
    r->solved = worn ? 0 : r->solved;
    return turned || worn;
}

/* q = c − xG and its extremes, and with it g. */
FN void NAME(renew)(struct NAME(room) *r)
{
    VEC high = SPLAT(0), low = SPLAT(0);
    for (int64_t i = 0; i < r->active; i++)
        r->step[i] = -r->x[i];
    for (int64_t b = 0; b < r->padded; b += STRIP * LANES)
        if (b + STRIP * LANES <= r->padded)
            NAME(strip)(r->c + b, r->gram + b, r->gram_stride, r->atom, r->step, r->active, r->q + b, STRIP);
        else
            for (int64_t e = b; e < r->padded; e += LANES)
                NAME(strip)(r->c + e, r->gram + e, r->gram_stride, r->atom, r->step, r->active, r->q + e, 1);
    for (int64_t b = 0; b < r->padded; b += LANES) {
        high = MAX(high, LOAD(r->q + b));
        low = MAX(low, FMA(LOAD(r->q + b), SPLAT(-1), SPLAT(0)));
    }
    r->high = LARGEST(high);
    r->low = -LARGEST(low);
    for (int64_t i = 0; i < r->active; i++)
        r->g[i] = r->q[r->atom[i]];
}

/* The values at x, and at the multiple of the residual r = y − xD that is best inside −negative ≤ Dr ≤ positive:
   ⟨r, y⟩ = ‖y‖² − cᵀx and ‖r‖² = ⟨r, y⟩ − qᵀx. */
FN struct proof NAME(prove)(const struct NAME(room) *r, const struct lasso *job)
{
    double cx = 0, qx = 0, up = 0, down = 0;
    for (int64_t i = 0; i < r->active; i++) {
        const double x = r->x[i];
        cx += r->c[r->atom[i]] * x;
        qx += r->g[i] * x;
        up += x > 0 ? x : 0;
        down += x < 0 ? -x : 0;
    }
    const double inner = r->square - cx, rest = inner - qx < 0 ? 0 : inner - qx;
    double scale = rest > 0 && inner > 0 ? inner / rest : 0;
    if (scale * r->high > job->positive)
        scale = job->positive / r->high;
    if (scale * -r->low > job->negative)
        scale = job->negative / -r->low;
    struct proof p;
    p.primal = rest / 2 + (up > 0 ? job->positive * up : 0) + (down > 0 ? job->negative * down : 0);
    p.dual = scale * inner - scale * scale * rest / 2;
    p.gap = p.primal == 0 ? 0 : (p.primal - p.dual) / p.primal;
    return p;
}

/* Take up a sample and its start, whose codes become 0; returns whether all of it is finite. */
FN int NAME(begin)(struct NAME(room) *r, const REAL *c, REAL *codes, double square)
{
    VEC nothing = SPLAT(0);
    REAL lane[LANES], sum = 0;
    for (int64_t i = 0; i < r->active; i++)
        r->member[r->atom[i]] = 0;
    r->active = r->solved = 0;
    r->square = square;
    memcpy(r->c, c, (size_t)r->atoms * sizeof(REAL));
    memcpy(r->q, codes, (size_t)r->atoms * sizeof(REAL)); /* whole vectors of them, with zeros behind */
    memset(r->q + r->atoms, 0, (size_t)(r->padded - r->atoms) * sizeof(REAL));
    memset(r->q + r->atoms, 0, (size_t)(r->padded - r->atoms) * sizeof(REAL));
    for (int64_t b = 0; b < r->padded; b += LANES) {
        const VEC x = LOAD(r->q + b);
        nothing = FMA(LOAD(r->c + b), SPLAT(0), FMA(x, SPLAT(0), nothing));
        for (unsigned set = BITS(BELOW(x, SPLAT(0))) | BITS(BELOW(SPLAT(0), x)); set; set &= set - 1) {
            const int32_t j = (int32_t)(b + __builtin_ctz(set));
            codes[j] = 0;
            if ((r->q[j] > 0 ? r->positive : r->negative) < INFINITY && r->gram[j * (r->gram_stride + 1)] > 0)
                NAME(admit)(r, j, r->q[j]);
        }
    }
    STORE(lane, nothing);
    for (int i = 0; i < LANES; i++)
        sum += lane[i];
    return sum == 0 && isfinite(square);
}

FN void NAME(one)(struct NAME(room) *r, const struct lasso *job, int64_t s)
{
    REAL *codes = (REAL *)job->codes + s * job->codes_stride;
    struct proof now = {NAN, NAN, NAN}, best = {INFINITY, 0, INFINITY};
    int64_t round = 0;
    int idle = 0;
    if (NAME(begin)(r, (const REAL *)job->correlation + s * job->correlation_stride, codes, job->square[s])) {
        NAME(renew)(r);
        now = NAME(prove)(r, job);
        for (; now.gap > job->tol && round < job->max_rounds && idle < IDLE; round++) {
            best = (struct proof){fmin(best.primal, now.primal), 0, fmin(best.gap, now.gap)};
            NAME(widen)(r);
            NAME(sweep)(r);
            while (NAME(leap)(r))
                ;
            NAME(renew)(r);
            now = NAME(prove)(r, job);
            idle = now.primal < best.primal || now.gap < best.gap ? 0 : idle + 1;
        }
        for (int64_t i = 0; i < r->active; i++)
            codes[r->atom[i]] = r->x[i];
    }
    if (isnan(now.gap))
        for (int64_t j = 0; j < r->atoms; j++)
            codes[j] = NAN;
    job->primal[s] = now.primal;
    job->dual[s] = now.dual;
    job->rounds[s] = round;
}

TARGET static int NAME(codes)(const struct lasso *job)
{
    const size_t padded = (size_t)WHOLE(job->atoms) + LANES, whole = padded + LANES;
    REAL *numbers = calloc(2 * padded * whole + 6 * padded, sizeof(REAL));
    int32_t *atom = calloc(padded, sizeof(int32_t));
    unsigned char *member = calloc(padded, 1);
    const int failed = !numbers || !atom || !member;
    if (!failed) {
        struct NAME(room) r = {.gram = job->gram, .gram_stride = job->gram_stride, .atoms = job->atoms,
                               .padded = WHOLE(job->atoms), .positive = (REAL)job->positive,
                               .negative = (REAL)job->negative, .member = member, .atom = atom};
        REAL **rows[] = {&r.c, &r.q, &r.x, &r.g, &r.step, &r.moved};
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            *rows[i] = numbers + i * padded;
        r.stride = (int64_t)whole;
        r.own = numbers + 6 * padded;
        r.inverse = r.own + padded * whole;
        for (int64_t s = 0; s < job->samples; s++)
            NAME(one)(&r, job, s);
    }
    free(numbers);
    free(atom);
    free(member);
    return failed;
}
