"""A texture as a subspace of its patches: flaws stand out, and one does not bend what explains its patch."""

import numpy as np
import pytest

from kizu.errors import ShapeError
from kizu.models import patch_pcp
from kizu.models.texture import explain


def stripes(size=64, *, seed=0, sigma=0.1):
    """Wavy stripes with noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    picture = np.sin(2 * np.pi * (x + 1.5 * np.sin(y / 9)) / 6.3)
    return (picture + sigma * rng.standard_normal((size, size))).astype(np.float32)


@pytest.fixture(scope="module")
def scales():
    return patch_pcp.learn([stripes()])


def test_a_flaw_stands_out_and_the_texture_does_not(scales):
    picture = stripes(seed=1)
    picture[30:34, 20:24] += 0.8
    z = explain(scales, picture, code=patch_pcp.coded).z
    flaw = np.zeros(z.shape, bool)
    flaw[30:34, 20:24] = True
    assert np.median(np.abs(z[flaw])) > 3 * np.median(np.abs(z[~flaw]))
    assert np.unravel_index(np.abs(z).argmax(), z.shape) in set(zip(*np.nonzero(flaw), strict=True))


def test_atoms_are_orthonormal_and_fewer_than_pixels(scales):
    for scale in scales:
        assert 0 < len(scale.atoms) < 64
        np.testing.assert_allclose(scale.atoms @ scale.atoms.T, np.eye(len(scale.atoms)), atol=1e-5)
        assert scale.usage.sum() == pytest.approx(1, abs=1e-5)
        assert scale.still


def test_a_code_is_where_the_huber_loss_is_least(scales):
    scale, rng = scales[0], np.random.default_rng(0)
    rows = rng.standard_normal((5, len(scale.atoms))).astype(np.float32) @ scale.atoms
    rows += 0.1 * rng.standard_normal(rows.shape).astype(np.float32)
    rows[:, 7] += 5
    codes, rest, _ = patch_pcp.coded(scale, rows)
    level = scale.parameters["tau_anomaly"].value
    np.testing.assert_allclose(np.clip(rest, -level, level) @ scale.atoms.T, 0, atol=2e-2 * level)
    assert np.abs(rest[:, 7] - 5).max() < 1  # the spike stays in the residual
    assert codes.shape == (5, len(scale.atoms))


def test_lam_is_in_units_of_its_default():
    one, two = (patch_pcp.learn([stripes()], lam=lam)[0] for lam in (None, 1.0))
    assert one.parameters["lam"].value == two.parameters["lam"].value
    small = patch_pcp.learn([stripes()], lam=0.5)[0]
    assert small.parameters["lam"].value == pytest.approx(one.parameters["lam"].value / 2)


def test_without_noise_the_projection_is_orthogonal():
    scale = patch_pcp.learn([np.tile(np.float32([[0, 1], [1, 0]]), (20, 20))])[0]
    rows = np.tile(np.float32([[0, 1, 1, 0]]), (3, 16)).reshape(3, 64)
    codes, rest, _ = patch_pcp.coded(scale, rows)
    assert "tau_anomaly" not in scale.parameters
    np.testing.assert_allclose(rest @ scale.atoms.T, 0, atol=1e-5)
    assert np.isfinite(codes).all()


def test_a_constant_picture_has_no_flaw():
    picture = np.full((40, 40), 3.0, np.float32)
    assert not explain(patch_pcp.learn([picture]), picture, code=patch_pcp.coded).z.any()


def test_too_small_pictures_are_refused():
    with pytest.raises(ShapeError, match="too few patches"):
        patch_pcp.learn([np.zeros((12, 12), np.float32)])
