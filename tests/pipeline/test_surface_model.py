"""Good parts are learned from, parts of any size are judged."""

import json

import numpy as np
import pytest
from PIL import Image

import kizu
from kizu.errors import KizuError, NothingUsableError, ShapeError, UsageError
from kizu.io.results import read_results
from kizu.models.surface import VIEWS
from kizu.pipeline.fit import fit
from runs import part, process, save, tree

SIZES = ((64, 80), (72, 76), (60, 90))
GOOD, BAD = (0, 2, 3), (1, 4)


def parts(count, *, first=0, scratched=()):
    """Ground parts of three sizes; those in `scratched` have a dark scratch."""
    return [part(SIZES[n % 3], first + n, scratched=n in scratched) for n in range(count)]


def scratch(shape):
    y, x = np.indices(shape)
    return (np.abs(y - 30 - 0.4 * (x - 20)) < 1.2) & (x > 20) & (x < 70)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    return fit(save(parts(12), folder / "good"), folder / "m", model="surface")


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    return save(parts(5, first=100, scratched=BAD), tmp_path_factory.mktemp("in") / "new")


@pytest.fixture(scope="module")
def done(model, new, tmp_path_factory):
    return kizu.inspect(new, tmp_path_factory.mktemp("out") / "out", model=model.folder)


# --- fitting


def test_a_model_is_two_files_and_says_how_sure_it_is(model):
    assert {path.name for path in model.folder.iterdir()} == {"model.json", "weights.safetensors"}
    assert model.inputs == 12 and model.expected == pytest.approx(1.2)
    assert model.warnings == ("Learned from 12 good pictures: the stated false-alarm rate is approximate below 30.",)
    assert len(model.suspicious) <= 3


def test_the_same_parts_give_the_same_model(model, tmp_path):
    again = fit(save(parts(12), tmp_path / "good"), tmp_path / "m", model="surface", jobs=1)
    one, two = (json.loads((f / "model.json").read_text()) | {"key": None} for f in (model.folder, again.folder))
    assert one == two
    assert (model.folder / "weights.safetensors").read_bytes() == (again.folder / "weights.safetensors").read_bytes()


def test_defects_among_good_parts_are_named_and_do_not_blind_the_model(new, tmp_path):
    found = fit(save(parts(16, scratched=(2, 7)), tmp_path / "mixed"), tmp_path / "m", model="surface")
    assert {"part002", "part007"} <= set(found.suspicious) and len(found.suspicious) <= 5
    done = kizu.inspect(new, tmp_path / "out", model=found.folder)
    assert all(read_results(done.folder).results[number]["anomalous"] for number in BAD)


def test_few_good_parts_are_one_line(tmp_path):
    with pytest.raises(NothingUsableError, match=r"^3 good pictures, a surface needs at least 4\. Give more\.$"):
        fit(save(parts(3), tmp_path / "good"), tmp_path / "m", model="surface")
    assert not (tmp_path / "m").exists()


def test_a_good_part_that_is_too_small_is_named(tmp_path):
    folder = save([*parts(4), np.zeros((10, 12), np.uint8)], tmp_path / "good")
    with pytest.raises(ShapeError, match=r"^part004: 12x10 pixels, a surface needs 24x24\. Use larger pictures\.$"):
        fit(folder, tmp_path / "m", model="surface")


@pytest.mark.parametrize(("option", "value"), [("sign", "dark"), ("noise", 2.0), ("lam", 0.1), ("rank", 3)])
def test_options_without_meaning_are_refused_by_name(model, new, tmp_path, option, value):
    with pytest.raises(UsageError, match=f"^--{option}: "):
        fit(new, tmp_path / "m", model="surface", **{option: value})
    with pytest.raises(UsageError, match=f"^--{option}: "):
        kizu.inspect(new, tmp_path / "out", model=model.folder, **{option: value})


