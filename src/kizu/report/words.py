"""What a run found, how sure it is and what it did, in sentences."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

Document = Mapping[str, Any]

RULES = {
    "false_alarms": "Expected false regions per defect-free image: {value:g}.",
    "fdr": "Expected share of false pixels among the flagged ones: {value:g}.",
    "z": "A pixel is flagged from z = {value:g} on; this promises no false-alarm rate.",
}
STOPPED = {
    "gap": "it reached the asked tolerance",
    "feasible": "the parts add up to the data, which proves nothing about the optimum",
    "max_iter": "it ran out of iterations",
}


def count(number: int, noun: str) -> str:
    """`number` and `noun`, in the plural unless there is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def headline(run: Document) -> str:
    images, anomalous = run["frames"]["used"], run["summary"]["anomalous"]
    if images == 1:
        return "The image has a defect" if anomalous else "The image has no defect"
    if not anomalous:
        return f"None of the {images} images has a defect"
    return f"{anomalous} of {images} images {'has a defect' if anomalous == 1 else 'have defects'}"


def promise(decision: Document) -> str:
    """What the decision rule promises."""
    return RULES[decision["rule"]].format(value=decision["value"])


def warnings(run: Document) -> list[str]:
    """Everything that a reader must know before trusting the result."""
    frames, skipped, found = run["frames"], run["skipped"], list(run["warnings"])
    lost = frames["declared"] - frames["decoded"]
    if lost > 0:
        found.append(f"{lost} of {count(frames['declared'], 'image')} could not be read.")
    if skipped:
        found.append(f"{count(len(skipped), 'input')} left out: see Inputs.")
    if run["decision"]["approximate"]:
        found.append(
            f"The false-alarm rate is approximate: {count(frames['used'], 'image')} is too few to measure it well."
        )
    if not run["converged"]:
        found.append("The split is not proven to be the best one: see Proof.")
    return found


def proof(run: Document) -> str:
    """The certificate, and why the solver stopped."""
    certificate = run.get("certificate")
    if not certificate:
        return "No split was optimised, so there is nothing to prove."
    gap = percent(certificate["relative_gap"])
    asked = percent(certificate["tol"])
    reason = STOPPED.get(run["stopped"], run["stopped"])
    if run["converged"]:
        return f"Proven: no other split of these images is better than this one by more than {gap} (asked: {asked})."
    return (
        f"Not proven: another split may be better by up to {gap} (asked: {asked}). The solver stopped because {reason}."
    )


def percent(share: float | None) -> str:
    return "an unknown amount" if share is None else f"{100 * share:.2g} %"


def frames(counts: Document) -> str:
    """Declared, decoded and used: where they differ, something was lost and is named elsewhere on the page."""
    declared, decoded, used = counts["declared"], counts["decoded"], counts["used"]
    return f"{count(declared, 'image')} declared by the files, {decoded} decoded, {used} used."


def stack(shape: Document) -> str:
    colours = "grey" if shape["channels"] == 1 else f"{shape['channels']} channels"
    return f"Each is {shape['width']} × {shape['height']} pixels, {colours}, {shape['dtype']}."


def camera(registration: Document) -> str:
    if registration["camera"] == "still":
        return "The camera stands still: no image was shifted."
    farthest = max((max(abs(dy), abs(dx)) for dy, dx in registration["shifts"]), default=0.0)
    return f"The camera moves: images were shifted by up to {farthest:.1f} pixels."


def exposure(registration: Document) -> str:
    gains, biases = (span(registration[name]) for name in ("gains", "biases"))
    return f"Exposure relative to the background: gain {gains}, bias {biases} grey levels."


def span(rows: Sequence[Sequence[float]]) -> str:
    """Lowest to highest of all numbers in `rows`."""
    numbers = list(chain.from_iterable(rows)) or [0.0]
    low, high = f"{min(numbers):.3g}", f"{max(numbers):.3g}"
    return low if low == high else f"{low} to {high}"


def value_of(value: Any) -> str:
    """A parameter's value: numbers to five digits, nothing as 'none'."""
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(value_of, value))
    return f"{value:.5g}" if isinstance(value, float) else str(value)
