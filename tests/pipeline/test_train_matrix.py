"""Networks trained on matrices and scenes, and what detect makes of them."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kizu
from kizu.cli import run
from kizu.errors import KizuError, NothingUsableError, ShapeError, UsageError
from kizu.models.safeguard import fista_steps
from kizu.models.sparse_code import sparse_code
from kizu.networks.coders import CODERS, propose
from kizu.pipeline.matrix_networks import load
from kizu.pipeline.train import train
from kizu.pipeline.train_codes import FEWEST, judged
from runs import save, walls

LAYERS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """samples.npy over dictionary.npy, and low.npy: low rank and outliers."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    D = rng.normal(size=(40, 16))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    codes = np.where(rng.random((160, 40)) < 0.1, rng.normal(size=(160, 40)), 0)
    low = rng.normal(size=(40, 2)) @ rng.normal(size=(2, 60)) + 0.1 * rng.normal(size=(40, 60))
    outliers = np.where(rng.random(low.shape) < 0.03, 8.0, 0.0)
    for name, array in (("samples", codes @ D), ("dictionary", D), ("low", low + outliers), ("outliers", outliers)):
        np.save(folder / f"{name}.npy", array.astype(np.float32))
    return folder


@pytest.fixture(scope="module")
def coder(folder):
    data, atoms = folder / "samples.npy", folder / "dictionary.npy"
    return train("alista", data, folder / "coder", dictionary=atoms, layers=LAYERS, steps=40, jobs=1)


