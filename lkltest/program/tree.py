"""The test programs of a kernel tree's own, in its tools/lkl/tests."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from lkltest.cc import HARNESS
from lkltest.kernel import Kernel

# Linked with each of them: their crashes explain themselves, and their kernel's console is seen as it comes.
ATTACHED = HARNESS / "attach.c"

# The trees' own flags, where ours are stricter.
FLAGS = ("-O2", "-fno-strict-aliasing", "-w")

_RULE = re.compile(r"^([\w.-]+)-y\s*[:+]?=\s*(.*)$", re.MULTILINE)


@functools.lru_cache(maxsize=64)
def programs(tests: Path) -> dict[str, tuple[Path, ...]]:
    """The C programs of a tree's tests with their sources, as its makefile (Build) lists them."""
    try:
        rules = _RULE.findall((tests / "Build").read_text(errors="replace").replace("\\\n", " "))
    except OSError:
        return {}
    found: dict[str, tuple[Path, ...]] = {}
    for name, objects in rules:
        sources = tuple(tests / f"{Path(word).stem}.c" for word in objects.split() if word.endswith(".o"))
        found[name] = (*found.get(name, ()), *sources)
    return {name: sources for name, sources in found.items() if sources and all(s.is_file() for s in sources)}


def sources(kernel: Kernel, name: str) -> tuple[Path, ...]:
    """The C sources of one program, the one with its main first; empty where the tree has none of this name."""
    if kernel.tests is None:
        return ()
    found = programs(kernel.tests).get(name, ())
    return tuple(sorted(found, key=lambda source: source.stem != name))


def missing(kernel: Kernel, name: str) -> str:
    """Why a kernel has not got a program; empty where it has."""
    if sources(kernel, name):
        return ""
    if kernel.root is None:
        return f"{kernel.name} is no kernel tree, so it has no tests of its own: pass --lkl the tree it was built in"
    if kernel.tests is None:
        return f"{kernel.root} has no tests of its own (no tools/lkl/tests): pass --lkl a whole LKL tree"
    return f"{kernel.tests} has no program {name}: its Build lists {', '.join(programs(kernel.tests)) or 'none'}"


def flags(main: Path, others: Sequence[Path]) -> tuple[str, ...]:
    """The compiler's flags of one program: its own headers, and its log of the console passed through ours."""
    shared = any(re.search(r"^void lkl_test_log\b", source.read_text(errors="replace"), re.M) for source in others)
    return (*FLAGS, f"-I{main.parent}", *(("-Wl,--wrap=lkl_test_log",) if shared else ()))
