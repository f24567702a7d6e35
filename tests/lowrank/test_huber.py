"""The Huber pass: the kernel at every level of instructions and its twin, against the formula in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kizu.native as native
from kizu.lowrank import huber

LEVELS = range(native.level() + 1)
TOLERANCE = {"f4": 1e-6, "f8": 1e-14}
FIELDS = ("right", "power", "loss", "inner", "square")


def problem(seed, kind, n, width, r, q, *, holes=False, rows=False, layout="C"):
    """The arguments of one pass; junk in what is unknown."""
    rng = np.random.default_rng(seed)
    dtype = "f8" if kind in {"f8", "i4"} else "f4"
    raw = (rng.standard_normal((n, width + 9)) * 40 + 100).clip(0, 255).astype(kind)[:, 3 : 3 + width]
    known = rng.random((n, width)) < 0.7 if holes else None
    if holes:
        raw[~known] = np.nan if raw.dtype.kind == "f" else 77
    raw = {"C": raw, "F": np.asfortranarray(raw), "skipping": np.repeat(raw, 2, axis=0)[::2]}[layout]
    raw.flags.writeable = False
    left, right = rng.standard_normal((n, r)) / np.sqrt(n), 50 * rng.standard_normal((r, width))
    return {
        "raw": raw,
        "scale": np.exp2(rng.integers(-8, 3, n)) if rows else None,
        "offset": rng.standard_normal(n) if rows else None,
        "known": known,
        "left": left.astype(dtype),
        "right": right.astype(dtype),
        "basis": (rng.standard_normal((n, q)) / np.sqrt(n)).astype(dtype),
        "tau": float(np.float32(rng.exponential(30))),
    }, TOLERANCE[dtype]


def formula(raw, scale, offset, known, left, right, basis, tau):
    """(what the pass should give, how large its terms are)."""
    known = np.ones(raw.shape, bool) if known is None else known
    dtype = left.dtype
    m = np.where(known, raw, 0).astype("f8")
    m = m if scale is None else m * scale.astype(dtype).astype("f8")[:, None]
    m = np.where(known, m if offset is None else m + offset.astype(dtype).astype("f8")[:, None], 0)
    left, right, basis = (factor.astype("f8") for factor in (left, right, basis))
    x, size = left @ right, np.abs(left) @ np.abs(right) + np.abs(m)
    d = np.where(known, m - x, 0)
    y = d.clip(-tau, tau)
    new, sizes = basis.T @ (x + y), np.abs(basis).T @ size
    loss = np.where(np.abs(d) <= tau, d**2 / 2, tau * np.abs(d) - tau**2 / 2).sum()
    sums = (np.minimum(size, tau) * size).sum()
    expected = {"right": new, "power": (x + y) @ new.T, "loss": loss, "inner": (m * y).sum(), "square": (y * y).sum()}
    return expected, dict(zip(FIELDS, (sizes, size @ sizes.T, sums, sums, sums), strict=True))


def assert_same(got, arguments, tolerance):
    expected, sizes = formula(**arguments)
    for name in FIELDS:
        error = np.abs(getattr(got, name) - expected[name])
        assert (error <= tolerance * sizes[name]).all(), (name, (error / sizes[name]).max())


@pytest.mark.parametrize("level", LEVELS)
@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(["u1", "u2", "f4", "f8", "i2", "i4", ">f4", "f2"]),
    n=st.integers(1, 60),
    width=st.integers(1, 1200),
    r=st.integers(1, 24),
    q=st.integers(1, 24),
    holes=st.booleans(),
    rows=st.booleans(),
    layout=st.sampled_from(["C", "F", "skipping"]),
)
def test_it_is_the_formula(level, seed, kind, n, width, r, q, holes, rows, layout):
    arguments, tolerance = problem(seed, kind, n, width, r, q, holes=holes, rows=rows, layout=layout)
    got = huber.walk(**arguments, level=level)
    assert got.right.dtype == arguments["right"].dtype
    assert_same(got, arguments, tolerance)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("shape", [(1100, 530, 5, 5), (3, 20_000, 2, 3), (40, 300, 64, 64), (40, 300, 70, 3)])
def test_long_sums_tall_tiles_and_large_ranks(level, shape):
    arguments, tolerance = problem(0, "u1", *shape)
    assert_same(huber.walk(**arguments, level=level), arguments, tolerance)


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_unknown_changes_no_bit(level):
    arguments, _ = problem(1, "f4", 30, 700, 3, 5, holes=True, rows=True)
    first = huber.walk(**arguments, level=level)
    for junk in (np.inf, 3e38, 0.0):
        other = huber.walk(**{**arguments, "raw": np.where(arguments["known"], arguments["raw"], junk)}, level=level)
        assert all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("level", LEVELS)
def test_the_new_factor_may_take_the_place_of_the_old(level):
    arguments, _ = problem(2, "u1", 50, 1000, 6, 6, holes=True)
    expected = huber.walk(**arguments, level=level)
    room = np.zeros((6, 1100), "f4")
    room[:, 50:1050] = arguments["right"]
    place = room[:, 50:1050]
    got = huber.walk(**{**arguments, "right": place}, out=place, level=level)
    assert got.right is place
    assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))
    assert not room[:, :50].any()
    assert not room[:, 1050:].any()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("exponent", [-100, 100])
def test_a_power_of_two_is_exact(level, exponent):
    arguments, _ = problem(3, "f4", 20, 300, 3, 3)
    raw = np.round(arguments["raw"])
    expected = huber.walk(**{**arguments, "raw": raw}, level=level)
    scale = np.full(20, 2.0**-exponent)
    got = huber.walk(**{**arguments, "raw": np.ldexp(raw, exponent), "scale": scale}, level=level)
    assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))


@pytest.mark.parametrize("level", LEVELS)
def test_the_step_is_how_far_z_goes(level):
    arguments, _ = problem(3, "u1", 20, 300, 3, 3, holes=True)
    steps = [huber.walk(**arguments, step=step, level=level) for step in (0.0, 0.5, 1.0, 1.5)]
    rights = np.diff([found.right for found in steps], axis=0)
    assert all(np.allclose(rights[0], other, atol=1e-4) for other in rights[1:])
    assert np.abs(rights[0]).max() > 0.01
    assert len({(found.loss, found.inner, found.square) for found in steps}) == 1


def test_the_twin_does_it_where_there_is_no_library(monkeypatch):
    arguments, _ = problem(4, "u1", 20, 300, 3, 3)
    expected = huber.walk(**arguments, level=0)
    monkeypatch.setattr(native, "_loaded", lambda: native.load(None, ""))
    got = huber.walk(**arguments)
    assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))


def test_a_tile_without_memory_is_an_error_of_memory(monkeypatch):
    arguments, _ = problem(5, "u1", 20, 300, 3, 3)
    monkeypatch.setattr(native, "function", lambda *_, **__: lambda *_: 1)
    with pytest.raises(MemoryError):
        huber.walk(**arguments, level=1)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ["scale", "known", "left", "right", "basis"])
def test_arrays_that_do_not_fit_are_refused_and_not_read_beyond_their_end(level, name):
    arguments, _ = problem(6, "u1", 20, 300, 3, 3, holes=True, rows=True)
    with pytest.raises(ValueError):  # NumPy has the words; the mistake is in kizu
        huber.walk(**{**arguments, name: arguments[name][:-2]}, level=level)


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_is_written_where_it_may_not_be(level):
    arguments, _ = problem(7, "u1", 20, 300, 3, 3)
    out = np.zeros((3, 300), "f4")
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        huber.walk(**arguments, out=out, level=level)
    other = huber.walk(**arguments, out=np.zeros((3, 300)), level=level)  # of another type: the twin converts
    np.testing.assert_array_equal(other.right, huber.walk(**arguments, level=0).right)
