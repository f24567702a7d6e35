"""What a run found out about its background and its null: all that judging a frame needs.

Kept in OUT/model, so that a killed run goes on from it and a later batch can be judged against it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.detect.calibrate import Null
from kizu.detect.maps import Scale
from kizu.detect.null import Tail
from kizu.detect.residuals import PixelScale
from kizu.errors import ReadError
from kizu.files import MODEL_CARD, load_model, save_model
from kizu.io.tables import finite
from kizu.typing import Bools, Floats

KIND = "robust-pca-background"
SCHEMA = 1
REGISTERED = ("shifts", "gains", "biases")


@dataclass(frozen=True)
class Found:
    """The background L = left @ right on the canvas, exposure of every frame, scales, nulls.

    `right` (r, channels·height·width of the canvas) has orthonormal rows; `left` (frames, r);
    `scale` (channels, pixels); `trusted` (height, width): places seen often enough; `reference`
    (height, width, channels) is what frames are aligned to; `facts` are the parts of run.json that
    belong to the fit.
    """

    shifts: Floats
    gains: Floats
    biases: Floats
    margins: tuple[int, int]
    left: Floats
    right: Floats
    scale: PixelScale
    trusted: Bools
    reference: Floats
    nulls: tuple[Null, ...]
    facts: dict[str, Any]

    @property
    def moving(self) -> bool:
        return bool(np.any(self.shifts))


def save(found: Found, folder: Path, key: str) -> None:
    """Write the model folder; its card carries `key`, the name of the run it belongs to."""
    weights: dict[str, NDArray[Any]] = {
        **{name: getattr(found, name) for name in (*REGISTERED, "left", "right", "trusted", "reference")},
        **{f"scale.{name}": array for name, array in found.scale._asdict().items()},
    }
    for number, null in enumerate(found.nulls):
        for name in ("areas", "levels", "scores"):
            weights[f"null.{number}.{name}"] = getattr(null, name)
    nulls = [{"scale": n.scale._asdict(), "rate": n.rate._asdict()} for n in found.nulls]
    card = {"kind": KIND, "schema": SCHEMA, "key": key, "margins": found.margins, "nulls": nulls}
    card["facts"] = finite(found.facts)  # a gap that was not computed is NaN
    save_model(folder, card, weights)


def load(folder: Path) -> tuple[Found, str]:
    """Read what :func:`save` wrote, and the key of its run."""
    card, weights = load_model(folder)
    try:
        if (card["kind"], card["schema"]) != (KIND, SCHEMA):
            raise ValueError(f"kind {card['kind']}, schema {card['schema']}")
        return _found(card, weights), str(card["key"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ReadError(
            folder / MODEL_CARD, f"not a background model of this version ({error})", "Make it again with kizu detect"
        ) from error


def _found(card: dict[str, Any], weights: dict[str, NDArray[Any]]) -> Found:
    nulls = tuple(
        Null(
            scale=Scale(**entry["scale"]),
            rate=Tail(**entry["rate"]),
            areas=weights[f"null.{number}.areas"],
            levels=weights[f"null.{number}.levels"],
            scores=weights[f"null.{number}.scores"],
        )
        for number, entry in enumerate(card["nulls"])
    )
    plain = {name: weights[name] for name in (*REGISTERED, "left", "right", "trusted", "reference")}
    height, width = plain["trusted"].shape
    channels = plain["gains"].shape[1]
    if not nulls or plain["right"].shape[1] != channels * height * width:
        raise ValueError("its arrays do not fit together")
    scale = PixelScale(*(weights[f"scale.{name}"] for name in PixelScale._fields))
    margins = int(card["margins"][0]), int(card["margins"][1])
    return Found(**plain, margins=margins, scale=scale, nulls=nulls, facts=dict(card["facts"]))
