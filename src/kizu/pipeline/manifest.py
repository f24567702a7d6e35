"""The end of a run: tables, crops, the manifest and the report."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kizu.detect.decide import Rule, lows_for
from kizu.io.results import Results
from kizu.pipeline.facts import FEW_FRAMES
from kizu.pipeline.found import Found
from kizu.pipeline.options import Options, fingerprint
from kizu.pipeline.outputs import MOST_CROPS, Frames, Rows, write_crops
from kizu.report.write import write_report
from kizu.stack import Stack

SCHEMA = 1
RULES = {
    "false_alarms": "expected false regions per defect-free image; {null}",
    "fdr": "share of false pixels among the flagged, per image; {null}",
    "z": "low threshold of the standardised map, as given",
}
OWN = "the null's tail is measured on this run's own residuals"
EARLIER = "the null is that of the earlier run"
WHY = {
    "align": "how frames are laid on each other: auto leaves a still camera alone",
    "axes": "what the axes of an array are",
    "background": "model of the earlier run that these images are held against, by its sha256",
    "ignore": "mask of what is never judged, by its sha256",
    "min_area": "smallest region in pixels, given for every scale",
    "recursive": "folders in folders were read too",
    "resize": "width and height that every image was brought to",
    "seed": "of the null maps: the same seed gives the same bytes",
    "sign": "which way an anomaly may differ",
    "skip_odd": "images of another size than most were left out",
}


class Outcome(NamedTuple):
    """Where the results are and what they say. `run` is the document in run.json."""

    folder: Path
    run: dict[str, Any]

    @property
    def report(self) -> Path:
        return self.folder / "report" / "index.html"


def close(
    frames: Frames, rows: list[Rows], results: Results, options: Options, model: dict[str, Any], *, log: dict[str, Any]
) -> Outcome:
    """Write what belongs to the run as a whole; the manifest comes after all it speaks of."""
    regions = [region for row in rows for region in row.regions]
    position = {name: index for index, name in enumerate(frames.stack.names)}
    write_crops(lambda name: frames.picture(position[name]), regions, results)
    tables = [row.result for row in rows], regions
    results.write_tables(*tables)
    results.write_log({**log, "jobs": options.jobs, "out": str(results.folder)})
    run = document(frames, rows, options) | {"model": model}
    write_report(results.saved(run, *tables), original=frames.picture, residual=frames.residual, engine=options.engine)
    results.write_run(run)
    return Outcome(results.folder, run)


def document(frames: Frames, rows: list[Rows], options: Options) -> dict[str, Any]:
    """run.json: inputs, every parameter with its reason, certificate, counts; nothing of machine or time."""
    stack, found = frames.stack, frames.found
    facts = dict(found.facts)
    regions = sum(len(row.regions) for row in rows)
    notes = list(stack.notes)
    if regions > MOST_CROPS:
        notes.append(f"{regions} regions: the {MOST_CROPS} worst have a crop in defects/, the table has all")
    if options.background:
        facts["registration"] = _registration(found)
        notes.append("Background, scales and null are those of an earlier run")
    return {
        "schema": SCHEMA,
        "kizu": version("kizu"),
        "command": "detect",
        "inputs": [source.__dict__ for source in stack.sources],
        "frames": {"declared": stack.declared, "decoded": stack.decoded, "used": stack.used},
        "skipped": [skipped.__dict__ for skipped in stack.skipped],
        "notes": notes,
        "stack": _stack(stack),
        **facts,
        "parameters": {**facts["parameters"], **asked(options, RULES[options.rule.kind].format(null=_null(options)))},
        "decision": _decision(found, options),
        "display": list(frames.span),
        "summary": {"anomalous": sum(row.result["anomalous"] for row in rows), "regions": regions},
    }


def _registration(found: Found) -> dict[str, Any]:
    return {
        "camera": "moving" if found.moving else "still",
        "shifts": np.round(found.shifts, 3).tolist(),
        "gains": np.round(found.gains, 4).tolist(),
        "biases": np.round(found.biases, 3).tolist(),
        "why": "aligned to the earlier run's reference",
    }


def _stack(stack: Stack) -> dict[str, Any]:
    return {
        "frames": stack.used,
        "height": stack.height,
        "width": stack.width,
        "channels": stack.channels,
        "dtype": str(stack.frames.dtype),
        "quantum": stack.quantum,
    }


def _null(options: Options) -> str:
    return EARLIER if options.background else OWN


def asked(options: Options, why: str) -> dict[str, dict[str, Any]]:
    """The rule, for the reason given, and every other option that has a value; files by what is in them."""
    rule = options.rule
    wanted: dict[str, Any] = {name: getattr(options, name) for name in WHY}
    wanted |= {name: fingerprint(wanted[name]) for name in ("background", "ignore") if wanted[name]}
    given = {
        name: {"value": v, "why": WHY[name]} for name, v in sorted(wanted.items()) if v is not None and v is not False
    }
    return {rule.kind: {"value": rule.value, "why": why}, **given}


def _decision(found: Found, options: Options) -> dict[str, Any]:
    rule = options.rule
    scales = [
        {**null.scale._asdict(), "low": low, "high": None if low is None else 2 * low}
        for null, low in zip(found.nulls, _lows(found, rule), strict=True)
    ]
    few = options.background is None and len(found.shifts) < FEW_FRAMES  # an earlier null does not depend on these
    return {"rule": rule.kind, "value": rule.value, "approximate": few, "scales": scales}


def _lows(found: Found, rule: Rule) -> Sequence[float | None]:
    """The low threshold of every scale; None for FDR, where every image has its own."""
    return [None] * len(found.nulls) if rule.kind == "fdr" else lows_for(rule, found.nulls)
