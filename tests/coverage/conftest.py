"""A real kernel with an instrumented part, and its coverage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lkltest import cc
from lkltest import liblkl as kernels
from lkltest.coverage.collect import collect
from lkltest.coverage.data import Data
from lkltest.coverage.raw import VARIABLE
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings
from tests.liblkl.tiny import call

PROGRAMS = Path(__file__).parent / "programs"
TRACED = PROGRAMS / "traced.c"


def line_of(text: str, source: Path = TRACED) -> int:
    """The number of the only line of a source with this text in it."""
    (number,) = [n for n, line in enumerate(source.read_text().splitlines(), 1) if text in line]
    return number


@pytest.fixture(scope="session")
def traced(liblkl: Liblkl, tmp_path_factory: pytest.TempPathFactory) -> Liblkl:
    """The tests' kernel with one instrumented object more in its archive."""
    assert liblkl.static is not None
    folder = tmp_path_factory.mktemp("traced")
    shutil.copy(liblkl.static, folder / "liblkl.a")
    for include in liblkl.include:
        shutil.copytree(include, folder / "include", dirs_exist_ok=True)
    instrumented = ("-g", "-O2", "-fPIC", "-fsanitize-coverage=trace-pc")
    call("gcc", *instrumented, "-c", TRACED, "-o", folder / "traced.o")
    call("ar", "r", folder / "liblkl.a", folder / "traced.o")
    found = kernels.find(folder / "liblkl.a")
    return replace(found, root=PROGRAMS)


@pytest.fixture(scope="session")
def shared(liblkl: Liblkl, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests' kernel as a shared library whose lkl_syscall() is instrumented."""
    assert liblkl.static is not None
    folder = tmp_path_factory.mktemp("shared")
    for include in liblkl.include:
        shutil.copytree(include, folder / "include", dirs_exist_ok=True)
    call("objcopy", "--redefine-sym", "lkl_syscall=plain_lkl_syscall", liblkl.static, folder / "plain.a")
    call("gcc", "-g", "-O2", "-fPIC", "-shared", "-fsanitize-coverage=trace-pc,trace-cmp",
         PROGRAMS / "traced_call.c", "-Wl,--whole-archive", folder / "plain.a", "-Wl,--no-whole-archive", "-lpthread",
         "-lrt", "-o", folder / "liblkl.so")  # fmt: skip
    (folder / "plain.a").unlink()
    return folder


@dataclass(frozen=True)
class Covered:
    """One run of the program covers.c."""

    status: int | None  # None: killed by a signal
    program: Path
    data: Data
    output: str


Cover = Callable[..., Covered]


@pytest.fixture
def cover(traced: Liblkl, settings: Settings, tmp_path: Path) -> Cover:
    """Run covers.c on the traced kernel, with arguments of its own."""

    def run(*arguments: str) -> Covered:
        program = cc.compile(PROGRAMS / "covers.c", traced, settings)
        folder = tmp_path / "raw"
        folder.mkdir()
        done = process.run([program, *arguments], env={VARIABLE: str(folder)}, timeout=120)
        data = collect(folder, program, traced, lambda point: point)
        return Covered(done.status, program, data, done.output.decode())

    return run
