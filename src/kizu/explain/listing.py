"""The code of a lesson as its page shows it: the real source, with the imports that it needs, ready to be pasted."""

import ast
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any


def listing(functions: Sequence[Callable[..., Any]]) -> str:
    """The source of `functions`, all of one module, below the lines of that module which name what they use."""
    module = sys.modules[functions[0].__module__]
    sources = [inspect.getsource(function) for function in functions]
    used = {name for source in sources for name in _names(ast.parse(source))}
    kept: list[str] = []
    for node in reversed(ast.parse(inspect.getsource(module)).body):  # a constant may itself need an import above it
        if line := _needed(node, used):
            kept.insert(0, line)
            used |= _names(node)
    return "\n\n\n".join(["\n".join(kept), *(source.rstrip() for source in sources)]) + "\n"


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _needed(node: ast.stmt, used: set[str]) -> str:
    """An import or a constant of the module with only the names in `used`, or nothing."""
    match node:
        case ast.Import(names) | ast.ImportFrom(names=names):
            node.names = [name for name in names if (name.asname or name.name) in used]
            return ast.unparse(node) if node.names else ""
        case ast.Assign(targets=[ast.Name(name)]) if name in used:
            return ast.unparse(node)
    return ""
