from itertools import pairwise

import numpy as np
import pytest

from instances import faint, planted
from kizu import flag, robust_pca
from kizu.errors import ParameterError
from kizu.models.flag import column_scales


def pooled(fdr, shape=(200, 200), seeds=4, **law):
    """(precision, recall) over all entries of several draws."""
    hits = flagged = flaws = 0
    for seed in range(seeds):
        made = faint(seed, shape=shape, **law)
        mask = flag(robust_pca(made.X), fdr=fdr).mask
        hits, flagged, flaws = hits + (mask & made.flaws).sum(), flagged + mask.sum(), flaws + made.flaws.sum()
    return hits / max(flagged, 1), hits / flaws


@pytest.mark.parametrize(("fdr", "low", "high"), [(0.02, 0.955, 1.0), (0.05, 0.92, 0.98)])
def test_the_stated_share_of_false_alarms_is_kept(fdr, low, high):
    precision, recall = pooled(fdr)
    assert low <= precision <= high
    assert recall >= 0.96


def test_tall_tables_are_flagged_too():
    precision, recall = pooled(0.02, shape=(1000, 60))
    assert precision >= 0.96
    assert recall >= 0.88


def test_heavy_tails_raise_no_false_alarms():
    precision, recall = pooled(0.05, noise="laplace", spread=np.sqrt(2))
    assert precision >= 0.95 or recall == 0.0


def test_without_anomalies_nearly_nothing_is_flagged():
    for seed in range(3):
        assert flag(robust_pca(planted(seed, share=0.0, sigma=0.1).X)).mask.sum() <= 4


@pytest.fixture(scope="module")
def found():
    made = faint(0, shape=(60, 80))
    return robust_pca(made.X, observed=np.random.default_rng(1).random((60, 80)) < 0.8)


def test_missing_entries_are_never_flagged(found):
    flags = flag(found, fdr=0.9)
    assert flags.mask.any()
    unknown = ~found.observed
    assert not flags.mask[unknown].any()
    assert (flags.score[unknown] == 0).all()
    assert (flags.p_value[unknown] == 1).all()


def test_the_threshold_parts_flagged_from_not(found):
    flags = flag(found)
    size = np.abs(flags.score)
    assert size[flags.mask].min() == flags.threshold
    assert size[~flags.mask].max() < flags.threshold


def test_a_higher_rate_flags_no_less(found):
    masks = [flag(found, fdr=fdr).mask for fdr in (0.001, 0.02, 0.2, 0.9)]
    for fewer, more in pairwise(masks):
        assert (fewer <= more).all()


def test_nothing_flagged_has_no_threshold():
    flags = flag(robust_pca(np.zeros((5, 6))))
    assert not flags.mask.any()
    assert flags.threshold == np.inf


def test_scores_are_signed_residuals_over_the_columns_scale(found):
    flags = flag(found)
    np.testing.assert_allclose(flags.score * column_scales(found.residual, found.observed), found.residual)
    assert "about 0.02 of the flagged entries are false alarms" in flags.why


def test_columns_of_different_noise_have_their_own_scale():
    draw = np.random.default_rng(0)
    true = np.where(np.arange(50) < 25, 1.0, 4.0)
    scales = column_scales(draw.standard_normal((400, 50)) * true, None)
    np.testing.assert_allclose(scales, true, rtol=0.2)


def test_a_column_of_which_nothing_is_known_has_the_common_scale():
    residual = np.random.default_rng(0).standard_normal((400, 5))
    known = np.ones(residual.shape, bool)
    known[:, 2] = False
    scales = column_scales(np.where(known, residual, 0.0), known)
    assert scales[2] == pytest.approx(np.median(scales), rel=0.2)


def test_flags_are_arrays_of_the_callers_library(xp):
    there = xp.asarray(faint(0, shape=(20, 30)).X)
    flags = flag(robust_pca(there))
    for part in (flags.mask, flags.score, flags.p_value):
        assert type(part) is type(there)
        assert part.device == there.device


@pytest.mark.parametrize("fdr", [0, 1, -0.1, 2, float("nan")])
def test_a_rate_is_a_share(found, fdr):
    with pytest.raises(ParameterError, match=r"^fdr: got .* Use a share between 0 and 1"):
        flag(found, fdr=fdr)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("exponent", [-60, 60])
def test_powers_of_two_change_no_bit(dtype, exponent):
    X = faint(0, shape=(60, 40)).X.astype(dtype)
    plain, scaled = (flag(robust_pca(np.ldexp(X, k))) for k in (0, exponent))
    np.testing.assert_array_equal(plain.score, scaled.score)
    np.testing.assert_array_equal(plain.mask, scaled.mask)


@pytest.mark.parametrize("exponent", [-900, 900])
def test_scales_at_the_ends_of_the_floating_range_are_scales(exponent):
    X = faint(0, shape=(60, 40)).X
    np.testing.assert_array_equal(flag(robust_pca(np.ldexp(X, exponent))).mask, flag(robust_pca(X)).mask)
