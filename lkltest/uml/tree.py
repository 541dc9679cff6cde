"""A kernel tree: whether it is one, its version, and the names of its sources."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host import process

# The products of a build, for trees without git: they are large. `make mrproper` removes the rest from a copy.
BUILT = re.compile(r".*\.(?:o|a|so|ko|mod|cmd|symvers|order|dwo|gcno)$|^\..*\.cmd$|^vmlinux$|^\.tmp_.*")
NOT_SOURCES = {".git", ".svn", ".hg"}


def demand_tree(tree: Path) -> None:
    """Raise UsageError where a directory is not the root of a kernel tree that has UML."""
    if not tree.is_dir():
        raise UsageError(f"no directory {tree}: pass --tree the root of a kernel tree")
    for name in ("Makefile", "Kconfig", "arch/um/Makefile"):
        if not (tree / name).is_file():
            raise UsageError(f"no {name} in {tree}: pass --tree the root of a whole kernel tree")


def version(tree: Path) -> str:
    """The kernel's version, by its makefile."""
    text = (tree / "Makefile").read_text(encoding="utf-8", errors="replace")
    lines = re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)", text, re.MULTILINE)
    found: dict[str, str] = dict(lines)
    numbers = [found[name] for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL") if found.get(name)]
    return ".".join(numbers) + found.get("EXTRAVERSION", "")


def commit(tree: Path) -> str:
    """The name of the tree's state by git, with "+changes" where files differ; empty where git does not know it."""
    git = ["git", "-C", str(tree), "--no-optional-locks"]
    described = process.run([*git, "describe", "--always", "--abbrev=12"]) if has_git(tree) else None
    if described is None or not described.ok:
        return ""
    # Not `git describe --dirty`, which writes to the index.
    changed = process.run([*git, "diff-index", "--quiet", "HEAD", "--"])
    return described.output.decode(errors="replace").strip() + ("+changes" if changed.status == 1 else "")


def has_git(tree: Path) -> bool:
    """Whether the tree is a git work tree of its own that git, if it is there, agrees to read."""
    return (tree / ".git").exists() and shutil.which("git") is not None


def files(tree: Path) -> list[str]:
    """The sources, relative to the tree: those that git tracks or would add, or all that no build has made."""
    if has_git(tree):
        listed = process.run(
            ["git", "-C", str(tree), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        )
        if listed.ok:
            names = {os.fsdecode(name) for name in listed.output.split(b"\0") if name}
            return sorted(name for name in names if os.path.lexists(tree / name) and not (tree / name).is_dir())
    return sorted(walk(tree))


def walk(tree: Path) -> Iterator[str]:
    """All files below a tree that may be sources."""
    for directory, folders, names in os.walk(tree):
        folders[:] = [name for name in folders if name not in NOT_SOURCES]
        links = [name for name in folders if (Path(directory) / name).is_symlink()]
        for name in [*names, *links]:
            if not BUILT.match(name):
                yield str((Path(directory) / name).relative_to(tree))
