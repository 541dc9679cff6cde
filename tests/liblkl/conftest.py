"""Fixtures of tiny trees and of a registry that serves one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest.settings import Settings
from tests.liblkl.tiny import Heard, Registry, Shape, write_headers, write_library


@pytest.fixture
def make_tree(tmp_path: Path) -> Callable[..., Path]:
    """Make a tree that was built in place, or in an O= directory."""

    def make(shape: Shape | None = None, root: Path | None = None, output: Path | None = None) -> Path:
        shape = shape or Shape()
        root = root or tmp_path / "linux"
        output = output or root
        tools = "tools/lkl"
        (root / tools / "tests").mkdir(parents=True)
        (root / "init").mkdir()
        for name in ("Kconfig", "Kbuild", "Makefile", "init/main.c", "tools/lkl/tests/boot.c", "tools/lkl/Makefile"):
            (root / name).write_text("")
        write_headers(output / tools / "include", shape, root / tools / "include")
        include = [output / tools / "include", root / tools / "include"]
        write_library(output / tools / "liblkl.a", output / tools / "lib/liblkl.so", include, shape)
        return root

    return make


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """Settings with a cache of the test's own."""
    return Settings(cache=tmp_path / "cache")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry of the test's own, in front of the real npm."""
    made = Registry(tmp_path / "registry")
    monkeypatch.setenv("PATH", str(made.program.parent), prepend=":")
    return made


@pytest.fixture
def heard() -> Heard:
    """A listener to a build."""
    return Heard()
