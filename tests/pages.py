"""The code of a documentation page: what it quotes of the source, and what it says a reader could write."""

import re
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
EXTEND, EXTEND_JA = ROOT / "docs" / "extend.md", ROOT / "docs" / "extend.ja.md"
BLOCK = re.compile(r"(?:^<!-- source: (\S+) (\S+) -->\n)?^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def quoted(page: Path) -> list[tuple[str, str, str]]:
    """(file, name, source) of every block that is quoted from kizu."""
    return [(file, name, code) for file, name, code in BLOCK.findall(page.read_text("utf-8")) if file]


def written(page: Path) -> list[str]:
    """The blocks that a reader would write."""
    return [code for file, _, code in BLOCK.findall(page.read_text("utf-8")) if not file]


def run(name: str, *codes: str) -> ModuleType:
    """A module `name` that holds what `codes` define."""
    module = sys.modules[name] = ModuleType(name)
    for code in codes:
        exec(compile(code, name, "exec"), vars(module))
    return module
