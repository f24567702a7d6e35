"""`kizu info`: what a bug report needs, and whether the fast parts are in use."""

import json
import os
import platform
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from typing import Any

import click

import kizu.native as native
from kizu.cli import debug_option

LIBRARIES = ("numpy", "scipy", "scikit-learn", "pillow", "tifffile", "safetensors")


@click.command("info")
@click.option("--json", "as_json", is_flag=True, default=False, help="Print one JSON document.")
@debug_option
def command(as_json: bool) -> None:
    """Show versions, threads, kernels and the formats that can be read."""
    facts = gather()
    click.echo(json.dumps(facts, indent=2) if as_json else "\n".join(_lines(facts)))


def gather() -> dict[str, Any]:
    """Collect the facts: one word to a text, a number, or a list or table of them."""
    from kizu.io.readers import READERS

    return {
        "kizu": version("kizu"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "threads": _blas_threads(),
        "kernels": native.instructions() + (f" ({native.why()})" if native.why() else ""),
        "formats": sorted(READERS),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def _blas_threads() -> dict[str, int]:
    import_module("scipy.linalg")  # only libraries that are loaded can be asked; SciPy brings NumPy's
    from threadpoolctl import threadpool_info

    pools = sorted((f"{pool['internal_api']}-{pool['version']}", pool["num_threads"]) for pool in threadpool_info())
    return dict(pools)


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    for name, fact in facts.items():
        yield f"{name:<11}{_text(fact)}"


def _text(fact: Any) -> str:
    match fact:
        case dict():
            return ", ".join(f"{key} {value}" for key, value in fact.items())
        case list():
            return " ".join(fact)
    return str(fact)
