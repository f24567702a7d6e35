"""The estimator of robust dictionaries: scikit-learn's contract, batches, decisions and folders."""

import json

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import kizu
from kizu.errors import ParameterError, ReadError
from kizu.files import MODEL_CARD, MODEL_WEIGHTS
from kizu.models.dictionary_estimator import RobustDictionary

FORMS = ["noisy", "rows", "exact"]


@parametrize_with_checks([RobustDictionary(), RobustDictionary(form="exact"), RobustDictionary(form="rows", trim=0.0)])
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def rows(seed=0, *, samples=400, features=16, atoms=5):
    """Samples of a few atoms, around a level of each feature, with noise; the atoms are the same for every seed."""
    D = np.random.default_rng(7).standard_normal((atoms, features))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    rng = np.random.default_rng(seed)
    codes = np.where(rng.random((samples, atoms)) < 0.4, 2 * rng.standard_normal((samples, atoms)), 0.0)
    return 10.0 + np.arange(features) + codes @ D + 0.05 * rng.standard_normal((samples, features))


@pytest.fixture(scope="module")
def model():
    return RobustDictionary(center="global").fit(rows())


def test_the_estimator_is_the_function(model):
    found = kizu.robust_dictionary(rows(), center="global")
    np.testing.assert_array_equal(model.components_, found.atoms)
    np.testing.assert_array_equal(model.codes_, found.codes)
    np.testing.assert_array_equal(model.anomaly_, found.anomaly)
    np.testing.assert_array_equal(model.noise_, found.noise)
    assert (model.sigma_, model.n_iter_, model.history_) == (found.sigma, len(found.history), found.history)


@pytest.mark.parametrize("form", FORMS)
def test_transform_of_the_fitted_rows_are_their_codes(form):
    X = rows()
    model = RobustDictionary(form=form, center="global", tol=1e-8).fit(X)
    background = model.inverse_transform(model.transform(X))
    np.testing.assert_allclose(background + model.residual(X), X, atol=1e-9)
    if form != "exact":  # there a code need not be the only one
        np.testing.assert_allclose(model.transform(X), model.codes_, atol=1e-2)
        np.testing.assert_allclose(model.residual(X), model.anomaly_ + model.noise_, atol=1e-2)


def test_rows_with_a_flaw_are_predicted(model):
    clean = rows(1)
    broken = clean.copy()
    broken[:, 3] += 3.0
    assert (model.predict(broken) == -1).mean() > 0.99
    assert (model.predict(clean) == -1).mean() < 0.05
    assert (model.score_samples(broken) < model.score_samples(clean)).mean() > 0.99
    np.testing.assert_allclose(model.decision_function(clean), model.score_samples(clean) - model.offset_)


def test_batches_go_on_where_fit_ended():
    model = RobustDictionary(atoms=5, center="global").partial_fit(rows(0))
    first, before = RobustDictionary(atoms=5, center="global").fit(rows(0)), model.components_
    np.testing.assert_array_equal(before, first.components_)
    for seed in range(1, 4):
        model.partial_fit(rows(seed))
    assert model.n_samples_seen_ == 1600
    assert model.codes_.shape == (400, 5)
    np.testing.assert_allclose(np.linalg.norm(model.components_, axis=1), 1)
    assert (np.abs(model.components_ @ before.T).max(axis=0) > 0.99).all()
    assert (model.predict(rows(9)) == -1).mean() < 0.06


def test_memory_lets_a_changed_world_in():
    turned = [np.roll(rows(seed), 5, axis=1) for seed in range(5)]
    slow, fast = (RobustDictionary(atoms=5, center="sample", memory=m).partial_fit(rows(9)) for m in (1e9, 100.0))
    for batch in turned:
        slow.partial_fit(batch)
        fast.partial_fit(batch)
    assert fast.sums_.weight < slow.sums_.weight
    assert np.abs(fast.residual(turned[0])).mean() <= np.abs(slow.residual(turned[0])).mean()


@pytest.mark.parametrize("options", [{}, {"lam": 0.1, "lam_anomaly": np.inf}, {"form": "exact"}, {"center": "global"}])
def test_a_folder_holds_all_that_is_needed(tmp_path, options):
    X = rows()
    model = RobustDictionary(atoms=6, **options).fit(X)
    model.save(tmp_path / "model")
    kept = RobustDictionary.load(tmp_path / "model")
    assert kept.get_params() == model.get_params()
    assert kept.parameters_ == model.parameters_
    for method in ("transform", "score_samples", "predict", "residual"):
        np.testing.assert_array_equal(getattr(kept, method)(X), getattr(model, method)(X))
    for one in (kept, model):
        one.partial_fit(rows(1))
    np.testing.assert_array_equal(kept.components_, model.components_)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [MODEL_CARD, MODEL_WEIGHTS]


def test_folders_of_others_are_refused(tmp_path, model):
    model.save(tmp_path)
    card = json.loads((tmp_path / MODEL_CARD).read_text("utf-8"))
    for change in (
        {"kind": "robust_pca"},
        {"schema": 2},
        {"fitted": {}},
        {"options": 3},
        {"parameters": {"lam": 1}},
        {"options": {**card["options"], "nothing": 1}},
        {"parameters": {}},
    ):
        (tmp_path / MODEL_CARD).write_text(json.dumps({**card, **change}), "utf-8")
        with pytest.raises(ReadError, match=r"^[^\n]*model\.json: [^\n]*$"):
            RobustDictionary.load(tmp_path)
    (tmp_path / MODEL_CARD).unlink()
    with pytest.raises(ReadError):
        RobustDictionary.load(tmp_path)


def test_not_standing_still_is_said():
    with pytest.warns(ConvergenceWarning, match=r"stopped after 1 rounds .*; raise max_iter or tol"):
        RobustDictionary(max_iter=1, starts=1).fit(rows())


def test_wrong_use_is_refused():
    with pytest.raises(ParameterError, match=r"^trim: got 2"):
        RobustDictionary(trim=2).fit(rows())
    with pytest.raises(ParameterError, match=r"^memory: got 0"):
        RobustDictionary(memory=0).fit(rows())
    with pytest.raises(NotFittedError):
        RobustDictionary().transform(rows())
    with pytest.raises(NotFittedError):
        RobustDictionary().save("nowhere")


def test_going_on_without_noise_keeps_what_is_abnormal():
    rng = np.random.default_rng(0)
    basis = rng.standard_normal((6, 24))

    def rows(count):
        return rng.standard_normal((count, 6)) @ basis

    model = RobustDictionary(12, noise=None).fit(rows(300))
    assert model.parameters_["form"].value == "exact"
    bad = rows(20)
    bad[:, 5] += 5 * bad.std()
    before = (model.predict(bad) == -1).mean()
    after = (model.partial_fit(rows(100)).predict(bad) == -1).mean()
    assert before > 0.9 and after > 0.9
