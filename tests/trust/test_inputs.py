"""Whatever the inputs are: a right result, or one line that names what is wrong."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage

from kizu.cli import run
from kizu.scenes import plaster
from runs import QUIET, SIZE, save, walls


def detect(inputs, out, *more):
    return run(["detect", str(inputs), "-o", str(out), *QUIET, *map(str, more)])


def regions(out):
    """(frame number, sign) of every region."""
    rows = json.loads((out / "regions.json").read_text())["regions"]
    return [(int("".join(c for c in row["name"] if c.isdigit())), row["sign"]) for row in rows]


def counts(out):
    return json.loads((out / "run.json").read_text())["frames"]


# --- kinds of pictures


def colour(frames):
    return np.stack([frames, 255 - frames, frames // 2], axis=-1)


KINDS = {
    "colour": colour,
    "rgba": lambda frames: np.concatenate([colour(frames), np.full((*frames.shape, 1), 255, np.uint8)], axis=-1),
    "deep": lambda frames: frames.astype(np.uint16) * 200,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_defect_is_found_in_every_kind_of_picture(tmp_path, kind):
    frames = save(KINDS[kind](walls()[0]), tmp_path / "in")
    assert detect(frames, tmp_path / "out", "--false-alarms", 1e-6) == 0  # so that chance has no part in it
    assert [frame for frame, _ in regions(tmp_path / "out")] == [5]


def test_unknown_pixels_are_no_defects(tmp_path):
    frames = walls()[0].astype(np.float32) / 255
    frames[:, 3:6, 3:9] = np.nan
    frames[4, 20:22, 20:30] = np.nan
    frames[7] = np.nan
    tifffile.imwrite(tmp_path / "stack.tif", frames)
    assert detect(tmp_path / "stack.tif", tmp_path / "out") == 0
    assert regions(tmp_path / "out") == [(5, "dark")]


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e30])
def test_the_scale_of_floating_frames_does_not_matter(tmp_path, scale):
    np.save(tmp_path / "stack.npy", walls()[0] * scale)
    assert detect(tmp_path / "stack.npy", tmp_path / "out") == 0
    assert regions(tmp_path / "out") == [(5, "dark")]


def test_frames_without_noise(tmp_path):
    frames = np.full((24, *SIZE), 77, np.uint8)
    assert detect(save(frames, tmp_path / "in"), tmp_path / "out") == 0
    assert regions(tmp_path / "out") == []
    frames[3, 10:15, 10:15] = 255
    assert detect(save(frames, tmp_path / "in"), tmp_path / "out", "--overwrite") == 0
    assert regions(tmp_path / "out") == [(3, "bright")]


# --- few, odd and damaged


def test_few_images_say_so(tmp_path):
    assert detect(save(walls(12)[0], tmp_path / "in"), tmp_path / "out") == 0
    assert regions(tmp_path / "out") == [(5, "dark")]
    warnings = json.loads((tmp_path / "out" / "run.json").read_text())["warnings"]
    assert warnings == ["Only 12 images: the stated false-alarm rate is approximate below 20."]


def test_two_images_are_a_plain_difference(tmp_path):
    assert detect(save(walls(2, dots=(1,))[0], tmp_path / "in"), tmp_path / "out") == 0
    warnings = json.loads((tmp_path / "out" / "run.json").read_text())["warnings"]
    assert warnings[0].startswith("Two images")


def test_one_image_is_refused(tmp_path, capsys):
    assert detect(save(walls(1, dots=())[0], tmp_path / "in"), tmp_path / "out") == 2
    assert capsys.readouterr().err.startswith("kizu: part000.png: one image and nothing to compare it with. ")
    assert not (tmp_path / "out").exists()


def test_unreadable_files_are_named_and_the_rest_is_done(tmp_path, capsys):
    folder = save(walls()[0], tmp_path / "in")
    (folder / "part003.png").write_bytes(b"")
    (folder / "part009.png").write_bytes(b"junk")
    assert detect(folder, tmp_path / "out") == 4
    assert capsys.readouterr().err.splitlines() == [
        "kizu: part003.png: 0 bytes. Remove it or copy it again.",
        "kizu: part009.png: does not start like PNG. Copy it again or leave it out.",
    ]
    assert counts(tmp_path / "out") == {"declared": 24, "decoded": 22, "used": 22}
    assert regions(tmp_path / "out") == [(5, "dark")]


@pytest.mark.parametrize("names", [["a.png", "b.png"], ["a.txt"], []])
def test_nothing_usable_is_three_and_one_line(tmp_path, capsys, names):
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / name).write_bytes(b"")
    assert detect(tmp_path / "in", tmp_path / "out") == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(tmp_path / "in") in said
    assert not (tmp_path / "out").exists()


def test_a_missing_input_is_two(tmp_path, capsys):
    assert detect(tmp_path / "nope", tmp_path / "out") == 2
    assert capsys.readouterr().err == f"kizu: {tmp_path / 'nope'}: no such file or folder. Check the spelling.\n"


@pytest.mark.parametrize("suffix", [".tif", ".gif"])
def test_frames_lost_to_a_cut_are_counted(tmp_path, capsys, suffix):
    frames, file = walls()[0], tmp_path / f"stack{suffix}"
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(file, save_all=True, append_images=others, duration=40)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * 0.7)])
    assert detect(file, tmp_path / "out") == 4
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith(f"kizu: {file.name}: ") and "could not be read" in said
    assert counts(tmp_path / "out")["declared"] > counts(tmp_path / "out")["decoded"] > 5
    assert regions(tmp_path / "out") == [(5, "dark")]


def test_unequal_sizes_say_what_to_do(tmp_path, capsys):
    folder = save(walls()[0], tmp_path / "in")
    Image.fromarray(walls()[0][0][:30]).save(folder / "part003.png")
    assert detect(folder, tmp_path / "out") == 2
    assert capsys.readouterr().err == (
        f"kizu: {folder / 'part003.png'}: 48x30 pixels, part000.png has 48x40. Use --resize 48x40, --skip-odd, "
        "or --model auto if they do not show one scene.\n"
    )
    assert detect(folder, tmp_path / "out", "--skip-odd") == 4
    assert regions(tmp_path / "out") == [(5, "dark")]


# --- what the user may ask


def test_what_is_ignored_is_not_judged(tmp_path):
    frames, truth = walls()
    Image.fromarray(truth[5].astype(np.uint8) * 255).save(tmp_path / "mask.png")
    folder = save(frames, tmp_path / "in")
    assert detect(folder, tmp_path / "out", "--ignore", tmp_path / "mask.png") == 0
    assert regions(tmp_path / "out") == []


def test_an_ignored_picture_of_another_size_is_refused(tmp_path, capsys):
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(tmp_path / "mask.png")
    assert detect(save(walls()[0], tmp_path / "in"), tmp_path / "out", "--ignore", tmp_path / "mask.png") == 2
    assert "mask.png: a mask of 5x5 pixels for frames of 48x40" in capsys.readouterr().err


@pytest.mark.parametrize(("depth", "sign"), [(-40.0, "dark"), (40.0, "bright")])
def test_a_sign_leaves_out_the_other(tmp_path, depth, sign):
    folder = save(walls(depth=depth)[0], tmp_path / "in")
    other = {"dark": "bright", "bright": "dark"}[sign]
    assert detect(folder, tmp_path / "out", "--sign", sign) == 0
    assert (5, sign) in regions(tmp_path / "out")
    assert detect(folder, tmp_path / "out", "--sign", other, "--overwrite") == 0
    assert 5 not in [frame for frame, _ in regions(tmp_path / "out")]


def test_a_smallest_area_leaves_out_the_smaller(tmp_path):
    folder = save(walls()[0], tmp_path / "in")
    assert detect(folder, tmp_path / "out", "--min-area", 10) == 0
    assert regions(tmp_path / "out") == [(5, "dark")]
    assert detect(folder, tmp_path / "out", "--min-area", 200, "--overwrite") == 0
    assert regions(tmp_path / "out") == []


@pytest.mark.parametrize("noise", ["2", "none"])
def test_a_given_noise_is_used_and_said(tmp_path, noise):
    assert detect(save(walls()[0], tmp_path / "in"), tmp_path / "out", "--noise", noise) == 0
    assert regions(tmp_path / "out") == [(5, "dark")]
    sigma = json.loads((tmp_path / "out" / "run.json").read_text())["parameters"]["sigma"]
    assert sigma["value"] == pytest.approx(2 if noise == "2" else 12**-0.5)
    assert sigma["why"].startswith("given")


def moving():
    """Frames of a wall that a hand-held camera sees, a dark dot in frame 5."""
    rng = np.random.default_rng(0)
    wall = plaster(60, 70, np.random.default_rng(5))
    frames = np.stack(
        [ndimage.shift(wall, rng.uniform(-3, 3, 2), order=3, mode="nearest")[10:50, 10:58] for _ in range(24)]
    )
    frames[5, 12:18, 17:23] -= 40
    return np.clip(np.rint(frames + 2 * rng.standard_normal(frames.shape)), 0, 255).astype(np.uint8)


def test_a_moving_camera_is_aligned_unless_told_not_to(tmp_path):
    folder = save(moving(), tmp_path / "in")
    assert detect(folder, tmp_path / "out") == 0
    assert regions(tmp_path / "out") == [(5, "dark")]
    assert json.loads((tmp_path / "out" / "run.json").read_text())["registration"]["camera"] == "moving"
    assert detect(folder, tmp_path / "out", "--align", "none", "--overwrite") == 0
    assert json.loads((tmp_path / "out" / "run.json").read_text())["registration"]["camera"] == "still"


# --- against an earlier run


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Results of a batch without defects."""
    folder = tmp_path_factory.mktemp("good")
    assert detect(save(walls(dots=())[0], folder / "in"), folder / "out") == 0
    assert regions(folder / "out") == []
    return folder / "out"


