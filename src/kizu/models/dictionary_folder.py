"""A robust dictionary as a folder: a card in JSON, arrays in safetensors."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from kizu.errors import ReadError
from kizu.files import MODEL_CARD, load_model, save_model
from kizu.parameters import Parameter
from kizu.solvers.dictionary import Sums

KIND, SCHEMA = "robust_dictionary", 1
ARRAYS = ("components_", "scale_", "level_", "usage_")
NUMBERS = ("offset_", "sigma_", "exponent_", "n_iter_", "n_features_in_", "n_samples_seen_")
WANTED = ("form", "center", "lam", "lam_anomaly", "tol")
"""Parameters that predictions need."""
INFINITE = "infinite"
"""JSON has no ∞, which lam_anomaly may be."""


def write(folder: Path, model: Any) -> None:
    """Write what a fitted model predicts and goes on with."""
    card = {
        "kind": KIND,
        "schema": SCHEMA,
        "options": {name: _plain(value) for name, value in model.get_params(deep=False).items()},
        "fitted": {name: getattr(model, name) for name in NUMBERS},
        "parameters": {name: [_plain(value), why] for name, (value, why) in model.parameters_.items()},
        "features": list(getattr(model, "feature_names_in_", [])),
    }
    sums = dict(zip(("sums_codes", "sums_data", "sums_weight"), map(np.asarray, model.sums_), strict=True))
    save_model(folder, card, {**{name: getattr(model, name) for name in ARRAYS}, **sums})


def read(folder: Path, known: set[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options, which are those `known`, and fitted attributes; ReadError where the folder is another's or not whole."""
    card, arrays = load_model(folder)
    if (card.get("kind"), card.get("schema")) != (KIND, SCHEMA):
        got = f"kind {card.get('kind')!r}, schema {card.get('schema')!r}"
        raise ReadError(folder / MODEL_CARD, f"{got}, not {KIND!r}, {SCHEMA}", "Give a folder that save wrote")
    try:
        options = {str(name): _number(value) for name, value in card["options"].items()}
        fitted: dict[str, Any] = {name: card["fitted"][name] for name in NUMBERS}
        fitted |= {name: arrays[name] for name in ARRAYS}
        fitted["parameters_"] = {n: Parameter(_number(value), why) for n, (value, why) in card["parameters"].items()}
        fitted["sums_"] = Sums(arrays["sums_codes"], arrays["sums_data"], float(arrays["sums_weight"]))
        if card["features"]:
            fitted["feature_names_in_"] = np.array(card["features"], dtype=object)
        if set(options) != known or not set(fitted["parameters_"]) >= set(WANTED):
            raise ValueError("options or parameters are missing, or are of another version")
        _fits(fitted)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"not a whole model ({type(error).__name__}: {error})"
        raise ReadError(folder / MODEL_CARD, what, "Make the model again") from error
    return options, fitted


def _fits(fitted: dict[str, Any]) -> None:
    """Shapes that belong together."""
    atoms, features = fitted["components_"].shape
    shapes = {
        "scale_": (features,),
        "usage_": (atoms,),
        "level_": fitted["level_"].shape if fitted["level_"].size == 1 else (1, features),
    }
    wrong = [name for name, shape in shapes.items() if fitted[name].shape != shape]
    sums = fitted["sums_"]
    if wrong or (sums.codes.shape, sums.data.shape) != ((atoms, atoms), (atoms, features)):
        raise ValueError(f"arrays of shapes that do not fit {atoms} atoms of {features} features")
    if not math.isfinite(float(fitted["offset_"])) or fitted["n_features_in_"] != features:
        raise ValueError("numbers that do not fit the arrays")


def _plain(value: Any) -> Any:
    return INFINITE if isinstance(value, float) and value == math.inf else value


def _number(value: Any) -> Any:
    return math.inf if value == INFINITE else value
