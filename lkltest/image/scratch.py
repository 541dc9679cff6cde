"""Temporary directories for images; those of killed runs are removed by a later run."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lkltest.errors import UsageError

PREFIX = "lkltest-images-"
NEEDED = 128 << 20  # bytes that must be free before images are made: one of them, full


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """A new directory below TMPDIR, removed at the end; those of runs that were killed are removed first.

    Raises UsageError where there is no room.
    """
    root = Path(tempfile.gettempdir())
    _sweep(root)
    total, _, free = shutil.disk_usage(root)
    if free < NEEDED and total:  # 0 of 0: without a limit
        raise UsageError(f"{root} has {free >> 20} MB left, disk images need {NEEDED >> 20} MB: free some room, or "
                         "name another directory by TMPDIR")
    path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=root))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _sweep(root: Path) -> None:
    for path in root.glob(f"{PREFIX}*"):
        owner = re.match(rf"{PREFIX}(\d+)-", path.name)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            with contextlib.suppress(OSError):  # another run removes it
                if path.stat().st_uid == os.getuid():
                    shutil.rmtree(path, ignore_errors=True)
