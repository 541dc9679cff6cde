"""Fixtures of the harness's tests: programs compiled against a real kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest import cc
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings
from tests.harness.stream import PROGRAMS, Build, Output, Run, read


@pytest.fixture
def program(liblkl: Liblkl, settings: Settings) -> Build:
    """Compile a program of ours, warnings being errors."""

    def build(name: str | Path, *flags: str) -> Path:
        source = name if isinstance(name, Path) else PROGRAMS / f"{name}.c"
        return cc.compile(source, liblkl, settings, flags=("-Werror", *flags))

    return build


@pytest.fixture
def run(program: Build) -> Run:
    """Compile a program, run it to its end, read what it printed."""

    def run(name: str | Path, *arguments: str, flags: tuple[str, ...] = ()) -> Output:
        return read(process.run([program(name, *flags), *arguments], timeout=60))

    return run
