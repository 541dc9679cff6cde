"""Bounds on the directory of artifacts: the oldest runs go first."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

MARK = ".lkltest-run"  # in each run's directory: what has none is not ours, and stays
IGNORE = "# lkltest keeps here what its failures need; none of it belongs into a repository.\n*\n"


def mark(directory: Path) -> None:
    """Mark the directory of a run as one that may be removed, and keep all runs out of the user's repository.

    A directory that holds other things too, named by --lkl-artifacts, gets no .gitignore.
    """
    with contextlib.suppress(OSError):  # a full disk
        (directory / MARK).touch()
    if all(_ours(path) for path in directory.parent.iterdir()):
        with contextlib.suppress(OSError), (directory.parent / ".gitignore").open("x", encoding="utf-8") as file:
            file.write(IGNORE)


def unmark(directory: Path) -> None:
    """Remove the directory of a run where nothing was kept in it, and the one of all runs where there is none."""
    with contextlib.suppress(OSError):  # something is in it
        if os.listdir(directory) == [MARK]:  # noqa: PTH208 -- names
            (directory / MARK).unlink()
        directory.rmdir()
    root = directory.parent
    ignore = root / ".gitignore"
    with contextlib.suppress(OSError):
        if os.listdir(root) == [ignore.name] and ignore.read_text(encoding="utf-8") == IGNORE:  # noqa: PTH208 -- names
            ignore.unlink()
            try:
                root.rmdir()
            except OSError:  # another session has begun to use it
                ignore.write_text(IGNORE, encoding="utf-8")


def trim(root: Path, size: int, runs: int) -> list[str]:
    """Remove the oldest runs until the others are within the bounds; return the names of those removed.

    A run that a session has locked stays.
    """
    aged = sorted(_runs(root))
    total, count = sum(room for _, _, room in aged), len(aged)
    removed = []
    for _, path, room in aged:
        if total <= size and count <= runs:
            break
        if _remove(path):
            removed.append(path.name)
            total, count = total - room, count - 1
    return removed


def _runs(root: Path) -> Iterator[tuple[float, Path, int]]:
    """The runs: when each was written last, its directory, and the bytes that a copy of it takes."""
    for path in root.iterdir():
        with contextlib.suppress(OSError):  # another session has removed it
            if (path / MARK).is_file():
                yield path.stat().st_mtime, path, _room(path)


def _room(directory: Path) -> int:
    """The bytes of all files below a directory; an image that was unpacked there counts without its holes."""
    total = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(OSError):
            status = path.lstat()
            total += min(status.st_size, status.st_blocks * 512)
    return total


def _remove(path: Path) -> bool:
    """Remove the directory of a run, unless a session has locked it."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def _ours(path: Path) -> bool:
    return path.name == ".gitignore" or (path / MARK).exists()
