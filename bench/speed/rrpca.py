"""R's `rsvd::rrpca`, which times itself: numbers go there and back as files without a header."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

import textbook
from judge import Answer
from kizu.typing import Floats

SCRIPT = """
a <- commandArgs(trailingOnly = TRUE); rows <- as.integer(a[2]); columns <- as.integer(a[3])
read <- function(n) { f <- file(file.path(a[1], "matrix"), "rb"); x <- readBin(f, "double", n); close(f); x }
write <- function(x, name) { f <- file(file.path(a[1], name), "wb"); writeBin(as.vector(x), f); close(f) }
m <- matrix(read(rows * columns), rows, columns)
set.seed(1)
invisible(rsvd::rrpca(m[1:20, 1:20]))
seconds <- system.time(
  found <- rsvd::rrpca(m, lambda = as.double(a[5]), maxiter = 1000, tol = as.double(a[4]), rand = TRUE)
)[["elapsed"]]
write(found$L, "low"); write(found$S, "sparse")
cat(sprintf('{"seconds": %.6f, "iterations": %d}', seconds, length(found$err)))
"""


@cache
def present() -> bool:
    """Whether Rscript runs and finds rsvd."""
    program = shutil.which("Rscript")
    if program is None:
        return False
    return subprocess.run([program, "-e", "library(rsvd)"], capture_output=True, check=False).returncode == 0


def run(matrix: Floats, tol: float) -> Callable[[], Answer]:
    """Pixels × frames, in columns as R keeps them: the bytes of frames × pixels in rows."""
    frames, pixels = matrix.shape
    with tempfile.TemporaryDirectory() as folder:
        np.ascontiguousarray(matrix, np.float64).tofile(Path(folder, "matrix"))
        arguments = [folder, str(pixels), str(frames), repr(tol), repr(textbook.weight(matrix))]
        said = subprocess.run(["Rscript", "-e", SCRIPT, *arguments], capture_output=True, text=True, check=True)
        parts = [np.fromfile(Path(folder, name)).reshape(frames, pixels) for name in ("low", "sparse")]
    told = json.loads(said.stdout)
    return lambda: Answer(*parts, told["iterations"], seconds=told["seconds"])
