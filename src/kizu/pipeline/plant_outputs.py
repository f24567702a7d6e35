"""The folder of a planting: numbers for a program and a spreadsheet, pictures for a person."""

import re
from pathlib import Path

import numpy as np

from kizu.defects import Planted
from kizu.errors import UsageError
from kizu.files import write_bytes, write_json, write_text
from kizu.io.pictures import Picture, display, outline
from kizu.io.png import png_bytes
from kizu.io.tables import csv_text, finite
from kizu.pipeline.outputs import span_of
from kizu.pipeline.plant import PlantReport

NUMBERS, TABLE, PICTURES = "plant.json", "plant.csv", "pictures"
FOUND, MISSED = np.array([0, 158, 255], np.uint8), np.array([255, 110, 0], np.uint8)
"""Blue and orange: told apart by everyone."""
COLUMNS = ("model", "lam", "multiple", "recall_at_budget", "recall", "elsewhere", "seconds")


def require_room(folder: Path) -> None:
    """UsageError for a folder that holds anything but an earlier planting, which is replaced."""
    if folder.exists() and not folder.is_dir():
        raise UsageError("is a file, not a folder", "Choose another -o", where=str(folder))
    inside = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    strangers = sorted(inside - {NUMBERS, TABLE, PICTURES})
    pictures = folder / PICTURES
    if pictures.is_dir():
        strangers += sorted(path.name for path in pictures.iterdir() if not re.fullmatch(r"\d{3}\.png", path.name))
    if strangers:
        what = f"holds files that are not a planting's ({len(strangers)}, such as {strangers[0]})"
        raise UsageError(what, "Choose another -o", where=str(folder))


def write_planting(report: PlantReport, folder: Path) -> None:
    """Write plant.json, plant.csv and pictures/, which show what the recommended candidate found and missed."""
    require_room(folder)
    for earlier in (folder / PICTURES).glob("*.png"):
        earlier.unlink()
    document = report.document
    if report.tried is not None:
        rows = [{**row, **_kinds(row["by_kind"])} for row in document["candidates"]]
        columns = [*COLUMNS, *(part["kind"] for part in document["candidates"][0]["by_kind"])]
        write_text(folder / TABLE, csv_text(columns, rows))
        pictures, planted = report.tried.trial.pictures, report.tried.trial.planted
        for number, picture in enumerate(pictures):
            shown = display(picture, span_of(picture))
            marked = _marked(shown, number, planted, report.rows[0].found)
            write_bytes(folder / PICTURES / f"{number:03d}.png", png_bytes(marked))
    write_json(folder / NUMBERS, finite(document))


def _kinds(parts: list[dict[str, object]]) -> dict[str, object]:
    return {str(part["kind"]): part["recall"] for part in parts}


def _marked(picture: Picture, number: int, planted: tuple[Planted, ...], found: tuple[bool, ...]) -> Picture:
    """Every defect of picture `number` outlined, by whether its mask was hit."""
    colour = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture.copy()
    for defect, hit in zip(planted, found, strict=True):
        if defect.frame == number:
            colour[outline(defect.mask(colour.shape[:2]))] = FOUND if hit else MISSED
    return colour
