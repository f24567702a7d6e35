"""A matrix split by a trained network, with the guarantee that goes with it: sparse codes, or robust PCA."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.certificates import certificate
from kizu.errors import ReadError, ShapeError, UsageError
from kizu.files import MODEL_CARD, load_model
from kizu.lowrank.factored import Factored
from kizu.models.decomposition import Decomposition
from kizu.models.learned_rpca import guarded
from kizu.models.robust_pca import TOL
from kizu.models.safeguard import safeguard
from kizu.networks import runtime
from kizu.networks.catalogue import NETWORKS, Kind, require_torch
from kizu.parameters import Parameter, default_lam
from kizu.pipeline.options import fingerprint
from kizu.typing import Floats

SAFE = "a dual point of every sample"
NEGLIGIBLE = 1e-10
"""A singular value below this share of the largest is rounding."""


CONFIG: Mapping[Kind, Mapping[str, Callable[[Any], Any]]] = {
    "codes": {"layers": int, "lam": float},
    "scene": {"layers": int, "rank": int},
}
"""What is needed of a card, and its type."""


class Loaded(NamedTuple):
    """A network of torch and its card."""

    network: Any
    card: Mapping[str, Any]


class Trained(NamedTuple):
    """A network by its word: `run` gives background and anomaly of samples (samples, features), or their codes."""

    word: str
    config: Mapping[str, Any]
    weights: Mapping[str, NDArray[Any]]
    run: Callable[[NDArray[Any]], list[NDArray[Any]]]


def load(folder: Path) -> Loaded:
    """The network of a model folder; ReadError for one that is not whole."""
    card, weights = load_model(folder)
    return Loaded(_restored(folder, card, weights), card)


def trained(folder: Path, rank: int | None = None) -> Trained:
    """The network of a model folder, in ONNX Runtime if that is installed and the folder has its file, else in torch.

    With another `rank` than it was trained with, only in torch: its file is for the one. ReadError for a folder or a
    file that is not whole.
    """
    card, weights = load_model(folder)
    with _whole(folder):
        word = str(card["network"])
        kind = NETWORKS[word].kind
        config = {name: read(card["config"][name]) for name, read in CONFIG[kind].items()}
    other = rank is not None and rank != config["rank"]
    found = None if other else runtime.saved(folder, fingerprint(str(folder)))
    if found is not None:
        return Trained(word, config, weights, found.run)
    network = _restored(folder, card, weights)
    from kizu.networks.export import applied

    return Trained(word, config, weights, applied(network.at_rank(rank) if other else network, kind))


def _restored(folder: Path, card: Mapping[str, Any], weights: Mapping[str, NDArray[Any]]) -> Any:
    require_torch("a trained network")
    from kizu.networks.saved import restore

    with _whole(folder):
        return restore(card, weights)


@contextmanager
def _whole(folder: Path) -> Iterator[None]:
    """ReadError where a card does not have what it should."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReadError(folder / MODEL_CARD, f"not a whole model ({error})", "Train it again") from error


def split_by(folder: Path, values: NDArray[Any]) -> Decomposition:
    """Background + anomaly of `values` (samples, features) by the network in a model folder.

    UsageError where the network is for other features, ShapeError where an entry is unknown: a network needs all.
    """
    found = trained(folder)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ShapeError("the matrix has unknown entries, and a network needs all", "Fill them, or use --model rpca")
    split = SPLITS[NETWORKS[found.word].kind]
    return split(found, values if values.dtype.kind == "f" else values.astype(np.float64), values)


def _by_codes(found: Trained, floating: Floats, values: NDArray[Any]) -> Decomposition:
    """Few atoms explain each row; where the network's codes are worse than FISTA's, those are taken."""
    config, D = found.config, np.asarray(found.weights["constants.A"].T, floating.dtype)
    if D.shape[1] != floating.shape[1]:
        raise UsageError(
            f"the network was trained on samples of {D.shape[1]} numbers, these have {floating.shape[1]}",
            "Give samples like those",
            where="--model",
        )
    safe = safeguard(floating, D, found.run(floating)[0], lam=config["lam"], steps=config["layers"])
    primal = float(safe.objective.sum())
    dual = float((safe.objective * (1 - safe.relative_gap)).sum())
    wins = f"of the rows; the others are explained better by {config['layers']} steps of FISTA"
    parameters = {
        **_common(found),
        "lam": safe.parameters["lam"],
        "network_wins": Parameter(round(float(safe.learned.mean()), 4), wins),
        "atoms": Parameter(len(D), "rows of the dictionary"),
    }
    return Decomposition(
        values=values,
        observed=None,
        factors=Factored(np.asarray(safe.codes), D),
        certificate=certificate(primal, dual, bound=SAFE),
        history=(),
        stopped="max_iter",
        singular_values=(np.empty(0), np.empty(0)),
        parameters=parameters,
        example=values,
        support=np.ones(values.shape, np.bool_),
    )


def _by_rank(found: Trained, floating: Floats, values: NDArray[Any]) -> Decomposition:
    """The network's background, or that of as many textbook iterations where its objective is lower."""
    lam = default_lam(*values.shape)
    proposed = found.run(floating)[0].astype(floating.dtype)
    better = guarded(floating, proposed, steps=found.config["layers"], lam=lam.value)
    left, sizes, right = np.linalg.svd(np.asarray(better.background, np.float64), full_matrices=False)
    kept = max(1, int(np.count_nonzero(sizes > NEGLIGIBLE * sizes[0])))
    why = ", ".join(f"{name} {value:.6g}" for name, value in better.objectives.items())
    return Decomposition(
        values=values,
        observed=None,
        factors=Factored((left * sizes)[:, :kept], right[:kept]),
        certificate=better.certificate,
        history=(),
        stopped="max_iter",
        singular_values=(sizes[:kept], sizes[:kept]),
        parameters={**_common(found), "lam": lam, "winner": Parameter(better.winner, f"lower objective: {why}")},
        example=values,
        support=np.ones(values.shape, np.bool_),
    )


def _common(found: Trained) -> dict[str, Parameter]:
    return {
        "network": Parameter(found.word, NETWORKS[found.word].title),
        "layers": Parameter(found.config["layers"], "of the network"),
        "sigma": Parameter(0.0, "what is not background is anomaly: their sum is the matrix"),
        "tol": Parameter(TOL, "relative gap below which a split would count as proven"),
    }


SPLITS: Mapping[Kind, Callable[[Trained, Floats, NDArray[Any]], Decomposition]] = {
    "codes": _by_codes,
    "scene": _by_rank,
}
