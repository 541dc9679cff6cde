"""A private copy of a kernel's sources, without what was built among them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host import process
from lkltest.liblkl.build_default import plain

PREFIX = "lkltest-gate-"
BATCH = 500  # files a `cp`: far below what a command line takes
BUILDS = 1.5  # the room for sources and objects, by that of the sources

# What a build leaves, where git does not tell: it is large. `make mrproper` removes the rest from the copy.
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
    text = (tree / "Makefile").read_text(errors="replace")
    lines = re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)", text, re.MULTILINE)
    found: dict[str, str] = dict(lines)
    numbers = [found[name] for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL") if found.get(name)]
    return ".".join(numbers) + found.get("EXTRAVERSION", "")


def commit(tree: Path) -> str:
    """What git calls the tree's state, with "+changes" where files differ; empty where git does not know it."""
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


def copy(tree: Path, place: Path) -> None:
    """Copy the sources of a tree, sharing their blocks where the file system can; raises UsageError where it fails."""
    names = files(tree)
    demand_room(tree, names, place.parent)
    options = ["--reflink=auto", "--no-dereference", "--preserve=mode,timestamps", "--parents"]
    place.mkdir()
    for start in range(0, len(names), BATCH):
        done = process.run(["cp", *options, "-t", place, "--", *names[start : start + BATCH]], cwd=tree)
        if not done.ok:
            said = done.errors.decode(errors="replace").strip().splitlines()
            why = said[0] if said else f"{done.describe()}, as where the disk is full"
            raise UsageError(f"cannot copy {tree} to {place}: {why}; "
                             "free some room, or name another directory with TMPDIR")  # fmt: skip


def demand_room(tree: Path, names: list[str], place: Path) -> None:
    """Raise UsageError where there is too little room for a copy of these files and what is built of them."""
    needed = int(BUILDS * sum((tree / name).lstat().st_size for name in names)) >> 20
    total, _, left = shutil.disk_usage(place)
    free = left >> 20
    if free < needed and total:  # 0 of 0: without a limit
        raise UsageError(f"a copy of {tree} and its build need {needed:,} MB in {place.parent}, {free:,} MB are free: "
                         "free some, or name another directory with TMPDIR")  # fmt: skip


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A private directory to build in, removed afterwards, as is what a run that was killed has left."""
    base = Path(tempfile.gettempdir())
    if not plain(base):
        base = Path("/var/tmp")  # make cannot live in a directory with blanks or colons
    for left in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), locked(left):
            shutil.rmtree(left, ignore_errors=True)
    place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    with locked(place):
        try:
            yield place
        finally:
            with undisturbed():
                shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock of a directory, which ends with us at the latest; raises OSError where another process holds it."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put off the signals that end us: who presses Ctrl-C twice wants no less to be removed."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
