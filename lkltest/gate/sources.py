"""A private copy of a kernel's sources, without the products of a build."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host import process
from lkltest.liblkl.build_default import plain
from lkltest.uml.tree import files

PREFIX = "lkltest-gate-"
BATCH = 500  # files a `cp`: far below what a command line takes
BUILDS = 1.5  # the room for sources and objects, by that of the sources


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
    """Raise UsageError where there is too little room for a copy of these files and the build."""
    needed = int(BUILDS * sum((tree / name).lstat().st_size for name in names)) >> 20
    total, _, left = shutil.disk_usage(place)
    free = left >> 20
    if free < needed and total:  # 0 of 0: without a limit
        raise UsageError(f"a copy of {tree} and its build need {needed:,} MB in {place.parent}, {free:,} MB are free: "
                         "free some, or name another directory with TMPDIR")  # fmt: skip


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A private directory to build in, removed afterwards; directories of killed runs are removed, too."""
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
    """Delay the signals that end us: a second Ctrl-C must not leave more files behind."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
