"""Who runs: kizu through its public interface, the textbook, and what others have published.

Each takes the matrix (frames × pixels) and a tolerance, and returns a function that gives its answer in the same
orientation: what is timed ends before, so that nobody pays for being looked at. Those that are faster on
pixels × frames get that: a transposed view is laid out as LAPACK wants it.
"""

import contextlib
import importlib.util
import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import problems
import rrpca
import textbook
from judge import Answer
from kizu.typing import Floats

MOST = 5000
"""Steps: more than any of them takes."""
Finish = Callable[[], Answer]


class Contestant(NamedTuple):
    """How to run one, how to see whether it is there, and what to do where it is not."""

    run: Callable[[NDArray[Any], float], Finish]
    model: str = "exact"
    module: str = ""
    install: str = ""

    @property
    def present(self) -> bool:
        return rrpca.present() if self.module == "rsvd" else not self.module or _importable(self.module)


def kizu_fast(matrix: NDArray[Any], tol: float) -> Finish:
    return _kizu(matrix, noise=None, mode="fast")


def kizu_exact(matrix: NDArray[Any], tol: float) -> Finish:
    return _kizu(matrix, noise=None, tol=tol)


def kizu_stable(matrix: NDArray[Any], tol: float) -> Finish:
    return _kizu(matrix, noise=problems.SIGMA, tol=tol)


def _kizu(matrix: NDArray[Any], **options: Any) -> Finish:
    from kizu import robust_pca

    found = robust_pca(matrix, **options)

    def finish() -> Answer:
        low = found.factors
        factors = np.ldexp(low.left, low.exponent), low.right
        if low.transposed:
            factors = factors[1].T, factors[0].T
        proof = found.certificate.relative_gap
        return Answer(factors, np.asarray(found.anomaly), len(found.history), proof=proof, rank=found.rank)

    return finish


def numpy_ialm(matrix: Floats, tol: float) -> Finish:
    return _turned(textbook.ialm(matrix.T, tol))


def randomized_ialm(matrix: Floats, tol: float) -> Finish:
    found = textbook.ialm(matrix, tol, randomized=True)
    return lambda: Answer(found.low, found.sparse, found.iterations, found.dual)


def held(factor: float) -> Callable[[Floats, float], Finish]:
    return lambda matrix, tol: _turned(textbook.held(matrix.T, tol, factor=factor))


def _turned(found: textbook.Found) -> Finish:
    assert found.dual is not None
    dual = found.dual.T
    return lambda: Answer(found.low.T, found.sparse.T, found.iterations, dual, spare=found.spare)


def pyrpca(matrix: Floats, tol: float) -> Finish:
    from pyrpca import rpca_pcp_ialm

    with contextlib.redirect_stdout(io.StringIO()) as said:  # one line per step, and the only count of them
        low, sparse = rpca_pcp_ialm(matrix.T, textbook.weight(matrix), max_iter=MOST, tol=tol)
    return lambda: Answer(low.T, sparse.T, said.getvalue().count("iter "))


def tensorly(matrix: Floats, tol: float) -> Finish:
    """Of a matrix it thresholds both unfoldings, the nuclear norm counts twice: half the weight is the same problem.

    Its tolerance is absolute, and its mu starts at a number for data of size one: both are given in units of M.
    """
    from tensorly.decomposition import robust_pca

    size, lam = float(np.linalg.norm(matrix)), textbook.weight(matrix)
    low, sparse, errors = robust_pca(
        matrix,
        tol=tol * size,
        reg_J=0.5,
        reg_E=lam,
        mu_init=textbook.START / size,
        n_iter_max=MOST,
        return_errors=True,
        verbose=0,
    )
    return lambda: Answer(low, sparse, len(errors))


def sporco(matrix: Floats, tol: float) -> Finish:
    from sporco.admm.rpca import RobustPCA

    options = RobustPCA.Options({"MaxMainIter": MOST, "RelStopTol": tol, "fEvalX": False, "gEvalY": False})
    solver = RobustPCA(matrix.T, textbook.weight(matrix), options)
    low, sparse = solver.solve()
    return lambda: Answer(low.T, sparse.T, int(solver.k))


CONTESTANTS = {
    "kizu fast": Contestant(kizu_fast),
    "kizu certified": Contestant(kizu_exact),
    "kizu stable": Contestant(kizu_stable, model="stable"),
    "NumPy IALM": Contestant(numpy_ialm),
    "randomized IALM": Contestant(randomized_ialm),
    "NumPy IALM, μ held at 30 μ₀": Contestant(held(30.0)),
    "NumPy IALM, μ held at 100 μ₀": Contestant(held(100.0)),
    "NumPy IALM, μ held at 300 μ₀": Contestant(held(300.0)),
    "pyrpca": Contestant(pyrpca, module="pyrpca", install="pip install pyrpca"),
    "tensorly": Contestant(tensorly, module="tensorly", install="pip install tensorly"),
    "sporco": Contestant(sporco, module="sporco", install="pip install sporco"),
    "R rrpca": Contestant(rrpca.run, module="rsvd", install="install R, then install.packages('rsvd')"),
}


def _importable(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
