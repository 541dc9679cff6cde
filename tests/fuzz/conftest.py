"""Fixtures of the fuzzer's tests: a description of the kernel, and kernels with planted bugs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.lang.describe import Description, describe
from lkltest.fuzz.prog.text import parse_program
from lkltest.fuzz.prog.values import Program
from lkltest.fuzz.repro.runner import Runner
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings

PLANTED = Path(__file__).parent / "planted.c"


@dataclass(frozen=True)
class Planted:
    """A kernel with bugs of ours in front of it, of which the environment's PLANTED chooses one."""

    config: KernelConfig
    settings: Settings
    description: Description


@pytest.fixture(scope="session")
def description(liblkl: Liblkl, settings: Settings) -> Description:
    """The description of the kernel's calls."""
    return describe(liblkl, settings)


@pytest.fixture(scope="session")
def planted(
    liblkl: Liblkl, settings: Settings, description: Description, tmp_path_factory: pytest.TempPathFactory
) -> Planted:
    """The executor, built against a library that stands in front of liblkl.so."""
    directory = tmp_path_factory.mktemp("planted")
    library = directory / "libplanted.so"
    assert liblkl.shared is not None
    kernel = [str(liblkl.shared), f"-Wl,-rpath,{liblkl.shared.parent}"]
    done = process.run(
        [*settings.cc, "-g", "-O1", "-fno-omit-frame-pointer", "-w", "-fPIC", "-shared",
         *(f"-I{path}" for path in liblkl.include), *liblkl.cflags, PLANTED, "-o", library, *kernel, "-ldl"],
        timeout=100, merge=True,
    )
    assert done.ok, done.output.decode()
    changed = replace(liblkl, shared=library, libs=(*kernel, *liblkl.libs))
    own = replace(settings, cache=directory / "cache")  # the executor is of no use to others
    return Planted(KernelConfig.make(changed, own, description.shapes), own, description)


@pytest.fixture(scope="session")
def config(liblkl: Liblkl, settings: Settings, description: Description) -> KernelConfig:
    """The configuration of kernels without planted bugs."""
    return KernelConfig.make(liblkl, settings, description.shapes)


@pytest.fixture(scope="session")
def parse(description: Description) -> Callable[[str], Program]:
    """Reads a program's text."""
    return lambda text: parse_program(text, description.headers.constants, description.produces)


@pytest.fixture
def runner(config: KernelConfig, description: Description) -> Iterator[Runner]:
    """Runs programs on kernels without planted bugs."""
    with Runner(config, description) as oracle:
        yield oracle
