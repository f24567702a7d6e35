"""The folder of a training: what a killed one goes on from, its log, its curve, and in the end the model.

model.json weights.safetensors   the model, written last
training.csv training.json       one row per validation; the whole account
curve.svg                        loss and measure against steps
checkpoint.safetensors           while it runs: everything that the next step depends on
"""

import json
import struct
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kizu.errors import ReadError, UsageError
from kizu.files import MODEL_CARD, MODEL_WEIGHTS, TEMPORARY, write_bytes, write_json, write_text
from kizu.io.tables import csv_text, finite
from kizu.report.curve import curve

if TYPE_CHECKING:
    from kizu.networks.training import Checkpoint

CHECKPOINT, TABLE, ACCOUNT, CURVE = "checkpoint.safetensors", "training.csv", "training.json", "curve.svg"
OWN = {MODEL_CARD, MODEL_WEIGHTS, CHECKPOINT, TABLE, ACCOUNT, CURVE, "model.onnx"}
ARRAYS = ("weights", "average", "best", "moments")


def require_room(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """UsageError for a folder that holds anything but a training, or one that is neither to go on nor be replaced."""
    if folder.exists() and not folder.is_dir():
        raise UsageError("is a file, not a folder", "Choose another -o", where=str(folder))
    files = {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()
    entries = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    strangers = sorted(entries - (files & (OWN | {name + TEMPORARY for name in OWN})))
    if strangers:
        what = f"holds files that are not a training's ({len(strangers)}, such as {strangers[0]})"
        raise UsageError(what, "Choose another -o", where=str(folder))
    if entries and not (resume or overwrite):
        mend = "Add --resume to go on" if CHECKPOINT in entries else "Add --overwrite to replace it"
        raise UsageError("holds a training already", f"{mend}, or choose another -o", where=str(folder))
    if resume and MODEL_CARD in entries:
        raise UsageError("holds a finished training", "Add --overwrite instead to train anew", where=str(folder))


def clear(folder: Path) -> None:
    """Make room for a new training where an old one may be replaced."""
    for name in OWN:
        (folder / name).unlink(missing_ok=True)


def save_checkpoint(folder: Path, state: "Checkpoint", key: str) -> None:
    """One file, replaced as a whole: a killed run leaves this one or the one before."""
    from safetensors.numpy import save

    arrays = {f"{part}:{name}": a for part in ARRAYS for name, a in getattr(state, part).items()}
    numbers = {f.name: getattr(state, f.name) for f in fields(state) if f.name not in ARRAYS}
    card = json.dumps({"key": key, **numbers}, allow_nan=True)
    write_bytes(folder / CHECKPOINT, save(arrays, metadata={"state": card}))


def load_checkpoint(folder: Path, key: str) -> "Checkpoint | None":
    """Where the interrupted run of the same key stood; None where there is none, ReadError for another's or a ruin."""
    from safetensors import SafetensorError, safe_open

    from kizu.networks.training import Checkpoint, Seen

    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="np") as file:
            card: dict[str, Any] = json.loads(file.metadata()["state"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, struct.error) as error:
        raise ReadError(path, f"not a whole checkpoint ({error})", "Train anew with --overwrite") from error
    if card.pop("key") != key:
        what = "the interrupted training had other data, parameters or version of kizu"
        raise UsageError(what, "Train anew with --overwrite", where=str(folder))
    parts: dict[str, Any] = {
        part: {name.partition(":")[2]: a for name, a in arrays.items() if name.startswith(f"{part}:")}
        for part in ARRAYS
    }
    card["log"] = [Seen(*row) for row in card["log"]]
    return Checkpoint(**card, **parts)


def write_log(folder: Path, state: "Checkpoint", measure: str, account: dict[str, Any]) -> None:
    """Table, account and curve of the training so far."""
    rows = [seen._asdict() for seen in state.log]
    if not rows:
        return
    write_text(folder / TABLE, csv_text(list(rows[0]), rows))
    write_json(folder / ACCOUNT, finite({**account, "measure": measure, "skipped_steps": state.skipped, "log": rows}))
    steps, losses, measures = ([row[name] for row in rows] for name in ("step", "loss", "measure"))
    write_text(folder / CURVE, curve(steps, losses, measures, measure))


def finish(folder: Path) -> None:
    """There is a model now: nothing to go on from."""
    (folder / CHECKPOINT).unlink(missing_ok=True)
