"""Copies of image files that take no more room than their data."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host.cache import discard

FICLONE = 0x40049409  # ioctl(2): share all of a file's blocks, where the file system can
CHUNK = 1 << 20  # bytes
MUCH = 40 << 20  # bytes


def extents(fd: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The ranges (first byte, byte after the last) of an open file that hold data, holes left out."""
    position = start
    while position < end:
        try:
            data = os.lseek(fd, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole follows
                return
            raise
        hole = os.lseek(fd, data, os.SEEK_HOLE)
        if data >= end:
            return
        yield data, min(hole, end)
        position = hole


def copy(source: Path, target: Path) -> None:
    """Copy an image: by shared blocks where the file system can, else only what is not zero.

    Raises UsageError where there is no room or no right to read or write.
    """
    try:
        with source.open("rb") as old, target.open("wb") as new:
            try:
                fcntl.ioctl(new, FICLONE, old.fileno())
            except OSError:
                _copy_range(old.fileno(), new.fileno(), 0, os.fstat(old.fileno()).st_size, 0)
    except OSError as error:
        discard(target)
        raise UsageError(f"cannot copy {source} to {target}: {error.strerror}; free some room or name another TMPDIR")\
            from None


def extract(source: Path, target: Path, offset: int, size: int) -> None:
    """Copy `size` bytes of an image from `offset` on into a file of their own: one partition."""
    with source.open("rb") as old, target.open("wb") as new:
        _copy_range(old.fileno(), new.fileno(), offset, size, 0)


def insert(source: Path, target: Path, offset: int) -> None:
    """Copy a whole image into an existing, larger one, whose bytes there are still zero."""
    with source.open("rb") as old, target.open("r+b") as new:
        _copy_range(old.fileno(), new.fileno(), 0, os.fstat(old.fileno()).st_size, offset)


def punch_holes(path: Path) -> None:
    """Make holes of an image's zeroes where they take much room, as the log of a fresh xfs does."""
    if room(path) < MUCH:
        return
    dense = path.with_name(f"{path.name}.dense")
    path.rename(dense)
    try:
        extract(dense, path, 0, dense.stat().st_size)
    finally:
        dense.unlink()


def _copy_range(old: int, new: int, start: int, size: int, offset: int) -> None:
    """Copy bytes that are not zero; the target is made large enough for all of them."""
    os.ftruncate(new, max(os.fstat(new).st_size, offset + size))
    for first, last in extents(old, start, start + size):
        for position in range(first, last, CHUNK):
            data = os.pread(old, min(CHUNK, last - position), position)
            if data.count(0) != len(data):
                _write(new, data, offset + position - start)


def _write(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def room(path: Path) -> int:
    """The bytes that a file really takes on the host's disk."""
    return path.stat().st_blocks * 512