@pytest.mark.parametrize("shift", [0, 3])
def test_a_later_batch_is_judged_against_a_good_one(good, tmp_path, shift):
    frames = np.roll(walls(10, dots=(2, 3, 4, 5, 6, 7), seed=7)[0], shift, axis=2)
    frames[:, :, :shift] = frames[:, :, shift : shift + 1]
    assert detect(save(frames, tmp_path / "in"), tmp_path / "out", "--background", good) == 0
    assert {frame for frame, _ in regions(tmp_path / "out")} == {2, 3, 4, 5, 6, 7}


def test_another_camera_is_refused(good, tmp_path, capsys):
    folder = save(walls(4, dots=())[0][:, :30], tmp_path / "in")
    assert detect(folder, tmp_path / "out", "--background", good) == 2
    assert capsys.readouterr().err == (
        f"kizu: {good}: was made from frames 48x40 with 1 channel(s), these are 48x30 with 1."
        " Use frames of the same camera.\n"
    )


def test_a_folder_without_a_background_is_refused(tmp_path, capsys):
    folder = save(walls(4, dots=())[0], tmp_path / "in")
    assert detect(folder, tmp_path / "out", "--background", folder) == 3
    assert "holds no background of an earlier run" in capsys.readouterr().err


@pytest.mark.parametrize("depth", [-40.0, 40.0])
def test_two_images_show_their_difference_both_and_nothing_else(tmp_path, depth):
    frames, truth = walls(2, dots=(1,), depth=depth)
    assert detect(save(frames, tmp_path / "in"), tmp_path / "out", "--false-alarms", 0.1) == 0
    assert sorted(regions(tmp_path / "out")) == [
        (0, "bright" if depth < 0 else "dark"),
        (1, "dark" if depth < 0 else "bright"),
    ]
    for number in (0, 1):
        mask = np.asarray(Image.open(tmp_path / "out" / "masks" / f"part{number:03d}.png")) > 0
        assert (mask & truth[1]).any()
        assert not (mask & ~ndimage.binary_dilation(truth[1], iterations=4)).any()
        background = np.asarray(Image.open(tmp_path / "out" / "background" / f"part{number:03d}.png"))
        assert background.min() > frames.min() - 5


def test_a_mask_that_ignores_everything_is_refused(tmp_path, capsys):
    folder = save(walls()[0], tmp_path / "in")
    Image.fromarray(np.full(SIZE, 255, np.uint8)).save(tmp_path / "mask.png")
    assert detect(folder, tmp_path / "out", "--ignore", tmp_path / "mask.png") == 2
    assert "nothing would be judged" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--lam", 1), ("--rank", 2), ("--min-area", 9), ("--sign", "dark"), ("--seed", 4)])
def test_what_an_earlier_run_has_settled_is_refused(tmp_path, capsys, option):
    folder = save(walls()[0], tmp_path / "in")
    assert detect(folder, tmp_path / "out", "--background", tmp_path / "none", *option) == 2
    assert f"{option[0]} was settled" in capsys.readouterr().err
