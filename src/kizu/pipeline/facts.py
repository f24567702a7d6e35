"""What run.json says about the fit, and what a person should be warned of, in plain words."""

from typing import Any

import numpy as np

from kizu.detect.register import Registration
from kizu.parameters import Parameter, default_lam
from kizu.pipeline.options import TOL
from kizu.pipeline.planes import Planes
from kizu.pipeline.refit import Fitted

FEW_FRAMES = 20
"""Below this many frames the stated rate is approximate."""
BUSY = 0.8
"""A pixel flagged in more than this share of the frames has no clean majority."""
LOOSE = 1e-2


def fit_facts(fitted: Fitted, registration: Registration, planes: Planes) -> dict[str, Any]:
    """Certificate, history, spectrum, parameters with reasons, registration, warnings."""
    chosen, solution, left_over = fitted.settled
    proof, work = solution.certificate, fitted.work
    after = solution.state.sizes
    return {
        "parameters": _parameters(fitted),
        "certificate": {**proof._asdict(), "tol": TOL},
        "stopped": solution.stopped,
        "converged": solution.converged,
        "rank": work.left.shape[1],
        "singular_values": {
            "before": [float(v) for v in [*(after + chosen.tau_background.value), *left_over]],
            "after": [float(v) for v in [*after, *np.zeros(len(left_over))]],
        },
        "history": [record._asdict() for record in solution.history],
        "registration": {
            "camera": "still" if registration.still else "moving",
            "shifts": np.round(registration.shifts, 3).tolist(),
            "gains": np.round(work.gains, 4).tolist(),
            "biases": np.round(work.biases, 3).tolist(),
            "why": registration.why,
        },
        "warnings": _warnings(fitted, planes, proof.relative_gap, chosen.lam),
    }


def _parameters(fitted: Fitted) -> dict[str, dict[str, Any]]:
    rounds = Parameter(fitted.rounds, "refits until less than 0.1 % of the mask changed (8 at most)")
    found = {"sigma": fitted.sigma, **fitted.settled.chosen._asdict(), "rounds": rounds}
    if fitted.start is not None:
        found["start"] = fitted.start
    return {name: {"value": p.value, "why": p.why} for name, p in found.items()}


def _warnings(fitted: Fitted, planes: Planes, gap: float, lam: Parameter) -> list[str]:
    found = [_few(planes.frames), _gap(gap), lam_warning(lam, planes.frames, planes.columns), _busy(fitted)]
    return [text for text in found if text]


def _few(frames: int) -> str:
    if frames == 2:
        return "Two images: each is compared with their mean, a plain difference. Both show what differs."
    if frames < FEW_FRAMES:
        return f"Only {frames} images: the stated false-alarm rate is approximate below {FEW_FRAMES}."
    return ""


def _gap(gap: float) -> str:
    if gap <= LOOSE:
        return ""
    return f"The background is not certified: its relative gap is {gap:.1e}. Masks are usable; do not quote the fit."


def lam_warning(lam: Parameter, samples: int, features: int) -> str:
    """What a weight that is far from the default does; "" for one that is near."""
    ratio = lam.value / default_lam(samples, features).value
    if lam.why != "given" or 1 / 3 < ratio < 3:
        return ""
    if ratio > 1:
        return f"lam is {ratio:.3g}× the default: the anomaly costs too much and leaks into the background."
    return f"lam is {ratio:.3g}× the default: the anomaly costs too little and takes parts of the background."


def _busy(fitted: Fitted) -> str:
    flagged = fitted.work.flagged
    if flagged is None:
        return ""
    share = float((flagged.mean(axis=0) > BUSY).mean())
    if share == 0:
        return ""
    return (
        f"{100 * share:.2g} % of the pixels are covered in more than {100 * BUSY:.0f} % of the images: "
        "what is background there is uncertain. Add images."
    )
