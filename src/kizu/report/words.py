"""What a run found, how sure it is and what it did, in sentences."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

Document = Mapping[str, Any]


class Nouns(NamedTuple):
    """What a run is made of and finds: an item, its parts, what it has, what several have, a piece of that."""

    item: str
    parts: str
    flaw: str
    flaws: str
    piece: str


NOUNS = {
    "images": Nouns("image", "pixels", "a defect", "defects", "region"),
    "pictures": Nouns("image", "pixels", "a defect", "defects", "region"),
    "matrix": Nouns("row", "entries", "an anomaly", "anomalies", "flag"),
    "table": Nouns("row", "columns", "an anomaly", "anomalies", "leading column"),
}

RULES = {
    "false_alarms": "Expected false regions per defect-free image: {value:g}.",
    "fdr": "Expected share of false ones among the flagged {parts}: {value:g}.",
    "z": "A pixel is flagged from z = {value:g} on; this promises no false-alarm rate.",
}
TABLE_RULES = {
    "false_alarms": "Expected false rows in a table of this size without anomalies: {value:g}.",
    "fdr": "Expected share of false ones among the flagged rows: {value:g}.",
    "z": "A row is flagged from z = {value:g} on; this promises no false-alarm rate.",
}
STOPPED = {
    "gap": "it reached the asked tolerance",
    "feasible": "the parts add up to the data, which proves nothing about the optimum",
    "max_iter": "it ran out of iterations",
}


def count(number: int, noun: str) -> str:
    """`number` and `noun`, in the plural unless there is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def nouns(run: Document) -> Nouns:
    return NOUNS[run.get("kind", "images")]


def headline(run: Document) -> str:
    words = nouns(run)
    items, anomalous = run["frames"]["used"], run["summary"]["anomalous"]
    if items == 1:
        return f"The {words.item} has {words.flaw if anomalous else f'no {words.flaw.split()[-1]}'}"
    if not anomalous:
        return f"None of the {items} {words.item}s has {words.flaw}"
    return f"{anomalous} of {items} {words.item}s {f'has {words.flaw}' if anomalous == 1 else f'have {words.flaws}'}"


def pieces(run: Document) -> str:
    """How many regions or flags there are."""
    return count(run["summary"]["regions"], nouns(run).piece)


def promise(run: Document) -> str:
    """What the decision rule promises."""
    decision, used = run["decision"], run["frames"]["used"]
    if run.get("kind") == "table":
        return TABLE_RULES[decision["rule"]].format(value=decision["value"])
    said = RULES[decision["rule"]].format(value=decision["value"], parts=nouns(run).parts)
    if decision["rule"] != "false_alarms" or used == 1:
        return said
    return f"{said} In {used} such images: about {used * decision['value']:.2g}."


def warnings(run: Document) -> list[str]:
    """Everything that a reader must know before trusting the result."""
    frames, skipped, found, item = run["frames"], run["skipped"], list(run["warnings"]), nouns(run).item
    lost = frames["declared"] - frames["decoded"]
    if lost > 0:
        found.append(f"{lost} of {count(frames['declared'], item)} could not be read.")
    if skipped:
        found.append(f"{count(len(skipped), 'row' if run.get('kind') == 'table' else 'input')} left out: see Inputs.")
    if run["decision"]["approximate"] and not any("approximate" in warning for warning in found):
        found.append(
            f"The false-alarm rate is approximate: {count(frames['used'], item)} is too few to measure it well."
        )
    if not run["converged"]:
        found.append("The split is not proven to be the best one: see Proof.")
    return found


def proof(run: Document) -> str:
    """The certificate, and why the solver stopped."""
    certificate = run.get("certificate")
    if "proof" in run:
        return str(run["proof"])
    if not certificate:
        return "No split was optimised, so there is nothing to prove."
    gap = percent(certificate["relative_gap"])
    asked = percent(certificate["tol"])
    reason = STOPPED.get(run["stopped"], run["stopped"])
    if "background" in run["parameters"]:
        proven = "proven" if run["converged"] else "not proven"
        return (
            "These images were held against the background of an earlier run, and not split anew. What follows is that"
            f" run's: its background was {proven} to be within {gap} of the best (asked: {asked})."
        )
    if run["converged"]:
        return (
            f"Proven: no other split of these {nouns(run).item}s is better than this one by more than {gap}"
            f" (asked: {asked})."
        )
    return (
        f"Not proven: another split may be better by up to {gap} (asked: {asked}). The solver stopped because {reason}."
    )


def choice(model: Document | None) -> str:
    """Which model, why, and what the runner-up would have been."""
    if model is None:
        return ""
    said = f"Model: {model['name']} ({model['what']}), {model['why']}."
    if not model["others"]:
        return said
    second = model["others"][0]
    return f"{said} The runner-up would have been {second['name']}: {second['why']}."


def dictionary(scales: Sequence[Document]) -> str:
    """How many atoms there are, and how many a patch takes."""
    said = []
    for scale in scales:
        size = "full size" if scale["factor"] == 1 else f"1/{scale['factor']} of it"
        said.append(f"{scale['atoms']} atoms at {size}, of which a patch takes {scale['used']:.2g}")
    return f"{'; '.join(said)}. Below are those of full size, most used first."


def percent(share: float | None) -> str:
    return "an unknown amount" if share is None else f"{100 * share:.2g} %"


def frames(counts: Document) -> str:
    """Declared, decoded and used: where they differ, something was lost and is named elsewhere on the page."""
    declared, decoded, used = counts["declared"], counts["decoded"], counts["used"]
    return f"{count(declared, 'image')} declared by the files, {decoded} decoded, {used} used."


def stack(shape: Document) -> str:
    colours = "grey" if shape["channels"] == 1 else f"{shape['channels']} channels"
    if len(shape.get("sizes", [])) > 1:
        sides = [span([[size[side] for size in shape["sizes"]]]) for side in ("width", "height")]
        return f"They are {sides[0]} × {sides[1]} pixels, {colours}, {shape['dtype']}."
    shape = {**shape, **(shape["sizes"][0] if "sizes" in shape else {})}
    return f"Each is {shape['width']} × {shape['height']} pixels, {colours}, {shape['dtype']}."


def matrix(shape: Document) -> str:
    """Rows, columns, type and how much is missing."""
    missing = 1 - shape["known"]
    unknown = f"{percent(missing)} of the entries are unknown" if missing else "every entry is known"
    return f"A matrix of {shape['rows']} rows and {shape['columns']} columns, {shape['dtype']}; {unknown}."


def table(shape: Document) -> str:
    """Rows, columns, how much is missing, and what it was held against."""
    missing = 1 - shape["known"]
    unknown = f"{percent(missing)} of the values are unknown" if missing else "every value is known"
    columns = count(len(shape["columns"]), "column")
    return f"A table of {count(shape['rows'], 'row')} and {columns} of numbers that tell rows apart; {unknown}."


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
