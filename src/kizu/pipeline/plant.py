"""Choosing without labels: plant defects into the user's own data, and see which model finds them."""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kizu.engines.threads import DEFAULT_JOBS
from kizu.io.matrix import kind_of
from kizu.pipeline.choose import one_scene
from kizu.pipeline.manifest import SCHEMA
from kizu.pipeline.models import DEFAULTS, INPUTS, Kind
from kizu.pipeline.options import Options
from kizu.pipeline.plant_score import BUDGET, Scored, difference, reasons, recalls
from kizu.pipeline.plant_trial import Tried, tried
from kizu.pipeline.refit import Progress
from kizu.pipeline.road import quiet

BY = ("kind", "size", "contrast")
TRUE_FLAWS = "flaws that were there before may be among the regions elsewhere"
WHY = {
    "table": "a table is judged row by row: nothing was planted",
    "matrix": "a matrix is split by robust PCA: nothing was planted",
}


@dataclass(frozen=True)
class PlantReport:
    """What was planted, what every candidate found, and what to use.

    `inputs` as given; `of` is what they are; `why`: how that is known; `options`: what it was run with. `tried`
    holds the planted pictures, the defects and one row per candidate, best first; None for a matrix or a table.
    """

    inputs: tuple[str, ...]
    of: Kind
    why: str
    options: Options
    tried: Tried | None

    @property
    def rows(self) -> tuple[Scored, ...]:
        return () if self.tried is None else self.tried.rows

    @property
    def model(self) -> str:
        """The word of the recommended model."""
        return self.rows[0].candidate.model if self.rows else DEFAULTS[self.of]

    @property
    def lam(self) -> float | None:
        """The weight that goes with it; None is its default."""
        return self.rows[0].candidate.lam if self.rows else None

    @cached_property
    def command(self) -> str:
        """What to run."""
        options = self.options
        words = ["kizu", "detect", *self.inputs, "--model", self.model]
        words += [] if self.lam is None else ["--lam", f"{self.lam:.4g}"]
        words += [] if options.false_alarms is None else ["--false-alarms", f"{options.false_alarms:g}"]
        words += ["--recursive"] if options.recursive else []
        words += [] if options.axes is None else ["--axes", options.axes]
        return f"{shlex.join(words)} -o OUT"

    @property
    def sentences(self) -> list[str]:
        """What was planted, what is recommended and why, and the runner-up."""
        if self.tried is None:
            return [f"{INPUTS[self.of]}: {self.why}"]
        best, trial = self.rows[0], self.tried.trial
        found = [
            f"{'one scene' if trial.scene else 'no common scene'}: {self.why}",
            *trial.notes,
            f"{len(trial.planted)} defects were planted into {len(trial.pictures)} pictures; expected false regions "
            f"per picture: {self.options.rule.value:g}; {TRUE_FLAWS}",
            f"recommended: {best.candidate.words}: {reasons(self.rows)[0]}",
        ]
        if len(self.rows) > 1:
            second = self.rows[1]
            found.append(f"runner-up: {second.candidate.words}: {difference(best, second)}")
        return found

    @property
    def document(self) -> dict[str, Any]:
        """All of it but the pictures, for JSON."""
        why, others = reasons(self.rows) if self.rows else (self.why, ())
        return {
            "schema": SCHEMA,
            "kizu": version("kizu"),
            "command": "plant",
            "inputs": list(self.inputs),
            "kind": self.of,
            "why": self.why,
            "recommendation": {
                "model": self.model,
                "lam": self.lam,
                "why": why,
                "others": list(others),
                "command": self.command,
            },
            **({} if self.tried is None else self._trial(self.tried)),
        }

    def _trial(self, tried: Tried) -> dict[str, Any]:
        trial = tried.trial
        return {
            "scene": trial.scene,
            "pictures": list(trial.names),
            "notes": [*trial.notes, TRUE_FLAWS],
            "budget": BUDGET,
            "expected": self.options.rule.value,
            "seed": self.options.seed,
            "planted": [one.document for one in trial.planted],
            "candidates": [self._candidate(row) for row in tried.rows],
        }

    def _candidate(self, row: Scored) -> Mapping[str, Any]:
        return {
            **row.candidate._asdict(),
            "recall_at_budget": row.recall_at_budget,
            "recall": row.recall,
            "elsewhere": row.elsewhere,
            "seconds": row.seconds,
            "found": list(row.found),
            "found_at_budget": list(row.at_budget),
            **{f"by_{name}": self.recalls(row, name) for name in BY},
        }

    def recalls(self, row: Scored, by: str) -> list[dict[str, Any]]:
        """Recall at the budget for each "kind", "size" or "contrast"."""
        return [] if self.tried is None else recalls(self.tried.trial.planted, row.at_budget, by)


def plant(
    inputs: str | Path | Sequence[str | Path], *, models: Sequence[str] | None = None,
    false_alarms: float | None = None, recursive: bool = False, axes: str | None = None, jobs: int = DEFAULT_JOBS,
    seed: int = 0, progress: Progress = quiet,
) -> PlantReport:  # fmt: skip
    """Plant spots, scratches, blobs, steps and swaps into copies of `inputs` and report which model finds them.

    Nothing is written, and no input is touched. At most 40 pictures are used; a single one as several copies.

    Parameters
    ----------
    inputs : path or paths
        As for :func:`kizu.inspect`.
    models : words
        Candidates: "rpca" and "rdl" for pictures of one scene; "patch-pcp", "rdl" and "ipi" for all others. By
        default all of these, each also at half and twice its default weight `lam`.
    false_alarms : number
        Expected false regions per defect-free picture that masks are made at; default 0.1.
    recursive, axes, jobs, seed, progress
        As for :func:`kizu.inspect`; the seed also draws the defects.

    Raises
    ------
    KizuError
        One line that says what is wrong, where, and what to do.
    """
    options = Options(
        model=None, noise="auto", lam=None, rank=None, false_alarms=false_alarms, fdr=None, z=None, background=None,
        ignore=None, align="auto", recursive=recursive, axes=axes, resize=None, skip_odd=False, min_area=None,
        sign="both", memory=None, jobs=jobs, seed=seed, resume=False, overwrite=False,
    )  # fmt: skip
    given = [inputs] if isinstance(inputs, str | Path) else inputs
    paths = tuple(os.fspath(path) for path in given)
    of = kind_of(paths, axes=axes)
    if of != "images":
        return PlantReport(paths, of, WHY[of], options, None)
    scene, why = one_scene(paths, options)
    found = tried(paths, options, scene=scene, models=models, progress=progress)
    return PlantReport(paths, of, why, options, found)
