"""The state of a tree's sources, by the stamps of their files; kernels that were built from it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from lkltest.host.cache import key, recall
from lkltest.host.stamp import stamp

# Without effect on a UML: neither their files nor what is below them.
PASSED_OVER = frozenset({"Documentation", "LICENSES", "tools/perf", "tools/testing/selftests"})
ARCHITECTURES = frozenset({"arch/um", "arch/x86"})
MADE = (".o", ".a", ".so", ".ko", ".mod", ".cmd", ".symvers", ".order", ".dwo", ".gcno")  # by a build in the tree
# Variables that reach the kernel's makefile.
VARIABLES = ("CC", "HOSTCC", "LD", "LLVM", "CROSS_COMPILE", "CFLAGS", "KCFLAGS", "KAFLAGS", "HOSTCFLAGS", "SUBARCH")


def fingerprint(tree: Path) -> str:
    """A short text that changes with any source of a UML, the compiler, or the variables of a build.

    Costs about half a second for a kernel tree.
    """
    told = [f"{name}={os.environ.get(name, '')}" for name in VARIABLES]
    return key(*told, *_compiler(os.environ.get("CC", "gcc")), *_folder(str(tree), "", f"{tree.resolve()}/", set()))


def keep(record: Path, sources: str, linux: Path) -> None:
    """Note in a file that the kernel `linux` was built from the state `sources` of a tree."""
    record.write_text(json.dumps({"sources": sources, "linux": stamp(linux)}), encoding="utf-8")


def kept(record: Path, linux: Path) -> str:
    """The state that the kernel was built from, by the note; empty where there is none of this kernel."""
    state = stamp(linux)
    found = recall(record, lambda note: str(note["sources"]) if note["linux"] == state is not None else "")
    return found or ""


def _compiler(name: str) -> Iterator[str]:
    """The compiler's file and its state."""
    words = name.split()
    path = shutil.which(words[0]) if words else None
    if path:
        yield f"{path} {stamp(path)}"


def _folder(path: str, inside: str, tree: str, entered: set[tuple[int, int]]) -> Iterator[str]:
    """The state of each directory, one text for all of its files.

    Links count as what they name. Directories outside of the tree that a link names are `entered` once; those inside
    come by themselves.
    """
    with os.scandir(path) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    files, folders = [], []
    for entry in found:
        name = entry.name
        if entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and _leads_out(entry, tree, entered)):
            folders.append(entry)
        elif not name.startswith(".") and not name.endswith(MADE):
            files.append(f"{name}\0{stamp(entry)}")
    yield f"{inside}\0" + "\0".join(files)
    for entry in folders:
        below = f"{inside}/{entry.name}" if inside else entry.name
        other = inside == "arch" and below not in ARCHITECTURES
        if not (other or entry.name.startswith(".") or below in PASSED_OVER):
            yield from _folder(entry.path, below, tree, entered)


def _leads_out(link: os.DirEntry[str], tree: str, entered: set[tuple[int, int]]) -> bool:
    """Whether a link names a directory outside of the tree that has not been entered."""
    if not link.is_dir() or os.path.realpath(link.path).startswith(tree):
        return False
    state = link.stat()
    new = (state.st_dev, state.st_ino) not in entered
    entered.add((state.st_dev, state.st_ino))
    return new