def test_the_least_area_belongs_to_the_fit(model, new, tmp_path):
    with pytest.raises(UsageError, match="--min-area: was settled when the model was fitted"):
        kizu.inspect(new, tmp_path / "out", model=model.folder, min_area=9)


def test_even_parts_teach_that_parts_are_even(tmp_path):
    even = [np.full(SIZES[n % 3], 180, np.uint8) for n in range(5)]
    found = fit(save(even, tmp_path / "good"), tmp_path / "m", model="surface")
    assert found.suspicious == ()
    even[1][30:33, 10:50] = 90
    saved = read_results(kizu.inspect(save(even, tmp_path / "new"), tmp_path / "out", model=found.folder).folder)
    assert [row["anomalous"] for row in saved.results] == [False, True, False, False, False]


# --- judging


def test_scratches_are_found_where_they_are(done):
    saved = read_results(done.folder)
    for number in BAD:
        mask = saved.mask(f"part{number:03d}")
        there = scratch(mask.shape)
        assert mask.shape == SIZES[number % 3] and mask[there].mean() > 0.7
        assert mask.mean() < 0.25


def test_good_parts_are_mostly_left_alone(done):
    rows = read_results(done.folder).results
    assert sum(rows[number]["anomalous"] for number in GOOD) <= 1
    assert min(rows[number]["score"] for number in BAD) > 1.5 * max(rows[number]["score"] for number in GOOD)


def test_files_have_the_sizes_of_their_pictures(done):
    saved = read_results(done.folder)
    for number, row in enumerate(saved.results):
        score, background = saved.score_map(row["name"]), saved.background(row["name"])
        assert score.shape == background.shape == SIZES[number % 3]
        assert score.dtype == np.float32 and (score >= 0).all() and background.dtype == np.uint8
        assert np.abs(background - part(SIZES[number % 3], 100 + number).astype(float)).mean() < 12


def test_a_region_names_the_views_that_saw_it(done):
    regions = read_results(done.folder).regions
    assert {row["name"] for row in regions} >= {f"part{number:03d}" for number in BAD}
    for row in regions:
        names, most = zip(*row["views"], strict=True)
        assert set(names) <= set(VIEWS) and list(most) == sorted(most, reverse=True) and most[-1] > 0
        if row["name"] == "part001":
            assert names[0] in ("line", "fine line") and row["sign"] == "dark"


def test_run_json_says_what_was_done_and_why(done):
    run = done.run
    assert run["model"]["name"] == "surface" and run["model"]["why"].startswith("fitted before")
    assert run["frames"] == {"declared": 5, "decoded": 5, "used": 5}
    assert run["decision"]["rule"] == "false_alarms" and run["decision"]["approximate"]
    assert run["decision"]["scales"][0]["high"] == 2 * run["decision"]["scales"][0]["low"]
    assert all(parameter["why"] for parameter in run["parameters"].values())
    assert run["converged"] == (run["certificate"]["relative_gap"] <= run["certificate"]["tol"])
    assert json.loads((done.folder / "run.json").read_text()) == json.loads(json.dumps(run))


def test_the_kept_model_judges_the_same(done, new, tmp_path):
    again = kizu.inspect(new, tmp_path / "out", model=done.folder, jobs=1)
    assert (again.folder / "model" / "weights.safetensors").read_bytes() == (
        done.folder / "model" / "weights.safetensors"
    ).read_bytes()
    for kind in ("maps", "masks", "background", "overlay"):
        assert tree(again.folder / kind) == tree(done.folder / kind)


@pytest.mark.parametrize("rule", [{"fdr": 0.05}, {"z": 12.0}])
def test_other_rules_find_the_scratch_too(model, new, tmp_path, rule):
    found = kizu.inspect(new / "part001.png", tmp_path / "out", model=model.folder, **rule)
    assert (read_results(found.folder).mask("part001") & scratch(SIZES[1])).any()


