"""Training of a robust-PCA network on one scene, or on a matrix: on parts of it, without labels."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kizu.engines.threads import DEFAULT
from kizu.errors import NothingUsableError, ShapeError
from kizu.io.matrix import kind_of, read_matrix
from kizu.io.reading import read
from kizu.io.regular import sha256_of
from kizu.models.robust_pca import robust_pca
from kizu.pipeline.refit import Progress
from kizu.pipeline.train import Training
from kizu.pipeline.train_options import TrainOptions
from kizu.solvers.scaled_gradient import estimate_rank
from kizu.stack import Skipped
from kizu.typing import Floats

if TYPE_CHECKING:
    from torch import nn

    from kizu.networks.learned_rpca import LearnedRPCA

LAYERS, STEPS, TRIALS = 16, 150, 150
"""Layers, steps of training, and schedules that are tried before the first."""
FEWEST = 20
"""Columns that can be divided into some to train on and some to judge by."""
MOST = 20_000
"""Columns that are trained on and judged by, evenly many of them."""


def prepare(data: str, options: TrainOptions, progress: Progress) -> Training:
    """The frames of DATA, or a matrix, as (samples, features); columns to train on and columns to judge by."""
    from kizu.networks.learned_rpca import LearnedRPCA
    from kizu.networks.rpca_task import Crops, RPCATask, recipe, self_supervised, supervised, tuned

    X, sha256, skipped, pixels = _matrix(data, options, progress)
    train, val = _divided(X, options)
    learn = options.learn or options.entry.learn[0]
    goals: list[Floats | None] = [None, None]
    if learn == "distil":
        progress("certify", 0, 1)
        goals = [np.asarray(robust_pca(part).background) for part in (train, val)]
    rank = int(options.rank or estimate_rank(train.astype(np.float64)).value)
    layers, steps = options.layers or LAYERS, options.steps or STEPS
    crops = [Crops(part, goal, seed=options.seed) for part, goal in zip((train, val), goals, strict=True)]
    task = RPCATask(crops[0], crops[1](-1), self_supervised if learn == "self" else supervised)
    progress("learn", 0, 1)
    schedule = tuned(task, rank, layers, min(TRIALS, steps), seed=options.seed)
    config = {"rank": rank, "layers": layers, "form": "per layer", "schedule": schedule}

    def close(network: "nn.Module") -> dict[str, Any]:
        return _close(network, val)

    return Training(
        network=LearnedRPCA.untrained(**config),  # type: ignore[arg-type]
        config=config,
        task=task,
        recipe=recipe(steps),
        learn=learn,
        measure="log of what is left" if learn == "self" else "log error of the background",
        sha256=sha256,
        split=f"{100 * options.validation:g} % of the columns, drawn with seed {options.seed}",
        examples={"train": train.shape[1], "val": val.shape[1], "test": 0},
        pixels=pixels,
        skipped=skipped,
        close=close,
    )


def _matrix(
    data: str, options: TrainOptions, progress: Progress
) -> tuple[Floats, str, tuple[Skipped, ...], dict[str, Any]]:
    """Samples × features, the hash of the file or of the frames, what was left out, and what the pixels are."""
    if kind_of([data], axes=options.axes) == "matrix":
        values = read_matrix(data)
        if not np.isfinite(values).all():
            raise ShapeError("has entries that are not numbers", "Fill them: the network needs all", where=data)
        return _enough(values.astype(np.float32), data), sha256_of(data), (), {"features": values.shape[1]}
    stack = read(
        [data],
        recursive=options.recursive,
        axes=options.axes,
        progress=lambda done, total: progress("read", done, total),
        engine=DEFAULT,
    )
    X = stack.to_matrix().astype(np.float32)
    known = np.asarray(np.isfinite(X).all(axis=1))
    lost = [
        Skipped(name, "has pixels that are not numbers", "Fill them, or leave it out")
        for name, whole in zip(stack.names, known, strict=True)
        if not whole
    ]
    pixels = {"channels": stack.channels, "dtype": str(stack.frames.dtype)}
    sha256 = "".join(source.sha256 for source in stack.sources)
    return _enough(X[known], data), sha256, (*stack.skipped, *lost), pixels


def _enough(X: Floats, data: str) -> Floats:
    if not X.any():
        raise NothingUsableError("has nothing but zeros", "Give data with content", where=data)
    if len(X) < 3 or X.shape[1] < FEWEST:
        raise NothingUsableError(
            f"is {len(X)} samples of {X.shape[1]} numbers: too few to divide",
            f"Give at least 3 samples of {FEWEST}",
            where=data,
        )
    return X


def _divided(X: Floats, options: TrainOptions) -> tuple[Floats, Floats]:
    """Columns to train on and columns to judge by."""
    order = np.random.default_rng(options.seed).permutation(X.shape[1])[:MOST]
    cut = max(1, round(options.validation * len(order)))
    return X[:, np.sort(order[cut:])], X[:, np.sort(order[:cut])]


def _close(network: "nn.Module", val: Floats) -> dict[str, Any]:
    """What the trained layers, and as many untrained ones, leave of columns that were not trained on."""
    import torch

    trained: LearnedRPCA = network.eval().cpu()  # type: ignore[assignment]
    untrained = type(trained).untrained(trained.iteration.rank, trained.layers)
    data = torch.as_tensor(val, dtype=torch.float64)
    with torch.inference_mode():
        left = {
            name: float(one.split(data).anomaly.abs().mean() / data.abs().mean())
            for name, one in (("left_over", trained), ("left_over_untrained", untrained))
        }
    return {"metrics": {"protocol": "mean|Y − X| / mean|Y|", "validation": {"columns": val.shape[1], **left}}}
