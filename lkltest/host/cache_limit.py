"""The limit of a cache's directories that are quickly made again: those that were used last stay."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

ROOM = 4 << 30  # bytes that all of them may take
RECENT = 6 * 3600.0  # seconds: one that was used since may be in use
EVERY = 3600.0  # seconds between two looks
MARK = ".looked-at"


def use(directory: Path) -> None:
    """Note that a directory is used now."""
    with contextlib.suppress(OSError):  # a cache that cannot be written is never too large
        os.utime(directory)


def keep_below(parent: Path, room: int | None = None, *, recent: float = RECENT, every: float = EVERY) -> None:
    """Remove the directories in `parent` that have not been used for longest, until all take at most `room` bytes.

    `room` is ROOM by default. Those that were used in the last `recent` seconds stay, and those that are locked;
    nothing is done within `every` seconds after the last time.
    """
    from filelock import FileLock, Timeout

    room = ROOM if room is None else room
    mark, now = parent / MARK, time.time()
    with contextlib.suppress(OSError):
        if mark.exists() and now - mark.stat().st_mtime < every:
            return
        mark.touch()
        found = sorted(_directories(parent), reverse=True)
        taken = 0
        for used, directory in found:
            taken += _size(directory)
            if taken > room and now - used > recent:
                lock = FileLock(directory.with_name(directory.name + ".lock"), timeout=0)
                with contextlib.suppress(OSError, Timeout), lock:
                    if directory.stat().st_mtime == used:  # nobody has come meanwhile
                        shutil.rmtree(directory, ignore_errors=True)


def _directories(parent: Path) -> list[tuple[float, Path]]:
    """The directories, each with the time when it was used last."""
    found = []
    for entry in os.scandir(parent):
        with contextlib.suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                found.append((entry.stat().st_mtime, Path(entry.path)))
    return found


def _size(directory: Path) -> int:
    """The bytes that the files of a directory take on the disk."""
    taken = 0
    with contextlib.suppress(OSError):
        for entry in os.scandir(directory):
            with contextlib.suppress(OSError):
                taken += entry.stat(follow_symlinks=False).st_blocks * 512
    return taken
