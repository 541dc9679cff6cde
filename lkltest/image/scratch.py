"""Temporary directories for images, which a killed run does not leave behind for ever."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "lkltest-images-"


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """A new directory below TMPDIR, removed at the end; those of runs that were killed are removed first."""
    root = Path(tempfile.gettempdir())
    _sweep(root)
    path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=root))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _sweep(root: Path) -> None:
    for path in root.glob(f"{PREFIX}*"):
        owner = re.match(rf"{PREFIX}(\d+)-", path.name)
        if owner and not Path(f"/proc/{owner[1]}").exists() and path.stat().st_uid == os.getuid():
            shutil.rmtree(path, ignore_errors=True)