@pytest.fixture(scope="module")
def splitter(folder):
    return train("learned-rpca", folder / "low.npy", folder / "splitter", layers=6, steps=20, jobs=1)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A wall under a light that goes round: one picture is not enough to explain it."""
    frames, _ = walls(8)
    y, x = np.indices(frames.shape[1:])
    across, down = x / frames.shape[2] - 0.5, y / frames.shape[1] - 0.5
    angles = 2.3 * np.arange(len(frames))[:, None, None]
    lit = frames * (1 + 0.2 * np.cos(angles) * across + 0.2 * np.sin(angles) * down)
    return save(np.clip(lit, 0, 255).astype(np.uint8), tmp_path_factory.mktemp("scene") / "walls")


def objectives(rows, codes, D, lam):
    """½‖y − x D‖² + lam·‖y‖·‖x‖₁ of every row."""
    lengths = np.linalg.norm(rows, axis=1)
    return 0.5 * ((rows - codes @ D) ** 2).sum(axis=1) + lam * lengths * np.abs(codes).sum(axis=1)


def decibels(codes, goal):
    return 10 * np.log10(((codes - goal) ** 2).sum() / (goal**2).sum())


def said_of(parameter):
    """The objectives that were compared, by whose they are."""
    pairs = re.findall(r"(network|textbook|median picture) ([-+.e\d]+)", parameter["why"])
    return {name: float(value) for name, value in pairs}


def test_what_a_coder_says_of_itself_is_so_and_training_made_it_better(coder, folder):
    """Measured again, on the rows that were not trained on at length 1, by the definitions."""
    network, card = load(coder.folder)
    rows, D, lam = np.load(folder / "samples.npy"), np.load(folder / "dictionary.npy"), card["config"]["lam"]
    unit = rows[judged(rows, 0.2, 0, "")]
    unit = unit / np.where(unit.any(axis=1), np.linalg.norm(unit, axis=1), 1.0)[:, None]
    goal, classical = sparse_code(unit, D, lam=lam).codes, fista_steps(unit, D, lam, LAYERS)
    codes, untrained = propose(network, unit), propose(CODERS["alista"].make(D, LAYERS, lam=lam), unit)
    found = coder.metrics["validation"]
    won = objectives(unit, codes, D, lam) <= objectives(unit, classical, D, lam)
    assert coder.examples == {"train": len(rows) - len(unit), "val": len(unit), "test": 0} and coder.parameters == 8
    assert found["samples"] == len(unit) and found["network_wins"] == pytest.approx(won.mean())
    assert found["nmse_db"] == pytest.approx(decibels(codes, goal), abs=1e-3)
    assert decibels(codes, goal) < min(decibels(classical, goal), decibels(untrained, goal)) - 3
    assert won.mean() > 0.5 > (objectives(unit, untrained, D, lam) <= objectives(unit, classical, D, lam)).mean()


def test_a_coder_judges_rows_with_a_proof_of_each(coder, folder, tmp_path):
    run = kizu.inspect(folder / "samples.npy", tmp_path / "out", model=coder.folder).run
    assert not {"rank", "singular_values"} & run.keys()  # of codes there are none: no empty chart
    rows, D = (np.load(folder / f"{name}.npy").astype(np.float64) for name in ("samples", "dictionary"))
    rows = rows[rows.any(axis=1)]
    lam, lengths = run["parameters"]["lam"]["value"], np.linalg.norm(rows, axis=1, keepdims=True)
    best = sum(
        float(sparse_code(y[None], D, lam=lam * n).objective[0]) for y, n in zip(rows, lengths[:, 0], strict=True)
    )
    classical = objectives(rows, lengths * fista_steps(rows / lengths, D, lam, LAYERS), D, lam).sum()
    assert run["certificate"]["dual"] <= best <= run["certificate"]["primal"] < classical
    assert run["parameters"]["network"]["value"] == "alista"
    assert 0.5 < run["parameters"]["network_wins"]["value"] <= 1
    assert f"{LAYERS} steps of FISTA" in run["parameters"]["network_wins"]["why"]


def test_a_learned_splitter_is_never_worse_than_the_textbook(splitter, folder, tmp_path):
    outcome = kizu.inspect(folder / "low.npy", tmp_path / "out", model=splitter.folder)
    winner, proof = outcome.run["parameters"]["winner"], outcome.run["certificate"]
    compared = said_of(winner)
    assert compared.keys() == {"network", "textbook"} and winner["value"] == min(compared, key=compared.__getitem__)
    assert proof["primal"] == pytest.approx(min(compared.values()), rel=1e-5) and proof["relative_gap"] < 0.1
    found = {(row["index"], row["x"]) for row in json.loads((outcome.folder / "regions.json").read_text())["regions"]}
    planted = set(zip(*(part.tolist() for part in np.nonzero(np.load(folder / "outliers.npy"))), strict=True))
    assert len(found & planted) >= 0.9 * len(planted) and len(found - planted) <= 0.1 * len(planted)


def test_a_scene_starts_from_the_network_and_ends_at_the_same_optimum(scene, tmp_path):
    made = train("learned-rpca", scene, tmp_path / "m", layers=4, steps=10, jobs=1)
    ours = kizu.inspect(scene, tmp_path / "ours", model=made.folder)
    plain = kizu.inspect(scene, tmp_path / "plain")
    start = ours.run["parameters"]["start"]
    compared = said_of(start)
    assert start["value"] == "network" and compared["network"] < compared["median picture"]
    assert ours.run["converged"] and ours.run["summary"] == plain.run["summary"]
    assert ours.run["certificate"]["primal"] == pytest.approx(plain.run["certificate"]["primal"], rel=1e-3)


@st.composite
def multiples(draw):
    """Rows of a few directions, each some times, at other lengths and of either sign; and which direction each has.

    Direction 0 is that of zeros, a direction of its own.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, features = draw(st.integers(FEWEST, 40)), draw(st.integers(3, 30))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    base = rng.normal(size=(count, features)).astype(dtype)
    base[0] = 0
    base[1] = base[2] * dtype(1.001)  # neighbours: the same direction ...
    base[1, 0] += 1e-3 * np.linalg.norm(base[1])  # ... but for a thousandth
    group = np.concatenate([np.arange(count), rng.integers(count, size=draw(st.integers(0, 80)))])
    factors = rng.choice([-1.0, 1.0], len(group)) * 10 ** rng.uniform(-12, 12, len(group))
    return base[group] * factors.astype(dtype)[:, None], group


