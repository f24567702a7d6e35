"""The readmes: both languages show the same code, the code runs, and what they promise of files and options is so."""

import csv
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kizu.cli import detect, explain
from kizu.io.tables import REGION_COLUMNS, RESULT_COLUMNS
from kizu.scenes import NOISE, plaster
from runs import cloth, environment, part, process, save, walls

ROOT = Path(__file__).resolve().parents[1]
README, JAPANESE = ROOT / "README.md", ROOT / "README.ja.md"
READMES = pytest.mark.parametrize("readme", [README, JAPANESE], ids=["en", "ja"])
DEFECTS_FOUND = 10
DRIFT = 3  # px to either side: the street's camera does not stand still
SPIKE = (17, 42)


def blocks(readme: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", readme.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(readme: Path) -> list[str]:
    return [line.removeprefix("$ ") for block in blocks(readme, "console") for line in block.splitlines()]


def street(rng: np.random.Generator) -> list[np.ndarray]:
    """What a drifting camera sees of one wall; a stain passes in one frame."""
    scene = plaster(60, 72, rng)
    frames = []
    for number, (y, x) in enumerate(rng.integers(0, 2 * DRIFT + 1, (24, 2))):
        frame = scene[y : y + 48, x : x + 60] + NOISE * rng.standard_normal((48, 60))
        frame[20:26, 20:26] -= 50 * (number == 7)
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
    return frames


def sensors(rng: np.random.Generator) -> np.ndarray:
    """200 samples of 60 sensors that follow three causes; one entry does not."""
    values = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 60)) + 0.1 * rng.standard_normal((200, 60))
    values[SPIKE] += 5
    return values


def sky(rng: np.random.Generator) -> np.ndarray:
    """An infrared sky over a ridge, with one far target."""
    y, x = np.indices((96, 128))
    scene = 60 + 0.4 * y + 25 * (y > 70 + 6 * np.sin(x / 17)) + 1.5 * rng.standard_normal(y.shape)
    return np.clip(scene + 70 * np.exp(-((y - 30) ** 2 + (x - 80) ** 2) / 4), 0, 255).astype(np.uint8)


def write_orders(path: Path, rng: np.random.Generator) -> None:
    """300 orders of which one weighs what no order of its size does."""
    size = rng.lognormal(1, 0.5, 300)
    weight = 2 * size * rng.lognormal(0, 0.05, 300)
    weight[123] *= 9
    rows = zip(range(300), size, weight, 5 + 3 * size + rng.standard_normal(300), strict=True)
    lines = [f"{number},{s:.4f},{w:.4f},{price:.2f}" for number, s, w, price in rows]
    path.write_text("\n".join(["order,size,weight,price", *lines]) + "\n")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the readmes name; every frame of tomorrow/ has the same defect."""
    folder, rng = tmp_path_factory.mktemp("readme"), np.random.default_rng(0)
    frames, truth = walls(24)
    save(frames, folder / "parts")
    save(truth, folder / "truth")
    save(walls(3, dots=(0, 1, 2), seed=1)[0], folder / "tomorrow")
    save(street(rng), folder / "street")
    Image.fromarray(cloth((96, 96), 0, scratched=True)).save(folder / "cloth.png")
    Image.fromarray(sky(rng)).save(folder / "sky.png")
    for name, count, scratched in (("good", 8, False), ("new", 2, True)):
        (folder / name).mkdir()
        for number in range(count):
            picture = part((96 + 3 * number, 110 - 2 * number), number + 20 * scratched, scratched=scratched)
            Image.fromarray(picture).save(folder / name / f"tile{number}.png")
    write_orders(folder / "orders.csv", rng)
    np.save(folder / "sensors.npy", sensors(rng))
    return folder


@pytest.fixture(scope="module")
def ran(workplace: Path) -> dict[str, subprocess.CompletedProcess[str]]:
    """The command lines of README.md, in its order: later ones read what earlier ones wrote."""
    return {line: process(*shlex.split(line)[1:], cwd=workplace) for line in commands(README)}


@pytest.mark.parametrize("language", ["console", "python", "sh"])
def test_both_languages_show_the_same_code(language):
    def code(readme: Path) -> list[str]:
        return [re.sub(r" +#.*", "", block) for block in blocks(readme, language)]

    assert code(README) == code(JAPANESE) != []


def test_the_readmes_have_the_same_shape():
    def shape(readme: Path) -> list[str]:
        text = readme.read_text(encoding="utf-8")
        return re.findall(r"^(#+ |```|\|(?= )|- |!\[)", text, re.MULTILINE)

    assert shape(README) == shape(JAPANESE)


def test_every_command_line_runs(ran):
    for line, done in ran.items():
        assert line.startswith("kizu ")
        wanted = DEFECTS_FOUND if "--fail-on-defect" in line else 0
        assert done.returncode == wanted, f"{line}: {done.stderr}"


@pytest.mark.parametrize(("out", "frame"), [("out", "part005"), ("tomorrow-out", "part001"), ("street-out", "part007")])
def test_the_planted_defects_are_found(ran, workplace, out, frame):
    mask = np.asarray(Image.open(workplace / out / "masks" / f"{frame}.png"))
    assert mask.any()


def test_the_flagged_entry_is_found(ran, workplace):
    with (workplace / "sensors-out" / "regions.csv").open(newline="") as file:
        flagged = [(int(row["y"]), int(row["x"])) for row in csv.DictReader(file)]
    assert SPIKE in flagged


@pytest.mark.parametrize(("out", "name", "box"), [("cloth-out", "cloth", (40, 43)), ("sky-out", "sky", (28, 33))])
def test_what_one_picture_shows_is_found(ran, workplace, out, name, box):
    mask = np.asarray(Image.open(workplace / out / "masks" / f"{name}.png")) > 0
    assert mask[slice(*box)].any()


def test_the_odd_order_is_the_oddest(ran, workplace):
    with (workplace / "orders-out" / "results.csv").open(newline="") as file:
        scores = [float(row["score"]) for row in csv.DictReader(file)]
    assert int(np.argmax(scores)) == 123


@pytest.mark.parametrize("number", range(len(blocks(README, "python"))))
def test_every_snippet_runs(ran, workplace, number):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", blocks(README, "python")[number]],
        env=environment(),
        cwd=workplace,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@READMES
def test_what_is_in_out_is_named(ran, workplace, readme):
    block = next(text for text in blocks(readme, "") if text.startswith("out/"))
    for path in (workplace / "out").iterdir():
        if not path.name.startswith("."):
            assert re.search(rf"\b{path.stem}[/.]", block), path.name


@READMES
@pytest.mark.parametrize("columns", [RESULT_COLUMNS, REGION_COLUMNS], ids=["results", "regions"])
def test_the_columns_are_those_of_the_tables(readme, columns):
    rows = readme.read_text(encoding="utf-8").splitlines()
    table = "results.csv" if columns is RESULT_COLUMNS else "regions.csv"
    line = next(row for row in rows if row.startswith(f"| `{table}`"))
    assert [name for name in re.findall(r"`(\w+)`", line) if name in columns] == list(columns)


@READMES
def test_every_option_exists(readme):
    parameters = [*detect.command.params, *explain.command.params]
    known = {"--help", *(name for parameter in parameters for name in parameter.opts)}
    asked = set(re.findall(r"(?<=[ `(])--[a-z-]+", readme.read_text(encoding="utf-8")))
    assert asked <= known


@READMES
def test_every_link_leads_somewhere(readme):
    links = re.findall(r"\]\(([^)]+)\)", readme.read_text(encoding="utf-8"))
    assert links
    for link in links:
        assert (ROOT / link).is_file(), link
