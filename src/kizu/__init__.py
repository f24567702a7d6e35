"""Find what does not belong: background + anomaly + noise.

The names below are imported on first use, so that `import kizu` loads no third-party package.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kizu.models.decomposition import Decomposition as Decomposition
    from kizu.models.dictionary_estimator import RobustDictionary as RobustDictionary
    from kizu.models.estimator import RobustPCA as RobustPCA
    from kizu.models.flag import flag as flag
    from kizu.models.learned_rpca import LearnedRPCA as LearnedRPCA
    from kizu.models.lista import Alista as Alista
    from kizu.models.lista import HyperLista as HyperLista
    from kizu.models.lista import Lista as Lista
    from kizu.models.path import robust_pca_path as robust_pca_path
    from kizu.models.robust_dictionary import robust_dictionary as robust_dictionary
    from kizu.models.robust_pca import robust_pca as robust_pca
    from kizu.models.sparse_code import SparseCodes as SparseCodes
    from kizu.models.sparse_code import sparse_code as sparse_code
    from kizu.models.sparse_code import sparse_code_path as sparse_code_path
    from kizu.models.sparse_coder import SparseCoder as SparseCoder
    from kizu.pipeline.fit import fit as fit
    from kizu.pipeline.plant import plant as plant
    from kizu.pipeline.road import inspect as inspect
    from kizu.pipeline.train import train as train

__version__ = "0.1.0"

_HOME = {
    "Alista": "kizu.models.lista",
    "Decomposition": "kizu.models.decomposition",
    "HyperLista": "kizu.models.lista",
    "LearnedRPCA": "kizu.models.learned_rpca",
    "Lista": "kizu.models.lista",
    "RobustDictionary": "kizu.models.dictionary_estimator",
    "RobustPCA": "kizu.models.estimator",
    "SparseCoder": "kizu.models.sparse_coder",
    "SparseCodes": "kizu.models.sparse_code",
    "fit": "kizu.pipeline.fit",
    "flag": "kizu.models.flag",
    "inspect": "kizu.pipeline.road",
    "plant": "kizu.pipeline.plant",
    "robust_dictionary": "kizu.models.robust_dictionary",
    "robust_pca": "kizu.models.robust_pca",
    "robust_pca_path": "kizu.models.path",
    "sparse_code": "kizu.models.sparse_code",
    "sparse_code_path": "kizu.models.sparse_code",
    "train": "kizu.pipeline.train",
}
_PACKAGES = {"datafits", "explain", "operators", "penalties", "prox"}  # reachable after a bare `import kizu`
__all__ = [
    "Alista",
    "Decomposition",
    "HyperLista",
    "LearnedRPCA",
    "Lista",
    "RobustDictionary",
    "RobustPCA",
    "SparseCoder",
    "SparseCodes",
    "fit",
    "flag",
    "inspect",
    "plant",
    "robust_dictionary",
    "robust_pca",
    "robust_pca_path",
    "sparse_code",
    "sparse_code_path",
    "train",
]

if not TYPE_CHECKING:  # hidden from type checkers, so that a misspelt public name is an error

    def __getattr__(name: str) -> object:
        if name in _PACKAGES:
            return import_module(f"kizu.{name}")
        if name not in _HOME:
            raise AttributeError(f"module 'kizu' has no attribute {name!r}")
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})
