"""Stamps of files: a file that was changed or replaced has another one."""

from __future__ import annotations

import os


def stamp(path: str | os.PathLike[str]) -> list[int] | None:
    """A file's inode, size and time of change in ns, in a form that JSON keeps; None where there is no such file."""
    try:
        about = os.stat(path)  # noqa: PTH116 -- hundreds of these stand between a user and the first result
    except OSError:
        return None
    return [about.st_ino, about.st_size, about.st_mtime_ns]


def is_copy(path: str | os.PathLike[str], original: str | os.PathLike[str]) -> bool:
    """Whether a file, or a link, was copied with its times from `original`, and neither has changed since."""
    try:
        one, other = os.lstat(path), os.lstat(original)
    except OSError:
        return False
    return all(getattr(one, name) == getattr(other, name) for name in ("st_mode", "st_size", "st_mtime_ns"))
