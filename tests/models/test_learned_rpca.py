import warnings

import numpy as np
import pytest

pytest.importorskip("torch")

from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from instances import planted
from kizu import LearnedRPCA, robust_pca
from kizu.errors import ParameterError, ShapeError, UsageError
from kizu.models import learned_rpca
from kizu.models.learned_rpca import guarded, objective
from kizu.parameters import default_lam

QUICK = {"rank": 2, "layers": 8, "steps": 10}


@parametrize_with_checks(
    [LearnedRPCA(layers=2, steps=0)],
    expected_failed_checks=lambda _: {"check_methods_subset_invariance": "the rows of a matrix are split together"},
)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def sheet(seed=0, shape=(50, 40)):
    return planted(seed, shape=shape, rank=2, share=0.04, amplitude=(0.0, 4.0))


def error(found, made):
    return np.linalg.norm(found - made.background) / np.linalg.norm(made.background)


def textbook(X, steps):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return robust_pca(X, noise=None, mode="fast", max_iter=steps)


@pytest.mark.parametrize("kind", ["truth", "zeros", "data", "noise", "nan", "infinite"])
def test_the_result_is_never_worse_than_the_textbook(kind):
    made = sheet()
    with np.errstate(all="ignore"):
        background = {
            "truth": made.background,
            "zeros": 0 * made.X,
            "data": made.X,
            "noise": np.random.default_rng(0).standard_normal(made.X.shape),
            "nan": np.full(made.X.shape, np.nan),
            "infinite": np.full(made.X.shape, np.inf),
        }[kind]
    found = guarded(made.X, background, steps=6)
    lam = default_lam(*made.X.shape).value
    classical = textbook(made.X, 6)
    assert found.objectives["textbook"] == pytest.approx(classical.certificate.primal)
    assert objective(made.X, found.background, lam) == min(found.objectives.values())
    assert found.winner == ("network" if kind == "truth" else "textbook")
    np.testing.assert_array_equal(found.anomaly, made.X - found.background)


def test_the_certificate_holds():
    made = sheet()
    best = robust_pca(made.X, noise=None, tol=1e-9).certificate.primal
    for polish in (None, 1e-6):
        found = guarded(made.X, made.background, steps=6, polish=polish).certificate
        assert found.dual <= best * (1 + 1e-9)
        assert found.primal >= best * (1 - 1e-9)
        assert "float64" in found.bound
    assert found.relative_gap <= 1e-6


def test_polishing_wins_where_the_network_is_far_off():
    X = np.random.default_rng(0).standard_normal((20, 15))
    found = guarded(X, np.zeros_like(X), steps=2, polish=1e-6)
    assert found.winner == "polished"
    assert set(found.objectives) == {"network", "textbook", "polished"}


def test_a_background_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match="background"):
        guarded(np.ones((4, 3)), np.ones((3, 4)), steps=1)


@pytest.mark.parametrize("form", ["per layer", "shared"])
def test_the_estimator_splits_what_it_was_fitted_to(form):
    made = sheet()
    model = LearnedRPCA(form=form, **QUICK).fit(made.X)
    np.testing.assert_allclose(model.background_ + model.anomaly_, made.X, atol=1e-14)
    assert error(model.background_, made) < 1e-2
    assert model.objectives_[model.winner_] == min(model.objectives_.values()) == model.certificate_.primal
    np.testing.assert_array_equal(model.transform(made.X), model.background_)
    np.testing.assert_array_equal(LearnedRPCA(form=form, **QUICK).fit_transform(made.X), model.background_)


def test_other_matrices_of_the_kind_are_split_by_the_same_network():
    made, other = sheet(0), sheet(1, shape=(70, 40))
    model = LearnedRPCA(**QUICK).fit(made.X, background=made.background)
    assert error(model.transform(other.X), other) < 1e-2
    assert len(model.log_) == 1


def test_training_helps_and_so_do_more_iterations():
    made = sheet()

    def network_alone(**options):
        model = LearnedRPCA(**{**QUICK, **options}).fit(made.X)
        return model.objectives_["network"]

    untrained = network_alone(steps=0)
    assert network_alone(steps=20) < untrained
    assert network_alone(steps=0, more=8) < untrained


def test_the_rank_is_found_and_said():
    made = sheet()
    model = LearnedRPCA(layers=16, steps=0, more=20).fit(made.X)
    assert model.rank_.value == 2
    assert "singular value 2" in model.rank_.why
    assert error(model.background_, made) < 1e-4
    assert LearnedRPCA(rank=99, steps=0, layers=2).fit(made.X[:, :3]).rank_.value == 3


def test_single_precision_stays():
    made = sheet()
    model = LearnedRPCA(**QUICK).fit(made.X.astype(np.float32))
    assert model.background_.dtype == model.transform(made.X.astype(np.float32)).dtype == np.float32
    assert error(model.background_, made) < 1e-2


def test_parameters_out_of_range_are_refused():
    X = sheet().X
    wrong = {"rank": 0, "layers": 0, "steps": -1, "more": 1.5, "rate": 0.0, "polish": -1.0, "seed": -1}
    for name, value in wrong.items():
        with pytest.raises(ParameterError, match=name):
            clone(LearnedRPCA(**QUICK)).set_params(**{name: value}).fit(X)
    with pytest.raises(ParameterError, match="form"):
        LearnedRPCA(form="one", **QUICK).fit(X)
    with pytest.raises(ShapeError, match="background"):
        LearnedRPCA(**QUICK).fit(X, background=X[:5])


def test_without_torch_one_line_says_what_to_install(monkeypatch):
    def missing(what):
        raise UsageError(f"{what} needs torch, which is not installed", "Install it: pip install 'kizu[deep]'")

    monkeypatch.setattr(learned_rpca, "require_torch", missing)
    with pytest.raises(UsageError, match="LearnedRPCA needs torch"):
        LearnedRPCA().fit(np.ones((3, 3)))
