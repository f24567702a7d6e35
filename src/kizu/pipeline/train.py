"""Train a network once on what there is; `kizu detect --model` judges with it."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kizu.engines.threads import DEFAULT_JOBS
from kizu.errors import UsageError
from kizu.files import save_model
from kizu.io.tables import finite
from kizu.networks.catalogue import LEARN, Kind, Learn, require_torch
from kizu.pipeline.manifest import SCHEMA
from kizu.pipeline.refit import Progress
from kizu.pipeline.road import quiet
from kizu.pipeline.train_folder import clear, finish, load_checkpoint, require_room, save_checkpoint, write_log
from kizu.pipeline.train_options import TrainOptions
from kizu.stack import Skipped

if TYPE_CHECKING:
    from torch import nn

    from kizu.networks.training import Checkpoint, Recipe, Seen, Task

HOMES: Mapping[Kind, str] = {
    "pictures": "kizu.pipeline.train_pictures",
    "scene": "kizu.pipeline.train_scene",
    "codes": "kizu.pipeline.train_codes",
}
"""The module that makes a training of a network and its data."""


@dataclass(frozen=True)
class Training:
    """A network about to be trained, and what to do with it then.

    `measure` names what validation measures, smaller is better. `examples` counts by part. `close` makes what the
    card says beyond the training: how it is calibrated, and its metrics with their protocol.
    """

    network: "nn.Module"
    config: dict[str, Any]
    task: "Task"
    recipe: "Recipe"
    learn: Learn
    measure: str
    sha256: str
    split: str
    examples: dict[str, int]
    pixels: dict[str, Any]
    skipped: tuple[Skipped, ...]
    close: "Callable[[nn.Module], dict[str, Any]]"


class Trained(NamedTuple):
    """A model folder and how it came about: steps done, why they ended, the best measure, metrics by part."""

    folder: Path
    network: str
    learn: Learn
    what: str
    examples: dict[str, int]
    split: str
    parameters: int
    steps: int
    stopped: str
    measure: str
    best: float
    metrics: dict[str, Any]
    warnings: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()


def train(
    network: str, data: str | Path, out: str | Path, *, learn: Learn | None = None, masks: str | Path | None = None,
    dictionary: str | Path | None = None, layers: int | None = None, rank: int | None = None, steps: int | None = None,
    validation: float = 0.2, recursive: bool = False, axes: str | None = None, seed: int = 0, device: str = "auto",
    jobs: int = DEFAULT_JOBS, resume: bool = False, overwrite: bool = False, progress: Progress = quiet,
) -> Trained:  # fmt: skip
    """Train `network` on `data` into the model folder `out`; `kizu.inspect(new, model=out)` uses it.

    Parameters
    ----------
    network : word
        One of :data:`kizu.networks.catalogue.NETWORKS`, such as "exact-rpcanet".
    data : path
        What the network is for: a folder of pictures, or one with images/ and masks/ (and index.csv with the
        columns name and split: train, val, test); frames of one scene; or a matrix of samples (.npy).
    out : path
        The model folder, exactly this one.
    learn : "labels", "planted", "distil" or "self"
        From masks, from defects planted into clean pictures, from kizu's converged solver, or from the objective.
        By default the first that the data allow.
    masks : path
        Folder of masks; by default masks/ beside images/.
    dictionary : path
        Atoms of a sparse coder (.npy, atoms × features); learned from the data by default.
    layers, rank, steps : numbers
        Layers of the network, rank of the background, steps of training; each network's own by default.
    validation : share
        Of the data that choose the best weights and calibrate; none of them is trained on.
    device : word
        "auto" (a GPU if there is one), "cpu" or "cuda".
    recursive, axes, seed, jobs, resume, overwrite, progress
        As in :func:`kizu.inspect`; a killed training goes on with `resume`, and ends with the same weights.

    Raises
    ------
    KizuError
        One line that says what is wrong, where, and what to do.
    """
    paths = {name: None if p is None else os.fspath(p) for name, p in (("masks", masks), ("dictionary", dictionary))}
    options = TrainOptions(
        network=network, learn=learn, **paths, layers=layers, rank=rank, steps=steps, validation=validation,
        recursive=recursive, axes=axes, seed=seed, device=device, jobs=jobs, resume=resume, overwrite=overwrite,
    )  # fmt: skip
    return train_as(options, os.fspath(data), Path(out), progress)


def train_as(options: TrainOptions, data: str, out: Path, progress: Progress) -> Trained:
    """:func:`train` with its keywords in one record."""
    require_torch(f"training {options.network}")
    from kizu.networks import training as loop

    started = time.monotonic()
    require_room(out, resume=options.resume, overwrite=options.overwrite)
    device = _device(options)
    with loop.threads(options.jobs):
        made: Training = import_module(HOMES[options.entry.kind]).prepare(data, options, progress)
        made.network.to(device)
        key = options.key(made.sha256, made.pixels)
        if options.overwrite:
            clear(out)
        start = load_checkpoint(out, key) if options.resume else None

        def account() -> dict[str, Any]:
            return {"seconds": round(time.monotonic() - started, 1), "device": device, "jobs": options.jobs}

        def save(state: "Checkpoint") -> None:
            save_checkpoint(out, state, key)
            write_log(out, state, made.measure, account())

        def seen(row: "Seen", steps: int) -> None:
            progress(f"train: {made.measure} {row.measure:.4g}, best {row.best:.4g}", row.step, steps)

        state = loop.train(made.network, made.task, made.recipe, start=start, save=save, callback=seen)
        closed = made.close(made.network)
    card = _card(options, made, state, closed)
    write_log(out, state, made.measure, account())
    save_model(out, finite(card | {"key": key}), loop.arrays(made.network))
    finish(out)
    return _trained(made, card, out)


def _device(options: TrainOptions) -> str:
    """The device of that name; UsageError where torch has none, or where the network is too small for it."""
    import torch

    asked, there = options.device, torch.cuda.is_available() and options.entry.kind == "pictures"
    if asked not in ("auto", "cpu", "cuda") or (asked == "cuda" and not there):
        raise UsageError(
            f"no device {asked!r} here", "Use auto or cpu: only networks of pictures take a GPU", where="--device"
        )
    return "cuda" if there and asked != "cpu" else "cpu"


def _card(options: TrainOptions, made: Training, state: "Checkpoint", closed: dict[str, Any]) -> dict[str, Any]:
    """The model card."""
    return {
        "kind": f"{options.entry.kind}-network",
        "schema": SCHEMA,
        "kizu": version("kizu"),
        "network": options.network,
        "config": made.config,
        "parameters": sum(one.numel() for one in made.network.parameters()),
        "pixels": made.pixels,
        "training": _training(options, made, state),
        "warnings": [f"{state.skipped} steps had no finite gradient and were skipped."] if state.skipped else [],
        **closed,
    }


def _training(options: TrainOptions, made: Training, state: "Checkpoint") -> dict[str, Any]:
    """What the card says of how the weights came about."""
    return {
        "learn": made.learn,
        "what": LEARN[made.learn],
        "steps": state.log[-1].step,
        "best": state.log[-1].best,
        "data_sha256": made.sha256,
        "examples": made.examples,
        "split": made.split,
        "seed": options.seed,
        "stopped": state.stopped,
        "skipped_steps": state.skipped,
        "recipe": _plain(made.recipe),
        "measure": made.measure,
    }


def _trained(made: Training, card: dict[str, Any], out: Path) -> Trained:
    """The account for the caller: what the card says, and what was left out."""
    training = card["training"]
    return Trained(
        folder=out,
        network=card["network"],
        learn=made.learn,
        what=training["what"],
        examples=made.examples,
        split=made.split,
        parameters=card["parameters"],
        steps=training["steps"],
        stopped=training["stopped"],
        measure=made.measure,
        best=training["best"],
        metrics=card.get("metrics", {}),
        warnings=tuple(card["warnings"]),
        skipped=made.skipped,
    )


def _plain(recipe: "Recipe") -> dict[str, Any]:
    return {**recipe._asdict(), "stages": [stage._asdict() for stage in recipe.stages]}