@given(multiples(), st.floats(0.01, 0.89), st.integers(0, 3))
def test_multiples_of_a_row_are_all_trained_on_or_all_judged_by(rows_and_group, share, seed):
    rows, group = rows_and_group
    judging = judged(rows, share, seed, "")
    count = group.max() + 1
    assert set(group[judging]).isdisjoint(group[~judging])
    assert len(set(group[judging])) == max(1, round(share * count))


@pytest.mark.parametrize(
    ("network", "data", "options", "error", "says"),
    [
        ("alista", "scene", {}, UsageError, "not a matrix"),
        ("alista", np.eye(5), {}, NothingUsableError, "at least 20"),
        ("alista", np.ones((30, 7)) * np.arange(30)[:, None], {}, NothingUsableError, "has 2 usable rows"),
        ("alista", np.arange(210.0).reshape(30, 7), {"dictionary": np.eye(5)}, UsageError, "5 columns"),
        ("alista", np.arange(210.0).reshape(30, 7), {"dictionary": np.zeros((3, 7))}, UsageError, "zero"),
        ("learned-rpca", np.zeros((30, 30)), {}, NothingUsableError, "nothing but zeros"),
        ("learned-rpca", np.full((30, 30), np.nan), {}, ShapeError, "not numbers"),
        ("learned-rpca", np.ones((2, 30)), {}, NothingUsableError, "too few"),
    ],
)
def test_data_that_a_network_is_not_for_say_so(network, data, options, error, says, scene, tmp_path):
    def path(name, value):
        np.save(tmp_path / f"{name}.npy", value)
        return tmp_path / f"{name}.npy"

    options = {name: path(name, value) for name, value in options.items()}
    given = scene if isinstance(data, str) else path("data", data)
    with pytest.raises(error, match=says) as refused:
        train(network, given, tmp_path / "m", **options)
    assert refused.value.where in {str(given), *map(str, options.values())}


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (np.zeros((30, 7)), "has nothing but zeros. Give data with content."),
        (np.full((30, 7), np.nan), "has no row whose entries are all numbers. Fill them."),
        (
            np.vstack([np.full((11, 7), np.nan), np.eye(7), -np.eye(7)]),
            "has 7 usable rows that are not multiples of one another, at least 20 are needed. Give more samples.",
        ),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong_with_samples(rows, says, tmp_path, capsys):
    np.save(tmp_path / "data.npy", rows)
    assert run(["train", "lista", str(tmp_path / "data.npy"), "-o", str(tmp_path / "m")]) == 3
    assert capsys.readouterr() == ("", f"kizu: {tmp_path / 'data.npy'}: {says}\n")
    assert not (tmp_path / "m").exists()


def test_rows_that_are_not_whole_are_named_and_left_out(folder, tmp_path):
    values = np.load(folder / "samples.npy")
    values[7, 2] = np.nan
    np.save(tmp_path / "data.npy", values)
    atoms = folder / "dictionary.npy"
    made = train("slista", tmp_path / "data.npy", tmp_path / "m", dictionary=atoms, layers=2, steps=10, jobs=1)
    assert [one.source for one in made.skipped] == [f"{tmp_path / 'data.npy'} row 7"]
    assert sum(made.examples.values()) == len(values) - 1


def test_samples_of_another_length_or_with_holes_are_refused(coder, splitter, tmp_path):
    np.save(tmp_path / "wide.npy", np.ones((20, 9), np.float32))
    holes = np.ones((20, 16), np.float32)
    holes[3, 3] = np.nan
    np.save(tmp_path / "holes.npy", holes)
    for name, model, says in (("wide", coder, "16 numbers"), ("holes", splitter, "unknown entries")):
        with pytest.raises(KizuError, match=says):
            kizu.inspect(tmp_path / f"{name}.npy", tmp_path / "out", model=model.folder)
    with pytest.raises(UsageError, match="settled when the network was trained"):
        kizu.inspect(tmp_path / "wide.npy", tmp_path / "out", model=coder.folder, lam=0.1)
