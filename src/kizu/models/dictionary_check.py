"""What a robust dictionary can be asked for, and what is chosen where nothing is."""

from typing import Literal

import numpy as np

from kizu.errors import ParameterError, ShapeError
from kizu.models import validate
from kizu.parameters import Parameter
from kizu.solvers.composite import default_tolerance
from kizu.typing import Floats

Center = Literal["auto", "sample", "global"]


def count_of(atoms: int | None, samples: int, features: int) -> Parameter:
    """How many atoms; refused where there are fewer samples."""
    if atoms is None:
        few = max(min(features // 2, samples // 4), 1)
        return Parameter(few, "half the features, at most a quarter of the samples: no room for flaws")
    if samples < atoms:
        raise ShapeError(f"Y has {samples} samples for {atoms} atoms", "Give more samples, or fewer atoms", where="Y")
    return Parameter(int(atoms), "given")


def center_of(center: Center | None, positive: bool | Literal["codes"]) -> Parameter:
    """What level is taken off."""
    if center != "auto":
        return Parameter(center, "given")
    if positive is True:
        return Parameter(None, "positive atoms: nothing is taken off")
    return Parameter("sample", "each sample's median: as for patches, whose brightness is no flaw")


def tolerance(tol: float | None, values: Floats) -> Parameter:
    """The relative gap asked of every code."""
    if tol is not None:
        return Parameter(tol, "given")
    return Parameter(default_tolerance(values), f"for {values.dtype}")


def check(
    atoms: object,
    lam: float | None,
    lam_anomaly: float | None,
    noise: object,
    form: object,
    trim: object,
    center: object,
    positive: object,
    starts: object,
    tol: float | None,
    max_iter: object,
    random_state: object,
) -> None:
    """Refuse what no problem can have, by name."""
    validate.positive("lam", lam)
    validate.positive("tol", tol)
    if lam_anomaly != np.inf:
        validate.positive("lam_anomaly", lam_anomaly)
    elif form == "exact":
        raise ParameterError("lam_anomaly", lam_anomaly, "a finite number where all that is no code is anomaly")
    if noise != "auto" and not (noise is None or (_number(noise) and 0 < float(noise) < np.inf)):  # type: ignore[arg-type]
        raise ParameterError("noise", noise, '"auto", None for no noise, or a positive number')
    if not (_number(trim) and 0 <= float(trim) <= 0.5):  # type: ignore[arg-type]
        raise ParameterError("trim", trim, "a share from 0 to 0.5")
    for name, got, allowed in (
        ("form", form, ("noisy", "exact", "rows")),
        ("center", center, ("auto", "sample", "global", None)),
        ("positive", positive, (False, True, "codes")),
    ):
        if isinstance(got, np.ndarray) or got not in allowed:
            raise ParameterError(name, got, "one of " + ", ".join(map(repr, allowed)))
    for name, got, least in (("atoms", atoms, 1), ("starts", starts, 1), ("max_iter", max_iter, 0)):
        if not (_whole(got) and int(got) >= least) and not (name == "atoms" and got is None):  # type: ignore[call-overload]
            raise ParameterError(name, got, f"a whole number of at least {least}")
    if not _whole(random_state) or int(random_state) < 0:  # type: ignore[call-overload]
        raise ParameterError("random_state", random_state, "a whole number of at least 0")


def _number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
