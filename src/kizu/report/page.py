"""Everything the page shows, as plain values: the template decides where, the style sheet how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np

from kizu.io.results import Saved
from kizu.io.tables import Row
from kizu.report import atoms, charts, words
from kizu.report.charts import Chart, Strip, finite_list
from kizu.report.panels import STOPS

ROWS = 1000  # of a table; a browser scrolls them at once, and the CSV has them all


@dataclass(frozen=True)
class Card:
    """One image with its pictures of width × height pixels; `key` names their files."""

    key: str
    position: int
    row: Row
    width: int
    height: int

    @property
    def anomalous(self) -> bool:
        return bool(self.row["anomalous"])

    @property
    def regions(self) -> str:
        return words.count(self.row["regions"], "region")

    @property
    def area(self) -> str:
        return words.percent(self.row["area_fraction"])


def worst_first(results: Sequence[Row], most: int) -> list[int]:
    """Positions of the `most` images to look at: those with a defect by score, then the others by score."""
    order = sorted(range(len(results)), key=lambda i: (not results[i]["anomalous"], -(results[i]["score"] or 0.0), i))
    return order[:most]


def context(saved: Saved, cards: Sequence[Card], *, scale: float) -> dict[str, Any]:
    """The names that the template knows."""
    run = saved.run
    return {
        **summary(saved),
        **_images(saved, cards),
        **_regions(saved, cards),
        "scale": scale,
        "stops": STOPS,
        **_camera(run.get("registration")),
        "atoms": _atoms(run.get("dictionary")),
        "contents": f"{words.frames(run['frames'])} {words.stack(run['stack'])}",
    }


def _atoms(dictionary: Sequence[Mapping[str, Any]] | None) -> dict[str, Any] | None:
    """The dictionary of the finest scale, where there is one."""
    if not dictionary:
        return None
    finest = dictionary[0]
    return {"shown": atoms.shown(np.asarray(finest["usage"])), "sentence": words.dictionary(dictionary)}


def _camera(registration: Mapping[str, Any] | None) -> dict[str, Any]:
    """How frames lie on each other; nothing where every picture is judged on its own."""
    if registration is None:
        return {"camera": None}
    return {
        "shifts": shifts(registration),
        "camera": words.camera(registration),
        "exposure": words.exposure(registration),
    }


def matrix_context(saved: Saved, *, picture: str) -> dict[str, Any]:
    """The names that the template of a matrix knows; `picture` is the matrix with its flags outlined."""
    return {
        **summary(saved),
        **_regions(saved, []),
        "picture": quote(f"../{picture}"),
        "contents": words.matrix(saved.run["matrix"]),
    }


def summary(saved: Saved) -> dict[str, Any]:
    """What every page says."""
    run = saved.run
    return {
        "run": run,
        "rows": ROWS,
        "headline": words.headline(run),
        "regions_found": words.pieces(run),
        "promise": words.promise(run),
        "warnings": words.warnings(run),
        "proof": words.proof(run),
        "files": words.count(len(run["inputs"]), "file"),
        "strip": strip(saved),
        "curves": [*spectrum(run), *convergence(run)],
        "choice": words.choice(run.get("model")),
        "parameters": {name: (words.value_of(p["value"]), p["why"]) for name, p in sorted(run["parameters"].items())},
    }


def _images(saved: Saved, cards: Sequence[Card]) -> dict[str, Any]:
    """Which cards are open, folded away, in the grid, and how many are not here at all."""
    anomalous = sum(bool(row["anomalous"]) for row in saved.results)
    everything = len(cards) == len(saved.results)
    return {
        "cards": cards,
        "clean": [card for card in cards if not card.anomalous],
        "clean_count": len(saved.results) - anomalous,
        "hidden_anomalous": anomalous - sum(card.anomalous for card in cards),
        "grid": sorted(cards, key=lambda card: card.position) if everything else [],
    }


def _regions(saved: Saved, cards: Sequence[Card]) -> dict[str, Any]:
    shown = {card.row["name"]: card.key for card in cards}
    strongest = sorted(saved.regions, key=lambda row: -(row["peak_z"] or 0.0))[:ROWS]
    return {"regions": [region(row, shown) for row in strongest], "region_count": len(saved.regions)}


def strip(saved: Saved) -> Strip:
    rows = saved.results
    return charts.strip(
        finite_list([row["score"] or 0.0 for row in rows]),
        [bool(row["anomalous"]) for row in rows],
        [row["name"] for row in rows],
    )


def region(row: Row, shown: Mapping[str, str]) -> dict[str, Any]:
    """A row of the table with the links that exist: its crop and its image on this page."""
    crop = row.get("crop")
    near = [{"file": atoms.file_of(number), "share": share} for number, share in row.get("atoms", [])]
    return {**row, "crop": f"../{quote(crop)}" if crop else None, "card": shown.get(row["name"]), "near": near}


def spectrum(run: Mapping[str, Any]) -> list[Chart]:
    """Singular values before and after, where there is one background."""
    values = run.get("singular_values")
    if values is None:
        return []
    curves = {
        f"{when} thresholding": list(zip(range(1, len(values[when]) + 1), finite_list(values[when]), strict=True))
        for when in ("before", "after")
    }
    return [charts.chart("Singular values", "number", "singular value", curves, log=True)]


def convergence(run: Mapping[str, Any]) -> list[Chart]:
    """How far every iteration is above the proven lower bound, and the gap where it was computed."""
    history = run.get("history", [])
    if run.get("dictionary"):
        rounds = [(record["iteration"], record["objective"]) for record in history]
        return [
            charts.chart("Learning: the trimmed objective never rises", "round", "objective", {"objective": rounds})
        ]
    bound = (run.get("certificate") or {}).get("dual") or 0.0
    above = [(r["iteration"], (r["objective"] - bound) / r["objective"]) for r in history if r.get("objective")]
    gaps = [(r["iteration"], r["relative_gap"]) for r in history if r.get("relative_gap")]
    found = []
    for label, points in (("relative gap", gaps), ("objective above the lower bound, relative", above)):
        kept = [point for point in points if point[1] > 0]
        if kept:
            found.append(charts.chart(f"Convergence: {label}", "iteration", label, {label: kept}, log=True))
    return found


def shifts(registration: Mapping[str, Any]) -> Chart | None:
    """Shifts over time, if the camera moves."""
    if registration["camera"] == "still" or not registration["shifts"]:
        return None
    numbers = range(1, len(registration["shifts"]) + 1)
    down, right = zip(*registration["shifts"], strict=True)
    curves = {"down": list(zip(numbers, down, strict=True)), "right": list(zip(numbers, right, strict=True))}
    return charts.chart("Shift of each image", "image", "pixels", curves)
