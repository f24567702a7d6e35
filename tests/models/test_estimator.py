import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from instances import planted
from kizu.errors import ParameterError
from kizu.models.estimator import RobustPCA
from kizu.models.robust_pca import robust_pca

FORMS = [{"noise": 0.1}, {"noise": None, "tol": 1e-8}]


@parametrize_with_checks([RobustPCA(), RobustPCA(noise=None)])
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def sheet(seed=0, sigma=0.1):
    """120 rows of 40 columns, rank 3, 5 % flaws."""
    return planted(seed, shape=(120, 40), rank=3, sigma=sigma).X


@pytest.mark.parametrize("options", FORMS, ids=["stable", "exact"])
def test_transform_of_the_fitted_rows_is_their_background(options):
    X = sheet(sigma=0.1 if options["noise"] else 0.0)
    model = RobustPCA(**options).fit(X)
    off = np.linalg.norm(model.transform(X) - model.background_) / np.linalg.norm(model.background_)
    assert off <= np.sqrt(model.parameters_["tol"].value)  # a gap bounds the square of a distance


def test_transform_of_the_fitted_rows_is_exact_at_a_small_gap():
    X = sheet()
    model = RobustPCA(noise=0.1, tol=1e-10).fit(X)
    np.testing.assert_allclose(model.transform(X), model.background_, atol=1e-3)


def test_the_estimator_is_the_function():
    X = sheet()
    model, found = RobustPCA().fit(X), robust_pca(X)
    np.testing.assert_array_equal(model.background_, found.background)
    np.testing.assert_array_equal(model.anomaly_, found.anomaly)
    np.testing.assert_array_equal(model.noise_, found.noise)
    assert model.certificate_ == found.certificate
    assert (model.rank_, model.sigma_, model.n_iter_) == (found.rank, found.sigma, len(found.history))


def test_components_are_orthonormal_and_span_the_background():
    model = RobustPCA().fit(sheet())
    v = model.components_
    np.testing.assert_allclose(v.T @ v, np.eye(model.rank_), atol=1e-12)
    np.testing.assert_allclose(model.background_ @ v @ v.T, model.background_, atol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(model.background_ @ v, axis=0), model.singular_values_, rtol=1e-10)


@pytest.mark.parametrize("options", FORMS, ids=["stable", "exact"])
def test_the_background_of_new_rows_does_not_need_every_entry(options):
    X = sheet(sigma=0.1 if options["noise"] else 0.0)
    model = RobustPCA(**options).fit(X)
    hidden = np.random.default_rng(1).random((10, 40)) < 0.2
    background = model.transform(np.where(hidden, np.nan, X[:10]))
    np.testing.assert_allclose(background, model.background_[:10], atol=0.3 if options["noise"] else 1e-6)


def test_rows_with_a_flaw_are_predicted():
    X = sheet(sigma=0.1)
    model = RobustPCA().fit(X[:100])
    clean = model.background_[:20]
    broken = clean.copy()
    broken[:, 7] += 30.0
    assert (model.predict(broken) == -1).all()
    assert (model.predict(clean) == 1).all()
    assert (model.score_samples(broken) < model.score_samples(clean)).all()
    np.testing.assert_allclose(model.decision_function(clean), model.score_samples(clean) - model.offset_)


def test_few_clean_rows_are_called_abnormal():
    X = planted(0, shape=(400, 200), rank=3, share=0.0, sigma=0.1).X
    assert (RobustPCA().fit_predict(X) == -1).mean() <= 0.02


def test_no_rank_means_no_background():
    X = np.random.default_rng(0).standard_normal((30, 8))
    model = RobustPCA(noise=10.0).fit(X)
    assert model.rank_ == 0
    np.testing.assert_array_equal(model.transform(X), np.zeros_like(X))


def test_not_converging_is_said():
    with pytest.warns(
        ConvergenceWarning, match=r"stopped after 3 iterations with relative gap .*; raise max_iter or tol"
    ):
        model = RobustPCA(max_iter=3).fit(sheet())
    assert not model.converged_


def test_wrong_parameters_are_refused_by_fit():
    with pytest.raises(ParameterError, match=r"^lam: got -1"):
        RobustPCA(lam=-1).fit(sheet())


def test_it_must_be_fitted_first():
    with pytest.raises(NotFittedError):
        RobustPCA().transform(sheet())


def test_it_works_in_a_pipeline():
    X = sheet()
    pipeline = make_pipeline(FunctionTransformer(np.negative), clone(RobustPCA(noise=0.1))).fit(X)
    np.testing.assert_allclose(pipeline.transform(X), RobustPCA(noise=0.1).fit(-X).transform(-X))


def test_a_row_is_scored_by_what_is_known_of_it():
    X = sheet()
    model = RobustPCA(noise=0.1).fit(X)
    few = np.full((1, 40), np.nan)
    few[0, :6] = X[3, :6]
    few[0, 2] += 5.0
    z = np.abs(few[0, :6] - model.transform(few)[0, :6]) / model.scale_[:6]
    assert -model.score_samples(few)[0] == pytest.approx(z.mean())