def test_one_too_small_picture_costs_no_other_its_results(model, tmp_path):
    tiny = np.zeros((10, 12), np.uint8)
    folder = save([part(SIZES[0], 100), tiny, part(SIZES[1], 101, scratched=True)], tmp_path / "new")
    run = kizu.inspect(folder, tmp_path / "out", model=model.folder).run
    assert run["skipped"] == [
        {"source": "part001.png", "what": "12x10 pixels, a surface needs 24x24", "mend": "Use larger pictures"}
    ]
    assert run["frames"] == {"declared": 3, "decoded": 3, "used": 2} and run["summary"]["anomalous"] >= 1


def test_only_too_small_pictures_are_one_line(model, tmp_path):
    folder = save([np.zeros((10, 12), np.uint8)], tmp_path / "new")
    with pytest.raises(KizuError, match=r"part000\.png: 12x10 pixels, a surface needs 24x24\. Use larger"):
        kizu.inspect(folder, tmp_path / "out", model=model.folder)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (np.zeros((64, 80, 3), np.uint8), r"other\.png has uint8 with 3"),
        (np.zeros((64, 80), np.uint16), r"other\.png has uint16 with 1"),
    ],
)
def test_other_pixels_are_refused_by_name(model, tmp_path, picture, words):
    Image.fromarray(picture).save(tmp_path / "other.png")
    with pytest.raises(UsageError, match=words):
        kizu.inspect(tmp_path / "other.png", tmp_path / "out", model=model.folder)


def test_colour_parts_are_judged_in_colour(tmp_path):
    tint = np.array([1.0, 0.8, 0.6])
    coloured = [(picture[..., None] * tint).astype(np.uint8) for picture in parts(7, scratched=(6,))]
    found = fit(save(coloured[:6], tmp_path / "good"), tmp_path / "m", model="surface")
    done = kizu.inspect(save(coloured[6:], tmp_path / "new"), tmp_path / "out", model=found.folder)
    saved = read_results(done.folder)
    background = saved.background("part000")
    assert saved.mask("part000")[scratch(SIZES[0])].mean() > 0.5
    assert background.shape == (*SIZES[0], 3)
    np.testing.assert_allclose(background.mean(axis=(0, 1)) / background[..., 0].mean(), tint, atol=0.03)


def test_large_pictures_are_judged_reduced(tmp_path):
    good = [part((300, 320), seed) for seed in range(4)]
    found = fit(save(good, tmp_path / "good"), tmp_path / "m", model="surface")
    assert json.loads((found.folder / "model.json").read_text())["shrink"] == 2
    picture = part((301, 321), 9)
    picture[100:104, 60:200] -= 60
    done = kizu.inspect(save([picture], tmp_path / "new"), tmp_path / "out", model=found.folder)
    saved = read_results(done.folder)
    assert saved.mask("part000").shape == saved.score_map("part000").shape == picture.shape
    assert saved.mask("part000")[100:104, 60:200].mean() > 0.8


def test_unknown_pixels_are_not_judged(tmp_path):
    folder = tmp_path / "good"
    folder.mkdir()
    for number, one in enumerate(parts(6)):
        Image.fromarray(one.astype(np.float32)).save(folder / f"part{number:03d}.tif")
    found = fit(folder, tmp_path / "m", model="surface")
    picture = part(SIZES[0], 50).astype(np.float32)
    picture[20:30, 30:50] = np.nan
    Image.fromarray(picture).save(tmp_path / "new.tif")
    saved = read_results(kizu.inspect(tmp_path / "new.tif", tmp_path / "out", model=found.folder).folder)
    assert not saved.mask("new")[20:30, 30:50].any() and not saved.score_map("new")[20:30, 30:50].any()


# --- the command line


def test_without_a_fit_the_command_says_what_to_do(new, tmp_path):
    done = process("detect", new, "-o", tmp_path / "out", "--model", "surface")
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.splitlines()[-1] == (
        "kizu: --model: surface learns from good parts. Run kizu fit GOOD -o MODEL first, then --model MODEL."
    )
