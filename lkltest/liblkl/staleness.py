"""The question whether a library is older than the sources of its tree."""

from __future__ import annotations

import os
import time
from collections.abc import Container, Iterator
from pathlib import Path

from lkltest.liblkl import kconfig
from lkltest.liblkl.model import Liblkl
from lkltest.liblkl.store import MARKER

SOURCES = (".c", ".h", ".S", ".lds", ".py", ".pl", ".sh", ".tbl")
NAMES = ("Makefile", "Kconfig", "Kbuild", "Build", "Targets", "defconfig")
# Written by the build itself, or of no effect on it.
PASSED_OVER = frozenset({".git", "Documentation", "samples", "generated", "config", "tools", "arch", "tests"})
GENERATED = frozenset({"lkl_autoconf.h", "Makefile.conf", "crc32table.h"})  # files of which a build keeps no record


def newer(liblkl: Liblkl) -> str | None:
    """The source that is newer than the library, and by how much, in one sentence; None where none is or none is known.

    Costs about 50 ms for a kernel tree.
    """
    if liblkl.root is None or liblkl.output is None or (liblkl.root.parent / MARKER).is_file():
        return None  # no tree, or one of our own, which nobody edits
    half = half_made(liblkl)
    if half is not None:
        return half
    names = kconfig.not_taken_over(liblkl.output)
    if names:
        return (f"{liblkl.library} is of another configuration than {liblkl.output / '.config'}: {names} changed "
                "since; build it again, or let --lkl-build do it")
    when, source = max(sources(liblkl.root, liblkl.output, liblkl.generation.value), default=(0.0, ""))
    if when <= liblkl.built:
        return configured_later(liblkl, liblkl.output)
    age = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))
    return (f"{liblkl.library} is older than its sources: {Path(source).relative_to(liblkl.root)} was changed "
            f"at {age}; build it again, or let --lkl-build do it")


def half_made(liblkl: Liblkl) -> str | None:
    """Whether the kernel was linked anew and the library not yet made from it, as one sentence."""
    folder = liblkl.library.parent
    places = (folder / "lib" / "lkl.o", folder / "lkl.o", folder / "lib" / "linux.o")
    for kernel in places:
        if kernel.is_file() and kernel.stat().st_mtime > liblkl.built:
            return (f"{liblkl.library} is older than {kernel}: a build is under way or has failed; wait for it, or let "
                    "--lkl-build go on with it")
    return None


def configured_later(liblkl: Liblkl, output: Path) -> str | None:
    """Whether the tree was configured after the library was made, as one sentence."""
    taken = output / kconfig.TAKEN_OVER
    file = taken if taken.is_file() else output / ".config"
    if file.is_file() and file.stat().st_mtime > liblkl.built:
        return (f"{liblkl.library} is older than its configuration: {file} was written after it; "
                "build it again, or let --lkl-build do it")
    return None


def sources(root: Path, output: Path, generation: str) -> Iterator[tuple[float, str]]:
    """Time of change and path of every source that the library may be made from."""
    places = [(root, output), *((root / arch, output / arch) for arch in ("arch/lkl", "arch/um", "arch/x86/um"))]
    tools = "tools/um" if generation == "UML" else "tools/lkl"
    places += [(root / tools, output / tools)]
    for source, objects in places:
        if source.is_dir():
            yield from folder(str(source), str(objects), whole=source != root)


def folder(source: str, objects: str, *, whole: bool) -> Iterator[tuple[float, str]]:
    """The sources in a directory and below it.

    Only what was compiled counts, where not `whole`: a C file with an object beside it. A directory in which
    there is no object is one that the build did not enter; most of drivers/ is that.
    """
    names = listing(objects)
    here = names if source == objects else listing(source)
    compiled = {name[:-2] for name in names if name.endswith(".o")}
    below = whole or is_top(source) or any(name.endswith((".o", ".a")) for name in names)
    for entry in here.values():
        name = entry.name
        if entry.is_dir(follow_symlinks=False):
            headers = name == "include" or "/include" in source
            if (below or headers) and name not in PASSED_OVER and not entry.path.endswith("/include/lkl"):
                yield from folder(entry.path, os.path.join(objects, name), whole=whole or headers)  # noqa: PTH118
        elif counts(name, compiled, whole) and (below or whole) and not is_generated(name, names):
            yield entry.stat(follow_symlinks=False).st_mtime, entry.path


def listing(path: str) -> dict[str, os.DirEntry[str]]:
    """The entries of a directory by name; none where it is not there, or closed to us."""
    try:
        with os.scandir(path) as entries:
            return {entry.name: entry for entry in entries}
    except OSError:
        return {}


def is_top(path: str) -> bool:
    """Whether a directory is the root of a kernel tree."""
    return os.path.exists(path + "/Kbuild") and os.path.exists(path + "/Kconfig")  # noqa: PTH110


def is_generated(name: str, beside: Container[str]) -> bool:
    """Whether the build has written a file: kbuild has its record `.NAME.cmd` beside it, or it is a known one."""
    return f".{name}.cmd" in beside or name.startswith(".") or name in GENERATED


def counts(name: str, compiled: set[str], whole: bool) -> bool:
    """Whether a file is a source of the build: generated ones (*.lex.c, *.mod.c) are not."""
    stem, dot, suffix = name.rpartition(".")
    if dot and suffix in {"c", "S"} and not whole:
        return stem in compiled
    return name.startswith(NAMES) or (name.endswith(SOURCES) and not name.endswith((".mod.c", ".lex.c", ".tab.c")))
