"""Learned coders: scikit-learn accepts them, they learn, and no sample is worse off than with FISTA."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.utils.estimator_checks import parametrize_with_checks

import kizu
from kizu.errors import KizuError, ParameterError, ShapeError
from kizu.models.safeguard import fista_steps, polished, safeguard, units

torch.set_num_threads(1)

LAM, STEPS = 0.05, 8
CODERS = [kizu.Lista, kizu.Alista, kizu.HyperLista]


def drawn(seed=0, count=40, features=24, atoms=40, share=0.08):
    D = np.random.default_rng(9).standard_normal((atoms, features))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    draw = np.random.default_rng(seed)
    codes = np.where(draw.random((count, atoms)) < share, draw.standard_normal((count, atoms)), 0.0)
    codes[:, 0] += 0.1
    return codes @ D, D, codes


def short(kind, D=None, **options):
    budget = {"draws": 20} if kind is kizu.HyperLista else {"steps": 12}
    return kind(D, layers=STEPS, **budget, **options)


def objective(Y, D, codes, lam=LAM):
    with np.errstate(all="ignore"):
        length = lam * np.linalg.norm(Y, axis=1)
        return 0.5 * np.sum((Y - codes @ D) ** 2, axis=1) + length * np.sum(np.abs(codes), axis=1)


# --- the safeguard


def test_fista_steps_are_those_of_the_textbook():
    Y, D, _ = drawn(count=3)
    L, x, before, t = np.linalg.norm(D, 2) ** 2, np.zeros((3, len(D))), np.zeros((3, len(D))), 1.0
    for _ in range(STEPS):
        following = (1 + np.sqrt(1 + 4 * t * t)) / 2
        z = x + (t - 1) / following * (x - before)
        z = z - (z @ D - Y) @ D.T / L
        before, x, t = x, np.sign(z) * np.maximum(np.abs(z) - LAM / L, 0), following
    np.testing.assert_allclose(fista_steps(Y, D, LAM, STEPS), x, rtol=0, atol=1e-12)


BROKEN = [
    lambda codes: codes,
    lambda codes: 0 * codes,
    lambda codes: np.full_like(codes, np.nan),
    lambda codes: codes * np.where(np.arange(len(codes)) % 2, np.inf, 1.0)[:, None],
    lambda codes: 1e200 * (codes + 1),
    lambda codes: -codes,
]


@pytest.mark.parametrize("broken", range(len(BROKEN)))
@pytest.mark.parametrize("factor", [1.0, 10.0, 0.05, 0.0, 1e30])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_sample_is_worse_off(broken, factor, dtype):
    Y, D, codes = drawn()
    Y, D = (factor * Y).astype(dtype), D.astype(dtype)
    with np.errstate(all="ignore"):
        found = safeguard(Y, D, BROKEN[broken](factor * codes), lam=LAM, steps=STEPS)
    unit, length = units(Y)
    classical = objective(unit.astype(float), D.astype(float), fista_steps(unit, D, LAM, STEPS)) * length[:, 0] ** 2
    assert np.all(found.objective <= classical * (1 + 1e-6))
    rounding = 1e-5 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(found.objective, objective(Y.astype(float), D.astype(float), found.codes), rtol=rounding)
    assert found.codes.dtype == dtype
    assert np.isfinite(found.codes).all()


def test_a_sample_keeps_the_better_codes():
    Y, D, codes = drawn()
    mixed = np.where(np.arange(len(Y))[:, None] < 20, codes, np.nan)
    found = safeguard(Y, D, mixed, lam=1e-3, steps=STEPS)
    np.testing.assert_array_equal(found.learned, np.arange(len(Y)) < 20)
    np.testing.assert_allclose(found.codes[:20], codes[:20], rtol=1e-12)
    best = kizu.sparse_code(units(Y).samples, D, lam=1e-3, tol=1e-10).objective * units(Y).scale[:, 0] ** 2
    assert np.all((found.objective - best) / found.objective <= found.relative_gap + 1e-9)


def test_polish_reaches_the_gap_and_keeps_who_won():
    Y, D, codes = drawn()
    found = safeguard(Y, D, codes, lam=LAM, steps=STEPS)
    better = polished(found, Y, D, tol=1e-7)
    assert better.converged
    assert np.all(better.relative_gap <= 1e-7)
    assert np.all(better.objective <= found.objective)
    np.testing.assert_array_equal(better.learned, found.learned)
    worse = replace(found, codes=np.zeros_like(found.codes), objective=0 * found.objective)
    assert not polished(worse, Y, D).codes.any()


def test_codes_of_another_shape_are_refused():
    Y, D, codes = drawn()
    with pytest.raises(ShapeError, match=r"^codes: codes have shape \(40, 39\)"):
        safeguard(Y, D, codes[:, 1:], lam=LAM, steps=STEPS)


# --- the estimators

QUICK = [kizu.Lista(layers=2, steps=3), kizu.Alista(layers=2, steps=3), kizu.HyperLista(layers=2, draws=3)]


@parametrize_with_checks(QUICK)
def test_scikit_learn_accepts_the_coders(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", CODERS)
@pytest.mark.parametrize("factor", [1.0, 10.0, 0.05])
def test_codes_are_never_worse_than_fistas_and_scale(kind, factor):
    Y, D, codes = drawn()
    coder = short(kind, D, lam=LAM).fit(Y, codes=codes)
    other = factor * drawn(1, share=0.25)[0]
    found = coder.code(other)
    unit, length = units(other)
    classical = objective(unit, D, fista_steps(unit, D, LAM, STEPS)) * length[:, 0] ** 2
    assert np.all(found.objective <= classical * (1 + 1e-9))
    np.testing.assert_allclose(found.codes, factor * coder.transform(other / factor), rtol=1e-6, atol=1e-9 * factor)


@pytest.mark.parametrize("kind", CODERS)
def test_without_codes_those_of_the_solver_are_learned(kind):
    Y, D, _ = drawn()
    coder = short(kind, D).fit(Y)
    solver = kizu.sparse_code(units(Y).samples, D, lam=coder.lam_).codes * units(Y).scale
    np.testing.assert_array_equal(short(kind, D, lam=coder.lam_).fit(Y, codes=solver).transform(Y), coder.transform(Y))
    np.testing.assert_allclose(coder.inverse_transform(coder.transform(Y)), coder.transform(Y) @ D)
    assert coder.get_feature_names_out()[0] == f"{kind.__name__.lower()}0"


def test_tuned_numbers_beat_fista():
    large = {"count": 80, "features": 48, "atoms": 80, "share": 0.05}
    Y, D, codes = drawn(**large)
    coder = kizu.HyperLista(D, layers=12, lam=1e-3, draws=40).fit(Y, codes=codes)
    assert coder.numbers_.error < -20
    assert coder.code(drawn(2, **large)[0]).learned.mean() > 0.9


@pytest.mark.parametrize("kind", CODERS)
def test_nothing_to_find_is_found(kind):
    Y, D, codes = drawn()
    assert not short(kind, D).fit(0 * Y).transform(0 * Y).any()
    given = short(kind, D).fit(Y, codes=codes)
    assert given.lam_ == pytest.approx(0.1 * short(kind, D).fit(Y).lam_)


def test_a_network_out_of_bounds_falls_back():
    Y, D, codes = drawn()
    coder = kizu.HyperLista(D, layers=12, lam=LAM, draws=2).fit(Y, codes=codes)
    coder.numbers_ = coder.numbers_._replace(c1=0.0, c2=1e9, c3=1e9)
    assert not coder.code(Y).learned.any()


@pytest.mark.parametrize("kind", CODERS)
@pytest.mark.parametrize("option", [{"layers": 0}, {"lam": -1.0}, {"seed": -1}])
def test_what_cannot_be_learned_with_is_refused(kind, option):
    with pytest.raises(ParameterError, match=f"^{next(iter(option))}: got"):
        kind(**option).fit(drawn()[0])
    with pytest.raises(ShapeError, match=r"^codes: codes have shape"):
        short(kind, drawn()[1]).fit(drawn()[0], codes=np.ones((3, 3)))


@pytest.mark.parametrize("kind", [kizu.Lista, kizu.Alista])
def test_without_torch_it_says_what_to_install(kind, monkeypatch):
    find = importlib.util.find_spec
    missing = "kizu.networks.catalogue.find_spec"
    monkeypatch.setattr(missing, lambda name, *rest: None if name == "torch" else find(name, *rest))
    with pytest.raises(KizuError, match=r"needs torch.*pip install 'kizu\[deep\]'"):
        kind().fit(drawn()[0])
    kizu.HyperLista(layers=2, draws=2).fit(drawn()[0])
