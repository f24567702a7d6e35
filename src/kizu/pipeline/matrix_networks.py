"""A matrix split by a trained network, with the guarantee that goes with it: sparse codes, or robust PCA."""

from collections.abc import Callable, Mapping
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
from kizu.networks.catalogue import NETWORKS, require_torch
from kizu.parameters import Parameter, default_lam
from kizu.typing import Floats

SAFE = "a dual point of every sample"
NEGLIGIBLE = 1e-10
"""A singular value below this share of the largest is rounding."""


class Loaded(NamedTuple):
    """A network of torch and its card."""

    network: Any
    card: Mapping[str, Any]


def load(folder: Path) -> Loaded:
    """The network of a model folder; ReadError for one that is not whole."""
    require_torch("a trained network")
    from kizu.networks.saved import restore

    card, weights = load_model(folder)
    try:
        return Loaded(restore(card, weights), card)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReadError(folder / MODEL_CARD, f"not a whole model ({error})", "Train it again") from error


def split_by(folder: Path, values: NDArray[Any]) -> Decomposition:
    """Background + anomaly of `values` (samples, features) by the network in a model folder.

    UsageError where the network is for other features, ShapeError where an entry is unknown: a network needs all.
    """
    loaded = load(folder)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ShapeError("the matrix has unknown entries, and a network needs all", "Fill them, or use --model rpca")
    split = SPLITS[NETWORKS[loaded.card["network"]].kind]
    return split(loaded, values if values.dtype.kind == "f" else values.astype(np.float64), values)


def _by_codes(loaded: Loaded, floating: Floats, values: NDArray[Any]) -> Decomposition:
    """Few atoms explain each row; where the network's codes are worse than FISTA's, those are taken."""
    from kizu.networks.coders import propose

    config = loaded.card["config"]
    D = np.asarray(loaded.network.constants.A.T.numpy(), floating.dtype)
    if D.shape[1] != floating.shape[1]:
        raise UsageError(
            f"the network was trained on samples of {D.shape[1]} numbers, these have {floating.shape[1]}",
            "Give samples like those",
            where="--model",
        )
    safe = safeguard(floating, D, propose(loaded.network, floating), lam=config["lam"], steps=config["layers"])
    primal = float(safe.objective.sum())
    dual = float((safe.objective * (1 - safe.relative_gap)).sum())
    wins = f"of the rows; the others are explained better by {config['layers']} steps of FISTA"
    parameters = {
        **_common(loaded),
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


def _by_rank(loaded: Loaded, floating: Floats, values: NDArray[Any]) -> Decomposition:
    """The network's background, or that of as many textbook iterations where its objective is lower."""
    import torch

    network = loaded.network
    with torch.inference_mode():
        proposed = network.split(torch.as_tensor(np.array(floating, np.float64))).background.numpy()
    lam = default_lam(*values.shape)
    found = guarded(floating, proposed.astype(floating.dtype), steps=network.layers, lam=lam.value)
    left, sizes, right = np.linalg.svd(np.asarray(found.background, np.float64), full_matrices=False)
    kept = max(1, int(np.count_nonzero(sizes > NEGLIGIBLE * sizes[0])))
    why = ", ".join(f"{name} {value:.6g}" for name, value in found.objectives.items())
    return Decomposition(
        values=values,
        observed=None,
        factors=Factored((left * sizes)[:, :kept], right[:kept]),
        certificate=found.certificate,
        history=(),
        stopped="max_iter",
        singular_values=(sizes[:kept], sizes[:kept]),
        parameters={**_common(loaded), "lam": lam, "winner": Parameter(found.winner, f"lower objective: {why}")},
        example=values,
        support=np.ones(values.shape, np.bool_),
    )


def _common(loaded: Loaded) -> dict[str, Parameter]:
    word = loaded.card["network"]
    return {
        "network": Parameter(word, NETWORKS[word].title),
        "layers": Parameter(loaded.card["config"]["layers"], "of the network"),
        "sigma": Parameter(0.0, "what is not background is anomaly: their sum is the matrix"),
        "tol": Parameter(TOL, "relative gap below which a split would count as proven"),
    }


SPLITS: Mapping[str, Callable[[Loaded, Floats, NDArray[Any]], Decomposition]] = {
    "codes": _by_codes,
    "scene": _by_rank,
}
