"""The folder of a training: what a killed one goes on from, its log, its curve, and in the end the model.

model.json weights.safetensors   the model, written last
training.csv training.json       one row per validation; the whole account
curve.svg                        loss and measure against steps
checkpoint.safetensors           while it runs: everything that the next step depends on
"""

import contextlib
import json
import struct
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kizu.errors import ReadError, ResourceError, UsageError
from kizu.files import MODEL_CARD, MODEL_WEIGHTS, TEMPORARY, write_bytes, write_json, write_text
from kizu.io.tables import csv_text, finite
from kizu.report.curve import curve

if TYPE_CHECKING:
    from kizu.networks.training import Checkpoint

CHECKPOINT, TABLE, ACCOUNT, CURVE = "checkpoint.safetensors", "training.csv", "training.json", "curve.svg"
OWN = {MODEL_CARD, MODEL_WEIGHTS, CHECKPOINT, TABLE, ACCOUNT, CURVE, "model.onnx"}
ARRAYS = ("weights", "average", "best", "moments")


def require_room(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse a folder before hours go into what could not be kept there.

    UsageError for one that holds anything but a training, or one that is neither to go on nor be replaced;
    ResourceError where nothing can be written.
    """
    try:
        _refuse_contents(folder, resume=resume, overwrite=overwrite)
        _try_to_write(folder)
    except OSError as error:
        what = f"cannot write ({error.strerror or error})"
        raise ResourceError(what, "Choose another -o", where=str(folder)) from error


def _refuse_contents(folder: Path, *, resume: bool, overwrite: bool) -> None:
    file = next((one for one in (folder, *folder.parents) if one.exists() and not one.is_dir()), None)
    if file is not None:
        what = "is a file, not a folder" if file == folder else f"cannot be made: {file} is a file, not a folder"
        raise UsageError(what, "Choose another -o", where=str(folder))
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


def _try_to_write(folder: Path) -> None:
    """Make the folder and a file in it, and take both away again: permissions alone do not tell.

    The file is one that a killed training may leave too. OSError where it cannot be done.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    trial = folder / (CHECKPOINT + TEMPORARY)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    finally:
        for one in missing:
            with contextlib.suppress(OSError):
                one.rmdir()


def clear(folder: Path) -> None:
    """Make room for a new training where an old one may be replaced."""
    for name in OWN:
        (folder / name).unlink(missing_ok=True)


def save_checkpoint(folder: Path, state: "Checkpoint", key: str) -> None:
    """One file, replaced as a whole: a killed run leaves this one or the one before."""
    from safetensors.numpy import save

    arrays = {  # in C order, or safetensors mixes up the entries of a transposed dictionary
        f"{part}:{name}": np.asarray(array, order="C")
        for part in ARRAYS
        for name, array in getattr(state, part).items()
    }
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
