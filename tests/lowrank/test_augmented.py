"""The augmented-Lagrangian passes: kernels at every level of instructions and twins, against the formula in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kizu.native as native
from kizu.lowrank import augmented
from kizu.lowrank.augmented import Numbers, Sums

LEVELS = range(native.level() + 1)
TOLERANCE = {"f4": 1e-6, "f8": 1e-14}


def problem(seed, dtype, n, width, r=3, q=5, *, holes=False, layout="C"):
    """The arguments of one pass, and its numbers; junk in what is unknown."""
    rng = np.random.default_rng(seed)
    m = (20 * rng.standard_normal((n, width + 9))).astype(dtype)[:, 3 : 3 + width]
    known = rng.random((n, width)) < 0.7 if holes else None
    if holes:
        m[~known] = np.nan
    m = {"C": m, "F": np.asfortranarray(m), "skipping": np.repeat(m, 2, axis=0)[::2]}[layout]
    m.flags.writeable = False
    w = rng.standard_normal((n, width + 5)).astype(dtype)[:, 2 : 2 + width]
    left, u, basis = (rng.standard_normal((n, k)).astype(dtype) / dtype(np.sqrt(n)) for k in (r, r, q))
    before, mu, after = (float(np.float32(x)) for x in np.exp2(rng.uniform(-2, 2, 3)))
    relax = 1.0 if rng.random() < 0.5 else 1.625
    return [m, w, known, left, u, basis, Numbers(before, mu, after, float(np.float32(rng.exponential())), relax)]


def formula(m, w, known, numbers, background_of):
    """(z of this step, L, the next W, the next z, sums; how large the terms of L and of W are), all in float64."""
    known = np.ones(w.shape, bool) if known is None else known
    m, w = np.where(known, m, 0).astype("f8"), w.astype("f8")
    before, mu, after, lam, relax = numbers
    y = w.clip(-lam, lam)
    s = (w - y) / before
    z = np.where(known, m - s + y / mu, w)
    background, size = background_of(z)
    rest = m - background
    fresh = np.where(known, y + mu * (relax * rest + (1 - relax) * s), background)
    y = np.where(known, fresh.clip(-lam, lam), 0)
    new = np.where(known, (fresh - y) / mu, 0)
    following = np.where(known, m - new + y / after, background)
    rest, s = rest * known, s * known
    sums = (rest - new) ** 2, abs(rest), abs(new), (new - s) ** 2, m * y, y * y
    size = size + np.abs(m) + np.abs(w) * (1 + 1 / before) + lam * (1 + 1 / mu + 1 / after)
    return z, background, fresh, following, [float(part.sum()) for part in sums], size * (1 + mu) * (1 + 1 / mu)


def assert_near(got, expected, bound):
    assert (np.abs(got - expected) <= bound).all(), (np.abs(got - expected) / bound).max()


def assert_sums(got, expected, size, tolerance):
    squares, plain = (size**2).sum(), size.sum()
    for name, value, bound in zip(Sums._fields, expected, (squares, plain, plain, *[squares] * 3), strict=True):
        assert abs(getattr(got, name) - value) <= tolerance * bound, name


arguments = given(
    seed=st.integers(0, 2**32),
    dtype=st.sampled_from([np.float32, np.float64]),
    n=st.integers(1, 60),
    width=st.integers(1, 1200),
    r=st.integers(1, 24),
    q=st.integers(1, 24),
    holes=st.booleans(),
    layout=st.sampled_from(["C", "F", "skipping"]),
)


@pytest.mark.parametrize("level", LEVELS)
@arguments
def test_the_pass_is_the_formula(level, seed, dtype, n, width, r, q, holes, layout):
    m, w, known, left, u, basis, numbers = problem(seed, dtype, n, width, r, q, holes=holes, layout=layout)
    tolerance = TOLERANCE[np.dtype(dtype).str[1:]]

    def background_of(z):
        a, b = left.astype("f8"), u.astype("f8")
        return a @ (b.T @ z), np.abs(a) @ (np.abs(b).T @ (np.abs(z) + abs(numbers.lam)))

    z, _, fresh, following, sums, size = formula(m, w, known, numbers, background_of)
    factor = np.empty((r, width), dtype)
    got = augmented.walk(m, w, known, left, u, basis, numbers, factor=factor, level=level)
    big = np.abs(u).T.astype("f8") @ (np.abs(z) + size)
    assert_near(factor, u.T.astype("f8") @ z, tolerance * big)
    assert_near(w, fresh, tolerance * size)
    d, sizes = basis.T.astype("f8") @ following, np.abs(basis).T.astype("f8") @ size
    assert_near(got.power, following @ d.T, 4 * tolerance * size @ sizes.T)
    assert_sums(got.sums, sums, size, tolerance)


@pytest.mark.parametrize("level", LEVELS)
@arguments
def test_entry_by_entry_it_is_the_formula(level, seed, dtype, n, width, r, q, holes, layout):
    m, w, known, *_, numbers = problem(seed, dtype, n, width, r, q, holes=holes, layout=layout)
    tolerance = TOLERANCE[np.dtype(dtype).str[1:]]
    background = np.random.default_rng(seed).standard_normal((n, width)).astype(dtype)
    given_l = background.astype("f8")
    z, _, fresh, following, sums, size = formula(m, w, known, numbers, lambda _: (given_l, np.abs(given_l)))
    assert_near(augmented.target(m, w, known, numbers, level=level), z, tolerance * size)
    got, found = augmented.update(m, background, w, known, numbers, out=background, level=level)
    assert got is background
    assert_near(got, following, tolerance * size)
    assert_near(w, fresh, tolerance * size)
    assert_sums(found, sums, size, tolerance)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("shape", [(1100, 530, 5, 5), (3, 20_000, 2, 3), (40, 300, 64, 64), (40, 300, 70, 3)])
def test_both_ways_agree_for_long_sums_tall_tiles_and_large_ranks(level, shape):
    m, w, known, left, u, basis, numbers = problem(0, np.float64, *shape, holes=True)
    other = w.copy()
    got = augmented.walk(m, w, known, left, u, basis, numbers, level=level)
    z = augmented.target(m, other, known, numbers, level=0)
    following, sums = augmented.update(m, left @ (u.T @ z), other, known, numbers, level=0)
    np.testing.assert_allclose(w, other, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(got.sums, sums, rtol=1e-11)
    expected = following @ (basis.T @ following).T
    np.testing.assert_allclose(got.power, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_unknown_changes_no_bit(level):
    m, w, known, left, u, basis, numbers = problem(1, np.float32, 30, 700, holes=True)
    results = []
    for junk in (np.nan, np.inf, 0.0):
        state = w.copy()
        got = augmented.walk(np.where(known, m, junk), state, known, left, u, basis, numbers, level=level)
        results.append((state, got.power, got.sums))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_beside_the_state_is_written(level):
    m, _, known, left, u, basis, numbers = problem(2, np.float32, 30, 333, holes=True)
    room = np.full((30, 400), 7, np.float32)
    augmented.walk(m, room[:, 40:373], known, left, u, basis, numbers, level=level)
    augmented.update(m, left @ u.T @ np.nan_to_num(m), room[:, 40:373], known, numbers, level=level)
    assert (room[:, :40] == 7).all()
    assert (room[:, 373:] == 7).all()


def test_a_state_that_rows_cannot_reach_goes_to_the_twin():
    m, w, known, left, u, basis, numbers = problem(3, np.float32, 30, 333, holes=True)
    turned = np.asfortranarray(w)
    expected = augmented.walk(m, w, known, left, u, basis, numbers, level=0)
    got = augmented.walk(m, turned, known, left, u, basis, numbers)
    np.testing.assert_allclose(turned, w, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(got.sums, expected.sums, rtol=1e-5)


def test_the_twins_do_it_where_there_is_no_library(monkeypatch):
    m, w, known, left, u, basis, numbers = problem(4, np.float32, 20, 300)
    other = w.copy()
    expected = augmented.walk(m, w, known, left, u, basis, numbers, level=0)
    monkeypatch.setattr(native, "_loaded", lambda: native.load(None, ""))
    got = augmented.walk(m, other, known, left, u, basis, numbers)
    assert all(np.array_equal(a, b) for a, b in zip((w, *got), (other, *expected), strict=True))


@pytest.mark.parametrize("level", LEVELS)
def test_arrays_that_do_not_fit_are_refused_and_not_read_beyond_their_end(level):
    m, w, known, left, u, basis, numbers = problem(5, np.float32, 20, 300, holes=True)
    for call in (
        lambda: augmented.walk(m[:-2], w, known, left, u, basis, numbers, level=level),
        lambda: augmented.walk(m, w, known[:, :-2], left, u, basis, numbers, level=level),
        lambda: augmented.walk(m, w, known, left[:-2], u, basis, numbers, level=level),
        lambda: augmented.update(m, m[:-2], w, known, numbers, level=level),
        lambda: augmented.target(m[:, :-2], w, known, numbers, level=level),
    ):
        with pytest.raises(ValueError):  # NumPy has the words; the mistake is in kizu
            call()


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_is_written_where_it_may_not_be(level):
    m, w, known, left, u, basis, numbers = problem(6, np.float32, 20, 300, holes=True)
    w.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        augmented.walk(m, w, known, left, u, basis, numbers, level=level)
    with pytest.raises(ValueError, match="read-only"):
        augmented.update(m, w, w, known, numbers, level=level)
    with pytest.raises(ValueError, match="read-only"):
        augmented.target(m, w, known, numbers, out=w, level=level)
