"""What repeats in a picture is its background; the split says how far it is from the optimum."""

import numpy as np
import pytest

import kizu
from kizu.models import patch_image as module
from kizu.models.patch_image import PATCH, RANK, STEP, limited_split, patch_image


def scene(shape=(70, 85), seed=0):
    """A smooth sky with noise and one small target."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    sky = 100 + 0.4 * x + 12 * np.sin(y / 17)
    target = 50 * np.exp(-((y - shape[0] // 2) ** 2 + (x - shape[1] // 2) ** 2) / 6)
    return (sky + target + 2 * rng.standard_normal(shape)).astype(np.float32)


def planted(patches=120, pixels=90, rank=4, seed=0):
    """Rows of low rank with sparse spikes, in single precision."""
    rng = np.random.default_rng(seed)
    low = rng.standard_normal((patches, rank)) @ rng.standard_normal((rank, pixels))
    spikes = np.where(rng.random(low.shape) < 0.03, 10 * rng.choice([-1, 1], low.shape), 0)
    return (low + spikes).astype(np.float32), spikes


def objective(rows, rest):
    background = rows.astype(np.float64) - rest
    nuclear = np.linalg.svd(background, compute_uv=False).sum()
    return float(nuclear + np.abs(rest, dtype=np.float64).sum() / np.sqrt(max(rows.shape)))


@pytest.mark.parametrize("shape", [(30, 30), (31, 47), (40, 60), (7, 40), (3, 5), (1, 1), (64, 29)])
def test_folding_undoes_taking_patches(shape):
    picture = np.random.default_rng(0).integers(0, 99, shape).astype(np.float32)
    rows, grid = module._patches(picture)
    assert rows.shape == (grid[0] * grid[1], PATCH * PATCH)
    folded = module._median_over_patches(rows, grid)
    assert np.array_equal(folded[: shape[0], : shape[1]], picture)


def test_one_patch_that_disagrees_moves_no_pixel():
    picture = scene((50, 50))
    rows, grid = module._patches(picture)
    rows[len(rows) // 2] += 90
    assert np.array_equal(module._median_over_patches(rows, grid), picture)


def test_every_pixel_is_in_nine_patches_in_nine_places():
    picture = np.zeros((60, 60), np.float32)
    picture[34, 27] = 1
    where = np.nonzero(module._patches(picture)[0])
    assert len(where[0]) == (PATCH // STEP) ** 2 == len(set(where[1].tolist()))


@pytest.mark.parametrize("shape", [(70, 85), (60, 60), (41, 33), (12, 90)])
def test_a_target_is_left_and_the_sky_is_not(shape):
    picture = scene(shape)
    found = patch_image(picture)
    assert found.residual.shape == shape and found.residual.dtype == np.float32
    middle = found.residual[shape[0] // 2, shape[1] // 2]
    assert middle > 25
    assert np.percentile(np.abs(found.residual), 90) < 5
    assert 0 < found.rank <= RANK and found.relative_gap >= 0


def test_the_background_of_the_patches_has_the_rank_that_is_told():
    rows, _ = planted()
    split = limited_split(rows)
    assert np.linalg.matrix_rank(rows.astype(np.float64) - split.rest, tol=1e-2) == split.rank == 4


def test_low_rank_patches_are_recovered_and_spikes_left():
    rows, spikes = planted()
    np.testing.assert_allclose(limited_split(rows).rest, spikes, atol=1e-3)


@pytest.mark.parametrize(("seed", "rank"), [(0, 4), (1, 12), (2, 1)])
def test_the_gap_is_an_upper_bound_of_the_distance_from_the_optimum(seed, rank):
    rows, _ = planted(rank=rank, seed=seed)
    split = limited_split(rows)
    value = objective(rows, split.rest)
    optimum = kizu.robust_pca(rows.astype(np.float64), noise=None, tol=1e-6).certificate
    assert (value - optimum.primal) / value < 1e-4
    assert split.relative_gap >= (value - optimum.primal) / value


def test_the_gap_bounds_the_distance_where_noise_has_no_place():
    rows = np.random.default_rng(0).standard_normal((100, 90)).astype(np.float32)
    split = limited_split(rows)
    value = objective(rows, split.rest)
    optimum = kizu.robust_pca(rows.astype(np.float64), noise=None, tol=1e-4).certificate
    assert split.rank == RANK
    assert split.relative_gap > (value - optimum.primal) / value > 0.02


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_rank_below_the_optimum_is_not_called_optimal(limit):
    rows, _ = planted()
    split = limited_split(rows, rank=limit)
    value = objective(rows, split.rest)
    optimum = kizu.robust_pca(rows.astype(np.float64), noise=None, tol=1e-6).certificate
    assert split.rank == limit
    assert split.relative_gap >= (value - optimum.primal) / value > 0.1


@pytest.mark.parametrize("power", [-40, -20, 3, 60])
def test_scale_changes_no_bit(power):
    picture = scene((50, 61)).astype(np.float64)
    one, two = patch_image(picture), patch_image(np.ldexp(picture, power))
    assert np.array_equal(np.ldexp(one.residual, power), two.residual)
    assert one[1:] == two[1:]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float64])
def test_the_type_of_pixels_does_not_matter(dtype):
    picture = np.round(scene()).clip(0, 255)
    assert np.array_equal(patch_image(picture.astype(dtype)).residual, patch_image(picture).residual)


@pytest.mark.parametrize("level", [0, 7, -90, 65535])
@pytest.mark.parametrize("shape", [(1, 1), (2, 45), (40, 50)])
def test_an_even_picture_is_all_background(level, shape):
    found = patch_image(np.full(shape, level, np.float32))
    assert np.abs(found.residual).max() <= 1e-6 * abs(level)
    assert found.rank == 0 and found.relative_gap < 1e-3


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (5, 3)])
def test_tiny_pictures_are_split(shape):
    found = patch_image(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    assert found.residual.shape == shape and np.isfinite(found.residual).all()


def test_the_same_picture_gives_the_same_bytes():
    one, two = patch_image(scene()), patch_image(scene())
    assert one.residual.tobytes() == two.residual.tobytes() and one[1:] == two[1:]


def test_the_picture_is_not_changed():
    picture = scene()
    picture.flags.writeable = False
    patch_image(picture)
