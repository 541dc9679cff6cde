"""The order of the modules, as docs/architecture.md has it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import lkltest

PACKAGE = Path(lkltest.__file__).parent

# Each row may import from itself and from those above it.
ROWS = (
    "errors", "closing", "settings", "settingsfile", "process", "progress", "cache", "tap", "liblkl", "cc", "addresses",
    "crashreport", "symbolize", "uml", "program", "image", "netns", "fuzz", "gate", "plugin cli",
)  # fmt: skip
HEIGHT = {module: height for height, row in enumerate(ROWS) for module in row.split()}


def imported(source: str) -> Iterator[str]:
    """The modules of lkltest that a source imports, anywhere in it, by the first part of their names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "lkltest":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("lkltest."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("lkltest."))


@pytest.mark.parametrize("module", HEIGHT)
def test_imports_point_up(module: str) -> None:
    """A module imports from its own row and from those above it, and plugin and cli not from each other."""
    files = [*PACKAGE.glob(f"{module}.py"), *PACKAGE.glob(f"{module}/**/*.py")]
    names = {name for file in files for name in imported(file.read_text())}
    assert files
    assert {name for name in names - {module} if HEIGHT[name] > HEIGHT[module]} == set()
    assert not {"plugin", "cli"} & (names - {module})


def test_every_module_has_its_place() -> None:
    """A new module is given a row."""
    modules = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert modules - {"__init__", "__main__"} == set(HEIGHT)
