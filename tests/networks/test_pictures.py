import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kizu.errors import ShapeError  # noqa: E402
from kizu.networks.losses import focal, soft_iou  # noqa: E402
from kizu.networks.pictures import cutouts, scene, smoothed_over, spot  # noqa: E402
from kizu.networks.variation import plant, plant_spots, seen, varied, zoomed  # noqa: E402


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def ramp(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return (2.0 * y - x + 50.0).astype(np.float32)


def with_target(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    picture, mask = ramp(60, 50) + rng.normal(0.0, 0.5, (60, 50)), np.zeros((60, 50), bool)
    mask[30:34, 20:23] = True
    return picture + 40.0 * mask, mask


def test_a_plane_is_its_own_smooth_ground() -> None:
    plane, hole = ramp(20, 30), np.zeros((20, 30), bool)
    hole[5:12, 8:15] = True
    np.testing.assert_allclose(smoothed_over(np.where(hole, 0, plane), hole), plane, atol=1e-3)


def test_a_hole_at_the_border_takes_what_is_inside() -> None:
    hole = np.zeros((8, 9), bool)
    hole[:3, :4] = True
    found = smoothed_over(np.where(hole, 0.0, 5.0).astype(np.float32), hole)
    np.testing.assert_allclose(found, 5.0, atol=1e-5)


def test_the_ground_has_no_target_and_is_the_picture_elsewhere(rng: np.random.Generator) -> None:
    picture, mask = with_target(rng)
    one = scene(picture, mask)
    assert np.abs(one.ground - ramp(60, 50))[mask].max() < 4.0
    far = np.ones_like(mask)
    far[20:45, 10:35] = False
    np.testing.assert_array_equal(one.ground[far], one.picture[far])


def test_pictures_and_masks_of_other_shapes_are_refused() -> None:
    with pytest.raises(ShapeError):
        scene(np.zeros((4, 5)), np.zeros((5, 4), bool))
    with pytest.raises(ShapeError):
        scene(np.zeros((4, 5, 3)), None)


def test_a_cutout_is_what_the_target_adds(rng: np.random.Generator) -> None:
    (one,) = cutouts([scene(*with_target(rng))])
    assert one.mask.sum() == 12
    np.testing.assert_allclose(one.light[one.mask], 40.0, atol=4.0)


def test_planting_adds_light_and_mask_and_keeps_the_ground(rng: np.random.Generator) -> None:
    clean = scene(ramp(60, 50) + rng.normal(0.0, 0.5, (60, 50)), None)
    planted = plant(clean, spot(rng), rng)
    assert planted.mask.any()
    assert ((planted.picture - planted.ground)[planted.mask] > 0).all()
    assert planted.ground is clean.ground
    assert not clean.mask.any()
    assert plant(scene(np.zeros((4, 4)), None), spot(rng), rng).mask.sum() == 0


def test_a_flat_picture_takes_a_visible_target(rng: np.random.Generator) -> None:
    planted = plant_spots(scene(np.full((40, 40), 7.0), None), 2, rng)
    assert (planted.picture - planted.ground)[planted.mask].min() > 0.1


def test_zooming_and_another_camera_keep_the_mask_on_its_target(rng: np.random.Generator) -> None:
    one = scene(*with_target(rng))
    for _ in range(10):
        made = seen(zoomed(one, float(np.exp(rng.uniform(-0.3, 0.3)))), rng)
        light = made.picture - made.ground
        assert light[made.mask].mean() > 5 * np.abs(light[~made.mask]).mean()


def test_clean_scenes_get_made_up_targets_or_stay_empty(rng: np.random.Generator) -> None:
    clean = scene(rng.normal(0.0, 1.0, (40, 30)), None)
    drawn = [varied(clean, [], rng) for _ in range(40)]
    marked = sum(bool(one.mask.any()) for one in drawn)
    assert 0 < marked < 40
    assert all(one.picture.shape == one.mask.shape == one.ground.shape for one in drawn)


def test_targets_are_taken_out_of_some_pictures(rng: np.random.Generator) -> None:
    one = scene(*with_target(rng))
    drawn = [varied(one, cutouts([one]), rng) for _ in range(40)]
    assert 2 < sum(not made.mask.any() for made in drawn) < 20


def test_losses_of_a_perfect_answer_vanish_and_of_a_wrong_one_do_not() -> None:
    masks = torch.zeros(2, 1, 8, 8)
    masks[0, 0, 2:5, 3:6] = 1.0
    right = 60.0 * (masks - 0.5)
    assert soft_iou(right, masks).item() == pytest.approx(0.0, abs=1e-5)
    assert focal(right, masks).item() == pytest.approx(0.0, abs=1e-5)
    assert soft_iou(-right, masks).item() > 0.8
    assert focal(-right, masks).item() > 10.0
