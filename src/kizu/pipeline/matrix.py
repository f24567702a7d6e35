"""The road of a matrix: rows are samples, columns are features, and no entry has neighbours.

No smoothing, no registration, no region of several entries: every entry is judged on its own
(:func:`kizu.models.flag.flag`), and a stated share of those flagged is expected to be false.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.errors import UsageError
from kizu.files import save_model
from kizu.io.matrix import matrix_header, read_matrix
from kizu.io.names import stems
from kizu.io.regular import sha256_of
from kizu.io.results import Results, open_results
from kizu.models.decomposition import Decomposition
from kizu.models.flag import flag
from kizu.models.robust_pca import robust_pca
from kizu.pipeline.estimate import LIBRARIES, refuse_beyond
from kizu.pipeline.manifest import Outcome
from kizu.pipeline.matrix_networks import split_by
from kizu.pipeline.matrix_outputs import Judged, document, flagged_entries, model_of, sample_rows, write_pictures
from kizu.pipeline.models import Taken
from kizu.pipeline.options import Options, first_set
from kizu.pipeline.refit import Progress
from kizu.report.write import write_matrix_report
from kizu.stack import Source

FDR = 0.02
"""One flagged entry in fifty is expected to be false."""
IMAGES_ONLY: dict[str, Any] = {
    "false_alarms": None, "z": None, "background": None, "ignore": None, "align": "auto", "recursive": False,
    "resize": None, "skip_odd": False, "min_area": None, "sign": "both", "seed": 0,
}  # fmt: skip
"""Keywords of `inspect` that mean nothing here, with the value that says so."""
UNSETTLED: dict[str, Any] = {"noise": "auto", "lam": None, "rank": None}
"""Keywords of `inspect` that a trained network has no use for."""
COPIES = 12
"""Float64 copies of the matrix that are alive at the peak."""


def inspect_matrix(path: str, out: Path, options: Options, taken: Taken, progress: Progress) -> Outcome:
    """Split the matrix in `path` (.npy, .npz) and write what does not belong into the folder `out`.

    NaN is a missing entry. Of the options of :func:`kizu.inspect` those that speak of pictures are
    refused by name; the rule is `fdr`, 0.02 by default. What the tables hold is said in
    :mod:`kizu.pipeline.matrix_outputs`.
    """
    started = time.monotonic()
    refuse_pictures(path, options)
    refuse_sizes(path, options.memory)
    progress("read", 0, 1)
    values = read_matrix(path)
    source = Source(Path(path).name, sha256_of(path), len(values), len(values))
    key = options.key([source], len(values))
    with open_results(out, resume=options.resume, overwrite=options.overwrite, key=key) as results:
        split = _split(values, options, taken, progress)
        fdr = FDR if options.fdr is None else options.fdr
        judged = Judged(values, split, flag(split, fdr=fdr), stems([source.path])[0], source)
        progress("write", 0, 1)
        return _close(judged, fdr, results, started)


def _split(values: NDArray[Any], options: Options, taken: Taken, progress: Progress) -> Decomposition:
    """By robust PCA, or by the network in a model folder."""
    if taken.folder is None:
        return robust_pca(
            values,
            noise=options.noise,
            lam=options.lam,
            rank=options.rank,
            callback=lambda record: progress("certify", record.iteration, 0),
        )
    if option := first_set(options, UNSETTLED):
        raise UsageError("was settled when the network was trained", "Leave it out", where=option)
    return split_by(taken.folder, values)


def refuse_pictures(path: str, options: Options) -> None:
    """UsageError names the first option that speaks of pictures."""
    if option := first_set(options, IMAGES_ONLY):
        raise UsageError(
            f"is a matrix, and {option} is for images",
            "Leave it out (a matrix is decided by --fdr), or add --axes YX if this is a picture",
            where=path,
        )


def refuse_sizes(path: str, budget: str | None) -> None:
    """UsageError for a single row or column, ResourceError for more than the memory holds."""
    rows, columns = matrix_header(path).size[:2]
    if min(rows, columns) < 2:
        raise UsageError(
            f"is a matrix of {rows}x{columns}: there is nothing to compare its entries with",
            "Give at least two rows and two columns",
            where=path,
        )
    refuse_beyond(budget, memory_of(rows, columns), f"{rows} rows of {columns}", "Give fewer rows or columns")


def memory_of(rows: int, columns: int) -> int:
    """Bytes at the peak."""
    return LIBRARIES + COPIES * rows * columns * np.dtype(float).itemsize


def _close(judged: Judged, fdr: float, results: Results, started: float) -> Outcome:
    run = document(judged, fdr)
    overlay = write_pictures(judged, results)
    save_model(results.folder / "model", *model_of(judged, results.key))
    tables = sample_rows(judged), flagged_entries(judged)
    results.write_tables(*tables)
    results.write_log({"seconds": round(time.monotonic() - started, 2), "out": str(results.folder)})
    write_matrix_report(results.saved(run, *tables), picture=overlay)
    results.write_run(run)
    return Outcome(results.folder, run)
