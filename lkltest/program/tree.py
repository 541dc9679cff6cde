"""The test programs of a kernel tree's own, in its tools/lkl/tests (tools/um/tests, tools/testing/selftests/um)."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from lkltest.cc import HARNESS
from lkltest.kernel import Kernel
from lkltest.program.table import plain_code

# Linked with each of them: their crashes explain themselves, and their kernel's console is seen as it comes.
ATTACHED = HARNESS / "attach.c"

# The trees' own flags, where ours are stricter.
FLAGS = ("-O2", "-fno-strict-aliasing", "-w")

_RULE = re.compile(r"^([\w.-]+)-(?:y|\$\(LKL_HOST_CONFIG_(\w+)\))\s*[:+]?=\s*(.*)$", re.MULTILINE)
_KSELFTEST = re.compile(r"^TEST_(?:GEN_PROGS|GEN_FILES|GEN_PROGS_EXTENDED)\s*[:+]?=\s*(.*)$", re.MULTILINE)
_MAIN = re.compile(r"\bmain\s*\(")


@functools.lru_cache(maxsize=64)
def programs(tests: Path, host: frozenset[str] = frozenset()) -> dict[str, tuple[Path, ...]]:
    """The C programs of a tree's tests with their sources, as its makefile (Build, or kselftest's) lists them.

    `host` is how the library's host part was configured ("POSIX"): some objects are for some hosts only.
    """
    listed = _of_build(tests, host) or _of_kselftest(tests)
    whole = {name: sources for name, sources in listed.items() if sources and all(s.is_file() for s in sources)}
    # A source without a main of its own, such as `tests-common`, is linked with each of the others.
    common = [source for sources in whole.values() if not _has_main(sources) for source in sources]
    return {name: tuple(dict.fromkeys((*sources, *common))) for name, sources in whole.items() if _has_main(sources)}


def _of_build(tests: Path, host: frozenset[str]) -> dict[str, tuple[Path, ...]]:
    """The programs that the makefile of tools/build lists."""
    found: dict[str, tuple[Path, ...]] = {}
    for name, condition, objects in _RULE.findall(_makefile(tests / "Build")):
        if not condition or condition in host:
            sources = tuple(tests / f"{Path(word).stem}.c" for word in objects.split() if word.endswith(".o"))
            found[name] = (*found.get(name, ()), *sources)
    return found


def _of_kselftest(tests: Path) -> dict[str, tuple[Path, ...]]:
    """The programs that kselftest's makefile lists: of one source each, and of sources that it compiles with all."""
    text = _makefile(tests / "Makefile")
    names = [word for words in _KSELFTEST.findall(text) for word in words.split()]
    others = tuple(tests / word for word in dict.fromkeys(re.findall(r"[\w-]+\.c\b", text)))
    shared = tuple(source for source in others if source.is_file() and not _has_main((source,)))
    return {name: (tests / f"{name}.c", *shared) for name in names if (tests / f"{name}.c").is_file()}


def _makefile(file: Path) -> str:
    """A makefile with its continued lines joined, without comments; empty where there is none."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return re.sub(r"#.*", "", text.replace("\\\n", " "))


def _has_main(sources: Sequence[Path]) -> bool:
    return any(_MAIN.search(plain_code(source.read_text(encoding="utf-8", errors="replace"))) for source in sources)


def sources(kernel: Kernel, name: str) -> tuple[Path, ...]:
    """The C sources of one program, the one with its main first; empty where the tree has none of this name."""
    if kernel.tests is None:
        return ()
    found = listed(kernel).get(name, ())
    return tuple(sorted(found, key=lambda source: (not _has_main((source,)), source.stem != name)))


def listed(kernel: Kernel) -> dict[str, tuple[Path, ...]]:
    """The programs that a kernel's tree has."""
    return programs(kernel.tests, getattr(kernel, "host", frozenset())) if kernel.tests else {}


def missing(kernel: Kernel, name: str) -> str:
    """Why a kernel has not got a program; empty where it has."""
    if sources(kernel, name):
        return ""
    if kernel.root is None:
        return f"{kernel.name} is no kernel tree, so it has no tests of its own: pass --lkl the tree it was built in"
    if kernel.tests is None:
        return f"{kernel.root} has no tests of its own (no tools/lkl/tests): pass --lkl a whole LKL tree"
    return f"{kernel.tests} has no program {name}: its Build lists {', '.join(listed(kernel)) or 'none'}"


def flags(main: Path, others: Sequence[Path]) -> tuple[str, ...]:
    """The compiler's flags of one program: its own headers, its log and its output passed through ours."""
    texts = (source.read_text(encoding="utf-8", errors="replace") for source in others)
    shared = any(re.search(r"^void lkl_test_log\b", text, re.M) for text in texts)
    return (*FLAGS, f"-I{main.parent}", *(("-Wl,--wrap=lkl_test_log", "-Wl,--wrap=printf") if shared else ()))
